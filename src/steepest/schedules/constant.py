"""The constant schedule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from steepest.core.ranges import Range
from steepest.core.schedule import Schedule


@final
@dataclass(frozen=True)
class constant(Schedule):
    """The same value at every step: s(k) = value.

    >>> constant(0.1)(1000)
    0.1
    """

    value: float

    def __post_init__(self) -> None:
        Range().check("constant", "value", self.value)

    def __call__(self, step: int) -> float:
        return self.value

    @property
    def length(self) -> None:
        return None
