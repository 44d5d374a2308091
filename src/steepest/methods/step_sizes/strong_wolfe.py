"""Strong Wolfe conditions by bracketing and zoom."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, final

from steepest.core.errors import HyperparameterError
from steepest.core.ranges import Range
from steepest.core.status import Status
from steepest.methods.method import Found, Point, Walk
from steepest.methods.settings import check_numbers
from steepest.methods.step_sizes.interpolation import cubic_minimizer, quadratic_minimizer
from steepest.methods.step_sizes.line import Line, LineSearch


@final
@dataclass(frozen=True)
class StrongWolfe(LineSearch):
    """A step that meets the strong Wolfe conditions, by expansion to a bracket and zoom into it.

        φ(α) ≤ φ(0) + c₁ α φ′(0)          |φ′(α)| ≤ c₂ |φ′(0)|          where φ(α) = f(x + αd)

    c1, c2: 0 < c1 < c2 < 1; 1e-4 and 0.9, which suits Newton and quasi-Newton; nonlinear CG takes c2 = 0.1.
    max_trials: a whole number from 1, 40. A gradient is asked only where the value has passed the first condition.
    Trials are minimizers of cubics through two values and slopes, kept within (0.1, 0.9) of the bracket; a trial where
    f is not finite is refused like one that is too high, so the step stays inside the domain of a log barrier.
    Fails with `line_search_failed`, or `precision_limit` where the conditions ask for less than rounding allows, and
    `unbounded` where f falls without end.
    Source: Nocedal & Wright 2006, Algorithms 3.5 and 3.6, with the cubic steps of Moré & Thuente 1994.

    >>> StrongWolfe(c1=0.5, c2=0.1)
    Traceback (most recent call last):
    ...
    steepest.core.errors.HyperparameterError: StrongWolfe: c2 must be in (c1, 1) = (0.5, 1), got 0.1
    """

    c1: float = 1e-4
    c2: float = 0.9
    max_trials: int = 40

    _RANGES: ClassVar = {
        "c1": Range(0, 1, True, True),
        "c2": Range(0, 1, True, True),
        "max_trials": Range(1, integer=True),
    }

    def __post_init__(self) -> None:
        check_numbers(self, self._RANGES)
        if not self.c1 < self.c2:
            raise HyperparameterError("StrongWolfe", "c2", f"must be in (c1, 1) = ({self.c1:g}, 1), got {self.c2:g}")

    def search(self, line: Line, trial: float, state: Walk) -> Found | Status:
        f0, slope0 = line.f, line.slope
        enough, flat = self.c1 * slope0, -self.c2 * slope0
        before, f_before, slope_before = 0.0, f0, slope0
        growth = 1.1
        a = min(trial, line.longest)
        while line.trials < self.max_trials:
            x, f = line.value(a)
            if f > f0 + a * enough or (f >= f_before and before > 0.0):
                return self._zoom(line, trial, _End(before, f_before, slope_before), _End(a, f))
            if f <= line.bottom:
                return Status.UNBOUNDED
            g, slope = line.slope_at(x, f)
            if -flat <= slope <= flat or (a >= line.longest and slope < 0.0):
                return Found(a, Point(x, f, g))
            if slope != slope:  # no gradient there: as good as a wall
                return self._zoom(line, trial, _End(before, f_before, slope_before), _End(a, math.inf))
            if slope >= 0.0:
                return self._zoom(line, trial, _End(a, f, slope), _End(before, f_before, slope_before))
            width = a - before
            wanted = cubic_minimizer(before, f_before, slope_before, a, f, slope)
            before, f_before, slope_before = a, f, slope
            a = min(max(wanted, a + growth * width), a + 4.0 * width, line.longest)
            growth = 1.1 if line.trials < 3 else 4.0
        return line.failed(trial, reached=before)

    def _zoom(self, line: Line, trial: float, low: _End, high: _End) -> Found | Status:
        """Algorithm 3.6: `low` is the lowest end that meets the first condition, and falls towards `high`."""
        f0, slope0 = line.f, line.slope
        enough, flat = self.c1 * slope0, -self.c2 * slope0
        while line.trials < self.max_trials:
            a = _inside(low, high)
            if a == low.a or a == high.a or (low.a == 0.0 and line.hidden(high.a)):
                break
            x, f = line.value(a)
            if f > f0 + a * enough or f >= low.f:
                high = _End(a, f)
                continue
            if f <= line.bottom:
                return Status.UNBOUNDED
            g, slope = line.slope_at(x, f)
            if -flat <= slope <= flat:
                return Found(a, Point(x, f, g))
            if slope != slope:
                high = _End(a, math.inf)
                continue
            if slope * (high.a - low.a) >= 0.0:
                high = low
            low = _End(a, f, slope)
        return line.failed(trial)


class _End(NamedTuple):
    """An end of a bracket: α, φ, and φ′ where it is known."""

    a: float
    f: float
    slope: float = math.nan


def _inside(low: _End, high: _End) -> float:
    """The next trial: the interpolant's minimizer, kept off the ends."""
    width = high.a - low.a
    if high.f == math.inf:
        return low.a + (0.5 if low.a > 0.0 else 0.2) * width
    if high.slope == high.slope:
        a = cubic_minimizer(low.a, low.f, low.slope, high.a, high.f, high.slope)
    else:
        a = quadratic_minimizer(low.a, low.f, low.slope, high.a, high.f)
    share = (a - low.a) / width
    if not share == share:  # NaN
        share = 0.5
    return low.a + min(max(share, 0.1), 0.9) * width
