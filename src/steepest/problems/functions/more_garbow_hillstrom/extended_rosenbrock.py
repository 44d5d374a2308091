"""Moré–Garbow–Hillstrom 21: extended Rosenbrock."""

from __future__ import annotations

import numpy as np

from steepest.problems.functions.function import FunctionProblem, Matrix, Minimum, Vector
from steepest.problems.functions.more_garbow_hillstrom.mgh import mgh, whole


def extended_rosenbrock(dim: int = 10) -> FunctionProblem:
    """f₂ᵢ₋₁ = 10 (x₂ᵢ − x₂ᵢ₋₁²), f₂ᵢ = 1 − x₂ᵢ₋₁: n/2 separate valleys; from (−1.2, 1, −1.2, 1, …).

    dim even, in [2, inf), 10. Minimum 0 at (1, …, 1).

    >>> extended_rosenbrock(4).residuals([0.0, 1.0, 0.0, 2.0])
    array([10.,  1., 20.,  1.])
    """
    dim = whole("extended-rosenbrock", "dim", dim, 2, multiple=2)
    source = "Spedicato 1975, CISE, Report N-175"
    minima = [Minimum(0.0, np.ones(dim))]
    return mgh(21, "extended-rosenbrock", _residuals, _jacobian, np.tile([-1.2, 1.0], dim // 2), minima, source)


def _residuals(x: Vector) -> Vector:
    a, b = x[::2], x[1::2]
    return np.stack([10 * (b - a**2), 1 - a], axis=1).ravel()


def _jacobian(x: Vector) -> Matrix:
    found = np.zeros((len(x), len(x)), dtype=x.dtype)
    odd = np.arange(0, len(x), 2)
    found[odd, odd], found[odd, odd + 1], found[odd + 1, odd] = -20 * x[odd], 10, -1
    return found
