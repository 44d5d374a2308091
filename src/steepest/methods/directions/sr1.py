"""The symmetric rank-one quasi-Newton model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, final

import numpy as np

from steepest.core.ranges import Range
from steepest.core.status import Status
from steepest.methods.matrix_model import MatrixModel
from steepest.methods.method import Direction, Model, Point, StepSize, Walk, check_pair
from steepest.methods.oracle import VectorOracle
from steepest.methods.settings import check_numbers
from steepest.methods.state import record
from steepest.methods.trust_region.trust_region import TrustRegion
from steepest.methods.vectors import Matrix, Vector, norm


@record
class SR1State:
    """B ≈ ∇²f, None before the first pair; how many pairs were left out."""

    B: Matrix | None = None
    skipped: int = 0


@final
@dataclass(frozen=True)
class SR1(Direction):
    """Symmetric rank one: the model's B follows the Hessian, which may be indefinite. With v = y − Bs:

        B ← B + v vᵀ / vᵀs,   left out where |vᵀs| < skip ‖v‖ ‖s‖

    B starts as I, and as (yᵀy / sᵀy) I at a first pair with sᵀy > 0. Its direction may ascend, so it takes a trust
    region alone: TrustRegion("exact") by default; it learns from steps that are refused too. skip in (0, 1), 1e-8.
    On a quadratic B is the Hessian after n independent steps, whatever their lengths.
    Source: Conn, Gould & Toint 1991; Nocedal & Wright 2006, Algorithm 6.2.

    >>> from steepest.methods import StrongWolfe
    >>> SR1(step_size=StrongWolfe())
    Traceback (most recent call last):
    ...
    steepest.core.errors.InputError: SR1: step_size StrongWolfe does not fit: SR1's direction may ascend; \
use TrustRegion()
    """

    step_size: StepSize = field(default_factory=lambda: TrustRegion("exact"))
    skip: float = 1e-8

    descends: ClassVar[bool] = False
    curvature: ClassVar[str] = "matrix"
    learns_from_refused: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_numbers(self, {"skip": Range(0, 1, True, True)})
        check_pair(self)

    def begin(self, point: Point) -> SR1State:
        return SR1State()

    def along(self, oracle: VectorOracle, state: Walk) -> Vector | Status:
        return Status.NOT_DESCENT

    def learn(self, own: SR1State, before: Point, after: Point, s: Vector, y: Vector) -> None:
        B = own.B
        if B is None:
            sy, yy = float(s.dot(y)), float(y.dot(y))
            B = (yy / sy if sy > 1e-12 * yy**0.5 * norm(s) else 1.0) * np.eye(s.shape[0])
        v = y - B @ s
        vs = float(v.dot(s))
        if abs(vs) < self.skip * norm(v) * norm(s) or vs == 0.0:
            own.skipped += 1
        else:
            B = B + np.outer(v, v / vs)
        own.B = B

    def forget(self, own: SR1State) -> bool:
        known = own.B is not None
        own.B = None
        return known

    def model(self, oracle: VectorOracle, state: Walk) -> Model | Status:
        B = state.own.B
        return MatrixModel(state.point.g, np.eye(state.point.x.shape[0]) if B is None else B)
