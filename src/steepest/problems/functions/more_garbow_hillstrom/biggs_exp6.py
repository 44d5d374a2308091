"""Moré–Garbow–Hillstrom 18: Biggs' EXP6 function."""

from __future__ import annotations

from typing import Final

import numpy as np

from steepest.problems.functions.function import FunctionProblem, Matrix, Minimum, Vector
from steepest.problems.functions.more_garbow_hillstrom.mgh import mgh, whole


def biggs_exp6(m: int = 13) -> FunctionProblem:
    """fᵢ = x₃e^(−tᵢx₁) − x₄e^(−tᵢx₂) + x₆e^(−tᵢx₅) − yᵢ, tᵢ = i/10, yᵢ = e^−tᵢ − 5e^−10tᵢ + 3e^−4tᵢ, i = 1, …, m.

    From (1, 2, 1, 1, 1, 1); m in [6, inf), 13. Minimum 0 at (1, 10, 1, 5, 4, 3) and at (4, 10, 3, 5, 1, 1); for m = 13
    local ones are 5.65565…e-3, which the paper gives.

    >>> biggs_exp6().fun([1.0, 10.0, 1.0, 5.0, 4.0, 3.0]) < 1e-30
    True
    """
    m = whole("biggs-exp6", "m", m, 6)
    t = np.arange(1.0, m + 1) / 10
    y = np.exp(-t) - 5 * np.exp(-10 * t) + 3 * np.exp(-4 * t)

    def residuals(x: Vector) -> Vector:
        return np.asarray(x[2] * np.exp(-t * x[0]) - x[3] * np.exp(-t * x[1]) + x[5] * np.exp(-t * x[4]) - y)

    def jacobian(x: Vector) -> Matrix:
        first, second, third = np.exp(-t * x[0]), np.exp(-t * x[1]), np.exp(-t * x[4])
        return np.stack([-x[2] * t * first, x[3] * t * second, first, -second, -x[5] * t * third, third], axis=1)

    minima = [
        Minimum(0.0, (1.0, 10.0, 1.0, 5.0, 4.0, 3.0)),
        Minimum(0.0, (4.0, 10.0, 3.0, 5.0, 1.0, 1.0)),
        *(_LOCAL if m == 13 else []),
    ]
    source = "Biggs 1971, Journal of the Institute of Mathematics and its Applications 8, 315–327"
    return mgh(18, "biggs-exp6", residuals, jacobian, [1.0, 2.0, 1.0, 1.0, 1.0, 1.0], minima, source)


_LOCAL: Final = [
    Minimum(
        0.005655649925499953,
        (1.7114159947195875, 17.683198180949056, 3.0, 5.186561551993447, 1.7114159947195875, -0.673712678162215),
        "local, wherever x₁ = x₅, x₃ + x₆ = 2.3263 and x₃x₆ < 0; saddles where x₃x₆ > 0",
    )
]
