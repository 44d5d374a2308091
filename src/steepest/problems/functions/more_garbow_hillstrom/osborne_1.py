"""Moré–Garbow–Hillstrom 17: Osborne's first function."""

from __future__ import annotations

from typing import Final

import numpy as np

from steepest.problems.functions.function import FunctionProblem, Matrix, Minimum, Vector
from steepest.problems.functions.more_garbow_hillstrom.mgh import mgh


def osborne_1() -> FunctionProblem:
    """fᵢ = yᵢ − (x₁ + x₂ e^(−tᵢx₄) + x₃ e^(−tᵢx₅)), tᵢ = 10 (i − 1), i = 1, …, 33; from (0.5, 1.5, −1, 0.01, 0.02).

    Minimum 5.46489…e-5.

    >>> round(osborne_1().fun([0.5, 1.5, -1.0, 0.01, 0.02]), 6)
    0.879026
    """
    source = "Osborne 1972, in Lootsma, Numerical Methods for Nonlinear Optimization, 171–189"
    return mgh(17, "osborne-1", _residuals, _jacobian, [0.5, 1.5, -1.0, 0.01, 0.02], [_MINIMUM], source)


# fmt: off
_MINIMUM: Final = Minimum(
    5.464894697482713e-05,
    (
        0.37541005210695194, 1.9358469127123508, -1.4646871366134064, 0.012867534640057257, 0.02212269966167268,
    ),
)
# fmt: on
_T: Final = 10 * np.arange(33.0)
# fmt: off
_Y: Final = np.array([
    0.844, 0.908, 0.932, 0.936, 0.925, 0.908, 0.881, 0.850, 0.818, 0.784, 0.751, 0.718, 0.685, 0.658, 0.628,
    0.603, 0.580, 0.558, 0.538, 0.522, 0.506, 0.490, 0.478, 0.467, 0.457, 0.448, 0.438, 0.431, 0.424, 0.420,
    0.414, 0.411, 0.406,
])
# fmt: on


def _residuals(x: Vector) -> Vector:
    return np.asarray(_Y - x[0] - x[1] * np.exp(-_T * x[3]) - x[2] * np.exp(-_T * x[4]))


def _jacobian(x: Vector) -> Matrix:
    slow, fast = np.exp(-_T * x[3]), np.exp(-_T * x[4])
    return np.stack([-np.ones_like(slow), -slow, -fast, x[1] * _T * slow, x[2] * _T * fast], axis=1)
