"""Himmelblau's function of two variables."""

from __future__ import annotations

from math import sqrt

import numpy as np

from steepest.core.facts import ProblemFacts
from steepest.problems.functions.function import FunctionProblem, Matrix, Minimum, Point, Real, Vector


def himmelblau(start: Point = (0.0, 0.0), *, perturbation: float = 0.0) -> FunctionProblem:
    """Himmelblau's function f(x, y) = (x² + y − 11)² + (x + y² − 7)²: four minima 0, one in each quadrant.

    They are (3, 2), (−2.805, 3.131), (−3.779, −3.283) and (3.584, −1.848); between them lie four saddles and, at
    (−0.271, −0.923), a maximum. Not convex. On [−5, 5]²: L = 286 + √1664, taken at (5, 5).
    start: two numbers, (0, 0). perturbation in [0, inf), 0: the spread that the seed adds to the start.
    Source: Himmelblau 1972, Applied Nonlinear Programming, McGraw-Hill.

    >>> himmelblau().fun([0.0, 0.0]), len(himmelblau().minima)
    (170.0, 4)
    """
    return FunctionProblem(
        "himmelblau",
        _value,
        _gradient,
        start,
        hessian=_hessian,
        minima=[Minimum(0.0, x) for x in _MINIMIZERS],
        facts=ProblemFacts("smooth", L=286 + sqrt(1664), f_star=0.0, source="exact; L on [−5, 5]²"),
        region=(-5.0, 5.0),
        domain=(-5.0, 5.0),
        source="Himmelblau 1972, Applied Nonlinear Programming",
        perturbation=perturbation,
        summary="four equal minima in two variables from (0, 0), not convex",
    )


_MINIMIZERS = (
    (3.0, 2.0),
    (-2.8051180869527448, 3.1313125182505729),
    (-3.7793102533777469, -3.2831859912861694),
    (3.5844283403304917, -1.8481265269644035),
)


def _value(x: Vector) -> Real:
    a, b = x
    return (a**2 + b - 11) ** 2 + (a + b**2 - 7) ** 2


def _gradient(x: Vector) -> Vector:
    a, b = x
    first, second = a**2 + b - 11, a + b**2 - 7
    return np.array([4 * a * first + 2 * second, 2 * first + 4 * b * second])


def _hessian(x: Vector) -> Matrix:
    a, b = x
    mixed = 4 * (a + b)
    return np.array([[12 * a**2 + 4 * b - 42, mixed], [mixed, 12 * b**2 + 4 * a - 26]])
