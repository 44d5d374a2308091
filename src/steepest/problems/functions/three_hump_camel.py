"""The three-hump camel function of two variables."""

from __future__ import annotations

from math import sqrt
from typing import Final

import numpy as np

from steepest.core.facts import ProblemFacts
from steepest.problems.functions.function import FunctionProblem, Matrix, Minimum, Point, Real, Vector


def three_hump_camel(start: Point = (2.0, 1.0), *, perturbation: float = 0.0) -> FunctionProblem:
    """The three-hump camel f(x, y) = 2x² − 1.05x⁴ + x⁶/6 + xy + y²: minimum 0 at (0, 0), local ones 0.2986.

    The local minima are at ±(1.7476, −0.8738). Not convex. On [−5, 5]²: L = 1408 + √(1406² + 1), taken at |x| = 5.
    start: two numbers, (2, 1). perturbation in [0, inf), 0: the spread that the seed adds to the start.
    Source: Branin 1972, Widely convergent method for finding multiple solutions of simultaneous nonlinear equations,
    IBM Journal of Research and Development 16(5), 504–522.

    >>> round(three_hump_camel().minima[1].value, 6)
    0.298638
    """
    local = [(x, -x / 2) for x in (_HUMP, -_HUMP)]
    return FunctionProblem(
        "three-hump-camel",
        _value,
        _gradient,
        start,
        hessian=_hessian,
        minima=[
            Minimum(0.0, (0.0, 0.0)),
            *(Minimum(float(_value(np.array(x))), x, "local") for x in local),
        ],
        facts=ProblemFacts("smooth", L=1408 + sqrt(1406**2 + 1), f_star=0.0, source="exact; L on [−5, 5]²"),
        region=(-5.0, 5.0),
        domain=(-5.0, 5.0),
        source="Branin 1972, IBM Journal of Research and Development 16, 504–522",
        perturbation=perturbation,
        summary="a minimum between two local ones in two variables from (2, 1), not convex",
    )


_HUMP: Final = sqrt((4.2 + sqrt(4.2**2 - 14)) / 2)
"""The outer root of ∂f/∂x = x (x⁴ − 4.2x² + 3.5) along y = −x/2."""


def _value(x: Vector) -> Real:
    a, b = x
    return 2 * a**2 - 1.05 * a**4 + a**6 / 6 + a * b + b**2


def _gradient(x: Vector) -> Vector:
    a, b = x
    return np.array([4 * a - 4.2 * a**3 + a**5 + b, a + 2 * b])


def _hessian(x: Vector) -> Matrix:
    return np.array([[4 - 12.6 * x[0] ** 2 + 5 * x[0] ** 4, 1.0], [1.0, 2.0]])
