"""Griewank's function in any number of variables."""

from __future__ import annotations

import numpy as np

from steepest.core.facts import ProblemFacts
from steepest.core.ranges import Range
from steepest.problems.functions.complex_step import hessian_of, product_of
from steepest.problems.functions.function import FunctionProblem, Point, Real, Vector


def griewank(start: Point | None = None, *, dim: int = 2, perturbation: float = 0.0) -> FunctionProblem:
    """Griewank's function f(x) = ‖x‖²/4000 − Πᵢ cos(xᵢ/√i) + 1: minimum 0 at 0, a lattice of local ones.

    Not convex. L = 1 + 1/2000 everywhere, taken at 0 along x₁: a product of cosines is the mean of cos(Σᵢ ±xᵢ/√i) over
    all signs, so that its curvature along v is at most the mean of (Σᵢ ±vᵢ/√i)², which is Σᵢ vᵢ²/i.
    start: `dim` numbers; left out, 10 in each. dim in [1, inf), 2. perturbation in [0, inf), 0: the spread that the
    seed adds to the start.
    Source: Griewank 1981, Generalized descent for global optimization, Journal of Optimization Theory and Applications
    34(1), 11–39.

    >>> griewank().fun([0.0, 0.0]), griewank().facts.L
    (0.0, 1.0005)
    """
    dim = int(Range(low=1, integer=True).check("griewank", "dim", dim))
    return FunctionProblem(
        "griewank",
        _value,
        _gradient,
        np.full(dim, 10.0) if start is None else start,
        hessian=hessian_of(_gradient),
        hessian_vector=product_of(_gradient),
        minimizer=np.zeros(dim),
        facts=ProblemFacts("smooth", L=1 + 1 / 2000, f_star=0.0, source="exact"),
        domain=(-600.0, 600.0),
        source="Griewank 1981, Journal of Optimization Theory and Applications 34, 11–39",
        perturbation=perturbation,
        summary=f"shallow waves on a wide bowl in {dim} variables, not convex",
    )


def _value(x: Vector) -> Real:
    return x @ x / 4000 + 1 - np.cos(x / _roots(x)).prod()


def _gradient(x: Vector) -> Vector:
    cosines = np.cos(x / _roots(x))
    one = np.ones(1)
    before = np.concatenate([one, np.cumprod(cosines[:-1])])
    after = np.concatenate([np.cumprod(cosines[:0:-1])[::-1], one])
    return np.asarray(x / 2000 + before * after * np.sin(x / _roots(x)) / _roots(x))


def _roots(x: Vector) -> Vector:
    return np.sqrt(np.arange(1.0, len(x) + 1))
