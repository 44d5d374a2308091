"""Moré–Garbow–Hillstrom 8: Bard's function."""

from __future__ import annotations

from typing import Final

import numpy as np

from steepest.problems.functions.function import FunctionProblem, Matrix, Minimum, Vector
from steepest.problems.functions.more_garbow_hillstrom.mgh import mgh


def bard() -> FunctionProblem:
    """fᵢ = yᵢ − (x₁ + uᵢ/(vᵢx₂ + wᵢx₃)), uᵢ = i, vᵢ = 16 − i, wᵢ = min(uᵢ, vᵢ), i = 1, …, 15; from (1, 1, 1).

    Minimum 8.21487…e-3; another, 17.4286…, is approached as x₁ = 0.8406…, x₂ and x₃ → −∞.

    >>> bard().residuals([1.0, 1.0, 1.0])[:2]
    array([-0.9225, -0.945 ])
    """
    source = "Bard 1970, SIAM Journal on Numerical Analysis 7, 157–186"
    return mgh(8, "bard", _residuals, _jacobian, [1.0, 1.0, 1.0], _MINIMA, source)


_U: Final = np.arange(1.0, 16)
_V: Final = 16 - _U
_W: Final = np.minimum(_U, _V)
_Y: Final = np.array([0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39, 0.37, 0.58, 0.73, 0.96, 1.34, 2.10, 4.39])
_MINIMA: Final = [
    Minimum(0.00821487730657897, (0.08241055974978902, 1.133036092029723, 2.3436951786425357)),
    Minimum(17.428693333333335, None, "as x₁ → 0.8406, x₂ → −∞, x₃ → −∞"),
]


def _residuals(x: Vector) -> Vector:
    return np.asarray(_Y - x[0] - _U / (_V * x[1] + _W * x[2]))


def _jacobian(x: Vector) -> Matrix:
    steep = _U / (_V * x[1] + _W * x[2]) ** 2
    return np.stack([-np.ones_like(steep), steep * _V, steep * _W], axis=1)
