"""Moré–Garbow–Hillstrom 13: Powell's singular function."""

from __future__ import annotations

import numpy as np

from steepest.problems.functions.function import FunctionProblem, Matrix, Minimum, Vector
from steepest.problems.functions.more_garbow_hillstrom.mgh import mgh


def powell_singular() -> FunctionProblem:
    """f₁ = x₁ + 10x₂, f₂ = √5 (x₃ − x₄), f₃ = (x₂ − 2x₃)², f₄ = √10 (x₁ − x₄)²; from (3, −1, 0, 1).

    Minimum 0 at 0, where the Hessian has rank 2.

    >>> round(powell_singular().fun([3.0, -1.0, 0.0, 1.0]), 9)
    215.0
    """
    source = "Powell 1962, The Computer Journal 5, 147–151"
    return mgh(13, "powell-singular", _residuals, _jacobian, [3.0, -1.0, 0.0, 1.0], [Minimum(0.0, (0.0,) * 4)], source)


def _residuals(x: Vector) -> Vector:
    a, b, c, d = x
    return np.array([a + 10 * b, np.sqrt(5) * (c - d), (b - 2 * c) ** 2, np.sqrt(10) * (a - d) ** 2])


def _jacobian(x: Vector) -> Matrix:
    a, b, c, d = x
    root, third, fourth = np.sqrt(5), 2 * (b - 2 * c), 2 * np.sqrt(10) * (a - d)
    return np.array([
        [1.0, 10.0, 0.0, 0.0],
        [0.0, 0.0, root, -root],
        [0.0, third, -2 * third, 0.0],
        [fourth, 0.0, 0.0, -fourth],
    ])
