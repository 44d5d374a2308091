"""Moré–Garbow–Hillstrom 27: Brown's almost-linear function."""

from __future__ import annotations

import numpy as np

from steepest.problems.functions.function import FunctionProblem, Matrix, Minimum, Vector
from steepest.problems.functions.more_garbow_hillstrom.mgh import mgh, products_of_others, whole


def brown_almost_linear(dim: int = 10) -> FunctionProblem:
    """fᵢ = xᵢ + Σⱼ xⱼ − (n + 1), i = 1, …, n − 1; fₙ = Πⱼ xⱼ − 1; from (½, …, ½).

    dim in [2, inf), 10. Minimum 0 at (α, …, α, α¹⁻ⁿ) with n αⁿ − (n + 1) αⁿ⁻¹ + 1 = 0, of which α = 1 is always one,
    and, from n = 3 on, the value 1 at (0, …, 0, n + 1), which the paper lists too: a degenerate saddle, where methods
    stop, for f falls slowly along (1, …, 1, −n).

    >>> brown_almost_linear(3).residuals([0.0, 0.0, 4.0])
    array([ 0.,  0., -1.])
    """
    dim = whole("brown-almost-linear", "dim", dim, 2)
    saddle = Minimum(1.0, (dim + 1) * np.eye(dim)[-1], "stationary: a degenerate saddle")
    minima = [Minimum(0.0, np.ones(dim)), _other(dim), *([saddle] if dim > 2 else [])]
    source = "Brown 1969, SIAM Journal on Numerical Analysis 6, 560–569"
    return mgh(27, "brown-almost-linear", _residuals, _jacobian, np.full(dim, 0.5), minima, source)


def _residuals(x: Vector) -> Vector:
    return np.concatenate([x[:-1] + x.sum() - (len(x) + 1), [x.prod() - 1]])


def _jacobian(x: Vector) -> Matrix:
    return np.concatenate([(np.ones((len(x),) * 2) + np.eye(len(x)))[:-1], products_of_others(x)[None]])


def _other(n: int) -> Minimum:
    """With the root α of n αⁿ − (n + 1) αⁿ⁻¹ + 1 that lies below the turning point 1 − 1/n²."""
    turn = 1 - 1 / n**2
    low, high = 0.0, turn
    for _ in range(200):
        alpha = (low + high) / 2
        low, high = (alpha, high) if n * alpha**n - (n + 1) * alpha ** (n - 1) + 1 > 0 else (low, alpha)
    return Minimum(0.0, np.array([*[alpha] * (n - 1), alpha ** (1 - n)]))
