"""Moré–Garbow–Hillstrom 26: the trigonometric function."""

from __future__ import annotations

from typing import Final

import numpy as np

from steepest.problems.functions.function import FunctionProblem, Matrix, Minimum, Vector
from steepest.problems.functions.more_garbow_hillstrom.mgh import mgh, whole


def trigonometric(dim: int = 10) -> FunctionProblem:
    """fᵢ = n − Σⱼ cos xⱼ + i (1 − cos xᵢ) − sin xᵢ; from (1/n, …, 1/n); minimum 0.

    dim in [1, inf), 10. 0 is a minimizer, among others; from the standard start, methods end in a local minimum,
    2.79506…e-5 for n = 10, which the paper does not list.

    >>> round(trigonometric().fun([0.1] * 10), 8)
    0.00707576
    """
    dim = whole("trigonometric", "dim", dim, 1)
    minima = [Minimum(0.0, np.zeros(dim)), *(_LOCAL if dim == 10 else [])]
    source = "Spedicato 1975, CISE, Report N-175"
    return mgh(26, "trigonometric", _residuals, _jacobian, np.full(dim, 1 / dim), minima, source)


# fmt: off
_LOCAL: Final = [
    Minimum(
        2.7950561218790673e-05,
        (
            0.05515090398069132, 0.05684061679473862, 0.05876400176269493, 0.06099060865676079,
            0.06362621369585418, 0.06684317945275887, 0.20816151856988085, 0.16436309588564915,
            0.08500689568850597, 0.09143145071470805,
        ),
        "local",
    )
]
# fmt: on


def _residuals(x: Vector) -> Vector:
    i = np.arange(1, len(x) + 1)
    falls = 1 - np.cos(x)
    return np.asarray(falls.sum() + i * falls - np.sin(x))


def _jacobian(x: Vector) -> Matrix:
    i = np.arange(1, len(x) + 1)
    return np.asarray(np.sin(x) + np.diag(i * np.sin(x) - np.cos(x)))
