"""Adam and AdamW, as PyTorch has them."""

from __future__ import annotations

from typing import ClassVar, final

from steepest.core.stepper import Nonfinite
from steepest.engines import EngineName, Moments, Rounding
from steepest.formula import Rule
from steepest.rules import scale_by_adam
from steepest.rules.decay_weights import Decay, Exempt
from steepest.torch.assemble import COMMON, EXECUTED, Number, assembled, pair
from steepest.torch.groups import Key
from steepest.torch.optimizer import Optimizer
from steepest.torch.parameters import Parameters

_ADAM: dict[str, Key] = {
    **COMMON,
    "scale_by_adam.beta1": ("betas", 0),
    "scale_by_adam.beta2": ("betas", 1),
    "scale_by_adam.eps": "eps",
}
_ADAM_SLOTS = {
    "exp_avg": "scale_by_adam.m",
    "exp_avg_sq": "scale_by_adam.v",
    "max_exp_avg_sq": "scale_by_adam.v_max",
}


@final
class Adam(Optimizer):
    """Adam, as torch.optim.Adam: see `steepest.rules.scale_by_adam`.

    lr in (0, ∞); betas each in [0, 1); eps in (0, ∞); weight_decay in [0, ∞), in the gradient (decay="l2").
    """

    _keys: ClassVar = _ADAM
    _slot_names: ClassVar = _ADAM_SLOTS

    def __init__(
        self,
        params: Parameters,
        lr: Number = 1e-3,
        betas: tuple[Number, Number] = (0.9, 0.999),
        eps: Number = 1e-8,
        weight_decay: Number = 0.0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        clip: Number | None = None,
        average: Number | None = None,
        decay: Decay = "l2",
        exempt: Exempt = "none",
        nonfinite: Nonfinite = "apply",
        moments: Moments | None = None,
        rounding: Rounding = "nearest",
        zero_gradients: bool = False,
        engine: EngineName = "auto",
    ) -> None:
        beta1, beta2 = pair(betas)

        def scaling() -> tuple[Rule, ...]:
            return (scale_by_adam(beta1=beta1, beta2=beta2, eps=eps, amsgrad=amsgrad),)

        rule = assembled("Adam", self._keys, scaling, lr, weight_decay, clip, average, decay, exempt)
        constants = _adam_constants(amsgrad, maximize, decay == "lr")
        super().__init__(
            params,
            rule,
            nonfinite=nonfinite,
            maximize=maximize,
            moments=moments,
            rounding=rounding,
            zero_gradients=zero_gradients,
            engine=engine,
            constants=constants,
        )


@final
class AdamW(Optimizer):
    """Adam with decoupled weight decay, as torch.optim.AdamW: see `steepest.rules.adamw`.

    lr in (0, ∞); betas each in [0, 1); eps in (0, ∞); weight_decay in [0, ∞), times lr (decay="lr").

    >>> import torch
    >>> model = torch.nn.Linear(2, 1)
    >>> optimizer = AdamW(model.parameters(), lr=3e-4, clip=1.0)
    >>> optimizer.param_groups[0]["betas"], optimizer.param_groups[0]["clip_norm.max_norm"]
    ((0.9, 0.999), 1.0)
    """

    _keys: ClassVar = _ADAM
    _slot_names: ClassVar = _ADAM_SLOTS

    def __init__(
        self,
        params: Parameters,
        lr: Number = 1e-3,
        betas: tuple[Number, Number] = (0.9, 0.999),
        eps: Number = 1e-8,
        weight_decay: Number = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        clip: Number | None = None,
        average: Number | None = None,
        decay: Decay = "lr",
        exempt: Exempt = "none",
        nonfinite: Nonfinite = "apply",
        moments: Moments | None = None,
        rounding: Rounding = "nearest",
        zero_gradients: bool = False,
        engine: EngineName = "auto",
    ) -> None:
        beta1, beta2 = pair(betas)

        def scaling() -> tuple[Rule, ...]:
            return (scale_by_adam(beta1=beta1, beta2=beta2, eps=eps, amsgrad=amsgrad),)

        rule = assembled("AdamW", self._keys, scaling, lr, weight_decay, clip, average, decay, exempt)
        constants = _adam_constants(amsgrad, maximize, decay == "lr")
        super().__init__(
            params,
            rule,
            nonfinite=nonfinite,
            maximize=maximize,
            moments=moments,
            rounding=rounding,
            zero_gradients=zero_gradients,
            engine=engine,
            constants=constants,
        )


def _adam_constants(amsgrad: bool, maximize: bool, decoupled: bool) -> dict[str, object]:
    flags: dict[str, object] = {"amsgrad": amsgrad, "maximize": maximize, "decoupled_weight_decay": decoupled}
    return {**flags, **EXECUTED, "fused": None, "capturable": False}
