"""Cosine annealing, with or without a linear warmup."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

from steepest.core.ranges import Range
from steepest.core.schedule import Schedule


@final
@dataclass(frozen=True)
class cosine(Schedule):
    """Half a cosine from peak to final: s(k) = final + (peak − final)(1 + cos(π k / steps)) / 2, then final.

    peak, final: finite numbers; steps: a whole number from 1. The value `final` is reached at k = steps, one step
    after the last update of a run of that length.
    Source: Loshchilov & Hutter 2017, arXiv:1608.03983, eq. 5 without restarts. Dialect:
    torch.optim.lr_scheduler.CosineAnnealingLR up to T_max = steps, where that one turns up again.

    >>> s = cosine(0.1, steps=100, final=1e-5)
    >>> [round(s(k), 10) for k in (0, 25, 50, 75, 100, 1000)]
    [0.1, 0.0853568035, 0.050005, 0.0146531965, 1e-05, 1e-05]
    """

    peak: float
    steps: int
    final: float = 0.0

    def __post_init__(self) -> None:
        Range().check("cosine", "peak", self.peak)
        Range(low=1, integer=True).check("cosine", "steps", self.steps)
        Range().check("cosine", "final", self.final)

    def __call__(self, step: int) -> float:
        if step >= self.steps:
            return self.final
        return self.final + (self.peak - self.final) * (1 + math.cos(math.pi * step / self.steps)) / 2

    @property
    def length(self) -> int:
        return self.steps


@final
@dataclass(frozen=True)
class warmup_cosine(Schedule):
    """A linear warmup, then half a cosine.

        s(k) = peak (k + 1) / warmup               for k < warmup
        s(k) = cosine(peak, steps − warmup, final)(k − warmup)   after it

    The first update uses peak/warmup, not 0; the peak is used first at k = warmup − 1. steps is the whole length,
    warmup among it: a whole number in [1, steps).

    >>> s = warmup_cosine(1.0, steps=10, warmup=4)
    >>> [round(s(k), 3) for k in (0, 3, 4, 7, 10)]
    [0.25, 1.0, 1.0, 0.5, 0.0]
    """

    peak: float
    steps: int
    warmup: int
    final: float = 0.0

    def __post_init__(self) -> None:
        Range(low=2, integer=True).check("warmup_cosine", "steps", self.steps)
        Range(low=1, high=self.steps, open_high=True, integer=True).check("warmup_cosine", "warmup", self.warmup)
        Range().check("warmup_cosine", "peak", self.peak)
        Range().check("warmup_cosine", "final", self.final)

    def __call__(self, step: int) -> float:
        if step < self.warmup - 1:
            return self.peak * (step + 1) / self.warmup
        if step < self.warmup:
            return self.peak
        return cosine(self.peak, self.steps - self.warmup, self.final)(step - self.warmup)

    @property
    def length(self) -> int:
        return self.steps
