"""Warmup, a plateau, and a decay at the end."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, final

from steepest.core.ranges import Count, Range, Real
from steepest.core.schedule import Schedule
from steepest.schedules.between import between
from steepest.schedules.fields import check_fields
from steepest.schedules.warmup import rising


@final
@dataclass(frozen=True)
class warmup_stable_decay(Schedule):
    """Warmup–stable–decay: a linear warmup, the peak for most of the run, and a decay over its last steps.

        s(k) = peak (k + 1) / warmup                       for k < warmup
        s(k) = peak                                        up to k = steps − decay
        s(k) = final + (peak − final) f(x)                 for x = (k − steps + decay) / decay in [0, 1]

    with f(x) = 1 − x (shape "linear"), 1 − √x ("sqrt", the default), (1 + cos πx) / 2 ("cosine") or 1 − x²
    ("square"). The value `final`, default 0, is reached at k = steps and kept. A run may go on from its plateau with
    a longer schedule: until the decay the two are alike.
    peak, final: finite numbers; steps: the whole length; warmup, decay: whole numbers from 1, together at most steps.
    Raises HyperparameterError for a value out of range.
    Source: Hu et al. 2024, arXiv:2404.06395, §4; the shapes "linear" and "sqrt": Hägele et al. 2024,
    arXiv:2405.18392, §3. Dialect: pytorch_optimizer's get_wsd_schedule but for its warmup, which starts at 0.

    >>> s = warmup_stable_decay(1.0, steps=12, warmup=2, decay=4, shape="linear")
    >>> [round(s(k), 3) for k in (0, 1, 7, 8, 10, 12)]
    [0.5, 1.0, 1.0, 1.0, 0.5, 0.0]
    """

    peak: Real
    steps: Count
    warmup: Count
    decay: Count
    final: Real = 0.0
    shape: Literal["linear", "sqrt", "cosine", "square"] = "sqrt"

    def __post_init__(self) -> None:
        check_fields(self)
        left = self.steps - self.warmup
        if left < self.decay:
            Range(low=1, high=self.steps - 1, integer=True).check("warmup_stable_decay", "warmup", self.warmup)
            Range(low=1, high=left, integer=True).check("warmup_stable_decay", "decay", self.decay)

    def __call__(self, step: int) -> float:
        if step < self.warmup:
            return rising(self.peak, self.warmup, step)
        part = step - (self.steps - self.decay)
        if part <= 0:
            return self.peak
        return between(self.peak, self.final, self._left(min(part / self.decay, 1.0)))

    def _left(self, x: float) -> float:
        """The share of the peak that is left at x in (0, 1] of the decay."""
        if self.shape == "cosine":
            return (1 + math.cos(math.pi * x)) / 2
        return 1 - {"linear": x, "sqrt": math.sqrt(x), "square": x * x}[self.shape]

    @property
    def length(self) -> int:
        return self.steps
