"""Moré–Garbow–Hillstrom 35: Chebyquad."""

from __future__ import annotations

from typing import Final

import numpy as np

from steepest.problems.functions.function import FunctionProblem, Matrix, Minimum, Vector
from steepest.problems.functions.more_garbow_hillstrom.mgh import mgh, whole


def chebyquad(dim: int = 8) -> FunctionProblem:
    """fᵢ = (1/n) Σⱼ Tᵢ(xⱼ) − ∫₀¹ Tᵢ, i = 1, …, n, Tᵢ Chebyshev's polynomial shifted to [0, 1]; from xⱼ = j/(n + 1).

    ∫₀¹ Tᵢ is 0 for odd i and −1/(i² − 1) for even. dim in [1, inf), 8. Minimum 0 for n ≤ 7 and n = 9,
    3.51687…e-3 for n = 8, 6.50395…e-3 for n = 10.

    >>> chebyquad(2).residuals([0.0, 1.0]).round(6)
    array([0.      , 1.333333])
    """
    dim = whole("chebyquad", "dim", dim, 1)
    start = np.arange(1.0, dim + 1) / (dim + 1)
    minima = [Minimum(0.0)] if dim <= 7 or dim == 9 else _MINIMA.get(dim, [])
    return mgh(35, "chebyquad", _residuals, _jacobian, start, minima, "Fletcher 1965, The Computer Journal 8, 33–41")


# fmt: off
_MINIMA: Final = {
    8: [
        Minimum(
            0.00351687372567793,
            (
                0.0431527601510166, 0.19309084038418614, 0.26632870689027294, 0.5, 0.5, 0.7336712931097271,
                0.8069091596158139, 0.9568472398489833,
            ),
        )
    ],
    10: [
        Minimum(
            0.006503954800882307,
            (
                0.05961990053581275, 0.16670828183586142, 0.2391706589426085, 0.3988842923060446,
                0.3988842923060444, 0.6011157076939556, 0.6011157076939554, 0.7608293410573915,
                0.8332917181641386, 0.9403800994641673,
            ),
        )
    ],
}
# fmt: on
"""By the number of variables."""


def _residuals(x: Vector) -> Vector:
    i = np.arange(1, len(x) + 1)
    integrals = np.where(i % 2, 0, -1 / np.maximum(i**2 - 1, 1))
    return np.asarray(_polynomials(x)[0].mean(axis=1) - integrals)


def _jacobian(x: Vector) -> Matrix:
    return np.asarray(_polynomials(x)[1] / len(x))


def _polynomials(x: Vector) -> tuple[Matrix, Matrix]:
    """Tᵢ(xⱼ) and Tᵢ′(xⱼ), a row for every i from 1, by their recurrences."""
    z = 2 * x - 1
    values, slopes = [np.ones_like(z), z], [np.zeros_like(z), np.full_like(z, 2)]
    for _ in range(len(x) - 1):
        values.append(2 * z * values[-1] - values[-2])
        slopes.append(4 * values[-2] + 2 * z * slopes[-1] - slopes[-2])
    return np.array(values[1:]), np.array(slopes[1:])
