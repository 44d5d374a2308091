"""Linear warmup."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from steepest.core.ranges import Count, Range, Real
from steepest.core.schedule import Schedule
from steepest.schedules.fields import check_fields


@final
@dataclass(frozen=True)
class linear_warmup(Schedule):
    """Linear warmup: s(k) = peak · min(1, (k + 1) / warmup).

    peak: any finite number; warmup: a whole number from 1. The first update uses peak / warmup, not 0, and the peak
    is used first at k = warmup − 1. It has no end. Raises HyperparameterError for a value out of range.
    Source: Goyal et al. 2017, arXiv:1706.02677, §2.2. Dialect: equal to torch.optim.lr_scheduler.LinearLR with
    start_factor = 1 / warmup, total_iters = warmup − 1; optax.warmup_constant_schedule(0, peak, warmup) is one step
    behind.

    >>> [linear_warmup(1.0, warmup=4)(k) for k in range(5)]
    [0.25, 0.5, 0.75, 1.0, 1.0]
    """

    peak: Real
    warmup: Count

    def __post_init__(self) -> None:
        check_fields(self)

    def __call__(self, step: int) -> float:
        return rising(self.peak, self.warmup, step)

    @property
    def length(self) -> None:
        return None


def rising(peak: float, warmup: int, step: int) -> float:
    """A straight line through peak / warmup at 0 and the peak at warmup − 1, where it stays."""
    return peak * (step + 1) / warmup if step < warmup - 1 else peak


def check_warmup(owner: str, warmup: int, steps: int) -> None:
    """Raise HyperparameterError unless the warmup is shorter than the whole."""
    Range(low=2, integer=True).check(owner, "steps", steps)
    Range(low=1, high=steps, open_high=True, integer=True).check(owner, "warmup", warmup)
