"""A schedule times a number or another schedule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from steepest.core.ranges import Real
from steepest.core.schedule import Schedule
from steepest.schedules.fields import check_fields


@final
@dataclass(frozen=True)
class scale(Schedule):
    """Scale: a schedule times a number or another schedule, s(k) = schedule(k) · factor, or · factor(k).

    schedule: any; factor: a finite number, or a schedule that is read at the same step (what
    torch.optim.lr_scheduler.ChainedScheduler is for). The length is the shorter of the two that have one.
    Raises HyperparameterError and InputTypeError for what does not fit.

    >>> from steepest.schedules import linear, linear_warmup
    >>> s = scale(linear(1.0, steps=4), factor=linear_warmup(2.0, warmup=2))
    >>> [s(k) for k in range(5)], s.length
    ([1.0, 1.5, 1.0, 0.5, 0.0], 4)
    """

    schedule: Schedule
    factor: Real | Schedule

    def __post_init__(self) -> None:
        check_fields(self)

    def __call__(self, step: int) -> float:
        factor = self.factor(step) if isinstance(self.factor, Schedule) else self.factor
        return self.schedule(step) * factor

    @property
    def length(self) -> int | None:
        both = (self.schedule, self.factor)
        lengths = [part.length for part in both if isinstance(part, Schedule) and part.length is not None]
        return min(lengths, default=None)
