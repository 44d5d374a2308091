"""One schedule after another."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import final

from steepest.core.errors import HyperparameterError
from steepest.core.ranges import Count
from steepest.core.schedule import Schedule
from steepest.schedules.fields import check_fields
from steepest.schedules.multi_step import check_increasing


@final
@dataclass(frozen=True)
class join(Schedule):
    """Join: schedules one after another, s(k) = parts[i](k − at[i − 1]) for at[i − 1] ≤ k < at[i].

    Each begins at its own step 0. parts: two or more schedules; at: the steps at which the second and later ones
    begin, one fewer, whole numbers from 1, increasing. The length is that of the last part after the steps before it.
    Raises HyperparameterError and InputTypeError for what does not fit. A part that is shorter than its stretch keeps
    its last value.
    Equal to optax.join_schedules(parts, at), and to torch.optim.lr_scheduler.SequentialLR where it is right.

    >>> from steepest.schedules import constant, linear
    >>> s = join((constant(1.0), linear(1.0, steps=4)), at=(2,))
    >>> [s(k) for k in range(7)], s.length
    ([1.0, 1.0, 1.0, 0.75, 0.5, 0.25, 0.0], 6)
    """

    parts: tuple[Schedule, ...]
    at: tuple[Count, ...]

    def __post_init__(self) -> None:
        check_fields(self)
        if len(self.parts) < 2:
            raise HyperparameterError("join", "parts", f"must be two or more schedules, got {len(self.parts)}")
        check_increasing("join", "at", self.at)
        if len(self.at) != len(self.parts) - 1:
            complaint = f"must have {len(self.parts) - 1} steps for {len(self.parts)} parts, got {self.at}"
            raise HyperparameterError("join", "at", complaint)

    def __call__(self, step: int) -> float:
        place = bisect_right(self.at, step)
        return self.parts[place](step - (self.at[place - 1] if place else 0))

    @property
    def length(self) -> int | None:
        own = self.parts[-1].length
        return None if own is None else self.at[-1] + own
