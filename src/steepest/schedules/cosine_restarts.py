"""Cosine annealing with warm restarts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

from steepest.core.ranges import Count, Real
from steepest.core.schedule import Schedule
from steepest.schedules.cosine import half_cosine
from steepest.schedules.fields import check_fields


@final
@dataclass(frozen=True)
class cosine_restarts(Schedule):
    """Cosine annealing with warm restarts: cycle i = 0, 1, … is half a cosine from peak towards final.

    Its length is T_i = period · growthⁱ, and c steps into it

        s = final + (peak − final)(1 + cos(π c / T_i)) / 2.

    At the border of a cycle the peak is back, and `final` itself is not taken. The cycle of a step follows in closed
    form, i = ⌊log_growth(1 + k (growth − 1) / period)⌋ in whole numbers, exact at any step.
    peak, final: finite numbers; period: the first cycle's steps, and growth: whole numbers from 1 (default 1: all
    cycles alike). It has no end. Raises HyperparameterError for a value out of range.
    Source: Loshchilov & Hutter 2017, arXiv:1608.03983, eq. 5, where T_mult is 1 or 2. Equal to
    torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(T_0=period, T_mult=growth, eta_min=final).

    >>> s = cosine_restarts(1.0, period=10, growth=2)
    >>> [round(s(k), 3) for k in (0, 5, 9, 10, 20, 30)]
    [1.0, 0.5, 0.024, 1.0, 0.5, 1.0]
    """

    peak: Real
    period: Count
    growth: Count = 1
    final: Real = 0.0

    def __post_init__(self) -> None:
        check_fields(self)

    def __call__(self, step: int) -> float:
        _, inside, whole = self.cycle(step)
        return half_cosine(self.peak, self.final, inside, whole)

    def cycle(self, step: int) -> tuple[int, int, int]:
        """Of a step: its cycle's number from 0, its place in the cycle from 0, and the cycle's length."""
        step = int(step)
        if self.growth == 1:
            return step // self.period, step % self.period, self.period
        # The largest i that begins by then: period (growthⁱ − 1) / (growth − 1) ≤ step.
        bound = 1 + step * (self.growth - 1) // self.period
        number = round(math.log(bound) / math.log(self.growth))
        while self.growth**number > bound:
            number -= 1
        while self.growth ** (number + 1) <= bound:
            number += 1
        whole = self.period * self.growth**number
        return number, step - (whole - self.period) // (self.growth - 1), whole

    @property
    def length(self) -> None:
        return None
