"""Rosenbrock's function in two or more variables."""

from __future__ import annotations

import numpy as np

from steepest.core.facts import ProblemFacts
from steepest.core.ranges import Range
from steepest.problems.functions.function import FunctionProblem, Matrix, Point, Real, Vector


def rosenbrock(start: Point | None = None, *, dim: int = 2, perturbation: float = 0.0) -> FunctionProblem:
    """Rosenbrock's valley f(x) = Σᵢ 100 (xᵢ₊₁ − xᵢ²)² + (1 − xᵢ)², minimum 0 at (1, …, 1).

    start: `dim` numbers; left out, (−1, 1, −1, 1, …), for two variables on the floor of the valley's far side.
    dim in [2, inf), 2. perturbation in [0, inf), 0: the spread that the seed adds to the start.
    Not convex; its curvature grows without bound, so L is not defined. From 4 variables on there is a local
    minimum near (−1, 1, …, 1) as well.
    Source: Rosenbrock 1960, The Computer Journal 3, 175–184; the sum over neighbours for dim > 2 is customary.

    >>> rosenbrock().fun([-1.0, 1.0]), rosenbrock().fun([1.0, 0.0])
    (4.0, 100.0)
    """
    dim = int(Range(low=2, integer=True).check("rosenbrock", "dim", dim))
    customary = {"(−1, 1)": (-1.0, 1.0), "(−1.2, 1)": (-1.2, 1.0)}
    starts = {name: np.resize(x, dim).tolist() for name, x in customary.items()}
    return FunctionProblem(
        "rosenbrock",
        _value,
        _gradient,
        starts["(−1, 1)"] if start is None else start,
        hessian=_hessian,
        hessian_vector=_hessian_vector,
        minimizer=np.ones(dim),
        facts=ProblemFacts("unknown", f_star=0.0, source="exact"),
        domain=(-2.048, 2.048),
        starts=starts,
        source="Rosenbrock 1960, The Computer Journal 3, 175–184",
        perturbation=perturbation,
        summary=f"a curved valley in {dim} variables from (−1, 1), not convex",
    )


def _value(x: Vector) -> Real:
    head, tail = x[:-1], x[1:]
    return (100 * (tail - head**2) ** 2 + (1 - head) ** 2).sum()


def _gradient(x: Vector) -> Vector:
    head, tail = x[:-1], x[1:]
    bend = tail - head**2
    found = np.zeros_like(x)
    found[:-1] = -400 * head * bend - 2 * (1 - head)
    found[1:] += 200 * bend
    return found


def _hessian(x: Vector) -> Matrix:
    diagonal, beside = _bands(x)
    return np.asarray(np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1))


def _hessian_vector(x: Vector, v: Vector) -> Vector:
    diagonal, beside = _bands(x)
    found = diagonal * v
    found[:-1] += beside * v[1:]
    found[1:] += beside * v[:-1]
    return np.asarray(found)


def _bands(x: Vector) -> tuple[Vector, Vector]:
    """The Hessian's diagonal, and the one beside it."""
    head, tail = x[:-1], x[1:]
    diagonal = np.zeros_like(x)
    diagonal[:-1] = 1200 * head**2 - 400 * tail + 2
    diagonal[1:] += 200
    return diagonal, -400 * head
