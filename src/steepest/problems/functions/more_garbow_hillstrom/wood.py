"""Moré–Garbow–Hillstrom 14: Wood's function."""

from __future__ import annotations

import numpy as np

from steepest.problems.functions.function import FunctionProblem, Matrix, Minimum, Vector
from steepest.problems.functions.more_garbow_hillstrom.mgh import mgh


def wood() -> FunctionProblem:
    """Two Rosenbrock valleys, coupled; from (−3, −1, −3, −1); minimum 0 at (1, 1, 1, 1).

    f₁ = 10 (x₂ − x₁²), f₂ = 1 − x₁, f₃ = √90 (x₄ − x₃²), f₄ = 1 − x₃, f₅ = √10 (x₂ + x₄ − 2), f₆ = (x₂ − x₄)/√10.
    Near (−1, 1, −1, 1), where f = 7.877, lies a point that is almost stationary.

    >>> round(wood().fun([-3.0, -1.0, -3.0, -1.0]), 9)
    19192.0
    """
    minima = [Minimum(0.0, (1.0,) * 4)]
    source = "Colville 1968, IBM New York Scientific Center, Report 320-2949"
    return mgh(14, "wood", _residuals, _jacobian, [-3.0, -1.0, -3.0, -1.0], minima, source)


def _residuals(x: Vector) -> Vector:
    a, b, c, d = x
    valleys = [10 * (b - a**2), 1 - a, np.sqrt(90) * (d - c**2), 1 - c]
    return np.array([*valleys, np.sqrt(10) * (b + d - 2), (b - d) / np.sqrt(10)])


def _jacobian(x: Vector) -> Matrix:
    a, _, c, _ = x
    root = np.sqrt(10)
    return np.array([
        [-20 * a, 10.0, 0.0, 0.0],
        [-1.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, -2 * np.sqrt(90) * c, np.sqrt(90)],
        [0.0, 0.0, -1.0, 0.0],
        [0.0, root, 0.0, root],
        [0.0, 1 / root, 0.0, -1 / root],
    ])
