"""The constant schedule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from steepest.core.ranges import Real
from steepest.core.schedule import Schedule
from steepest.schedules.fields import check_fields


@final
@dataclass(frozen=True)
class constant(Schedule):
    """Constant: the same value at every step, s(k) = value.

    value: any finite number. Raises HyperparameterError for another.
    Equal to optax.constant_schedule.

    >>> constant(0.1)(1000)
    0.1
    """

    value: Real

    def __post_init__(self) -> None:
        check_fields(self)

    def __call__(self, step: int) -> float:
        return self.value

    @property
    def length(self) -> None:
        return None
