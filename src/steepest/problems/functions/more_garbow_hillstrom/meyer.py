"""Moré–Garbow–Hillstrom 10: Meyer's function."""

from __future__ import annotations

from typing import Final

import numpy as np

from steepest.problems.functions.function import FunctionProblem, Matrix, Minimum, Vector
from steepest.problems.functions.more_garbow_hillstrom.mgh import mgh


def meyer() -> FunctionProblem:
    """fᵢ = x₁ exp(x₂/(tᵢ + x₃)) − yᵢ, tᵢ = 45 + 5i, i = 1, …, 16; from (0.02, 4000, 250); minimum 87.9458….

    The variables differ by six orders of magnitude, and the condition number of the Hessian at the minimum is 10¹⁵.

    >>> meyer().residuals([0.02, 4000.0, 250.0]).shape
    (16,)
    """
    source = "Meyer 1970, in Rosen, Mangasarian & Ritter, Nonlinear Programming, 465–486"
    return mgh(
        10,
        "meyer",
        _residuals,
        _jacobian,
        [0.02, 4000.0, 250.0],
        [Minimum(87.94585517065839, (0.005609636471028571, 6181.346346286295, 345.22363462413387))],
        source,
    )


_T: Final = 45 + 5 * np.arange(1.0, 17)
# fmt: off
_Y: Final = np.array([
    34780.0, 28610.0, 23650.0, 19630.0, 16370.0, 13720.0, 11540.0, 9744.0, 8261.0, 7030.0, 6005.0, 5147.0,
    4427.0, 3820.0, 3307.0, 2872.0,
])
# fmt: on


def _residuals(x: Vector) -> Vector:
    return np.asarray(x[0] * np.exp(x[1] / (_T + x[2])) - _Y)


def _jacobian(x: Vector) -> Matrix:
    shifted = _T + x[2]
    growth = np.exp(x[1] / shifted)
    return np.stack([growth, x[0] * growth / shifted, -x[0] * growth * x[1] / shifted**2], axis=1)
