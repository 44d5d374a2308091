"""RMSprop, as PyTorch has it."""

from __future__ import annotations

from typing import ClassVar, final

from steepest.core.stepper import Nonfinite
from steepest.engines import EngineName, Moments, Rounding
from steepest.formula import Rule
from steepest.rules import momentum as momentum_rule
from steepest.rules import scale_by_rms
from steepest.rules.decay_weights import Decay, Exempt
from steepest.torch.assemble import COMMON, EXECUTED, Number, assembled
from steepest.torch.optimizer import Optimizer
from steepest.torch.parameters import Parameters


@final
class RMSprop(Optimizer):
    """RMSprop, as torch.optim.RMSprop: see `steepest.rules.scale_by_rms`.

    lr in (0, ∞); alpha and momentum in [0, 1); eps in (0, ∞); weight_decay in [0, ∞), in the gradient (decay="l2").
    """

    _keys: ClassVar = {
        **COMMON,
        "scale_by_rms.beta": "alpha",
        "scale_by_rms.eps": "eps",
        "momentum.beta": "momentum",
    }
    _slot_names: ClassVar = {
        "square_avg": "scale_by_rms.v",
        "grad_avg": "scale_by_rms.m",
        "momentum_buffer": "momentum.v",
    }

    def __init__(
        self,
        params: Parameters,
        lr: Number = 1e-2,
        alpha: Number = 0.99,
        eps: Number = 1e-8,
        weight_decay: Number = 0.0,
        momentum: Number = 0.0,
        centered: bool = False,
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
            scaled = scale_by_rms(beta=alpha, eps=eps, centered=centered)
            return (scaled, momentum_rule(beta=momentum)) if momentum != 0 else (scaled,)

        without = {} if momentum != 0 else {"momentum": 0.0}
        constants = {**without, "centered": centered, "maximize": maximize, **EXECUTED, "capturable": False}
        rule = assembled("RMSprop", self._keys, scaling, lr, weight_decay, clip, average, decay, exempt)
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
