"""Moré–Garbow–Hillstrom 32: the linear function of full rank."""

from __future__ import annotations

import numpy as np

from steepest.problems.functions.function import FunctionProblem, Matrix, Minimum, Vector
from steepest.problems.functions.more_garbow_hillstrom.mgh import mgh, whole


def linear_full_rank(dim: int = 10, m: int = 20) -> FunctionProblem:
    """fᵢ = xᵢ − (2/m) Σⱼ xⱼ − 1, i ≤ n; fᵢ = −(2/m) Σⱼ xⱼ − 1, n < i ≤ m; from (1, …, 1).

    dim in [1, inf), 10; m in [dim, inf), 20. Minimum m − n at (−1, …, −1).

    >>> linear_full_rank().fun([-1.0] * 10)
    10.0
    """
    dim = whole("linear-full-rank", "dim", dim, 1)
    m = whole("linear-full-rank", "m", m, dim)
    matrix = np.eye(m, dim) - 2 / m

    def residuals(x: Vector) -> Vector:
        return np.asarray(matrix @ x - 1)

    def jacobian(x: Vector) -> Matrix:
        return matrix

    minima = [Minimum(float(m - dim), -np.ones(dim))]
    return mgh(32, "linear-full-rank", residuals, jacobian, np.ones(dim), minima)
