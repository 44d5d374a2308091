"""Goldstein and Price's function of two variables."""

from __future__ import annotations

import numpy as np

from steepest.core.facts import ProblemFacts
from steepest.problems.functions.complex_step import hessian_of, product_of
from steepest.problems.functions.function import FunctionProblem, Minimum, Point, Real, Vector


def goldstein_price(start: Point = (-0.5, 0.25), *, perturbation: float = 0.0) -> FunctionProblem:
    """Goldstein and Price's function: minimum 3 at (0, −1), local ones 30 at (−0.6, −0.4), 84 at (1.8, 0.2).

        f(x, y) = (1 + (x + y + 1)² (19 − 14x + 3x² − 14y + 6xy + 3y²))
                · (30 + (2x − 3y)² (18 − 32x + 12x² + 48y − 36xy + 27y²))

    A third local minimum is 840 at (1.2, 0.8). Values reach 10⁶ on [−2, 2]². Not convex.
    start: two numbers, (−0.5, 0.25). perturbation in [0, inf), 0: the spread that the seed adds to the start.
    Source: Goldstein & Price 1971, On descent from local minima, Mathematics of Computation 25(115), 569–574.

    >>> goldstein_price().fun([0.0, -1.0]), goldstein_price().fun([1.8, 0.2])
    (3.0, 84.0)
    """
    return FunctionProblem(
        "goldstein-price",
        _value,
        _gradient,
        start,
        hessian=hessian_of(_gradient),
        hessian_vector=product_of(_gradient),
        minima=[
            Minimum(3.0, (0.0, -1.0)),
            Minimum(30.0, (-0.6, -0.4), "local"),
            Minimum(84.0, (1.8, 0.2), "local"),
            Minimum(840.0, (1.2, 0.8), "local"),
        ],
        facts=ProblemFacts("unknown", f_star=3.0, source="exact"),
        domain=(-2.0, 2.0),
        source="Goldstein & Price 1971, Mathematics of Computation 25, 569–574",
        perturbation=perturbation,
        summary="values of 3 to 10⁶ and three local minima in two variables, not convex",
    )


def _value(x: Vector) -> Real:
    first, _, second, _ = _factors(x)
    return first * second


def _gradient(x: Vector) -> Vector:
    first, along_first, second, along_second = _factors(x)
    return np.asarray(along_first * second + first * along_second)


def _factors(x: Vector) -> tuple[Real, Vector, Real, Vector]:
    """The two factors, each with its gradient.

    Their quadratics depend on s = x + y and t = 2x − 3y alone: 19 − 14s + 3s² and 18 − 16t + 3t².
    """
    s, t = x[0] + x[1], 2 * x[0] - 3 * x[1]
    along_s = 2 * (s + 1) * (19 - 14 * s + 3 * s**2) + (s + 1) ** 2 * (6 * s - 14)
    along_t = 2 * t * (18 - 16 * t + 3 * t**2) + t**2 * (6 * t - 16)
    first = 1 + (s + 1) ** 2 * (19 - 14 * s + 3 * s**2)
    second = 30 + t**2 * (18 - 16 * t + 3 * t**2)
    return first, along_s * np.array([1.0, 1.0]), second, along_t * np.array([2.0, -3.0])
