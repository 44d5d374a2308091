"""Moré–Garbow–Hillstrom 23: penalty function I."""

from __future__ import annotations

from typing import Final

import numpy as np

from steepest.problems.functions.function import FunctionProblem, Matrix, Minimum, Vector
from steepest.problems.functions.more_garbow_hillstrom.mgh import mgh, whole


def penalty_1(dim: int = 4) -> FunctionProblem:
    """fᵢ = √10⁻⁵ (xᵢ − 1), i = 1, …, n; fₙ₊₁ = Σⱼ xⱼ² − ¼; from (1, 2, …, n).

    dim in [1, inf), 4. Minimum 2.24997…e-5 for n = 4, 7.08765…e-5 for n = 10.

    >>> round(penalty_1().fun([1.0, 2.0, 3.0, 4.0]), 6)
    885.06264
    """
    dim = whole("penalty-1", "dim", dim, 1)
    source = "Gill, Murray & Pitfield 1972, National Physical Laboratory, Report NAC 11"
    return mgh(23, "penalty-1", _residuals, _jacobian, np.arange(1.0, dim + 1), _MINIMA.get(dim, []), source)


_ROOT: Final = np.sqrt(1e-5)
_MINIMA: Final = {
    4: [Minimum(2.2499775008999375e-05, (0.2500074995875379,) * 4)],
    10: [Minimum(7.087651467090368e-05, (0.15812230111311634,) * 10)],
}
"""By the number of variables."""


def _residuals(x: Vector) -> Vector:
    return np.concatenate([_ROOT * (x - 1), [x @ x - 0.25]])


def _jacobian(x: Vector) -> Matrix:
    return np.concatenate([_ROOT * np.eye(len(x)), 2 * x[None]])
