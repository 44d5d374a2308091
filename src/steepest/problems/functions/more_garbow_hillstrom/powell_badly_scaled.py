"""Moré–Garbow–Hillstrom 3: Powell's badly scaled function."""

from __future__ import annotations

import numpy as np

from steepest.problems.functions.function import FunctionProblem, Matrix, Minimum, Vector
from steepest.problems.functions.more_garbow_hillstrom.mgh import mgh


def powell_badly_scaled() -> FunctionProblem:
    """f₁ = 10⁴ x₁x₂ − 1, f₂ = e^−x₁ + e^−x₂ − 1.0001; from (0, 1); minimum 0 at (1.098…e-5, 9.106…), and mirrored.

    >>> powell_badly_scaled().residuals([0.0, 1.0]).round(6)
    array([-1.      ,  0.367779])
    """
    minima = [
        Minimum(0.0, (1.0981593296997979e-05, 9.106146739866686)),
        Minimum(0.0, (9.106146739866686, 1.0981593296997979e-05)),
    ]
    source = "Powell 1970, in Rabinowitz, Numerical Methods for Nonlinear Algebraic Equations, 87–114"
    return mgh(3, "powell-badly-scaled", _residuals, _jacobian, [0.0, 1.0], minima, source)


def _residuals(x: Vector) -> Vector:
    return np.array([1e4 * x[0] * x[1] - 1, np.exp(-x[0]) + np.exp(-x[1]) - 1.0001])


def _jacobian(x: Vector) -> Matrix:
    return np.array([[1e4 * x[1], 1e4 * x[0]], [-np.exp(-x[0]), -np.exp(-x[1])]])
