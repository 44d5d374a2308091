"""The schedule of the first transformer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from steepest.core.ranges import Count, Positive
from steepest.core.schedule import Schedule
from steepest.schedules.fields import check_fields


@final
@dataclass(frozen=True)
class noam(Schedule):
    """Noam: with t = k + 1, s(k) = factor · width^(−1/2) · min(t^(−1/2), t · warmup^(−3/2)).

    width: of the model, and warmup: whole numbers from 1; factor in (0, ∞), default 1. The peak follows from them:
    factor / √(width · warmup), at k = warmup − 1; where the peak is to be given, it is `inverse_sqrt`. It has no end.
    Raises HyperparameterError for a value out of range.
    Source: Vaswani et al. 2017, arXiv:1706.03762, eq. 3, whose step_num is t (512 and 4,000 there). Named after
    Noam Shazeer. Equal to torch.optim.lr_scheduler.LambdaLR with that formula at t.

    >>> s = noam(width=512, warmup=4000)
    >>> round(s.peak, 7), s(3999) == s.peak
    (0.0006988, True)
    """

    width: Count
    warmup: Count
    factor: Positive = 1.0

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def peak(self) -> float:
        """The largest value."""
        return self(self.warmup - 1)

    def __call__(self, step: int) -> float:
        t = step + 1
        shape = t * self.warmup**-1.5 if t < self.warmup else t**-0.5
        return float(self.factor * self.width**-0.5 * shape)

    @property
    def length(self) -> None:
        return None
