"""Moré–Garbow–Hillstrom 31: Broyden's banded function."""

from __future__ import annotations

from typing import Final

import numpy as np

from steepest.problems.functions.function import FunctionProblem, Matrix, Minimum, Vector
from steepest.problems.functions.more_garbow_hillstrom.mgh import mgh, whole


def broyden_banded(dim: int = 10) -> FunctionProblem:
    """fᵢ = xᵢ (2 + 5xᵢ²) + 1 − Σⱼ xⱼ (1 + xⱼ) over j ≠ i from max(1, i − 5) to min(n, i + 1); from (−1, …, −1).

    dim in [1, inf), 10. Minimum 0.

    >>> broyden_banded(2).residuals([-1.0, 1.0])
    array([-8.,  8.])
    """
    dim = whole("broyden-banded", "dim", dim, 1)
    band = np.tri(dim, k=1) - np.tri(dim, k=-6) - np.eye(dim)

    def residuals(x: Vector) -> Vector:
        return np.asarray(x * (2 + 5 * x**2) + 1 - band @ (x * (1 + x)))

    def jacobian(x: Vector) -> Matrix:
        return np.asarray(np.diag(2 + 15 * x**2) - band * (1 + 2 * x))

    source = "Broyden 1971, Mathematics of Computation 25, 285–294"
    minima = [Minimum(0.0, _MINIMIZER if dim == 10 else None)]
    return mgh(31, "broyden-banded", residuals, jacobian, -np.ones(dim), minima, source)


# fmt: off
_MINIMIZER: Final = (
    -0.4283028635872503, -0.47659642435629024, -0.5196524636468617, -0.5580993248321808, -0.5925061568294574,
    -0.624503682199468, -0.6232394714405911, -0.6213938417965735, -0.6204535966590874, -0.586469270720435,
)
# fmt: on
"""For n = 10."""
