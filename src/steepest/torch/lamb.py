"""LAMB, in the manner of PyTorch."""

from __future__ import annotations

from typing import ClassVar, final

from steepest.core.stepper import Nonfinite
from steepest.engines import EngineName, Moments, Rounding
from steepest.formula import Rule
from steepest.rules.decay_weights import Decay, Exempt
from steepest.rules.lamb import lamb_chain
from steepest.torch.assemble import COMMON, Number, pair, surrounded
from steepest.torch.optimizer import Optimizer
from steepest.torch.parameters import Parameters


@final
class LAMB(Optimizer):
    """LAMB: see `steepest.rules.lamb`. PyTorch has none.

    lr in (0, ∞), the share of its own length by which a tensor moves; betas each in [0, 1); eps in (0, ∞);
    weight_decay in [0, ∞), within the norm (decay="lr"). exempt="vectors" spares biases and gains decay and ratio.
    """

    _keys: ClassVar = {
        **COMMON,
        "scale_by_adam.beta1": ("betas", 0),
        "scale_by_adam.beta2": ("betas", 1),
        "scale_by_adam.eps": "eps",
    }
    _slot_names: ClassVar = {"exp_avg": "scale_by_adam.m", "exp_avg_sq": "scale_by_adam.v"}

    def __init__(
        self,
        params: Parameters,
        lr: Number = 1e-3,
        betas: tuple[Number, Number] = (0.9, 0.999),
        eps: Number = 1e-6,
        weight_decay: Number = 0.0,
        bias_correction: bool = True,
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

        def core() -> Rule:
            return lamb_chain(
                lr, beta1, beta2, eps, bias_correction, None, 0.0, weight_decay, decay, exempt, always=True
            )

        constants = {"bias_correction": bias_correction, "maximize": maximize}
        rule = surrounded("LAMB", self._keys, core, clip, average)
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
