"""Rastrigin's function in any number of variables."""

from __future__ import annotations

from math import pi
from typing import Final

import numpy as np

from steepest.core.facts import ProblemFacts
from steepest.core.ranges import Range
from steepest.problems.functions.function import FunctionProblem, Matrix, Point, Real, Vector


def rastrigin(start: Point | None = None, *, dim: int = 2, perturbation: float = 0.0) -> FunctionProblem:
    """Rastrigin's function f(x) = 10n + Σᵢ xᵢ² − 10 cos 2πxᵢ: minimum 0 at 0, a local one near every lattice point.

    Not convex, separable. L = 2 + 40π² everywhere, taken at lattice points.
    start: `dim` numbers; left out, 3.3 in each: in a well three away from the lowest. dim in [1, inf), 2.
    perturbation in [0, inf), 0: the spread that the seed adds to the start.
    Source: Rastrigin 1974, Systems of Extremal Control (two variables); Mühlenbein, Schomisch & Born 1991, The
    parallel genetic algorithm as function optimizer, Parallel Computing 17, 619–632 (any number).

    >>> rastrigin().fun([1.0, 0.0])
    1.0
    """
    dim = int(Range(low=1, integer=True).check("rastrigin", "dim", dim))
    return FunctionProblem(
        "rastrigin",
        _value,
        _gradient,
        np.full(dim, 3.3) if start is None else start,
        hessian=_hessian,
        hessian_vector=_product,
        minimizer=np.zeros(dim),
        facts=ProblemFacts("smooth", L=2 + 40 * pi**2, f_star=0.0, source="exact"),
        domain=(-5.12, 5.12),
        source="Rastrigin 1974; Mühlenbein, Schomisch & Born 1991, Parallel Computing 17, 619–632",
        perturbation=perturbation,
        summary=f"a lattice of local minima in {dim} variables, not convex",
    )


_TURN: Final = 2 * pi


def _value(x: Vector) -> Real:
    return (x**2 + 20 * np.sin(_TURN / 2 * x) ** 2).sum()


def _gradient(x: Vector) -> Vector:
    return np.asarray(2 * x + 10 * _TURN * np.sin(_TURN * x))


def _hessian(x: Vector) -> Matrix:
    return np.diag(_curvatures(x))


def _product(x: Vector, v: Vector) -> Vector:
    return np.asarray(_curvatures(x) * v)


def _curvatures(x: Vector) -> Vector:
    return np.asarray(2 + 10 * _TURN**2 * np.cos(_TURN * x))
