"""RAdam, as PyTorch has it."""

from __future__ import annotations

from typing import ClassVar, final

from steepest.core.stepper import Nonfinite
from steepest.engines import EngineName, Moments, Rounding
from steepest.formula import Rule
from steepest.rules import scale_by_radam
from steepest.rules.decay_weights import Decay, Exempt
from steepest.torch.assemble import COMMON, EXECUTED, Number, assembled, pair
from steepest.torch.optimizer import Optimizer
from steepest.torch.parameters import Parameters


@final
class RAdam(Optimizer):
    """RAdam, as torch.optim.RAdam: see `steepest.rules.scale_by_radam`.

    lr in (0, ∞); betas each in [0, 1); eps in (0, ∞); weight_decay in [0, ∞), in the gradient (decay="l2");
    decay="lr" is PyTorch's decoupled_weight_decay=True.
    """

    _keys: ClassVar = {
        **COMMON,
        "scale_by_radam.beta1": ("betas", 0),
        "scale_by_radam.beta2": ("betas", 1),
        "scale_by_radam.eps": "eps",
    }
    _slot_names: ClassVar = {"exp_avg": "scale_by_radam.m", "exp_avg_sq": "scale_by_radam.v"}

    def __init__(
        self,
        params: Parameters,
        lr: Number = 1e-3,
        betas: tuple[Number, Number] = (0.9, 0.999),
        eps: Number = 1e-8,
        weight_decay: Number = 0.0,
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
            return (scale_by_radam(beta1=beta1, beta2=beta2, eps=eps),)

        flags = {"maximize": maximize, "decoupled_weight_decay": decay == "lr"}
        constants = {**flags, **EXECUTED, "capturable": False}
        rule = assembled("RAdam", self._keys, scaling, lr, weight_decay, clip, average, decay, exempt)
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
