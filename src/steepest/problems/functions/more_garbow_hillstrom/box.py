"""Moré–Garbow–Hillstrom 12: Box's function of three variables."""

from __future__ import annotations

import numpy as np

from steepest.problems.functions.function import FunctionProblem, Matrix, Minimum, Vector
from steepest.problems.functions.more_garbow_hillstrom.mgh import mgh, whole


def box(m: int = 10) -> FunctionProblem:
    """fᵢ = e^(−tᵢx₁) − e^(−tᵢx₂) − x₃ (e^−tᵢ − e^−10tᵢ), tᵢ = i/10, i = 1, …, m; from (0, 10, 20).

    m in [3, inf), 10. Minimum 0 at (1, 10, 1), at (10, 1, −1), and wherever x₁ = x₂ and x₃ = 0.

    >>> box().fun([1.0, 10.0, 1.0]), box().fun([7.0, 7.0, 0.0])
    (0.0, 0.0)
    """
    m = whole("box", "m", m, 3)
    t = np.arange(1.0, m + 1) / 10
    difference = np.exp(-t) - np.exp(-10 * t)

    def residuals(x: Vector) -> Vector:
        return np.asarray(np.exp(-t * x[0]) - np.exp(-t * x[1]) - x[2] * difference)

    def jacobian(x: Vector) -> Matrix:
        return np.stack([-t * np.exp(-t * x[0]), t * np.exp(-t * x[1]), -difference], axis=1)

    minima = [
        Minimum(0.0, (1.0, 10.0, 1.0)),
        Minimum(0.0, (10.0, 1.0, -1.0)),
        Minimum(0.0, None, "wherever x₁ = x₂ and x₃ = 0"),
    ]
    source = "Box 1966, The Computer Journal 9, 67–77"
    return mgh(12, "box", residuals, jacobian, [0.0, 10.0, 20.0], minima, source)
