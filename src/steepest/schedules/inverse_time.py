"""Inverse time decay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from steepest.core.ranges import Positive, Real
from steepest.core.schedule import Schedule
from steepest.schedules.fields import check_fields


@final
@dataclass(frozen=True)
class inverse_time(Schedule):
    """Inverse time decay: s(k) = peak / (1 + r k).

    peak: any finite number; rate = r in (0, ∞), per step. It has no end. Its sum diverges and the sum of its squares
    does not, as stochastic approximation asks for. Raises HyperparameterError for a value out of range.
    Source: Robbins & Monro 1951, Annals of Mathematical Statistics 22(3). Equal to Keras' InverseTimeDecay with
    decay_rate / decay_steps = r.

    >>> [round(inverse_time(1.0, rate=0.5)(k), 3) for k in (0, 1, 2, 8)]
    [1.0, 0.667, 0.5, 0.2]
    """

    peak: Real
    rate: Positive

    def __post_init__(self) -> None:
        check_fields(self)

    def __call__(self, step: int) -> float:
        return self.peak / (1.0 + self.rate * step)

    @property
    def length(self) -> None:
        return None
