"""The intervals of a ranked table as small drawings on one common axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from steepest.statistics import Interval

WIDTH = 124
"""Width of a strip in pixels; every x below is a pixel in [0, WIDTH]."""
_MARGIN = 12
_LOG_FROM = 4
"""Positive scores that differ by more than this factor get a logarithmic axis."""
_LABELS = 3
"""So many fit beside each other."""


@dataclass(frozen=True)
class Mark:
    """One interval: x of its ends and of the estimate. beyond: the upper end is +inf, drawn as an arrow;
    diverged: the estimate itself is, drawn as a ×.
    """

    low: float
    estimate: float
    high: float
    beyond: bool
    diverged: bool


@dataclass(frozen=True)
class Tick:
    """A labelled place on the axis."""

    x: float
    text: str


@dataclass(frozen=True)
class Strip:
    """A common axis (logarithmic or not), its ticks, and a mark for each interval, in the order given."""

    log: bool
    ticks: tuple[Tick, ...]
    marks: tuple[Mark, ...]


def strip(intervals: Sequence[Interval]) -> Strip:
    """Place intervals on one axis that holds every finite end.

    >>> inf = float("inf")
    >>> drawn = strip([Interval(0.2, 0.1, 0.3, 0.95, 0.979, 10), Interval(inf, 0.4, inf, 0.95, 0.979, 10)])
    >>> drawn.log, [mark.diverged for mark in drawn.marks], [tick.text for tick in drawn.ticks]
    (False, [False, True], ['0.2', '0.4'])
    """
    ends = [end for i in intervals for end in (i.low, i.estimate, i.high) if math.isfinite(end)]
    ends = ends or [0.0, 1.0]
    low, high = min(ends), max(ends)
    log = low > 0 and high / low > _LOG_FROM
    if low == high:
        low, high = low - (abs(low) or 1) * 0.1, high + (abs(high) or 1) * 0.1
    start, end = (math.log10(low), math.log10(high)) if log else (low, high)

    def x(value: float) -> float:
        if not math.isfinite(value):
            return float(WIDTH - _MARGIN / 2)
        share = ((math.log10(value) if log else value) - start) / (end - start)
        return round(_MARGIN + share * (WIDTH - 3 * _MARGIN), 2)

    marks = tuple(
        Mark(x(i.low), x(i.estimate), x(i.high), not math.isfinite(i.high), not math.isfinite(i.estimate))
        for i in intervals
    )
    values = _log_ticks(low, high) if log else _linear_ticks(low, high)
    return Strip(log, tuple(Tick(x(value), f"{value:.6g}") for value in values), marks)


def _linear_ticks(low: float, high: float) -> list[float]:
    """The finest multiples of 1, 2 or 5 · 10ᵏ of which at most three lie in [low, high]."""
    size = 10.0 ** math.floor(math.log10((high - low) / _LABELS))
    for factor in (1, 2, 5, 10):
        step = factor * size
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first < _LABELS:
            break
    return [round(index * step, 12) for index in range(first, last + 1)]


def _log_ticks(low: float, high: float) -> list[float]:
    """The fewest of 1, 2, 5 · 10ᵏ, 1, 3 · 10ᵏ, and powers of ten that leave at most three in [low, high]."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for factors, stride in (((1, 2, 5), 1), ((1, 3), 1), ((1,), 1), ((1,), 2), ((1,), 3), ((1,), 5)):
        values = [factor * 10.0**d for d in decades if d % stride == 0 for factor in factors]
        inside = [value for value in values if low * (1 - 1e-9) <= value <= high * (1 + 1e-9)]
        if len(inside) <= _LABELS:
            return inside
    return [low, high]
