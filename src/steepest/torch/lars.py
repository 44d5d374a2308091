"""LARS, in the manner of PyTorch."""

from __future__ import annotations

from typing import ClassVar, final

from steepest.core.stepper import Nonfinite
from steepest.engines import EngineName, Moments, Rounding
from steepest.formula import Rule
from steepest.rules.decay_weights import Decay, Exempt
from steepest.rules.lars import lars_chain
from steepest.torch.assemble import COMMON, Number, surrounded
from steepest.torch.optimizer import Optimizer
from steepest.torch.parameters import Parameters


@final
class LARS(Optimizer):
    """LARS with momentum, lr inside the buffer: see `steepest.rules.lars`. PyTorch has none.

    lr in (0, ∞), a pure number; momentum in [0, 1); weight_decay in [0, ∞), in the gradient and in the ratio
    (decay="l2"); trust_coefficient in (0, ∞). exempt="vectors" spares biases and gains decay and ratio.
    Without weight decay the ratio undoes any scale of the gradient, and clip with it.
    """

    _keys: ClassVar = {
        **COMMON,
        "momentum.beta": "momentum",
        "momentum.dampening": "dampening",
        "scale_by_lars.weight_decay": "weight_decay",
        "scale_by_lars.trust_coefficient": "trust_coefficient",
        "scale_by_trust_ratio.trust_coefficient": "trust_coefficient",
    }
    _slot_names: ClassVar = {"momentum_buffer": "momentum.v"}

    def __init__(
        self,
        params: Parameters,
        lr: Number = 1.0,
        momentum: Number = 0.9,
        weight_decay: Number = 0.0,
        trust_coefficient: Number = 1e-3,
        nesterov: bool = False,
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

        def core() -> Rule:
            return lars_chain(lr, momentum, trust_coefficient, "sum", "velocity", nesterov, weight_decay, decay, exempt,
                              always=True)  # fmt: skip

        constants = {"nesterov": nesterov, "maximize": maximize}
        rule = surrounded("LARS", self._keys, core, clip, average)
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
