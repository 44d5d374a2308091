"""What all searches along a line share: the function of one variable, the first trial, and how a search fails."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import final

import numpy as np

from steepest.core.status import Status
from steepest.methods.method import Direction, Found, Point, StepSize, Walk
from steepest.methods.oracle import VectorOracle
from steepest.methods.vectors import Vector, dot, norm


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
        slope = dot(point.g, d)
        if slope == -math.inf:  # ‖∇f‖² is beyond the largest number
            d = (1.0 / norm(d)) * d
            slope = dot(point.g, d)
        if not slope < 0.0:
            return Status.NOT_DESCENT
        line = Line(oracle, point, d, slope)
        trial = direction.first_trial(state)
        found = self.search(line, self.guess(line, state) if trial is None else trial, state)
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

    def guess(self, line: Line, state: Walk) -> float:
        """The first trial where the direction has no natural length (Nocedal & Wright 2006, §3.5).

        It leads no further than 1e4 times from where x is, for f may have fallen by hundreds of powers of ten.
        """
        length = norm(line.d)
        if not state.decrease > 0.0:
            return min(1.0, 1.0 / length)
        return min(1.01 * 2.0 * state.decrease / -line.slope, 1e4 * max(1.0, norm(line.point.x)) / length)

    @abstractmethod
    def search(self, line: Line, trial: float, state: Walk) -> Found | Status:
        """A step that is accepted; `trial` is where to begin."""


@final
class Line:
    """φ(α) = f(x + αd) for α ≥ 0. A value that is not finite is taken for +∞: a border of the domain.

    longest: the largest α that may be tried. box: bounds that no trial leaves, also by rounding. bottom: a value as low
    as this is taken for −∞. lowest: the lowest point whose gradient was asked, where that is below the start.
    """

    __slots__ = ("bottom", "box", "d", "f", "longest", "lowest", "oracle", "point", "seen", "slope")

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
        self.seen: list[tuple[float, float]] = []

    @property
    def trials(self) -> int:
        """How many there were."""
        return len(self.seen)

    def value(self, a: float) -> tuple[Vector, float]:
        """The point x + αd, and f there."""
        x = self.point.x + (self.d if a == 1.0 else a * self.d)
        if self.box is not None:
            np.clip(x, self.box[0], self.box[1], out=x)
        f = self.oracle.value(x)
        if f != f:  # NaN
            f = math.inf
        self.seen.append((a, f))
        return x, f

    def slope_at(self, x: Vector, f: float) -> tuple[Vector, float]:
        """∇f at a point that was just evaluated, and φ′ there."""
        g = self.oracle.gradient(x, f)
        if f < (self.f if self.lowest is None else self.lowest.f):
            self.lowest = Point(x, f, g)
        return g, dot(g, self.d)

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

    def hidden(self, a: float) -> bool:
        """Whether rounding hides all that the slope promises up to α."""
        return -a * self.slope <= 0.1 * self.noise()

    def failed(self, trial: float, reached: float = 0.0) -> Status:
        """What it means that nothing was accepted: f that falls without end, as far as the step `reached`; rounding,
        where no trial promised more; else a function that is unlike its gradient.
        """
        if reached > 0.0 and reached * norm(self.d) > 1e8 * max(1.0, norm(self.point.x)):
            return Status.UNBOUNDED
        if -trial * self.slope <= 10.0 * self.noise() or self._rounded():
            return Status.PRECISION_LIMIT
        return Status.LINE_SEARCH_FAILED

    def _rounded(self) -> bool:
        """Whether parabolas through f, the slope and each trial promise no decrease that rounding would not hide.

        Rounding is what f scatters by at trials that are closer than the slope can show. Where f rises along d as a
        line does, for which the parabolas bend the more the shorter the step, it is no matter of rounding.
        """
        noise, slope = self.noise(), self.slope
        close = [abs(f - self.f) for a, f in self.seen if -a * slope <= noise]
        noise = max(noise, min(3.0 * max(close, default=0.0), 1e3 * noise))
        bends = [((f - self.f - a * slope) / (a * a), a) for a, f in self.seen if 10.0 * noise < f - self.f < math.inf]
        lower = max((self.f - f for _, f in self.seen), default=0.0)
        if not bends or lower > 10.0 * noise:
            return False
        least = min(bends)[0]
        return slope * slope <= 40.0 * noise * least and min(bends, key=lambda bend: bend[1])[0] <= 4.0 * least


_RETRY = frozenset({Status.LINE_SEARCH_FAILED, Status.PRECISION_LIMIT, Status.NOT_DESCENT})
