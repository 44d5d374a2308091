"""The parabola on which a step above 2/L diverges."""

from __future__ import annotations

import numpy as np

from steepest.core.facts import ProblemFacts
from steepest.core.ranges import Range
from steepest.problems.functions.function import FunctionProblem, Matrix, Point, Real, Vector


def past_two_over_l(L: float = 1.0, start: Point = 1.0, *, perturbation: float = 0.0) -> FunctionProblem:
    """The parabola f(x) = ½Lx²: gradient descent multiplies x by 1 − αL a step.

    So it converges for 0 < α < 2/L, beyond the 1/L of textbook proofs, cycles between ±x₀ at 2/L, and diverges above.
    L in (0, inf), 1. start: one number, 1. perturbation in [0, inf), 0: the spread that the seed adds to the start.

    >>> past_two_over_l(L=4.0).gradient(1.0)
    array([4.])
    """
    curvature = Range(low=0, open_low=True).check("past_two_over_l", "L", L)

    def value(x: Vector) -> Real:
        found: Real = curvature * np.dot(x, x) / 2
        return found

    def gradient(x: Vector) -> Vector:
        return curvature * x

    def hessian(x: Vector) -> Matrix:
        return np.array([[curvature]])

    return FunctionProblem(
        "past-two-over-l",
        value,
        gradient,
        np.atleast_1d(start),
        hessian=hessian,
        minimizer=[0.0],
        facts=ProblemFacts("quadratic", L=curvature, mu=curvature, f_star=0.0, source="exact"),
        domain=(-2.0, 2.0),
        source="textbook",
        perturbation=perturbation,
        summary=f"½·{curvature:g}x²: gradient descent with a step above {2 / curvature:g} diverges",
    )
