"""Step decay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from steepest.core.ranges import Range
from steepest.core.schedule import Schedule


@final
@dataclass(frozen=True)
class step_decay(Schedule):
    """Multiply by a factor every so many steps: s(k) = value · γ^⌊k / every⌋.

    value: any finite number; every: a whole number from 1; factor = γ in (0, 1].

    >>> s = step_decay(1.0, every=10, factor=0.5)
    >>> s(9), s(10), s(25)
    (1.0, 0.5, 0.25)
    """

    value: float
    every: int
    factor: float = 0.1

    def __post_init__(self) -> None:
        Range().check("step_decay", "value", self.value)
        Range(low=1, integer=True).check("step_decay", "every", self.every)
        Range(low=0, high=1, open_low=True).check("step_decay", "factor", self.factor)

    def __call__(self, step: int) -> float:
        return float(self.value * self.factor ** (step // self.every))

    @property
    def length(self) -> None:
        return None
