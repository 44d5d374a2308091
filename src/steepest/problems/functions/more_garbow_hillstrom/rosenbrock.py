"""Moré–Garbow–Hillstrom 1: Rosenbrock's valley."""

from __future__ import annotations

import numpy as np

from steepest.problems.functions.function import FunctionProblem, Matrix, Minimum, Vector
from steepest.problems.functions.more_garbow_hillstrom.mgh import mgh


def rosenbrock() -> FunctionProblem:
    """f₁ = 10 (x₂ − x₁²), f₂ = 1 − x₁; from (−1.2, 1); minimum 0 at (1, 1).

    >>> rosenbrock().residuals([0.0, 1.0])
    array([10.,  1.])
    """
    return mgh(
        1,
        "rosenbrock",
        _residuals,
        _jacobian,
        [-1.2, 1.0],
        [Minimum(0.0, (1.0, 1.0))],
        "Rosenbrock 1960, The Computer Journal 3, 175–184",
    )


def _residuals(x: Vector) -> Vector:
    return np.array([10 * (x[1] - x[0] ** 2), 1 - x[0]])


def _jacobian(x: Vector) -> Matrix:
    return np.array([[-20 * x[0], 10.0], [-1.0, 0.0]])
