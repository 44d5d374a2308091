"""Moré–Garbow–Hillstrom 15: Kowalik and Osborne's function."""

from __future__ import annotations

from typing import Final

import numpy as np

from steepest.problems.functions.function import FunctionProblem, Matrix, Minimum, Vector
from steepest.problems.functions.more_garbow_hillstrom.mgh import mgh


def kowalik_osborne() -> FunctionProblem:
    """fᵢ = yᵢ − x₁ (uᵢ² + uᵢx₂)/(uᵢ² + uᵢx₃ + x₄), i = 1, …, 11; from (0.25, 0.39, 0.415, 0.39).

    Minimum 3.07505…e-4; another, 1.02734…e-3, is approached as x₁ → ∞, x₂ = −14.07…, x₃ and x₄ → −∞.

    >>> round(kowalik_osborne().fun([0.25, 0.39, 0.415, 0.39]), 6)
    0.005313
    """
    source = "Kowalik & Osborne 1968, Methods for Unconstrained Optimization Problems"
    return mgh(15, "kowalik-osborne", _residuals, _jacobian, [0.25, 0.39, 0.415, 0.39], _MINIMA, source)


_Y: Final = np.array([0.1957, 0.1947, 0.1735, 0.1600, 0.0844, 0.0627, 0.0456, 0.0342, 0.0323, 0.0235, 0.0246])
_U: Final = np.array([4.0, 2.0, 1.0, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625])
_MINIMA: Final = [
    Minimum(
        0.00030750560384923897, (0.1928069345790379, 0.19128232873436682, 0.12305650692632077, 0.13606233068379478)
    ),
    Minimum(0.001027343048695458, None, "as x₁ → ∞, x₂ → −14.07, x₃ → −∞, x₄ → −∞"),
]


def _residuals(x: Vector) -> Vector:
    return np.asarray(_Y - x[0] * (_U**2 + _U * x[1]) / (_U**2 + _U * x[2] + x[3]))


def _jacobian(x: Vector) -> Matrix:
    above, below = _U**2 + _U * x[1], _U**2 + _U * x[2] + x[3]
    bent = x[0] * above / below**2
    return np.stack([-above / below, -x[0] * _U / below, bent * _U, bent], axis=1)
