"""Moré–Garbow–Hillstrom 9: the Gaussian function."""

from __future__ import annotations

from typing import Final

import numpy as np

from steepest.problems.functions.function import FunctionProblem, Matrix, Minimum, Vector
from steepest.problems.functions.more_garbow_hillstrom.mgh import mgh


def gaussian() -> FunctionProblem:
    """fᵢ = x₁ exp(−x₂ (tᵢ − x₃)²/2) − yᵢ, tᵢ = (8 − i)/2, i = 1, …, 15; from (0.4, 1, 0); minimum 1.12793…e-8.

    >>> gaussian().residuals([0.4, 1.0, 0.0])[7].round(6)
    np.float64(0.0011)
    """
    return mgh(
        9,
        "gaussian",
        _residuals,
        _jacobian,
        [0.4, 1.0, 0.0],
        [Minimum(1.127932769619216e-08, (0.39895613783875666, 1.0000190844878056, 0.0))],
    )


_T: Final = (8 - np.arange(1.0, 16)) / 2
_HALF: Final = [0.0009, 0.0044, 0.0175, 0.0540, 0.1295, 0.2420, 0.3521]
_Y: Final = np.array([*_HALF, 0.3989, *reversed(_HALF)])


def _residuals(x: Vector) -> Vector:
    return np.asarray(x[0] * np.exp(-x[1] * (_T - x[2]) ** 2 / 2) - _Y)


def _jacobian(x: Vector) -> Matrix:
    away = _T - x[2]
    bell = np.exp(-x[1] * away**2 / 2)
    return np.stack([bell, -x[0] * bell * away**2 / 2, x[0] * bell * x[1] * away], axis=1)
