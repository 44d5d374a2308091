"""Booth's function of two variables."""

from __future__ import annotations

from typing import Final

import numpy as np

from steepest.core.facts import ProblemFacts
from steepest.problems.functions.function import FunctionProblem, Matrix, Point, Real, Vector


def booth(start: Point = (-5.0, -5.0), *, perturbation: float = 0.0) -> FunctionProblem:
    """Booth's function f(x, y) = (x + 2y − 7)² + (2x + y − 5)²: a quadratic, L = 18, μ = 2, minimum 0 at (1, 3).

    start: two numbers, (−5, −5). perturbation in [0, inf), 0: the spread that the seed adds to the start.
    Source: Jamil & Yang 2013, A literature survey of benchmark functions, arXiv:1308.4008, function 17.

    >>> booth().fun([-5.0, -5.0])
    884.0
    """
    return FunctionProblem(
        "booth",
        _value,
        _gradient,
        start,
        hessian=_hessian,
        minimizer=[1.0, 3.0],
        facts=ProblemFacts("quadratic", L=18.0, mu=2.0, f_star=0.0, source="exact"),
        domain=(-10.0, 10.0),
        source="Jamil & Yang 2013, arXiv:1308.4008, function 17",
        perturbation=perturbation,
        summary="(x + 2y − 7)² + (2x + y − 5)² from (−5, −5): condition number 9",
    )


_HESSIAN: Final = np.array([[10.0, 8.0], [8.0, 10.0]])


def _value(x: Vector) -> Real:
    a, b = x
    return (a + 2 * b - 7) ** 2 + (2 * a + b - 5) ** 2


def _gradient(x: Vector) -> Vector:
    return np.asarray(_HESSIAN @ x - np.array([34.0, 38.0]))


def _hessian(x: Vector) -> Matrix:
    return _HESSIAN
