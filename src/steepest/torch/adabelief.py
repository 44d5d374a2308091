"""AdaBelief, in the manner of PyTorch."""

from __future__ import annotations

from typing import ClassVar, final

from steepest.core.stepper import Nonfinite
from steepest.engines import EngineName, Moments, Rounding
from steepest.formula import Rule
from steepest.rules import scale_by_adabelief
from steepest.rules.decay_weights import Decay, Exempt
from steepest.torch.assemble import COMMON, Number, assembled, pair
from steepest.torch.optimizer import Optimizer
from steepest.torch.parameters import Parameters


@final
class AdaBelief(Optimizer):
    """AdaBelief with decoupled weight decay: see `steepest.rules.scale_by_adabelief`. PyTorch has none.

    lr in (0, ∞); betas each in [0, 1); eps in (0, ∞), inside s and outside the root; weight_decay in [0, ∞), times
    lr (decay="lr"). rectify: as in RAdam, the default of the authors' own class.
    """

    _keys: ClassVar = {
        **COMMON,
        "scale_by_adabelief.beta1": ("betas", 0),
        "scale_by_adabelief.beta2": ("betas", 1),
        "scale_by_adabelief.eps": "eps",
    }
    _slot_names: ClassVar = {"exp_avg": "scale_by_adabelief.m", "exp_avg_var": "scale_by_adabelief.s"}

    def __init__(
        self,
        params: Parameters,
        lr: Number = 1e-3,
        betas: tuple[Number, Number] = (0.9, 0.999),
        eps: Number = 1e-16,
        weight_decay: Number = 0.0,
        rectify: bool = False,
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
            return (scale_by_adabelief(beta1=beta1, beta2=beta2, eps=eps, rectify=rectify),)

        constants = {"rectify": rectify, "maximize": maximize}
        rule = assembled("AdaBelief", self._keys, scaling, lr, weight_decay, clip, average, decay, exempt)
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
