"""Moré–Garbow–Hillstrom 22: extended Powell singular."""

from __future__ import annotations

import numpy as np

from steepest.problems.functions.function import FunctionProblem, Matrix, Minimum, Vector
from steepest.problems.functions.more_garbow_hillstrom.mgh import mgh, whole


def extended_powell_singular(dim: int = 12) -> FunctionProblem:
    """Powell's singular function on every four variables; from (3, −1, 0, 1, …); minimum 0 at 0, where it is singular.

    f₄ᵢ₋₃ = x₄ᵢ₋₃ + 10x₄ᵢ₋₂, f₄ᵢ₋₂ = √5 (x₄ᵢ₋₁ − x₄ᵢ), f₄ᵢ₋₁ = (x₄ᵢ₋₂ − 2x₄ᵢ₋₁)², f₄ᵢ = √10 (x₄ᵢ₋₃ − x₄ᵢ)².
    dim a multiple of 4, in [4, inf), 12.

    >>> round(extended_powell_singular(8).fun([3.0, -1.0, 0.0, 1.0] * 2), 9)
    430.0
    """
    dim = whole("extended-powell-singular", "dim", dim, 4, multiple=4)
    start, minima = np.tile([3.0, -1.0, 0.0, 1.0], dim // 4), [Minimum(0.0, np.zeros(dim))]
    source = "Spedicato 1975, CISE, Report N-175"
    return mgh(22, "extended-powell-singular", _residuals, _jacobian, start, minima, source)


def _residuals(x: Vector) -> Vector:
    a, b, c, d = x.reshape(-1, 4).T
    four = [a + 10 * b, np.sqrt(5) * (c - d), (b - 2 * c) ** 2, np.sqrt(10) * (a - d) ** 2]
    return np.stack(four, axis=1).ravel()


def _jacobian(x: Vector) -> Matrix:
    found = np.zeros((len(x), len(x)), dtype=x.dtype)
    i = np.arange(0, len(x), 4)
    third, fourth = 2 * (x[i + 1] - 2 * x[i + 2]), 2 * np.sqrt(10) * (x[i] - x[i + 3])
    found[i, i], found[i, i + 1] = 1, 10
    found[i + 1, i + 2], found[i + 1, i + 3] = np.sqrt(5), -np.sqrt(5)
    found[i + 2, i + 1], found[i + 2, i + 2] = third, -2 * third
    found[i + 3, i], found[i + 3, i + 3] = fourth, -fourth
    return found
