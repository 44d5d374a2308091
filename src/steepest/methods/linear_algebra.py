"""Factorizations that make a symmetric matrix positive definite."""

from __future__ import annotations

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotrs

from steepest.methods.vectors import Matrix, Vector

Factor = Matrix
"""A lower triangle L."""


def cholesky(B: Matrix) -> Factor | None:
    """L with B = LLᵀ, None where B is not positive definite to working precision."""
    factor, info = dpotrf(B, lower=1, clean=1)
    if info != 0 or not np.all(np.isfinite(factor)):
        return None
    diagonal = factor.diagonal()
    return factor if float(diagonal.min()) > 1e-8 * float(diagonal.max()) else None


def solve(factor: Factor, g: Vector) -> Vector:
    """(LLᵀ)⁻¹ g."""
    return dpotrs(factor, g, lower=1)[0]


def modified_cholesky(B: Matrix) -> Factor:
    """L with LLᵀ = B + E: E = 0 where B is positive definite, and else the least change that bounds the condition.

    Where B is not positive definite, its eigenvalues λ become max(|λ|, δ) with δ = 1e-8 max |λ|, 1 for a matrix of
    zeros: the modification by eigenvalues of Nocedal & Wright 2006, §3.4, which keeps B's axes and turns directions of
    negative curvature round; the factor is that of the modified matrix.

    >>> L = modified_cholesky(np.array([[4.0, 2.0], [2.0, 5.0]]))
    >>> (L @ L.T).tolist()
    [[4.0, 2.0], [2.0, 5.0]]
    """
    factor = cholesky(B)
    if factor is not None:
        return factor
    values, vectors = np.linalg.eigh(B)
    size = float(np.abs(values).max())
    values = np.maximum(np.abs(values), 1e-8 * size) if size > 0.0 else np.ones_like(values)
    half = vectors * np.sqrt(values)
    _, upper = np.linalg.qr(half.T)
    return np.asfortranarray(upper.T)
