"""x⁴, whose gradient is not Lipschitz."""

from __future__ import annotations

import numpy as np

from steepest.core.facts import ProblemFacts
from steepest.problems.functions.function import FunctionProblem, Matrix, Minimum, Point, Real, Vector


def quartic(start: Point = 3.0, *, perturbation: float = 0.0) -> FunctionProblem:
    """The function f(x) = x⁴: strictly convex with a unique minimizer, but with no L.

    Gradient descent with a constant α converges from |x₀| < 1/√(2α), cycles from there, and diverges from beyond,
    faster than exponentially: no α is good for every start.
    start: one number, 3. perturbation in [0, inf), 0: the spread that the seed adds to the start.

    >>> quartic().gradient(0.5)
    array([0.5])
    """
    return FunctionProblem(
        "quartic",
        _value,
        _gradient,
        np.atleast_1d(start),
        hessian=_hessian,
        minima=[Minimum(0.0, (0.0,))],
        facts=ProblemFacts("convex", f_star=0.0, source="exact"),
        domain=(-3.0, 3.0),
        source="textbook",
        perturbation=perturbation,
        summary="x⁴: for any constant step gradient descent diverges from afar",
    )


def _value(x: Vector) -> Real:
    return (x**4)[0]


def _gradient(x: Vector) -> Vector:
    return 4 * x**3


def _hessian(x: Vector) -> Matrix:
    return (12 * x * x).reshape(1, 1)
