"""Moré–Garbow–Hillstrom 25: the variably dimensioned function."""

from __future__ import annotations

import numpy as np

from steepest.problems.functions.function import FunctionProblem, Matrix, Minimum, Vector
from steepest.problems.functions.more_garbow_hillstrom.mgh import mgh, whole


def variably_dimensioned(dim: int = 10) -> FunctionProblem:
    """fᵢ = xᵢ − 1, i = 1, …, n; fₙ₊₁ = Σⱼ j (xⱼ − 1); fₙ₊₂ = fₙ₊₁²; from xⱼ = 1 − j/n; minimum 0 at (1, …, 1).

    dim in [1, inf), 10.

    >>> variably_dimensioned(2).residuals([0.5, 0.0])
    array([-0.5 , -1.  , -2.5 ,  6.25])
    """
    dim = whole("variably-dimensioned", "dim", dim, 1)
    start = 1 - np.arange(1.0, dim + 1) / dim
    return mgh(25, "variably-dimensioned", _residuals, _jacobian, start, [Minimum(0.0, np.ones(dim))])


def _residuals(x: Vector) -> Vector:
    total = np.arange(1, len(x) + 1) @ (x - 1)
    return np.concatenate([x - 1, [total, total**2]])


def _jacobian(x: Vector) -> Matrix:
    weights = np.arange(1.0, len(x) + 1)
    return np.concatenate([np.eye(len(x)), weights[None], 2 * (weights @ (x - 1)) * weights[None]])
