"""Moré–Garbow–Hillstrom 28: the discrete boundary value function."""

from __future__ import annotations

from typing import Final

import numpy as np

from steepest.problems.functions.function import FunctionProblem, Matrix, Minimum, Vector
from steepest.problems.functions.more_garbow_hillstrom.mgh import mgh, whole


def discrete_boundary_value(dim: int = 10) -> FunctionProblem:
    """fᵢ = 2xᵢ − xᵢ₋₁ − xᵢ₊₁ + h² (xᵢ + tᵢ + 1)³/2, h = 1/(n + 1), tᵢ = ih, x₀ = xₙ₊₁ = 0; from xⱼ = tⱼ (tⱼ − 1).

    dim in [1, inf), 10. Minimum 0.

    >>> round(discrete_boundary_value(1).residuals([0.0])[0], 6)
    np.float64(0.421875)
    """
    dim = whole("discrete-boundary-value", "dim", dim, 1)
    h = 1 / (dim + 1)
    t = np.arange(1.0, dim + 1) * h
    stencil = 2 * np.eye(dim) - np.eye(dim, k=1) - np.eye(dim, k=-1)

    def residuals(x: Vector) -> Vector:
        return np.asarray(stencil @ x + h**2 * (x + t + 1) ** 3 / 2)

    def jacobian(x: Vector) -> Matrix:
        return np.asarray(stencil + np.diag(1.5 * h**2 * (x + t + 1) ** 2))

    source = "Moré & Cosnard 1979, ACM Transactions on Mathematical Software 5, 64–85"
    minima = [Minimum(0.0, _MINIMIZER if dim == 10 else None)]
    return mgh(28, "discrete-boundary-value", residuals, jacobian, t * (t - 1), minima, source)


# fmt: off
_MINIMIZER: Final = (
    -0.04316498251876486, -0.08157715653538687, -0.11448571438052926, -0.14097357686259665,
    -0.15990869618198308, -0.1698772023127749, -0.16908998378120835, -0.15524953522183182, -0.125355891678935,
    -0.07541653368589209,
)
# fmt: on
"""For n = 10."""
