"""Moré–Garbow–Hillstrom 4: Brown's badly scaled function."""

from __future__ import annotations

import numpy as np

from steepest.problems.functions.function import FunctionProblem, Matrix, Minimum, Vector
from steepest.problems.functions.more_garbow_hillstrom.mgh import mgh


def brown_badly_scaled() -> FunctionProblem:
    """f₁ = x₁ − 10⁶, f₂ = x₂ − 2·10⁻⁶, f₃ = x₁x₂ − 2; from (1, 1); minimum 0 at (10⁶, 2·10⁻⁶).

    >>> brown_badly_scaled().residuals([1e6, 0.0])
    array([ 0.e+00, -2.e-06, -2.e+00])
    """
    return mgh(4, "brown-badly-scaled", _residuals, _jacobian, [1.0, 1.0], [Minimum(0.0, (1e6, 2e-6))])


def _residuals(x: Vector) -> Vector:
    return np.array([x[0] - 1e6, x[1] - 2e-6, x[0] * x[1] - 2])


def _jacobian(x: Vector) -> Matrix:
    return np.array([[1.0, 0.0], [0.0, 1.0], [x[1], x[0]]])
