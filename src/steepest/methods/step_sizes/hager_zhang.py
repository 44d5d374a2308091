"""Hager and Zhang's line search: Wolfe conditions that still hold at the limit of precision."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

from steepest.core.errors import HyperparameterError
from steepest.core.ranges import Range
from steepest.core.status import Status
from steepest.methods.method import Found, Point, Walk
from steepest.methods.settings import check_numbers
from steepest.methods.step_sizes.interpolation import quadratic_minimizer, secant_root
from steepest.methods.step_sizes.line import Line, LineSearch


@final
@dataclass(frozen=True)
class HagerZhang(LineSearch):
    """A step that meets the Wolfe conditions, or the approximate ones where rounding hides the decrease of f:

        φ(α) − φ(0) ≤ δ α φ′(0)  and  φ′(α) ≥ σ φ′(0),          or
        φ(α) ≤ φ(0) + ε |φ(0)|  and  (2δ − 1) φ′(0) ≥ φ′(α) ≥ σ φ′(0)

    The second come from slopes alone: near a minimum f is flat to √ε of x, its slope is not. delta: δ in (0, ½), 0.1.
    sigma: σ in [δ, 1), 0.9. epsilon: ε in [0, ∞), 1e-6. gamma: what the secant steps must shrink a bracket by, in
    (0, 1), 0.66. rho: growth of the trials, in (1, ∞), 5. psi: where the direction has no natural step, the first trial
    is the minimizer of a parabola through the value at psi times the step that the last decrease suggests (QuadStep);
    in (0, 1), 0.1. max_trials: a whole number from 2, 50.
    Source: Hager & Zhang 2005, SIAM J. Optim. 16, 170–192, and 2006, ACM TOMS 32, 113–137 (CG_DESCENT, §4).
    Dialect: a trial above φ(0) + ε |φ(0)|, which meets neither pair, is not asked for its gradient; a bracket with such
    an end is cut at the minimizer of the parabola through it, within [0.1, 0.9] of the bracket, not at a fixed θ.

    >>> HagerZhang(delta=0.6)
    Traceback (most recent call last):
    ...
    steepest.core.errors.HyperparameterError: HagerZhang: delta must be in (0, 0.5), got 0.6
    """

    delta: float = 0.1
    sigma: float = 0.9
    epsilon: float = 1e-6
    gamma: float = 0.66
    rho: float = 5.0
    psi: float = 0.1
    max_trials: int = 50

    def __post_init__(self) -> None:
        inside = Range(0, 1, True, True)
        check_numbers(
            self,
            {
                "delta": Range(0, 0.5, True, True),
                "sigma": inside,
                "epsilon": Range(0),
                "gamma": inside,
                "rho": Range(1, open_low=True),
                "psi": inside,
                "max_trials": Range(2, integer=True),
            },
        )
        if self.sigma < self.delta:
            why = f"must be in [delta, 1) = [{self.delta:g}, 1), got {self.sigma:g}"
            raise HyperparameterError("HagerZhang", "sigma", why)

    def guess(self, line: Line, state: Walk) -> float:
        """QuadStep: where the parabola through f, the slope and the value at psi times the usual guess is least."""
        usual = super().guess(line, state)
        if not state.decrease > 0.0:
            return usual
        a = self.psi * usual
        _, f = line.value(a)
        wanted = quadratic_minimizer(0.0, line.f, line.slope, a, f) if f < math.inf else a
        return wanted if wanted == wanted else usual

    def search(self, line: Line, trial: float, state: Walk) -> Found | Status:
        return _Search(self, line).go(trial)


@dataclass(slots=True)
class _Sample:
    a: float
    f: float
    slope: float
    point: Point | None


class _Accepted(Exception):
    def __init__(self, outcome: Found | Status) -> None:
        self.outcome = outcome


class _Search:
    """One search, with the paper's names: L0–L3, B0–B3, U0–U3, S1–S4."""

    def __init__(self, settings: HagerZhang, line: Line) -> None:
        self.settings, self.line = settings, line
        self.ceiling = line.f + settings.epsilon * abs(line.f)

    def go(self, trial: float) -> Found | Status:
        try:
            low, high = self.bracket(trial)
            while True:  # L1–L3; every cut takes a trial, and those are bounded
                width = high.a - low.a
                a, b = self.secant2(low, high)
                if b.a - a.a > self.settings.gamma * width:
                    a, b = self.update(a, b, 0.5 * (a.a + b.a))
                if not b.a - a.a < width:
                    return self.line.failed(trial)
                low, high = a, b
        except _Accepted as accepted:
            return self.line.failed(trial) if accepted.outcome is Status.RUNNING else accepted.outcome

    def sample(self, a: float) -> _Sample:
        """φ and φ′ at α; leaves the search where α is accepted, or no trials are left."""
        line, settings = self.line, self.settings
        if line.trials >= settings.max_trials:
            raise _Accepted(Status.RUNNING)
        x, f = line.value(a)
        if f <= self.line.bottom:
            raise _Accepted(Status.UNBOUNDED)
        if f > self.ceiling:  # neither condition can hold
            return _Sample(a, f, math.nan, None)
        g, slope = line.slope_at(x, f)
        if slope != slope:
            return _Sample(a, math.inf, slope, None)
        point = Point(x, f, g)
        if slope >= settings.sigma * line.slope and (
            f - line.f <= settings.delta * a * line.slope
            or (f <= self.ceiling and slope <= (2.0 * settings.delta - 1.0) * line.slope)
        ):
            raise _Accepted(Found(a, point))
        return _Sample(a, f, slope, point)

    def bracket(self, trial: float) -> tuple[_Sample, _Sample]:
        """B0–B3: an interval whose slopes have opposite signs and whose lower end is no higher than the ceiling."""
        line = self.line
        low = _Sample(0.0, line.f, line.slope, line.point)
        a = trial
        wall = math.inf
        while True:
            here = self.sample(a)
            if here.f == math.inf:
                wall = a
                a = low.a + (0.5 if low.a > 0.0 else 0.2) * (a - low.a)
                continue
            if here.slope >= 0.0:
                return low, here
            if here.f > self.ceiling:
                return self.cut(low, here)
            low = here
            a = a * self.settings.rho if wall == math.inf else 0.5 * (a + wall)
            if not math.isfinite(a) or line.trials >= self.settings.max_trials:
                raise _Accepted(line.failed(trial, reached=low.a if wall == math.inf else 0.0))

    def update(self, low: _Sample, high: _Sample, c: float) -> tuple[_Sample, _Sample]:
        """U0–U3: the bracket cut at c."""
        if not low.a < c < high.a:
            return low, high
        here = self.sample(c)
        if here.f < math.inf and here.slope >= 0.0:
            return low, here
        if here.f <= self.ceiling:
            return here, high
        return self.cut(low, here)

    def cut(self, low: _Sample, high: _Sample) -> tuple[_Sample, _Sample]:
        """U3: from an upper end that is too high, cut until the slope rises."""
        while True:
            middle = self.inside(low, high)
            if not low.a < middle < high.a or (low.a == 0.0 and self.line.hidden(high.a)):
                raise _Accepted(Status.RUNNING)
            here = self.sample(middle)
            if here.f < math.inf and here.slope >= 0.0:
                return low, here
            if here.f <= self.ceiling:
                low = here
            else:
                high = here

    def inside(self, low: _Sample, high: _Sample) -> float:
        """Where to cut: the minimizer of the parabola through the lower end and the value of the upper, kept inside."""
        share = 0.5
        if high.f < math.inf:
            lowest = quadratic_minimizer(low.a, low.f, low.slope, high.a, high.f)
            if lowest == lowest:
                share = min(max((lowest - low.a) / (high.a - low.a), 0.1), 0.9)
        return (1.0 - share) * low.a + share * high.a

    def secant2(self, low: _Sample, high: _Sample) -> tuple[_Sample, _Sample]:
        """S1–S4: a secant step, and a second one from the end that it has replaced."""
        c = secant_root(low.a, low.slope, high.a, high.slope)
        a, b = self.update(low, high, c)
        if c == b.a:
            c = secant_root(high.a, high.slope, b.a, b.slope)
        elif c == a.a:
            c = secant_root(low.a, low.slope, a.a, a.slope)
        else:
            return a, b
        return self.update(a, b, c)
