"""L-BFGS-B: limited-memory BFGS within bounds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from steepest.core.ranges import Range
from steepest.core.status import Status
from steepest.methods.bounded.cauchy_point import cauchy_point
from steepest.methods.bounded.compact import Compact
from steepest.methods.bounded.subspace import subspace_minimizer
from steepest.methods.directions.curvature import enough_curvature
from steepest.methods.directions.lbfgs import Memory, empty, remember
from steepest.methods.method import Method, Point, Walk
from steepest.methods.oracle import VectorOracle
from steepest.methods.settings import check_numbers
from steepest.methods.state import record
from steepest.methods.step_sizes.line import Line
from steepest.methods.step_sizes.strong_wolfe import StrongWolfe
from steepest.methods.vectors import Vector, norm


@record
class Box:
    """The pairs, and the bounds."""

    memory: Memory
    low: Vector
    high: Vector


@final
@dataclass(frozen=True)
class LBFGSB(Method):
    """L-BFGS-B: minimize f within low ≤ x ≤ high. A step, with the model m of the last `memory` pairs (s, y):

        1. the generalized Cauchy point: the first minimizer of m along the projected path P(x − t∇f), t ≥ 0;
        2. m's minimizer in the variables that are free there, projected to the bounds (if that direction does not
           descend, the way to it is cut at the first bound instead);
        3. a strong Wolfe step along the line to that point, not beyond the bounds.

    f is never asked outside the bounds; a start outside them is projected first. The stopping test looks at
    P(x − ∇f) − x. memory: a whole number from 1, 10. c1, c2: as in StrongWolfe, 1e-4 and 0.9. max_trials: 40. Where the
    search fails the memory is emptied once and the step tried again. 2mn numbers.
    Source: Byrd, Lu, Nocedal & Zhu 1995, SIAM J. Sci. Comput. 16, 1190–1208; the projection in 2: Morales & Nocedal
    2011, ACM TOMS 38, 7. Dialect: a pair without curvature, sᵀy ≤ 2.2e-16 yᵀy in L-BFGS-B 3.0, is left out by
    sᵀy ≤ 1e-12 ‖s‖ ‖y‖.

    >>> LBFGSB().bounded
    True
    """

    memory: int = 10
    c1: float = 1e-4
    c2: float = 0.9
    max_trials: int = 40

    bounded: ClassVar[bool] = True
    measures: ClassVar[str] = "the projected gradient"

    def __post_init__(self) -> None:
        check_numbers(self, {"memory": Range(1, integer=True)})
        self._search()

    def start(self, oracle: VectorOracle, point: Point) -> Walk:
        n = point.x.shape[0]
        low, high = oracle.bounds if oracle.bounds is not None else (np.full(n, -math.inf), np.full(n, math.inf))
        return Walk(point, Box(empty(self.memory, point.x, with_SS=True), low, high), None)

    def optimality(self, state: Any) -> Vector:
        """P(x − ∇f) − x."""
        point, box = state.point, state.own
        return np.clip(point.x - point.g, box.low, box.high) - point.x

    def step(self, oracle: VectorOracle, state: Walk) -> Status | None:
        status = self._attempt(oracle, state)
        memory: Memory = state.own.memory
        if status in _RETRY and memory.size:
            memory.clear()
            status = self._attempt(oracle, state)
        return status

    def _attempt(self, oracle: VectorOracle, state: Walk) -> Status | None:
        point, box = state.point, state.own
        model = Compact.of(box.memory)
        if model is None:
            return Status.LINE_SEARCH_FAILED
        corner = cauchy_point(model, point.x, point.g, box.low, box.high)
        target = corner.x
        if box.memory.size:
            target = subspace_minimizer(model, point, corner, box.low, box.high)
        d = target - point.x
        slope = float(point.g.dot(d))
        if not slope < 0.0:
            return Status.PRECISION_LIMIT if slope == 0.0 else Status.NOT_DESCENT
        longest = _longest(point.x, d, box.low, box.high)
        trial = 1.0 if box.memory.size else min(1.0, 1.0 / norm(d))
        line = Line(oracle, point, d, slope, max(1.0, longest), (box.low, box.high))
        found = self._search().search(line, trial, state)
        if isinstance(found, Status):
            if line.lowest is not None:
                state.point = line.lowest
            return found
        after = found.point
        s, y = after.x - point.x, after.g - point.g
        sy, yy = float(s.dot(y)), float(y.dot(y))
        if enough_curvature(sy, s, yy):
            remember(box.memory, s, y, sy / yy, with_SS=True)
        state.length, state.slope, state.decrease = found.length, slope, point.f - after.f
        state.point = after
        return None

    def _search(self) -> StrongWolfe:
        return StrongWolfe(self.c1, self.c2, self.max_trials)


def _longest(x: Vector, d: Vector, low: Vector, high: Vector) -> float:
    """The largest α for which x + αd is within the bounds."""
    room = np.where(d > 0.0, high - x, low - x)
    moving = d != 0.0
    return float((room[moving] / d[moving]).min())


_RETRY = frozenset({Status.LINE_SEARCH_FAILED, Status.PRECISION_LIMIT, Status.NOT_DESCENT})
