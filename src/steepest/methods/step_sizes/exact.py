"""Exact line search."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

from steepest.core.ranges import Range
from steepest.core.status import Status
from steepest.methods.method import Found, Point, Walk
from steepest.methods.settings import check_numbers
from steepest.methods.step_sizes.interpolation import cubic_minimizer, secant_root
from steepest.methods.step_sizes.line import Line, LineSearch


@final
@dataclass(frozen=True)
class Exact(LineSearch):
    """The step to the first minimum along the direction that is found: |φ′(α)| ≤ tol |φ′(0)|, φ(α) = f(x + αd).

    On a quadratic φ′ is a line, and its root is found from two slopes: a trial, and the minimum. Else a bracket of a
    change of sign of φ′ is made by expansion and shrunk by cubic and secant steps, halved where those are slow. tol in
    (0, 1), 1e-10. max_trials: a whole number from 2, 100; each is a value and a gradient. Ends as soon as rounding
    allows no better; `unbounded` where f falls without end.

    >>> Exact(tol=0)
    Traceback (most recent call last):
    ...
    steepest.core.errors.HyperparameterError: Exact: tol must be in (0, 1), got 0
    """

    tol: float = 1e-10
    max_trials: int = 100

    def __post_init__(self) -> None:
        check_numbers(self, {"tol": Range(0, 1, True, True), "max_trials": Range(2, integer=True)})

    def search(self, line: Line, trial: float, state: Walk) -> Found | Status:
        low = _Sample(0.0, line.f, line.slope, line.point)
        high: _Sample | None = None
        wall = math.inf
        a = state.length if state.length > 0.0 else trial
        widths = [math.inf, math.inf]
        while line.trials < self.max_trials:
            x, f = line.value(a)
            if f <= line.bottom:
                return Status.UNBOUNDED
            g, slope = line.slope_at(x, f) if f < math.inf else (None, math.nan)
            if slope != slope:
                wall = min(wall, a)
                a = low.a + 0.2 * (a - low.a)
                if a == low.a:
                    break
                continue
            here = _Sample(a, f, slope, Point(x, f, g))
            if abs(slope) <= self.tol * abs(line.slope) and f <= line.f:
                return Found(a, here.point)
            before = low
            if slope >= 0.0 or f > line.f + line.noise():
                high = here
            else:
                low = here
            if high is None:
                wanted = secant_root(before.a, before.slope, a, slope)
                reach = a + 10.0 * (a - before.a)
                a = min(max(wanted, a + 0.1 * (a - before.a)) if wanted > a else reach, reach, 0.5 * (a + wall))
                continue
            next_ = _between(low, high, widths)
            if next_ is None:
                break
            a = next_
        else:
            if high is None and wall == math.inf and line.failed(trial, reached=low.a) is Status.UNBOUNDED:
                return Status.UNBOUNDED
        return Found(low.a, low.point) if low.a > 0.0 and low.f <= line.f else self._last(line, low, high, trial)

    def _last(self, line: Line, low: _Sample, high: _Sample | None, trial: float) -> Found | Status:
        """Where no point with a falling slope is left: the other end, if it is lower; else it has failed."""
        if high is not None and high.f < line.f:
            return Found(high.a, high.point)
        return line.failed(trial)


@dataclass(slots=True)
class _Sample:
    """A point of the line."""

    a: float
    f: float
    slope: float
    point: Point


def _between(low: _Sample, high: _Sample, widths: list[float]) -> float | None:
    """The next trial in the bracket, None where no number is left in it; halves it where it did not halve in two."""
    width = abs(high.a - low.a)
    slow = width > 0.5 * widths[0]
    widths[:] = [widths[1], width]
    a = math.nan if slow else secant_root(low.a, low.slope, high.a, high.slope)
    if high.slope < 0.0:  # it is higher though it falls: there is a hill between
        a = math.nan
    elif not slow and abs(high.slope + low.slope) > 0.2 * abs(high.slope - low.slope):
        a = cubic_minimizer(low.a, low.f, low.slope, high.a, high.f, high.slope)
    if not min(low.a, high.a) < a < max(low.a, high.a):
        a = 0.5 * (low.a + high.a)
    return a if min(low.a, high.a) < a < max(low.a, high.a) else None
