"""Moré–Garbow–Hillstrom 5: Beale's function."""

from __future__ import annotations

from typing import Final

import numpy as np

from steepest.problems.functions.function import FunctionProblem, Matrix, Minimum, Vector
from steepest.problems.functions.more_garbow_hillstrom.mgh import mgh


def beale() -> FunctionProblem:
    """fᵢ = yᵢ − x₁ (1 − x₂ⁱ), y = (1.5, 2.25, 2.625); from (1, 1); minimum 0 at (3, ½).

    >>> beale().residuals([1.0, 1.0])
    array([1.5  , 2.25 , 2.625])
    """
    source = "Beale 1958, Princeton, Technical Report 25"
    return mgh(5, "beale", _residuals, _jacobian, [1.0, 1.0], [Minimum(0.0, (3.0, 0.5))], source)


_Y: Final = np.array([1.5, 2.25, 2.625])
_I: Final = np.arange(1, 4)


def _residuals(x: Vector) -> Vector:
    return np.asarray(_Y - x[0] * (1 - x[1] ** _I))


def _jacobian(x: Vector) -> Matrix:
    return np.stack([x[1] ** _I - 1, x[0] * _I * x[1] ** (_I - 1)], axis=1)
