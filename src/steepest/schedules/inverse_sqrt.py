"""Inverse square root decay after a linear warmup."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

from steepest.core.ranges import Count, Real
from steepest.core.schedule import Schedule
from steepest.schedules.fields import check_fields


@final
@dataclass(frozen=True)
class inverse_sqrt(Schedule):
    """Inverse square root: with t = k + 1 and the warmup W, s(k) = peak · min(t / W, √(W / t)).

    peak: any finite number, used at k = W − 1; warmup = W: a whole number from 1, the default, which is
    peak / √t without a warmup. It has no end. Raises HyperparameterError for a value out of range.
    Source: Vaswani et al. 2017, arXiv:1706.03762, eq. 3, which is `noam`. Dialect: fairseq's inverse_sqrt from 0;
    get_inverse_sqrt_schedule of transformers starts at 0 and is one step behind. T5's 1 / √max(t, W) (Raffel et al.
    2020, §3.1.2) is `clip(inverse_sqrt(1.0), high=W ** -0.5)`.

    >>> s = inverse_sqrt(1.0, warmup=4)
    >>> [round(s(k), 3) for k in (0, 3, 15, 99)]
    [0.25, 1.0, 0.5, 0.2]
    """

    peak: Real
    warmup: Count = 1

    def __post_init__(self) -> None:
        check_fields(self)

    def __call__(self, step: int) -> float:
        t = step + 1
        return self.peak * (t / self.warmup if t < self.warmup else math.sqrt(self.warmup / t))

    @property
    def length(self) -> None:
        return None
