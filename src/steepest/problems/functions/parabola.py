"""The parabola (x − 2)² + 1."""

from __future__ import annotations

import numpy as np

from steepest.core.facts import ProblemFacts
from steepest.problems.functions.function import FunctionProblem, Matrix, Point, Real, Vector


def parabola(start: Point = 5.0, *, perturbation: float = 0.0) -> FunctionProblem:
    """The parabola f(x) = (x − 2)² + 1 of one variable: L = μ = 2, minimum 1 at 2.

    start: one number, 5. perturbation in [0, inf), 0: the spread that the seed adds to the start.

    >>> parabola().gradient([5.0])
    array([6.])
    """
    return FunctionProblem(
        "parabola",
        _value,
        _gradient,
        start,
        hessian=_hessian,
        minimizer=[2.0],
        facts=ProblemFacts("quadratic", L=2.0, mu=2.0, f_star=1.0, source="exact"),
        domain=(-1.0, 5.0),
        source="textbook",
        perturbation=perturbation,
        summary="(x − 2)² + 1 from 5: one variable, condition number 1",
    )


def _value(x: Vector) -> Real:
    return 1 + (x[0] - 2) ** 2


def _gradient(x: Vector) -> Vector:
    return 2 * (x - 2)


def _hessian(x: Vector) -> Matrix:
    return np.array([[2.0]])
