"""Newton's method."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, final

import numpy as np

from steepest.core.status import Status
from steepest.methods.linear_algebra import modified_cholesky, solve
from steepest.methods.matrix_model import MatrixModel
from steepest.methods.method import Direction, Model, Point, StepSize, Walk, check_pair
from steepest.methods.oracle import Ask, VectorOracle
from steepest.methods.step_sizes.strong_wolfe import StrongWolfe
from steepest.methods.vectors import Vector


@final
@dataclass(frozen=True)
class Newton(Direction):
    """Newton's method: d = −(∇²f(x) + E)⁻¹ ∇f(x) by Cholesky, E = 0 where the Hessian is positive definite.

    Where it is not, its eigenvalues λ are replaced by |λ|, at least 1e-8 of the largest (see `modified_cholesky`), so
    that d descends; a trust region takes the Hessian as it is. step_size: StrongWolfe() by default, with first trial
    1; Armijo() is the damped method, Constant(1) the pure one, which is drawn to saddles and maxima. One Hessian and
    n³/3 operations a step. Invariant under linear maps of x.
    Source: Nocedal & Wright 2006, Algorithms 3.2 and 4.1; quadratic convergence: Theorem 3.5.

    >>> from steepest.methods import TrustRegion
    >>> Newton(step_size=TrustRegion("exact")).text
    "Newton(step_size=TrustRegion(subproblem='exact', radius=1.0, largest=None, eta=0.0001))"
    """

    step_size: StepSize = field(default_factory=StrongWolfe)

    needs: ClassVar[frozenset[Ask]] = frozenset({Ask.VALUE, Ask.GRADIENT, Ask.HESSIAN})
    curvature: ClassVar[str] = "matrix"

    def __post_init__(self) -> None:
        check_pair(self)

    def begin(self, point: Point) -> Any:
        return None

    def along(self, oracle: VectorOracle, state: Walk) -> Vector | Status:
        B = oracle.hessian(state.point.x, state.point.g)
        if not np.all(np.isfinite(B)):
            return Status.NONFINITE
        return -solve(modified_cholesky(B), state.point.g)

    def first_trial(self, state: Walk) -> float | None:
        return 1.0

    def model(self, oracle: VectorOracle, state: Walk) -> Model | Status:
        B = oracle.hessian(state.point.x, state.point.g)
        return MatrixModel(state.point.g, B) if np.all(np.isfinite(B)) else Status.NONFINITE
