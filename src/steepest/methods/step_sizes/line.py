"""What all searches along a line share: the function of one variable, the first trial, and how a search fails."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import final

import numpy as np

from steepest.core.status import Status
from steepest.methods.method import Direction, Found, Point, StepSize, Walk
from steepest.methods.oracle import VectorOracle
from steepest.methods.vectors import Vector, norm


class LineSearch(StepSize):
    """A step size that is found by trials along the direction."""

    def refuse(self, direction: Direction) -> str:
        if not direction.descends:
            return f"{direction.name}'s direction may ascend; use TrustRegion()"
        return ""

    @final
    def take(self, oracle: VectorOracle, direction: Direction, state: Walk) -> Status | None:
        """Ask for the direction, search along it, and tell the direction what was found.

        Where the search fails and the direction has learned something, it forgets that and the search is made once
        more, along what is the direction then. A search that fails leaves the lowest point that it has seen.
        """
        status = self._attempt(oracle, direction, state)
        if status in _RETRY and direction.forget(state.own):
            state.length = math.nan
            status = self._attempt(oracle, direction, state)
        return status

    def _attempt(self, oracle: VectorOracle, direction: Direction, state: Walk) -> Status | None:
        point = state.point
        d = direction.along(oracle, state)
        if isinstance(d, Status):
            return d
        slope = float(point.g.dot(d))
        if not slope < 0.0:
            return Status.NOT_DESCENT
        line = Line(oracle, point, d, slope)
        trial = direction.first_trial(state)
        found = self.search(line, _guess(state, slope, d) if trial is None else trial, state)
        if isinstance(found, Status):
            if line.lowest is not None:
                state.point = line.lowest
            return found
        after = found.point
        s = d if found.length == 1.0 else found.length * d
        direction.learn(state.own, point, after, s, after.g - point.g)
        state.length, state.slope, state.decrease = found.length, slope, point.f - after.f
        state.point = after
        return None

    @abstractmethod
    def search(self, line: Line, trial: float, state: Walk) -> Found | Status:
        """A step that is accepted; `trial` is where to begin."""


@final
class Line:
    """φ(α) = f(x + αd) for α ≥ 0. A value that is not finite is taken for +∞: a border of the domain.

    longest: the largest α that may be tried. box: bounds that no trial leaves, also by rounding. bottom: a value as low
    as this is taken for −∞. lowest: the lowest point whose gradient was asked, where that is below the start.
    """

    __slots__ = ("bottom", "box", "d", "f", "longest", "lowest", "oracle", "point", "slope", "trials")

    def __init__(
        self,
        oracle: VectorOracle,
        point: Point,
        d: Vector,
        slope: float,
        longest: float = math.inf,
        box: tuple[Vector, Vector] | None = None,
    ) -> None:
        self.oracle, self.point, self.d, self.f, self.slope = oracle, point, d, point.f, slope
        self.longest, self.box = longest, box
        self.bottom = -1e30 * max(1.0, abs(point.f))
        self.lowest: Point | None = None
        self.trials = 0

    def value(self, a: float) -> tuple[Vector, float]:
        """The point x + αd, and f there."""
        self.trials += 1
        x = self.point.x + (self.d if a == 1.0 else a * self.d)
        if self.box is not None:
            np.clip(x, self.box[0], self.box[1], out=x)
        f = self.oracle.value(x)
        return (x, math.inf) if f != f else (x, f)  # NaN

    def slope_at(self, x: Vector, f: float) -> tuple[Vector, float]:
        """∇f at a point that was just evaluated, and φ′ there."""
        g = self.oracle.gradient(x, f)
        if f < (self.f if self.lowest is None else self.lowest.f):
            self.lowest = Point(x, f, g)
        return g, float(g.dot(self.d))

    def point_at(self, a: float) -> Found | Status:
        """The step α, whatever is there."""
        x, f = self.value(a)
        if not math.isfinite(f):
            return Status.UNBOUNDED if f < 0 else Status.NONFINITE
        g = self.oracle.gradient(x, f)
        return Found(a, Point(x, f, g))

    def noise(self) -> float:
        """How far rounding may move a value of f here."""
        return 10.0 * self.oracle.eps * abs(self.f)

    def failed(self, trial: float, reached: float = 0.0) -> Status:
        """What it means that nothing was accepted: f that falls without end, as far as the step `reached`; rounding,
        where the first trial promised no more; else a function that is unlike its gradient.
        """
        if reached > 0.0 and reached * norm(self.d) > 1e8 * max(1.0, norm(self.point.x)):
            return Status.UNBOUNDED
        return Status.PRECISION_LIMIT if -trial * self.slope <= 10.0 * self.noise() else Status.LINE_SEARCH_FAILED


_RETRY = frozenset({Status.LINE_SEARCH_FAILED, Status.PRECISION_LIMIT, Status.NOT_DESCENT})


def _guess(state: Walk, slope: float, d: Vector) -> float:
    """The first trial where the direction has no natural length (Nocedal & Wright 2006, §3.5)."""
    if not state.decrease > 0.0:
        length = norm(d)
        return min(1.0, 1.0 / length)
    return 1.01 * 2.0 * state.decrease / -slope
