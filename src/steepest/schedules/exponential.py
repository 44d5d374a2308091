"""Exponential decay."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

from steepest.core.ranges import Positive, Real
from steepest.core.schedule import Schedule
from steepest.schedules.fields import check_fields


@final
@dataclass(frozen=True)
class exponential(Schedule):
    """Exponential decay: s(k) = peak · e^(−λ k).

    peak: any finite number; rate = λ in (0, ∞), a share per step. It has no end: `geometric` has one.
    Raises HyperparameterError for a value out of range.
    Equal to torch.optim.lr_scheduler.ExponentialLR with γ = e^(−λ), that is λ = −ln γ, and to
    optax.exponential_decay(peak, T, r) with λ = −ln r / T.

    >>> round(exponential(1.0, rate=0.01)(100), 6)
    0.367879
    """

    peak: Real
    rate: Positive

    def __post_init__(self) -> None:
        check_fields(self)

    def __call__(self, step: int) -> float:
        return self.peak * math.exp(-self.rate * step)

    @property
    def length(self) -> None:
        return None
