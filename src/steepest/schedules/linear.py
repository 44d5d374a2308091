"""Straight lines: linear decay, linear warmup, and one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from steepest.core.ranges import Count, Real
from steepest.core.schedule import Schedule
from steepest.schedules.between import between
from steepest.schedules.fields import check_fields
from steepest.schedules.warmup import check_warmup, rising


@final
@dataclass(frozen=True)
class linear(Schedule):
    """Linear: a straight line from peak to final, s(k) = peak + (final − peak) k / steps, then final.

    peak, final: finite numbers, either the larger; steps: a whole number from 1. The value `final`, default 0, is
    reached at k = steps, one step after the last update of a run of that length.
    Raises HyperparameterError for a value out of range.
    Equal to optax.linear_schedule, and to torch.optim.lr_scheduler.LinearLR with start_factor = 1,
    end_factor = final / peak, total_iters = steps.

    >>> [linear(1.0, steps=4)(k) for k in range(6)]
    [1.0, 0.75, 0.5, 0.25, 0.0, 0.0]
    """

    peak: Real
    steps: Count
    final: Real = 0.0

    def __post_init__(self) -> None:
        check_fields(self)

    def __call__(self, step: int) -> float:
        return between(self.peak, self.final, (self.steps - step) / self.steps)

    @property
    def length(self) -> int:
        return self.steps


@final
@dataclass(frozen=True)
class warmup_linear(Schedule):
    """Linear warmup, then linear decay.

        s(k) = peak (k + 1) / warmup                                 for k < warmup
        s(k) = linear(peak, steps − warmup, final)(k − warmup)   after it

    The first update uses peak / warmup, not 0; the peak is used first at k = warmup − 1. steps is the whole length,
    warmup among it: a whole number in [1, steps). Raises HyperparameterError for a value out of range.
    Source: Devlin et al. 2019, arXiv:1810.04805, A.2. Dialect: get_linear_schedule_with_warmup of transformers
    starts at 0 instead, one step behind during the warmup.

    >>> s = warmup_linear(1.0, steps=10, warmup=2)
    >>> [round(s(k), 3) for k in (0, 1, 2, 6, 10)]
    [0.5, 1.0, 1.0, 0.5, 0.0]
    """

    peak: Real
    steps: Count
    warmup: Count
    final: Real = 0.0

    def __post_init__(self) -> None:
        check_warmup("warmup_linear", self.warmup, self.steps)
        check_fields(self)

    def __call__(self, step: int) -> float:
        if step < self.warmup:
            return rising(self.peak, self.warmup, step)
        return linear(self.peak, self.steps - self.warmup, self.final)(step - self.warmup)

    @property
    def length(self) -> int:
        return self.steps
