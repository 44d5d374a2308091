"""Ackley's function in any number of variables."""

from __future__ import annotations

from math import e, pi

import numpy as np

from steepest.core.facts import ProblemFacts
from steepest.core.ranges import Range
from steepest.problems.functions.complex_step import hessian_of, product_of
from steepest.problems.functions.function import FunctionProblem, Point, Real, Vector


def ackley(start: Point | None = None, *, dim: int = 2, perturbation: float = 0.0) -> FunctionProblem:
    """Ackley's function: minimum 0 at 0, the tip of a cone among many local minima.

        f(x) = 20 (1 − exp(−0.2 √(‖x‖²/n))) + e − exp(Σᵢ cos 2πxᵢ / n)

    Not convex, and not smooth at 0, where `gradient` is 0 and there is no Hessian; so no L.
    start: `dim` numbers; left out, 2.3 in each. dim in [1, inf), 2. perturbation in [0, inf), 0: the spread that the
    seed adds to the start.
    Source: Ackley 1987, A Connectionist Machine for Genetic Hillclimbing, Kluwer (two variables); Bäck & Schwefel 1993,
    Evolutionary Computation 1(1), 1–23 (any number).

    >>> ackley().fun([0.0, 0.0]), ackley().gradient([0.0, 0.0])
    (0.0, array([0., 0.]))
    """
    dim = int(Range(low=1, integer=True).check("ackley", "dim", dim))
    return FunctionProblem(
        "ackley",
        _value,
        _gradient,
        np.full(dim, 2.3) if start is None else start,
        hessian=hessian_of(_gradient),
        hessian_vector=product_of(_gradient),
        minimizer=np.zeros(dim),
        facts=ProblemFacts("unknown", f_star=0.0, source="exact"),
        domain=(-32.0, 32.0),
        source="Ackley 1987; Bäck & Schwefel 1993, Evolutionary Computation 1, 1–23",
        perturbation=perturbation,
        summary=f"a cone among local minima in {dim} variables, not smooth at its tip",
    )


def _value(x: Vector) -> Real:
    mean = (np.cos(2 * pi * x) - 1).mean()
    return -20 * np.expm1(-0.2 * np.sqrt((x**2).mean())) - e * np.expm1(mean)


def _gradient(x: Vector) -> Vector:
    radius = np.sqrt((x**2).mean())
    waves = 2 * pi / len(x) * np.exp(np.cos(2 * pi * x).mean()) * np.sin(2 * pi * x)
    return np.asarray(waves if radius == 0 else waves + 4 / len(x) * np.exp(-0.2 * radius) * x / radius)
