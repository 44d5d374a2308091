"""Muon and AdamW as one optimizer of a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, final

import torch

from steepest.core.errors import InputTypeError, speaking_of
from steepest.core.stepper import Nonfinite
from steepest.engines import EngineName, Moments, Rounding
from steepest.formula import Rule
from steepest.rules import muon_adamw
from steepest.rules.decay_weights import Decay
from steepest.rules.muon import NOT_HIDDEN
from steepest.rules.orthogonalize import Adjust, Precision
from steepest.torch.assemble import Number, pair, surrounded
from steepest.torch.groups import Key
from steepest.torch.optimizer import Optimizer
from steepest.torch.parameters import Parameters

_MUON, _ADAMW = "muon_adamw.muon", "muon_adamw.adamw"


@final
class MuonAdamW(Optimizer):
    """Muon for the matrices of hidden layers and AdamW for everything else: see `steepest.rules.muon_adamw`.

    params: with names, as from `model.named_parameters()`, for embeddings and output layers are told by theirs: a name
    that matches a pattern of `not_hidden` goes to AdamW, and so does what has fewer than two dimensions. Kernels of
    convolutions are taken as matrices. lr, momentum, nesterov, ns_steps, eps, precision and adjust are of Muon;
    adamw_lr, betas and adamw_eps of AdamW; weight_decay is of both, times each part's rate. One step of one optimizer:
    clip spans both, and there is one state dict.

    lr, adamw_lr in (0, ∞); momentum and betas in [0, 1); eps, adamw_eps in (0, ∞); ns_steps in {1, 2, …}; weight_decay
    in [0, ∞). Raises InputTypeError for parameters without names, unless not_hidden=() says that shapes decide alone.

    >>> import torch
    >>> model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Linear(4, 2))
    >>> optimizer = MuonAdamW(model.named_parameters(), lr=0.02, adamw_lr=1e-3, not_hidden="1.*")
    >>> [part for _, part in optimizer.parts()]
    ['muon', 'adamw', 'adamw', 'adamw']
    """

    _keys: ClassVar[Mapping[str, Key]] = {
        f"{_MUON}.learning_rate.lr": "lr",
        f"{_ADAMW}.learning_rate.lr": "adamw_lr",
        f"{_MUON}.decay_weights.weight_decay": "weight_decay",
        f"{_ADAMW}.decay_weights.weight_decay": "weight_decay",
        f"{_MUON}.scale_by_momentum_average.beta": "momentum",
        f"{_MUON}.orthogonalize_flattened.a": ("ns_coefficients", 0),
        f"{_MUON}.orthogonalize_flattened.b": ("ns_coefficients", 1),
        f"{_MUON}.orthogonalize_flattened.c": ("ns_coefficients", 2),
        f"{_MUON}.orthogonalize_flattened.eps": "eps",
        f"{_MUON}.orthogonalize_flattened.steps": "ns_steps",
        f"{_ADAMW}.scale_by_adam.beta1": ("betas", 0),
        f"{_ADAMW}.scale_by_adam.beta2": ("betas", 1),
        f"{_ADAMW}.scale_by_adam.eps": "adamw_eps",
    }
    _slot_names: ClassVar = {
        "momentum_buffer": f"{_MUON}.scale_by_momentum_average.m",
        "exp_avg": f"{_ADAMW}.scale_by_adam.m",
        "exp_avg_sq": f"{_ADAMW}.scale_by_adam.v",
    }

    def __init__(
        self,
        params: Parameters,
        lr: Number = 0.02,
        adamw_lr: Number = 3e-4,
        momentum: Number = 0.95,
        nesterov: bool = True,
        betas: tuple[Number, Number] = (0.9, 0.95),
        weight_decay: Number = 0.0,
        *,
        ns_steps: int = 5,
        eps: Number = 1e-7,
        adamw_eps: Number = 1e-10,
        adjust: Adjust = "original",
        precision: Precision = "bfloat16",
        not_hidden: str | Sequence[str] = NOT_HIDDEN,
        maximize: bool = False,
        clip: Number | None = None,
        average: Number | None = None,
        decay: Decay = "lr",
        nonfinite: Nonfinite = "apply",
        moments: Moments | None = None,
        rounding: Rounding = "nearest",
        zero_gradients: bool = False,
        engine: EngineName = "auto",
    ) -> None:
        beta1, beta2 = pair(betas)
        listed = [_listed(item) for item in params]
        if not_hidden and not _named(listed):
            raise InputTypeError(
                "MuonAdamW: params must have names, as model.named_parameters() has, to tell embeddings and output "
                "layers; not_hidden=() decides by shape alone"
            )

        def core() -> Rule:
            said = {"beta": "momentum", "steps": "ns_steps", "beta1": "betas[0]", "beta2": "betas[1]"}
            with speaking_of("MuonAdamW", {f"muon_adamw.{name}": key for name, key in said.items()}):
                return muon_adamw(
                    lr,
                    adamw_lr=adamw_lr,
                    beta=momentum,
                    nesterov=nesterov,
                    steps=ns_steps,
                    eps=eps,
                    precision=precision,
                    adjust=adjust,
                    beta1=beta1,
                    beta2=beta2,
                    adamw_eps=adamw_eps,
                    weight_decay=weight_decay,
                    decay=decay,
                    not_hidden=not_hidden,
                )

        rule = surrounded("MuonAdamW", self._keys, core, clip, average)
        super().__init__(
            listed,
            rule,
            nonfinite=nonfinite,
            maximize=maximize,
            moments=moments,
            rounding=rounding,
            zero_gradients=zero_gradients,
            engine=engine,
            constants={"nesterov": nesterov, "adjust": adjust, "maximize": maximize},
        )

    def parts(self) -> list[tuple[str, str]]:
        """Each parameter's name with the part that it goes to, "muon" or "adamw"."""
        named = [(name, self.rule.part_of(name, tuple(p.shape))) for p, name in self._names.items()]
        return [(name, part.rpartition(".")[2]) for name, part in named]


def _listed(item: Any) -> Any:
    """A parameter, or a group with its parameters in a list, which may be read twice."""
    if not isinstance(item, dict) or isinstance(item.get("params"), torch.Tensor | None):
        return item
    return {**item, "params": list(item["params"])}


def _named(params: Sequence[Any]) -> bool:
    """Whether every parameter comes with its name."""
    groups = [item.get("params", ()) if isinstance(item, dict) else [item] for item in params]
    items = [item for group in groups for item in (group if isinstance(group, list) else [group])]
    return all(isinstance(item, tuple) for item in items)
