"""Moré–Garbow–Hillstrom 33: the linear function of rank 1."""

from __future__ import annotations

import numpy as np

from steepest.problems.functions.function import FunctionProblem, Matrix, Minimum, Vector
from steepest.problems.functions.more_garbow_hillstrom.mgh import mgh, whole


def linear_rank_1(dim: int = 10, m: int = 20) -> FunctionProblem:
    """fᵢ = i Σⱼ j xⱼ − 1, i = 1, …, m; from (1, …, 1).

    dim in [1, inf), 10; m in [dim, inf), 20. Minimum m (m − 1)/(2 (2m + 1)) wherever Σⱼ j xⱼ = 3/(2m + 1).

    >>> linear_rank_1(2, 2).residuals([1.0, 0.0])
    array([0., 1.])
    """
    dim = whole("linear-rank-1", "dim", dim, 1)
    m = whole("linear-rank-1", "m", m, dim)
    matrix = np.outer(np.arange(1.0, m + 1), np.arange(1.0, dim + 1))

    def residuals(x: Vector) -> Vector:
        return np.asarray(matrix @ x - 1)

    def jacobian(x: Vector) -> Matrix:
        return matrix

    minimum = Minimum(m * (m - 1) / (2 * (2 * m + 1)), 3 / (2 * m + 1) * np.eye(dim)[0], "and a plane of others")
    return mgh(33, "linear-rank-1", residuals, jacobian, np.ones(dim), [minimum])
