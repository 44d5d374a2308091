"""Moré–Garbow–Hillstrom 34: the linear function of rank 1 with zero columns and rows."""

from __future__ import annotations

import numpy as np

from steepest.problems.functions.function import FunctionProblem, Matrix, Minimum, Vector
from steepest.problems.functions.more_garbow_hillstrom.mgh import mgh, whole


def linear_rank_1_zero(dim: int = 10, m: int = 20) -> FunctionProblem:
    """f₁ = fₘ = −1; fᵢ = (i − 1) Σⱼ₌₂ⁿ⁻¹ j xⱼ − 1, i = 2, …, m − 1; from (1, …, 1).

    dim in [3, inf), 10; m in [dim, inf), 20. Minimum (m² + 3m − 6)/(2 (2m − 3)) wherever the sum is 3/(2m − 3).

    >>> linear_rank_1_zero(3, 3).residuals([1.0, 1.0, 1.0])
    array([-1.,  1., -1.])
    """
    dim = whole("linear-rank-1-zero", "dim", dim, 3)
    m = whole("linear-rank-1-zero", "m", m, dim)
    rows, columns = np.arange(0.0, m), np.arange(1.0, dim + 1)
    rows[-1] = columns[0] = columns[-1] = 0
    matrix = np.outer(rows, columns)

    def residuals(x: Vector) -> Vector:
        return np.asarray(matrix @ x - 1)

    def jacobian(x: Vector) -> Matrix:
        return matrix

    at = 3 / (2 * m - 3) / 2 * np.eye(dim)[1]
    minimum = Minimum((m**2 + 3 * m - 6) / (2 * (2 * m - 3)), at, "and a plane of others")
    return mgh(34, "linear-rank-1-zero", residuals, jacobian, np.ones(dim), [minimum])
