"""Moré–Garbow–Hillstrom 30: Broyden's tridiagonal function."""

from __future__ import annotations

from typing import Final

import numpy as np

from steepest.problems.functions.function import FunctionProblem, Matrix, Minimum, Vector
from steepest.problems.functions.more_garbow_hillstrom.mgh import mgh, whole


def broyden_tridiagonal(dim: int = 10) -> FunctionProblem:
    """fᵢ = (3 − 2xᵢ) xᵢ − xᵢ₋₁ − 2xᵢ₊₁ + 1, x₀ = xₙ₊₁ = 0; from (−1, …, −1); minimum 0.

    dim in [1, inf), 10.

    >>> broyden_tridiagonal(3).residuals([-1.0, -1.0, -1.0])
    array([-2., -1., -3.])
    """
    dim = whole("broyden-tridiagonal", "dim", dim, 1)
    stencil = 3 * np.eye(dim) - 2 * np.eye(dim, k=1) - np.eye(dim, k=-1)

    def residuals(x: Vector) -> Vector:
        return np.asarray(stencil @ x - 2 * x**2 + 1)

    def jacobian(x: Vector) -> Matrix:
        return np.asarray(stencil - 4 * np.diag(x))

    source = "Broyden 1965, Mathematics of Computation 19, 577–593"
    minima = [Minimum(0.0, _MINIMIZER if dim == 10 else None)]
    return mgh(30, "broyden-tridiagonal", residuals, jacobian, -np.ones(dim), minima, source)


# fmt: off
_MINIMIZER: Final = (
    -0.5707221320112248, -0.6818069499842752, -0.7022100760176601, -0.7055106298950804, -0.7049061557287437,
    -0.7014966070298512, -0.6918893223547983, -0.6657965144058537, -0.5960351090263657, -0.4164122575286933,
)
# fmt: on
"""For n = 10."""
