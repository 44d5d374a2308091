"""Levy's function in any number of variables."""

from __future__ import annotations

from math import pi

import numpy as np

from steepest.core.facts import ProblemFacts
from steepest.core.ranges import Range
from steepest.problems.functions.complex_step import hessian_of, product_of
from steepest.problems.functions.function import FunctionProblem, Point, Real, Vector


def levy(start: Point | None = None, *, dim: int = 2, perturbation: float = 0.0) -> FunctionProblem:
    """Levy's function with w = 1 + (x − 1)/4: minimum 0 at (1, …, 1), and many local ones.

        f(x) = sin²(πw₁) + Σᵢ₌₁ⁿ⁻¹ (wᵢ − 1)² (1 + 10 sin²(πwᵢ + 1)) + (wₙ − 1)² (1 + sin²(2πwₙ))

    Not convex; its curvature grows without bound, so L is not defined.
    start: `dim` numbers; left out, −4 in each. dim in [1, inf), 2. perturbation in [0, inf), 0: the spread that the
    seed adds to the start.
    Source: Levy & Montalvo 1985, The tunneling algorithm for the global minimization of functions, SIAM Journal on
    Scientific and Statistical Computing 6(1), 15–29; in the form of Laguna & Martí 2005, Journal of Global
    Optimization 33, 235–255.

    >>> levy().fun([1.0, 1.0])
    0.0
    """
    dim = int(Range(low=1, integer=True).check("levy", "dim", dim))
    return FunctionProblem(
        "levy",
        _value,
        _gradient,
        np.full(dim, -4.0) if start is None else start,
        hessian=hessian_of(_gradient),
        hessian_vector=product_of(_gradient),
        minimizer=np.ones(dim),
        facts=ProblemFacts("unknown", f_star=0.0, source="exact"),
        domain=(-10.0, 10.0),
        source="Levy & Montalvo 1985, SIAM J. Sci. Stat. Comput. 6, 15–29; Laguna & Martí 2005, J. Glob. Optim. 33",
        perturbation=perturbation,
        summary=f"waves of growing height in {dim} variables, not convex",
    )


def _value(x: Vector) -> Real:
    z = (x - 1) / 4  # w − 1: sin² has the period π
    inner = z[:-1] ** 2 * (1 + 10 * np.sin(pi * z[:-1] + pi + 1) ** 2)
    return np.sin(pi * z[0]) ** 2 + inner.sum() + z[-1] ** 2 * (1 + np.sin(2 * pi * z[-1]) ** 2)


def _gradient(x: Vector) -> Vector:
    z = (x - 1) / 4
    head, last = z[:-1], z[-1]
    found = np.zeros_like(z)
    waves = pi * head + pi + 1
    found[:-1] = 2 * head * (1 + 10 * np.sin(waves) ** 2) + 10 * pi * head**2 * np.sin(2 * waves)
    found[-1] = 2 * last * (1 + np.sin(2 * pi * last) ** 2) + 2 * pi * last**2 * np.sin(4 * pi * last)
    found[0] += pi * np.sin(2 * pi * z[0])
    return np.asarray(found / 4)
