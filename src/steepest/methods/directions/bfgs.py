"""The BFGS quasi-Newton direction."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, final

import numpy as np
from scipy.linalg.blas import dsymv, dsyr, dsyr2

from steepest.core.status import Status
from steepest.methods.directions.curvature import enough_curvature
from steepest.methods.matrix_model import MatrixModel
from steepest.methods.method import Direction, Model, Point, StepSize, Walk, check_pair
from steepest.methods.oracle import VectorOracle
from steepest.methods.state import record
from steepest.methods.step_sizes.strong_wolfe import StrongWolfe
from steepest.methods.vectors import Matrix, Vector, dot


@record
class BFGSState:
    """H ≈ (∇²f)⁻¹, or for trust regions B ≈ ∇²f; None before the first step. In the lower triangle, Fortran's order.

    resets: how often it was set to I because a search has failed.
    """

    H: Matrix | None = None
    B: Matrix | None = None
    resets: int = 0


@final
@dataclass(frozen=True)
class BFGS(Direction):
    """BFGS: d = −H ∇f(x), where H follows the inverse Hessian. With s = x⁺ − x, y = ∇f⁺ − ∇f, ρ = 1 / sᵀy:

        H ← (I − ρ s yᵀ) H (I − ρ y sᵀ) + ρ s sᵀ

    H starts as I, and as (sᵀy / yᵀy) I at the first update. A pair without curvature, sᵀy ≤ 1e-12 ‖s‖ ‖y‖, is left
    out; strong Wolfe steps never give one but for rounding. step_size: StrongWolfe() by default. n²/2 numbers, 2n²
    operations a step. Where the line search fails, H is set to I once and the search repeated.
    Source: Nocedal & Wright 2006, Algorithm 6.1 and eq. 6.20; Broyden, Fletcher, Goldfarb, Shanno 1970.

    >>> BFGS().descends, BFGS().curvature
    (True, 'matrix')
    """

    step_size: StepSize = field(default_factory=StrongWolfe)

    curvature: ClassVar[str] = "matrix"
    definite: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_pair(self)

    def begin(self, point: Point) -> BFGSState:
        return BFGSState()

    def along(self, oracle: VectorOracle, state: Walk) -> Vector | Status:
        H = state.own.H
        return -state.point.g if H is None else dsymv(-1.0, H, state.point.g, lower=1)

    def first_trial(self, state: Walk) -> float | None:
        return None if state.own.H is None else 1.0

    def learn(self, own: BFGSState, before: Point, after: Point, s: Vector, y: Vector) -> None:
        sy, yy = dot(s, y), dot(y, y)
        if not enough_curvature(sy, s, yy):
            return
        if self.step_size.wants_model:
            own.B = _direct_update(own.B, s, y, sy, yy)
            return
        H = own.H
        if H is None:
            H = _scaled_identity(s.shape[0], 1.0 if own.resets else sy / yy)
        Hy = dsymv(1.0, H, y, lower=1)
        # H⁺ = H + (s wᵀ + w sᵀ) / sᵀy with w = ½ (1 + yᵀHy / sᵀy) s − Hy
        w = (0.5 * (1.0 + dot(y, Hy) / sy)) * s
        w -= Hy
        own.H = dsyr2(1.0 / sy, s, w, a=H, lower=1, overwrite_a=1)

    def forget(self, own: BFGSState) -> bool:
        known = own.H is not None or own.B is not None
        own.H = own.B = None
        own.resets += known
        return known

    def model(self, oracle: VectorOracle, state: Walk) -> Model | Status:
        B = state.own.B
        if B is None:
            B = _scaled_identity(state.point.x.shape[0], 1.0)
        return MatrixModel(state.point.g, np.tril(B) + np.tril(B, -1).T)


def _scaled_identity(n: int, scale: float) -> Matrix:
    made = np.zeros((n, n), order="F")
    np.fill_diagonal(made, scale)
    return made


def _direct_update(B: Matrix | None, s: Vector, y: Vector, sy: float, yy: float) -> Matrix:
    """B − B s sᵀB / sᵀBs + y yᵀ / sᵀy, in place, in the lower triangle."""
    if B is None:
        B = _scaled_identity(s.shape[0], yy / sy)
    Bs = dsymv(1.0, B, s, lower=1)
    B = dsyr(-1.0 / float(s.dot(Bs)), Bs, a=B, lower=1, overwrite_a=1)
    B = dsyr(1.0 / sy, y, a=B, lower=1, overwrite_a=1)
    return B
