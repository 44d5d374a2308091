"""What the library means by a schedule: a pure function of the step."""

from __future__ import annotations

from abc import ABC, abstractmethod


class Schedule(ABC):
    """A value for each step, a frozen and pure function of it.

    An optimizer whose clock (the number of updates so far, this one included) reads t uses `schedule(t - 1)`:
    the first update uses `schedule(0)`, as in PyTorch.
    """

    @abstractmethod
    def __call__(self, step: int) -> float:
        """The value at `step`, a whole number from 0."""

    @property
    @abstractmethod
    def length(self) -> int | None:
        """How many steps the schedule was made for, or None if it has no end; past it, it keeps its last value."""
