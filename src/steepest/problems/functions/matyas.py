"""Matyas' function of two variables."""

from __future__ import annotations

from typing import Final

import numpy as np

from steepest.core.facts import ProblemFacts
from steepest.problems.functions.function import FunctionProblem, Matrix, Point, Real, Vector


def matyas(start: Point = (8.0, -6.0), *, perturbation: float = 0.0) -> FunctionProblem:
    """Matyas' function f(x, y) = 0.26 (x² + y²) − 0.48 xy: a quadratic, L = 1, μ = 0.04, minimum 0 at (0, 0).

    start: two numbers, (8, −6). perturbation in [0, inf), 0: the spread that the seed adds to the start.
    Source: Jamil & Yang 2013, A literature survey of benchmark functions, arXiv:1308.4008, function 71.

    >>> round(matyas().facts.kappa, 9)
    25.0
    """
    return FunctionProblem(
        "matyas",
        _value,
        _gradient,
        start,
        hessian=_hessian,
        minimizer=[0.0, 0.0],
        facts=ProblemFacts("quadratic", L=1.0, mu=0.04, f_star=0.0, source="exact"),
        domain=(-10.0, 10.0),
        source="Jamil & Yang 2013, arXiv:1308.4008, function 71",
        perturbation=perturbation,
        summary="0.26(x² + y²) − 0.48xy from (8, −6): a flat diagonal valley, condition number 25",
    )


_HESSIAN: Final = np.array([[0.52, -0.48], [-0.48, 0.52]])


def _value(x: Vector) -> Real:
    a, b = x
    return 0.26 * (a**2 + b**2) - 0.48 * a * b


def _gradient(x: Vector) -> Vector:
    return np.asarray(_HESSIAN @ x)


def _hessian(x: Vector) -> Matrix:
    return _HESSIAN
