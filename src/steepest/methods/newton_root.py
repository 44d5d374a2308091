"""Newton's method for systems of equations."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, final

import numpy as np
from scipy.linalg.lapack import dgesv

from steepest.core.errors import InputError
from steepest.core.status import Status
from steepest.methods.method import Direction, Point, StepSize, Walk, check_pair
from steepest.methods.oracle import Ask, VectorOracle
from steepest.methods.state import record
from steepest.methods.step_sizes.armijo import Armijo
from steepest.methods.vectors import Vector, all_finite


@record
class RootState:
    """The residual at the current point."""

    r: Any = None


@final
@dataclass(frozen=True)
class NewtonRoot(Direction):
    """Newton's method for r(x) = 0 with as many equations as unknowns: J d = −r, J = ∂r/∂x.

    step_size: searches along d on ½‖r‖²; Armijo() by default, which is the damped method, Constant(1) the pure one. A
    singular Jacobian ends the run as `singular`. The stopping test looks at r, not at a gradient.
    Source: Nocedal & Wright 2006, Algorithms 11.1 and 11.4.

    >>> NewtonRoot().measures
    'the residual'
    """

    step_size: StepSize = field(default_factory=Armijo)

    needs: ClassVar[frozenset[Ask]] = frozenset({Ask.RESIDUALS})
    measures: ClassVar[str] = "the residual"

    def __post_init__(self) -> None:
        check_pair(self)

    def begin(self, point: Point) -> RootState:
        return RootState()

    def start(self, oracle: VectorOracle, point: Point) -> Walk:
        walk = super().start(oracle, point)
        r = oracle.residuals(point.x)
        if r.shape != point.x.shape:
            raise InputError(f"root: fun must return as many residuals as x has numbers, {len(point.x)}, got {len(r)}")
        walk.own.r = r
        return walk

    def step(self, oracle: VectorOracle, state: Walk) -> Status | None:
        status = super().step(oracle, state)
        if status is None:
            state.own.r = oracle.residuals(state.point.x)
        return status

    def optimality(self, state: Walk) -> Vector:
        return state.own.r

    def along(self, oracle: VectorOracle, state: Walk) -> Vector | Status:
        J = oracle.jacobian(state.point.x)
        if not np.all(np.isfinite(J)):
            return Status.NONFINITE
        _, _, d, info = dgesv(J, state.own.r)
        if info != 0 or not all_finite(d):
            return Status.SINGULAR
        return -d

    def first_trial(self, state: Walk) -> float | None:
        return 1.0
