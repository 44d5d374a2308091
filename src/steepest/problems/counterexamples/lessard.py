"""Lessard, Recht and Packard's function: smooth, strongly convex, and a cycle of the heavy ball."""

from __future__ import annotations

from typing import Final

import numpy as np

from steepest.core.facts import ProblemFacts
from steepest.problems.functions.function import FunctionProblem, Matrix, Minimum, Point, Real, Vector

CYCLE: Final = (792 / 1225, -2208 / 1225, 2592 / 1225)
"""The three points between which the heavy ball goes for ever, with α = 1/9 and β = 4/9."""


def lessard(start: Point = 3.3, *, perturbation: float = 0.0) -> FunctionProblem:
    """The function with f′(x) = 25x for x < 1, x + 24 for 1 ≤ x < 2, 25x − 24 for x ≥ 2: L = 25, μ = 1, minimum 0 at 0.

    On it the heavy ball with Polyak's constants α = 4/(√L + √μ)² = 1/9 and β = 4/9, the best ones for quadratics with
    this spectrum, does not converge: from 3.3 it tends to the cycle `CYCLE`.
    start: one number, 3.3. perturbation in [0, inf), 0: the spread that the seed adds to the start.
    Source: Lessard, Recht & Packard 2016, SIAM J. Optim. 26, 57–95, section 4.6.

    >>> lessard().gradient(3.3), lessard().fun(1.0)
    (array([58.5]), 12.5)
    """
    return FunctionProblem(
        "lessard",
        _value,
        _gradient,
        np.atleast_1d(start),
        hessian=_hessian,
        minima=[Minimum(0.0, (0.0,))],
        facts=ProblemFacts("strongly convex", L=25.0, mu=1.0, f_star=0.0, source="exact"),
        domain=(-4.0, 4.0),
        source="Lessard, Recht & Packard 2016, SIAM J. Optim. 26, 57–95",
        perturbation=perturbation,
        summary="strongly convex and smooth in one variable; the heavy ball cycles for ever",
    )


def _value(x: Vector) -> Real:
    low, middle, high = 12.5 * x * x, x * x / 2 + 24 * x - 12, 12.5 * x * x - 24 * x + 36
    return np.where(np.real(x) < 1, low, np.where(np.real(x) < 2, middle, high))[0]


def _gradient(x: Vector) -> Vector:
    return np.where(np.real(x) < 1, 25 * x, np.where(np.real(x) < 2, x + 24, 25 * x - 24))


def _hessian(x: Vector) -> Matrix:
    inside = (np.real(x) >= 1) & (np.real(x) < 2)
    return np.where(inside, 1.0, 25.0).reshape(1, 1)
