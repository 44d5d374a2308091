"""Decay at given steps."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise
from typing import final

from steepest.core.errors import HyperparameterError
from steepest.core.ranges import Count, Real
from steepest.core.schedule import Schedule
from steepest.schedules.fields import check_fields
from steepest.schedules.step_decay import Factor


@final
@dataclass(frozen=True)
class multi_step(Schedule):
    """Multi-step decay: multiply by a factor at given steps, s(k) = peak · γ^|{m in milestones: m ≤ k}|.

    peak: any finite number; milestones: whole numbers from 1, increasing; factor = γ in (0, 1], default 0.1. It has
    no end. Raises HyperparameterError for a value out of range.
    Equal to torch.optim.lr_scheduler.MultiStepLR, and to optax.piecewise_constant_schedule with one factor.

    >>> s = multi_step(1.0, milestones=(30, 60), factor=0.5)
    >>> s(29), s(30), s(60)
    (1.0, 0.5, 0.25)
    """

    peak: Real
    milestones: tuple[Count, ...]
    factor: Factor = 0.1

    def __post_init__(self) -> None:
        check_fields(self)
        check_increasing("multi_step", "milestones", self.milestones)

    def __call__(self, step: int) -> float:
        return float(self.peak * self.factor ** bisect_right(self.milestones, step))

    @property
    def length(self) -> None:
        return None


def check_increasing(owner: str, name: str, steps: tuple[int, ...]) -> None:
    """Raise HyperparameterError unless there is a step, and each is above the one before."""
    if not steps or any(after <= before for before, after in pairwise(steps)):
        raise HyperparameterError(owner, name, f"must be increasing whole numbers in [1, inf), got {steps}")
