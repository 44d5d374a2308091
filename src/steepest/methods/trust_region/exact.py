"""The exact solution of the trust region's subproblem."""

from __future__ import annotations

import math

import numpy as np

from steepest.methods.matrix_model import MatrixModel
from steepest.methods.method import Model
from steepest.methods.vectors import Matrix, Vector


def exact(model: Model, radius: float) -> tuple[Vector, float]:
    """The global minimizer p of gᵀp + ½ pᵀBp within ‖p‖ ≤ Δ, and how much lower the model is there.

    p solves (B + λI) p = −g with λ ≥ 0, B + λI positive semidefinite, and λ = 0 or ‖p‖ = Δ. With the eigenvalues of B,
    computed once a model, λ is the root of 1/Δ − 1/‖p(λ)‖, by Newton's method in t = λ + λ₁, which does not cancel,
    within a bracket. In the hard case, g orthogonal to the lowest eigenvectors, p goes along one of them to the border.
    Source: Moré & Sorensen 1983, SIAM J. Sci. Stat. Comput. 4, 553–572; Nocedal & Wright 2006, §4.3.
    """
    assert isinstance(model, MatrixModel), "the exact subproblem is for models with a matrix"
    values, vectors = model.eigen()
    coefficients = vectors.T @ model.g
    lowest = float(values[0])
    if lowest > 0.0:
        inside = -coefficients / values
        if float(inside.dot(inside)) <= radius * radius:
            return _ended(vectors, values, coefficients, inside)
    gaps = values - lowest
    t = _shift(gaps, coefficients, radius, max(lowest, 0.0))
    if t > 0.0:
        return _ended(vectors, values, coefficients, -coefficients / (gaps + t))
    q = np.zeros_like(coefficients)  # the hard case: λ = −λ₁, and the lowest coefficients are zero
    free = gaps > 0.0
    q[free] = -coefficients[free] / gaps[free]
    left = radius * radius - float(q.dot(q))
    if left > 0.0 and (lowest < 0.0 or not np.any(free)):
        q[0] += math.sqrt(left) if lowest < 0.0 else 0.0
    return _ended(vectors, values, coefficients, q)


def _shift(gaps: Vector, coefficients: Vector, radius: float, low: float) -> float:
    """T ≥ low with ‖coefficients / (gaps + t)‖ = radius; 0 where the norm stays below it down to t = 0."""
    squares = coefficients * coefficients
    high = math.sqrt(float(squares.sum())) / radius
    low = max(low, math.sqrt(float(squares[gaps == 0.0].sum())) / radius)
    if low == 0.0:
        free = gaps > 0.0
        if float((squares[free] / gaps[free] ** 2).sum()) <= radius * radius:
            return 0.0
        low = 1e-16 * min(high, float(gaps[free].min()))
    t = low
    for _ in range(100):
        shifted = gaps + t
        terms = squares / (shifted * shifted)
        square = float(terms.sum())
        length = math.sqrt(square)
        if abs(length - radius) <= 1e-12 * radius:
            break
        if length > radius:
            low = max(low, t)
        else:
            high = min(high, t)
        falls = float((terms / shifted).sum())
        t = t + (square / falls) * (length - radius) / radius if falls > 0.0 else math.nan
        if not low < t < high:
            t = math.sqrt(low * high) if low > 0.0 and high > 4.0 * low else 0.5 * (low + high)
        if high - low <= 1e-15 * high:
            break
    return t


def _ended(vectors: Matrix, values: Vector, coefficients: Vector, q: Vector) -> tuple[Vector, float]:
    return vectors @ q, -float(coefficients.dot(q)) - 0.5 * float((values * q).dot(q))
