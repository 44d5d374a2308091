"""Moré–Garbow–Hillstrom 6: Jennrich and Sampson's function."""

from __future__ import annotations

import numpy as np

from steepest.problems.functions.function import FunctionProblem, Matrix, Minimum, Vector
from steepest.problems.functions.more_garbow_hillstrom.mgh import mgh, whole


def jennrich_sampson(m: int = 10) -> FunctionProblem:
    """fᵢ = 2 + 2i − (e^(i x₁) + e^(i x₂)), i = 1, …, m; from (0.3, 0.4); m in [2, inf), 10.

    For m = 10, minimum 124.362… at x₁ = x₂ = 0.2578….

    >>> jennrich_sampson(m=2).residuals([0.0, 0.0])
    array([2., 4.])
    """
    m = whole("jennrich-sampson", "m", m, 2)
    i = np.arange(1, m + 1)

    def residuals(x: Vector) -> Vector:
        return np.asarray(2 + 2 * i - np.exp(i * x[0]) - np.exp(i * x[1]))

    def jacobian(x: Vector) -> Matrix:
        return np.stack([-i * np.exp(i * x[0]), -i * np.exp(i * x[1])], axis=1)

    minima = [Minimum(124.36218235561483, (0.2578252136703641, 0.2578252136703641))] if m == 10 else []
    source = "Jennrich & Sampson 1968, Technometrics 10, 63–72"
    return mgh(6, "jennrich-sampson", residuals, jacobian, [0.3, 0.4], minima, source)
