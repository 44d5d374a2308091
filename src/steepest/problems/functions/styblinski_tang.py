"""Styblinski and Tang's function in any number of variables."""

from __future__ import annotations

from math import acos, cos, pi, sqrt

import numpy as np

from steepest.core.facts import ProblemFacts
from steepest.core.ranges import Range
from steepest.problems.functions.function import FunctionProblem, Matrix, Minimum, Point, Real, Vector


def styblinski_tang(start: Point | None = None, *, dim: int = 2, perturbation: float = 0.0) -> FunctionProblem:
    """Styblinski and Tang's function f(x) = ½ Σᵢ xᵢ⁴ − 16xᵢ² + 5xᵢ: 2ⁿ minima, the lowest −39.166 n.

    Each coordinate has a well at −2.9035 and a shallower one at 2.7468, the outer roots of 2x³ − 16x + 5/2.
    Not convex, separable. On [−5, 5]ⁿ: L = 134.
    start: `dim` numbers; left out, zeros. dim in [1, inf), 2. perturbation in [0, inf), 0: the spread that the seed
    adds to the start.
    Source: Styblinski & Tang 1990, Experiments in nonconvex optimization, Neural Networks 3(4), 467–483.

    >>> styblinski_tang().minimizer, round(styblinski_tang().facts.f_star, 9)
    (array([-2.90353403, -2.90353403]), -78.332331408)
    """
    dim = int(Range(low=1, integer=True).check("styblinski-tang", "dim", dim))
    # x³ − 8x + 5/4 = 0 by the cosines of a third of an angle
    angle = acos(-15 / 64 * sqrt(3 / 8)) / 3
    deep, shallow = (2 * sqrt(8 / 3) * cos(angle - 2 * pi * k / 3) for k in (2, 0))
    lowest = np.full(dim, deep)
    return FunctionProblem(
        "styblinski-tang",
        _value,
        _gradient,
        np.zeros(dim) if start is None else start,
        hessian=_hessian,
        hessian_vector=_product,
        minima=[
            Minimum(float(_value(lowest)), lowest),
            Minimum(float(_value(np.full(dim, shallow))), np.full(dim, shallow), "the highest of the local ones"),
        ],
        facts=ProblemFacts("smooth", L=134.0, source="exact; L on [−5, 5]ⁿ"),
        region=(-5.0, 5.0),
        domain=(-5.0, 5.0),
        source="Styblinski & Tang 1990, Neural Networks 3, 467–483",
        perturbation=perturbation,
        summary=f"two wells along each of {dim} axes from 0, not convex",
    )


def _value(x: Vector) -> Real:
    return (x**4 - 16 * x**2 + 5 * x).sum() / 2


def _gradient(x: Vector) -> Vector:
    return np.asarray(2 * x**3 - 16 * x + 2.5)


def _hessian(x: Vector) -> Matrix:
    return np.diag(6 * x**2 - 16)


def _product(x: Vector, v: Vector) -> Vector:
    return np.asarray((6 * x**2 - 16) * v)
