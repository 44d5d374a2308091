"""Beale's function of two variables."""

from __future__ import annotations

import numpy as np

from steepest.core.facts import ProblemFacts
from steepest.problems.functions.complex_step import hessian_of, product_of
from steepest.problems.functions.function import FunctionProblem, Point, Real, Vector


def beale(start: Point = (1.0, 1.0), *, perturbation: float = 0.0) -> FunctionProblem:
    """Beale's function f(x, y) = (1.5 − x + xy)² + (2.25 − x + xy²)² + (2.625 − x + xy³)², minimum 0 at (3, ½).

    start: two numbers, (1, 1); (3, 3) is a hard one. perturbation in [0, inf), 0: the spread that the seed adds.
    Not convex: a flat plain with steep walls, and a saddle at (0, 1); L is not defined.
    Source: Beale 1958, On an iterative method for finding a local minimum of a function of more than one variable,
    Princeton, Technical Report 25.

    >>> beale().fun([3.0, 3.0])
    7245.703125
    """
    return FunctionProblem(
        "beale",
        _value,
        _gradient,
        start,
        hessian=hessian_of(_gradient),
        hessian_vector=product_of(_gradient),
        minimizer=[3.0, 0.5],
        facts=ProblemFacts("unknown", f_star=0.0, source="exact"),
        domain=(-4.5, 4.5),
        starts={"(1, 1)": (1.0, 1.0), "(3, 3)": (3.0, 3.0)},
        source="Beale 1958, Princeton, Technical Report 25",
        perturbation=perturbation,
        summary="a flat plain with steep walls in two variables from (1, 1), not convex",
    )


def _value(x: Vector) -> Real:
    a, b = x
    return (1.5 - a + a * b) ** 2 + (2.25 - a + a * b**2) ** 2 + (2.625 - a + a * b**3) ** 2


def _gradient(x: Vector) -> Vector:
    a, b = x
    first, second, third = 1.5 - a + a * b, 2.25 - a + a * b**2, 2.625 - a + a * b**3
    along_a = 2 * (first * (b - 1) + second * (b**2 - 1) + third * (b**3 - 1))
    along_b = 2 * a * (first + second * 2 * b + third * 3 * b**2)
    return np.array([along_a, along_b])
