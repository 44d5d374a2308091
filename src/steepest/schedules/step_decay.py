"""Step decay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, final

from steepest.core.ranges import Count, Range, Real
from steepest.core.schedule import Schedule
from steepest.schedules.fields import check_fields

Factor = Annotated[float, Range(low=0, high=1, open_low=True)]
"""(0, 1]: what is left of a value after a decay."""


@final
@dataclass(frozen=True)
class step_decay(Schedule):
    """Step decay: multiply by a factor every so many steps, s(k) = peak · γ^⌊k / every⌋.

    peak: any finite number; every: a whole number from 1; factor = γ in (0, 1], default 0.1. It has no end.
    Raises HyperparameterError for a value out of range.
    Equal to torch.optim.lr_scheduler.StepLR(step_size=every, gamma=factor).

    >>> s = step_decay(1.0, every=10, factor=0.5)
    >>> s(9), s(10), s(25)
    (1.0, 0.5, 0.25)
    """

    peak: Real
    every: Count
    factor: Factor = 0.1

    def __post_init__(self) -> None:
        check_fields(self)

    def __call__(self, step: int) -> float:
        return float(self.peak * self.factor ** (step // self.every))

    @property
    def length(self) -> None:
        return None
