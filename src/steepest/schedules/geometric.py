"""From one value to another by a constant ratio."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

from steepest.core.ranges import Count, Positive
from steepest.core.schedule import Schedule
from steepest.schedules.fields import check_fields


@final
@dataclass(frozen=True)
class geometric(Schedule):
    """Geometric: a straight line on a log axis, s(k) = peak · (final / peak)^(k / steps), then final.

    peak, final in (0, ∞), either the larger: a learning-rate range test rises; steps: a whole number from 1. The
    value `final` is reached at k = steps. Raises HyperparameterError for a value out of range.
    Equal to optax.exponential_decay(peak, steps, final / peak, end_value=final).

    >>> s = geometric(1.0, steps=4, final=1e-4)
    >>> [round(s(k), 6) for k in range(6)]
    [1.0, 0.1, 0.01, 0.001, 0.0001, 0.0001]
    """

    peak: Positive
    steps: Count
    final: Positive

    def __post_init__(self) -> None:
        check_fields(self)

    def __call__(self, step: int) -> float:
        if step >= self.steps:
            return self.final
        value = self.peak * math.exp(math.log(self.final / self.peak) * (step / self.steps))
        low, high = sorted((self.peak, self.final))
        return min(max(value, low), high)

    @property
    def length(self) -> int:
        return self.steps
