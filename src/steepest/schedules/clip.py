"""A schedule held within bounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from steepest.core.errors import HyperparameterError
from steepest.core.ranges import Range, Real
from steepest.core.schedule import Schedule
from steepest.schedules.fields import check_fields


@final
@dataclass(frozen=True)
class clip(Schedule):
    """Clip: a schedule held within bounds, s(k) = min(max(schedule(k), low), high).

    schedule: any; low, high: finite numbers with low ≤ high, either None (the default) for no bound, not both.
    The length is the schedule's. Raises HyperparameterError and InputTypeError for what does not fit.

    >>> from steepest.schedules import exponential
    >>> s = clip(exponential(1.0, rate=1.0), low=0.1)
    >>> [round(s(k), 3) for k in range(4)]
    [1.0, 0.368, 0.135, 0.1]
    """

    schedule: Schedule
    low: Real | None = None
    high: Real | None = None

    def __post_init__(self) -> None:
        check_fields(self)
        if self.low is None and self.high is None:
            raise HyperparameterError("clip", "low", "or high must be given, got None for both")
        if self.low is not None and self.high is not None:
            Range(low=self.low).check("clip", "high", self.high)

    def __call__(self, step: int) -> float:
        value = self.schedule(step)
        if self.low is not None:
            value = max(value, self.low)
        return value if self.high is None else min(value, self.high)

    @property
    def length(self) -> int | None:
        return self.schedule.length
