"""Levenberg–Marquardt for nonlinear least squares."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from steepest.core.ranges import Range
from steepest.core.status import Status
from steepest.methods.method import Method, Point
from steepest.methods.oracle import Ask, VectorOracle
from steepest.methods.settings import check_numbers
from steepest.methods.state import record
from steepest.methods.vectors import Matrix, Vector, norm


@record
class LMState:
    """The iterate, the radius Δ, the scales D of the variables, λ and ‖Dp‖ of the last step (as `length`), f(x₀)."""

    point: Point
    radius: float
    scales: Vector
    lam: float = 0.0
    length: float = math.nan
    first: float = 0.0


@final
@dataclass(frozen=True)
class LevenbergMarquardt(Method):
    """Levenberg–Marquardt for f = ½‖r(x)‖²: the step p minimizes ‖r + Jp‖ within ‖Dp‖ ≤ Δ,

        (JᵀJ + λ D²) p = −Jᵀr,   λ ≥ 0

    with the radius moved by how well f agrees, as a trust region. D are the largest norms so far of J's columns, so
    steps do not depend on the variables' units; scaled=False takes D = I. By the singular values of J D⁻¹, once a
    Jacobian: a Jacobian without full rank gives the shortest step. factor: the first Δ is so many times ‖Dp‖ of the
    minimizer along D⁻²∇f, in (0, ∞), 30. λ is found as in MINPACK, to ‖Dp‖ within a tenth of Δ. fun returns r, a
    vector; its own step, no step_size.
    Source: Moré 1978, The Levenberg–Marquardt algorithm (MINPACK's lmder), with singular values in place of QR.
    Dialect: MINPACK's first Δ is 100 ‖D x₀‖, which depends on where x = 0 is.

    >>> LevenbergMarquardt(factor=0)
    Traceback (most recent call last):
    ...
    steepest.core.errors.HyperparameterError: LevenbergMarquardt: factor must be in (0, inf), got 0
    """

    factor: float = 30.0
    scaled: bool = True

    needs: ClassVar[frozenset[Ask]] = frozenset({Ask.RESIDUALS})
    _TRIALS: ClassVar[int] = 100

    def __post_init__(self) -> None:
        check_numbers(self, {"factor": Range(0, open_low=True)})

    def start(self, oracle: VectorOracle, point: Point) -> LMState:
        J = oracle.jacobian(point.x)
        scales = _columns(J) if self.scaled else np.ones(point.x.shape[0])
        scales[scales == 0.0] = 1.0
        u = point.g / scales
        along, size = norm(J @ (u / scales)), norm(u)
        cauchy = size * (size / along) ** 2 if along > 0.0 else 1.0
        radius = self.factor * cauchy if math.isfinite(cauchy) and cauchy > 0.0 else self.factor
        return LMState(point, radius, scales, first=point.f)

    def step(self, oracle: VectorOracle, state: LMState) -> Status | None:
        point = state.point
        J, r = oracle.jacobian(point.x), oracle.residuals(point.x)
        if self.scaled:
            np.maximum(state.scales, _columns(J), out=state.scales)
        if not np.all(np.isfinite(J)):
            return Status.NONFINITE
        U, values, Vt = np.linalg.svd(J / state.scales, full_matrices=False)
        Ur = U.T @ r
        noise = 10.0 * oracle.eps * point.f + (10.0 * oracle.eps) ** 2 * state.first
        first, promised, moved = math.isnan(state.length), 0.0, 0.0
        for _ in range(self._TRIALS):
            q, state.lam = _damped(values, Ur, state.radius, state.lam)
            length = norm(q)
            if first:
                state.radius, first = min(state.radius, length), False
            p = (Vt.T @ q) / state.scales
            image = values * q
            predicted = -float(image.dot(Ur)) - 0.5 * float(image.dot(image))
            if length == 0.0 or not predicted > 0.0:
                return Status.PRECISION_LIMIT
            x = point.x + p
            f = oracle.value(x)
            promised = promised or predicted
            if predicted <= noise and not f < point.f:
                return Status.PRECISION_LIMIT if promised <= 1e4 * noise else Status.MODEL_FAILED
            ratio = (point.f - f) / predicted if f == f else -math.inf
            _resize(state, ratio, point.f, f, float(image.dot(image)), -float(image.dot(Ur)), length)
            if ratio > 1e-4:
                state.point = Point(x, f, oracle.gradient(x, f))
                state.length = length
                return None
            moved = max(moved, abs(f - point.f)) if f == f else math.inf
            if norm(p) <= oracle.eps * norm(point.x) or state.radius == 0.0:
                break
        return Status.PRECISION_LIMIT if moved <= 1e4 * noise else Status.MODEL_FAILED


def _columns(J: Matrix) -> Vector:
    return np.sqrt(np.einsum("ij,ij->j", J, J))


def _damped(values: Vector, Ur: Vector, radius: float, lam: float) -> tuple[Vector, float]:
    """Q = −s/(s² + λ) Uᵀr with ‖q‖ within a tenth of the radius, from the λ of the step before; λ = 0 where that does.

    λ is the root of ‖q(λ)‖ = Δ, a convex falling function, by Newton's method on 1/‖q‖, between two bounds.
    """
    kept = values > 1e-12 * values[0] if values[0] > 0.0 else np.zeros(values.shape, dtype=bool)
    q = np.zeros_like(values)
    q[kept] = -Ur[kept] / values[kept]
    length = norm(q)
    if length <= 1.1 * radius:
        return q, 0.0
    slopes, squares = values * Ur, values * values
    low, high = 0.0, norm(slopes) / radius
    if bool(kept.all()):
        low = _newton(q, squares, length, radius)
    lam = min(max(lam, low), high) or norm(slopes) / length
    for _ in range(10):
        lam = lam or max(1e-300, 1e-3 * high)
        shifted = squares + lam
        q = -slopes / shifted
        length = norm(q)
        if abs(length - radius) <= 0.1 * radius:
            break
        if length > radius:
            low = max(low, lam)
        else:
            high = min(high, lam)
        lam = max(low, lam + _newton(q, shifted, length, radius))
    return q, lam


def _newton(q: Vector, shifted: Vector, length: float, radius: float) -> float:
    """By how much Newton's method moves λ, towards the root of 1/‖q‖ = 1/Δ."""
    return (length / float((q * q / shifted).sum())) * length * (length - radius) / radius


def _resize(state: LMState, ratio: float, f: float, after: float, image: float, fall: float, length: float) -> None:
    """Moré's rule: where f disagrees Δ shrinks by what a parabola through f suggests, in [0.1, ½]; else it may grow."""
    if ratio <= 0.25:
        shrink = 0.1
        if math.isfinite(after) and after < 100.0 * max(f, 1e-300):
            slope = -fall
            bend = after - f - slope
            shrink = min(max(-slope / (2.0 * bend), 0.1), 0.5) if bend > 0.0 else 0.5
        state.radius = shrink * min(state.radius, 10.0 * length)
        state.lam /= shrink
    elif state.lam == 0.0 or ratio >= 0.75:
        state.radius = 2.0 * length
        state.lam *= 0.5
