"""Cosine annealing, with or without a linear warmup."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

from steepest.core.ranges import Count, Real
from steepest.core.schedule import Schedule
from steepest.schedules.between import between
from steepest.schedules.fields import check_fields
from steepest.schedules.warmup import check_warmup, rising


@final
@dataclass(frozen=True)
class cosine(Schedule):
    """Cosine annealing: half a cosine from peak to final, s(k) = final + (peak − final)(1 + cos(π k / steps)) / 2.

    peak, final: finite numbers; steps: a whole number from 1. The value `final` is reached at k = steps, one step
    after the last update of a run of that length, and kept. Raises HyperparameterError for a value out of range.
    Source: Loshchilov & Hutter 2017, arXiv:1608.03983, eq. 5 without restarts. Dialect:
    torch.optim.lr_scheduler.CosineAnnealingLR up to T_max = steps, where that one turns up again; equal to
    optax.cosine_decay_schedule with alpha = final / peak.

    >>> s = cosine(0.1, steps=100, final=1e-5)
    >>> [round(s(k), 10) for k in (0, 25, 50, 75, 100, 1000)]
    [0.1, 0.0853568035, 0.050005, 0.0146531965, 1e-05, 1e-05]
    """

    peak: Real
    steps: Count
    final: Real = 0.0

    def __post_init__(self) -> None:
        check_fields(self)

    def __call__(self, step: int) -> float:
        return half_cosine(self.peak, self.final, min(step, self.steps), self.steps)

    @property
    def length(self) -> int:
        return self.steps


@final
@dataclass(frozen=True)
class warmup_cosine(Schedule):
    """Linear warmup, then half a cosine.

        s(k) = peak (k + 1) / warmup               for k < warmup
        s(k) = cosine(peak, steps − warmup, final)(k − warmup)   after it

    The first update uses peak/warmup, not 0; the peak is used first at k = warmup − 1. steps is the whole length,
    warmup among it: a whole number in [1, steps). Raises HyperparameterError for a value out of range.
    Dialect: optax.warmup_cosine_decay_schedule(0, …) starts at 0 instead, one step behind during the warmup.

    >>> s = warmup_cosine(1.0, steps=10, warmup=4)
    >>> [round(s(k), 3) for k in (0, 3, 4, 7, 10)]
    [0.25, 1.0, 1.0, 0.5, 0.0]
    """

    peak: Real
    steps: Count
    warmup: Count
    final: Real = 0.0

    def __post_init__(self) -> None:
        check_warmup("warmup_cosine", self.warmup, self.steps)
        check_fields(self)

    def __call__(self, step: int) -> float:
        if step < self.warmup:
            return rising(self.peak, self.warmup, step)
        return cosine(self.peak, self.steps - self.warmup, self.final)(step - self.warmup)

    @property
    def length(self) -> int:
        return self.steps


def half_cosine(start: float, end: float, part: float, whole: float) -> float:
    """From `start` at part = 0 to `end` at part = whole, both met exactly."""
    if part >= whole:
        return end
    return between(start, end, (1 + math.cos(math.pi * part / whole)) / 2)
