"""Adagrad, as PyTorch has it."""

from __future__ import annotations

from typing import ClassVar, final

from steepest.core.stepper import Nonfinite
from steepest.engines import EngineName, Moments, Rounding
from steepest.formula import Rule
from steepest.rules import scale_by_adagrad
from steepest.rules.decay_weights import Decay, Exempt
from steepest.torch.assemble import COMMON, EXECUTED, Number, assembled
from steepest.torch.optimizer import Optimizer
from steepest.torch.parameters import Parameters


@final
class Adagrad(Optimizer):
    """AdaGrad, as torch.optim.Adagrad (a schedule takes the place of lr_decay): see `steepest.rules.scale_by_adagrad`.

    lr in (0, ∞); weight_decay in [0, ∞), in the gradient (decay="l2"); initial_accumulator_value in [0, ∞);
    eps in (0, ∞).
    """

    _keys: ClassVar = {
        **COMMON,
        "scale_by_adagrad.eps": "eps",
        "scale_by_adagrad.initial": "initial_accumulator_value",
    }
    _slot_names: ClassVar = {"sum": "scale_by_adagrad.s"}

    def __init__(
        self,
        params: Parameters,
        lr: Number = 1e-2,
        weight_decay: Number = 0.0,
        initial_accumulator_value: Number = 0.0,
        eps: Number = 1e-10,
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

        def scaling() -> tuple[Rule, ...]:
            return (scale_by_adagrad(initial=initial_accumulator_value, eps=eps),)

        constants = {"lr_decay": 0.0, "maximize": maximize, **EXECUTED, "fused": None}
        rule = assembled("Adagrad", self._keys, scaling, lr, weight_decay, clip, average, decay, exempt)
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
