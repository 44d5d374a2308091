"""The monkey saddle of two variables."""

from __future__ import annotations

from math import sqrt

import numpy as np

from steepest.core.facts import ProblemFacts
from steepest.problems.functions.function import FunctionProblem, Matrix, Point, Real, Vector


def monkey_saddle(start: Point = (1.0, 0.1), *, perturbation: float = 0.0) -> FunctionProblem:
    """The monkey saddle f(x, y) = x³ − 3xy²: unbounded below, with a degenerate saddle at (0, 0), three ways down.

    At the saddle gradient and Hessian vanish. The Hessian's eigenvalues are ±6 √(x² + y²): on [−2, 2]², L = 12√2.
    start: two numbers, (1, 0.1), above the saddle; along y = 0 methods end in it. perturbation in [0, inf), 0: the
    spread that the seed adds to the start.
    Source: Hilbert & Cohn-Vossen 1932, Anschauliche Geometrie.

    >>> monkey_saddle().fun([1.0, 1.0]), monkey_saddle().facts.f_star is None
    (-2.0, True)
    """
    return FunctionProblem(
        "monkey-saddle",
        _value,
        _gradient,
        start,
        hessian=_hessian,
        facts=ProblemFacts("smooth", L=12 * sqrt(2), source="exact; L on [−2, 2]²"),
        region=(-2.0, 2.0),
        domain=(-2.0, 2.0),
        starts={"(1, 0.1)": (1.0, 0.1), "(1, 0)": (1.0, 0.0)},
        source="Hilbert & Cohn-Vossen 1932, Anschauliche Geometrie",
        perturbation=perturbation,
        summary="x³ − 3xy² from (1, 0.1): a degenerate saddle, unbounded below",
    )


def _value(x: Vector) -> Real:
    a, b = x
    return a**3 - 3 * a * b**2


def _gradient(x: Vector) -> Vector:
    a, b = x
    return np.array([3 * a**2 - 3 * b**2, -6 * a * b])


def _hessian(x: Vector) -> Matrix:
    a, b = x
    return 6 * np.array([[a, -b], [-b, -a]])
