"""SGD, as PyTorch has it."""

from __future__ import annotations

from typing import ClassVar, final

from steepest.core.errors import InputError
from steepest.core.stepper import Nonfinite
from steepest.engines import EngineName, Moments, Rounding
from steepest.formula import Rule
from steepest.rules import momentum as momentum_rule
from steepest.rules.decay_weights import Decay, Exempt
from steepest.torch.assemble import COMMON, EXECUTED, Number, assembled
from steepest.torch.optimizer import Optimizer
from steepest.torch.parameters import Parameters


@final
class SGD(Optimizer):
    """Gradient descent with momentum, as torch.optim.SGD: see `steepest.rules.momentum`.

    lr in (0, ∞); momentum in [0, 1); dampening in [0, 1]; weight_decay in [0, ∞), in the gradient (decay="l2").

    >>> import torch
    >>> p = torch.nn.Parameter(torch.tensor([1.0]))
    >>> optimizer = SGD([p], lr=0.1, momentum=0.9)
    >>> p.grad = torch.tensor([2.0])
    >>> optimizer.step()
    >>> p.detach()
    tensor([0.8000])
    """

    _keys: ClassVar = {**COMMON, "momentum.beta": "momentum", "momentum.dampening": "dampening"}
    _slot_names: ClassVar = {"momentum_buffer": "momentum.v"}

    def __init__(
        self,
        params: Parameters,
        lr: Number = 1e-3,
        momentum: Number = 0.0,
        dampening: Number = 0.0,
        weight_decay: Number = 0.0,
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
        if nesterov and (momentum == 0 or dampening != 0):
            raise InputError(
                f"SGD: nesterov needs momentum in (0, 1) and dampening 0, got momentum {momentum!r} and {dampening!r}"
            )

        def scaling() -> tuple[Rule, ...]:
            return (momentum_rule(beta=momentum, dampening=dampening, nesterov=nesterov),) if momentum != 0 else ()

        without = {} if momentum != 0 else {"momentum": 0.0, "dampening": dampening}
        constants = {**without, "nesterov": nesterov, "maximize": maximize, **EXECUTED, "fused": None}
        rule = assembled("SGD", self._keys, scaling, lr, weight_decay, clip, average, decay, exempt)
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
