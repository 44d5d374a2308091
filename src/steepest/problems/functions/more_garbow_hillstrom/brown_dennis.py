"""Moré–Garbow–Hillstrom 16: Brown and Dennis' function."""

from __future__ import annotations

import numpy as np

from steepest.problems.functions.function import FunctionProblem, Matrix, Minimum, Vector
from steepest.problems.functions.more_garbow_hillstrom.mgh import mgh, whole


def brown_dennis(m: int = 20) -> FunctionProblem:
    """fᵢ = (x₁ + tᵢx₂ − e^tᵢ)² + (x₃ + x₄ sin tᵢ − cos tᵢ)², tᵢ = i/5, i = 1, …, m; from (25, 5, −5, −1).

    m in [4, inf), 20. For m = 20, minimum 85822.2….

    >>> round(brown_dennis().fun([25.0, 5.0, -5.0, -1.0]), 1)
    7926693.3
    """
    m = whole("brown-dennis", "m", m, 4)
    t = np.arange(1.0, m + 1) / 5

    def parts(x: Vector) -> tuple[Vector, Vector]:
        return x[0] + t * x[1] - np.exp(t), x[2] + x[3] * np.sin(t) - np.cos(t)

    def residuals(x: Vector) -> Vector:
        first, second = parts(x)
        return np.asarray(first**2 + second**2)

    def jacobian(x: Vector) -> Matrix:
        first, second = parts(x)
        return 2 * np.stack([first, t * first, second, np.sin(t) * second], axis=1)

    minima = (
        [
            Minimum(
                85822.20162635634, (-11.594439904762162, 13.203630051207202, -0.40343948817685954, 0.2367787744557363)
            )
        ]
        if m == 20
        else []
    )
    source = "Brown & Dennis 1971, Yale University, Report 71-6"
    return mgh(16, "brown-dennis", residuals, jacobian, [25.0, 5.0, -5.0, -1.0], minima, source)
