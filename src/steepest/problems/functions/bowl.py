"""The bowl (x − 1)² + 2 (y − 2)²."""

from __future__ import annotations

from typing import Final

import numpy as np

from steepest.core.facts import ProblemFacts
from steepest.problems.functions.function import FunctionProblem, Matrix, Point, Real, Vector


def bowl(start: Point = (-2.0, -1.0), *, perturbation: float = 0.0) -> FunctionProblem:
    """The bowl f(x, y) = (x − 1)² + 2 (y − 2)² of two variables: L = 4, μ = 2, minimum 0 at (1, 2).

    start: two numbers, (−2, −1). perturbation in [0, inf), 0: the spread that the seed adds to the start.

    >>> bowl().fun([-2.0, -1.0])
    27.0
    """
    return FunctionProblem(
        "bowl",
        _value,
        _gradient,
        start,
        hessian=_hessian,
        minimizer=_CENTRE,
        facts=ProblemFacts("quadratic", L=4.0, mu=2.0, f_star=0.0, source="exact"),
        domain=(-3.0, 4.0),
        source="textbook",
        perturbation=perturbation,
        summary="(x − 1)² + 2(y − 2)² from (−2, −1): two variables, condition number 2",
    )


_CENTRE: Final = np.array([1.0, 2.0])
_WEIGHTS: Final = np.array([1.0, 2.0])


def _value(x: Vector) -> Real:
    return _WEIGHTS @ (x - _CENTRE) ** 2


def _gradient(x: Vector) -> Vector:
    return 2 * _WEIGHTS * (x - _CENTRE)


def _hessian(x: Vector) -> Matrix:
    return np.diag(2 * _WEIGHTS)
