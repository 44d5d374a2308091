"""Muon, as PyTorch has it."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, final

from steepest.core.errors import InputError, InputTypeError
from steepest.core.stepper import Nonfinite
from steepest.engines import EngineName, Moments, Rounding
from steepest.formula import Rule
from steepest.rules import orthogonalize, scale_by_momentum_average
from steepest.rules.decay_weights import Decay
from steepest.rules.orthogonalize import Precision
from steepest.torch.assemble import COMMON, Number, assembled
from steepest.torch.optimizer import Optimizer
from steepest.torch.parameters import Parameters

AdjustLr = Literal["original", "match_rms_adamw"]


@final
class Muon(Optimizer):
    """Muon for matrices, as torch.optim.Muon: see `steepest.rules.muon`; `MuonAdamW` takes all of a network.

    lr in (0, ∞); weight_decay in [0, ∞), times lr (decay="lr"); momentum in [0, 1); ns_coefficients three numbers; eps
    in (0, ∞); ns_steps in {1, 2, …}; adjust_lr_fn None or "original", or "match_rms_adamw". precision: in which the
    iteration is computed, "bfloat16", "float32", or "same", the parameters'.
    Raises InputError for a parameter that has not two dimensions, at the first step at the latest.

    >>> import torch
    >>> optimizer = Muon([torch.nn.Parameter(torch.ones(3, 2))], lr=0.02)
    >>> optimizer.param_groups[0]["ns_coefficients"]
    (3.4445, -4.775, 2.0315)
    """

    _keys: ClassVar = {
        **COMMON,
        "scale_by_momentum_average.beta": "momentum",
        "orthogonalize.a": ("ns_coefficients", 0),
        "orthogonalize.b": ("ns_coefficients", 1),
        "orthogonalize.c": ("ns_coefficients", 2),
        "orthogonalize.eps": "eps",
        "orthogonalize.steps": "ns_steps",
    }
    _slot_names: ClassVar = {"momentum_buffer": "scale_by_momentum_average.m"}

    def __init__(
        self,
        params: Parameters,
        lr: Number = 1e-3,
        weight_decay: Number = 0.1,
        momentum: Number = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[Number, Number, Number] = (3.4445, -4.7750, 2.0315),
        eps: Number = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: AdjustLr | None = None,
        *,
        precision: Precision = "bfloat16",
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
        if len(ns_coefficients) != 3:
            raise InputTypeError(f"Muon: ns_coefficients must be three numbers, got {ns_coefficients!r}")
        if adjust_lr_fn not in {None, "original", "match_rms_adamw"}:
            raise InputError(f"Muon: adjust_lr_fn must be None, 'original' or 'match_rms_adamw', got {adjust_lr_fn!r}")
        a, b, c = ns_coefficients

        def scaling() -> tuple[Rule, ...]:
            matrix = orthogonalize(
                steps=ns_steps, a=a, b=b, c=c, eps=eps, precision=precision, adjust=adjust_lr_fn or "original"
            )
            return scale_by_momentum_average(beta=momentum, nesterov=nesterov), matrix

        rule = assembled("Muon", self._keys, scaling, lr, weight_decay, clip, average, decay, "none")
        constants = {"nesterov": nesterov, "adjust_lr_fn": adjust_lr_fn, "maximize": maximize}
        listed: list[Any] = list(params)
        super().__init__(
            listed,
            rule,
            nonfinite=nonfinite,
            maximize=maximize,
            moments=moments,
            rounding=rounding,
            zero_gradients=zero_gradients,
            engine=engine,
            constants=constants,
        )
        for p, name in self._names.items():
            rule.slots_of(name, tuple(p.shape))
