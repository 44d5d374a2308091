"""The Gauss–Newton direction."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, final

import numpy as np

from steepest.core.ranges import Range
from steepest.core.status import Status
from steepest.methods.matrix_model import MatrixModel
from steepest.methods.method import Direction, Model, Point, StepSize, Walk, check_pair
from steepest.methods.oracle import Ask, VectorOracle
from steepest.methods.settings import check_numbers
from steepest.methods.step_sizes.strong_wolfe import StrongWolfe
from steepest.methods.vectors import Vector


@final
@dataclass(frozen=True)
class GaussNewton(Direction):
    """Gauss–Newton for f = ½‖r(x)‖²: d minimizes ‖r + Jd‖, J = ∂r/∂x; of several, the shortest.

    By the singular value decomposition: values below `rank_tol` of the largest count as zero, so a Jacobian without
    full rank is no obstacle; d descends wherever Jᵀr ≠ 0 in what is left. step_size: StrongWolfe() by default, first
    trial 1; with a trust region B = JᵀJ. rank_tol in (0, 1), 1e-10. fun returns r, a vector.
    Source: Nocedal & Wright 2006, §10.3.

    >>> GaussNewton().needs == {Ask.RESIDUALS}
    True
    """

    step_size: StepSize = field(default_factory=StrongWolfe)
    rank_tol: float = 1e-10

    needs: ClassVar[frozenset[Ask]] = frozenset({Ask.RESIDUALS})
    curvature: ClassVar[str] = "matrix"

    def __post_init__(self) -> None:
        check_numbers(self, {"rank_tol": Range(0, 1, True, True)})
        check_pair(self)

    def begin(self, point: Point) -> Any:
        return None

    def along(self, oracle: VectorOracle, state: Walk) -> Vector | Status:
        x = state.point.x
        J = oracle.jacobian(x)
        r = oracle.residuals(x)
        if not np.all(np.isfinite(J)):
            return Status.NONFINITE
        U, values, Vt = np.linalg.svd(J, full_matrices=False)
        kept = values > self.rank_tol * values[0]
        if not np.any(kept):
            return Status.SINGULAR
        return -(Vt[kept].T @ ((U[:, kept].T @ r) / values[kept]))

    def first_trial(self, state: Walk) -> float | None:
        return 1.0

    def model(self, oracle: VectorOracle, state: Walk) -> Model | Status:
        J = oracle.jacobian(state.point.x)
        return MatrixModel(state.point.g, J.T @ J) if np.all(np.isfinite(J)) else Status.NONFINITE
