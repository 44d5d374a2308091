"""Polynomial decay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from steepest.core.ranges import Count, Positive, Real
from steepest.core.schedule import Schedule
from steepest.schedules.between import between
from steepest.schedules.fields import check_fields


@final
@dataclass(frozen=True)
class polynomial(Schedule):
    """Polynomial decay: s(k) = final + (peak − final) (1 − k / steps)^power, then final.

    peak, final: finite numbers; steps: a whole number from 1; power in (0, ∞), 1 a straight line. The value `final`,
    default 0, is reached at k = steps, one step after the last update of a run of that length.
    Raises HyperparameterError for a value out of range.
    Equal to torch.optim.lr_scheduler.PolynomialLR for final = 0, and to optax.polynomial_schedule.

    >>> s = polynomial(1.0, steps=10, power=2.0)
    >>> [round(s(k), 3) for k in (0, 5, 9, 10, 11)]
    [1.0, 0.25, 0.01, 0.0, 0.0]
    """

    peak: Real
    steps: Count
    power: Positive
    final: Real = 0.0

    def __post_init__(self) -> None:
        check_fields(self)

    def __call__(self, step: int) -> float:
        left = max(self.steps - step, 0) / self.steps
        return between(self.peak, self.final, left**self.power)

    @property
    def length(self) -> int:
        return self.steps
