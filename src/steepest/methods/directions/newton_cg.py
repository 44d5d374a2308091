"""Newton's method by conjugate gradients, on Hessian-vector products alone."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar, final

from steepest.core.ranges import Range
from steepest.core.status import Status
from steepest.methods.matrix_model import ProductModel
from steepest.methods.method import Direction, Model, Point, StepSize, Walk, check_pair
from steepest.methods.oracle import Ask, VectorOracle
from steepest.methods.preconditioner import Preconditioner, check_preconditioner
from steepest.methods.settings import check_numbers
from steepest.methods.step_sizes.strong_wolfe import StrongWolfe
from steepest.methods.vectors import Vector, dot


@final
@dataclass(frozen=True)
class NewtonCG(Direction):
    """Truncated Newton: ∇²f(x) d = −∇f(x) by conjugate gradients, ended at ‖r‖ ≤ η‖∇f‖ or at negative curvature.

    η = min(½, √‖∇f‖), in the norm of M⁻¹ where preconditioned: superlinear. At a direction p with pᵀ∇²f p ≤ 0 the
    iterate so far is d, and −M⁻¹∇f where it is the first. step_size: StrongWolfe() by default, first trial 1; with
    TrustRegion("steihaug") the subproblem does the conjugate gradients. max_products: a whole number from 1; None is
    the number of variables, at least 20. Products are the user's hessp, automatic, or differences of gradients.
    Source: Dembo & Steihaug 1983; Nocedal & Wright 2006, Algorithm 7.1.

    >>> NewtonCG(max_products=0)
    Traceback (most recent call last):
    ...
    steepest.core.errors.HyperparameterError: NewtonCG: max_products must be a whole number in [1, inf), got 0
    """

    step_size: StepSize = field(default_factory=StrongWolfe)
    preconditioner: Preconditioner | None = None
    max_products: int | None = None

    needs: ClassVar[frozenset[Ask]] = frozenset({Ask.VALUE, Ask.GRADIENT, Ask.HESSIAN_VECTOR})
    curvature: ClassVar[str] = "product"
    on_device: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_numbers(self, {"max_products": Range(1, integer=True)})
        check_pair(self)
        check_preconditioner(self, self.preconditioner)

    def begin(self, point: Point) -> Any:
        return None

    def along(self, oracle: VectorOracle, state: Walk) -> Vector | Status:
        point = state.point
        most = max(20, point.x.shape[0]) if self.max_products is None else self.max_products
        g, M = point.g, self.preconditioner
        r = 1.0 * g
        z = r if M is None else M.apply(r, point.x)
        rz = dot(r, z)
        size = math.sqrt(rz) if rz > 0.0 else math.nan
        target = min(0.5, math.sqrt(size)) * size
        p = -z
        d = 0.0 * g
        for index in range(most):
            Bp = oracle.hessian_vector(point.x, p, g)
            bend = dot(p, Bp)
            if bend != bend:
                return Status.NONFINITE
            if bend <= 0.0:
                return p if index == 0 else d
            a = rz / bend
            d += a * p
            r += a * Bp
            z = r if M is None else M.apply(r, point.x)
            before, rz = rz, dot(r, z)
            if not rz > target * target:
                break
            p = (rz / before) * p
            p -= z
        return d

    def first_trial(self, state: Walk) -> float | None:
        return 1.0

    def model(self, oracle: VectorOracle, state: Walk) -> Model | Status:
        point = state.point
        return ProductModel(point.g, lambda v: oracle.hessian_vector(point.x, v, point.g))
