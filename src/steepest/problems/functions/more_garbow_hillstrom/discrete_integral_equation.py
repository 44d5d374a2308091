"""Moré–Garbow–Hillstrom 29: the discrete integral equation function."""

from __future__ import annotations

from typing import Final

import numpy as np

from steepest.problems.functions.function import FunctionProblem, Matrix, Minimum, Vector
from steepest.problems.functions.more_garbow_hillstrom.mgh import mgh, whole


def discrete_integral_equation(dim: int = 10) -> FunctionProblem:
    """fᵢ = xᵢ + h/2 ((1 − tᵢ) Σⱼ≤ᵢ tⱼ (xⱼ + tⱼ + 1)³ + tᵢ Σⱼ>ᵢ (1 − tⱼ)(xⱼ + tⱼ + 1)³), h = 1/(n + 1), tᵢ = ih.

    From xⱼ = tⱼ (tⱼ − 1); dim in [1, inf), 10. Minimum 0, where the discrete boundary value function has its own.

    >>> round(discrete_integral_equation(1).residuals([0.0])[0], 6)
    np.float64(0.210938)
    """
    dim = whole("discrete-integral-equation", "dim", dim, 1)
    h = 1 / (dim + 1)
    t = np.arange(1.0, dim + 1) * h
    kernel = h / 2 * np.minimum.outer(t, t) * (1 - np.maximum.outer(t, t))

    def residuals(x: Vector) -> Vector:
        return np.asarray(x + kernel @ (x + t + 1) ** 3)

    def jacobian(x: Vector) -> Matrix:
        return np.asarray(np.eye(dim) + 3 * kernel * (x + t + 1) ** 2)

    source = "Moré & Cosnard 1979, ACM Transactions on Mathematical Software 5, 64–85"
    minima = [Minimum(0.0, _MINIMIZER if dim == 10 else None)]
    return mgh(29, "discrete-integral-equation", residuals, jacobian, t * (t - 1), minima, source)


# fmt: off
_MINIMIZER: Final = (
    -0.04316498251876486, -0.08157715653538687, -0.11448571438052926, -0.14097357686259665,
    -0.15990869618198308, -0.1698772023127749, -0.16908998378120835, -0.15524953522183182, -0.125355891678935,
    -0.07541653368589209,
)
# fmt: on
"""For n = 10."""
