"""eˣ, which has no minimizer."""

from __future__ import annotations

from math import inf

import numpy as np

from steepest.core.facts import ProblemFacts
from steepest.problems.functions.function import FunctionProblem, Matrix, Minimum, Point, Real, Vector


def vanishing_slope(start: Point = 0.0, *, perturbation: float = 0.0) -> FunctionProblem:
    """The function f(x) = eˣ: convex, infimum 0, taken nowhere: R = ∞.

    Gradient descent lowers f for ever while x goes to −∞, so "convex, hence converges to the minimizer" is false. To
    the left of the start f is e^{x₀}-smooth, and a step of 1/L never goes to its right: L = e^{x₀} in the facts.
    start: one number, 0. perturbation in [0, inf), 0: the spread that the seed adds to the start.

    >>> vanishing_slope().facts.R, vanishing_slope().minimizer is None
    (inf, True)
    """
    x0 = np.atleast_1d(np.asarray(start, dtype=np.float64))
    return FunctionProblem(
        "vanishing-slope",
        _value,
        np.exp,
        x0,
        hessian=_hessian,
        minima=[Minimum(0.0, None, "as x → −∞")],
        facts=ProblemFacts("convex", L=float(np.exp(x0[0])), R=inf, f_star=0.0, source="exact, left of the start"),
        domain=(-4.0, 1.0),
        source="textbook",
        perturbation=perturbation,
        summary="eˣ: convex, smooth to the left, without a minimizer",
    )


def _value(x: Vector) -> Real:
    return np.exp(x)[0]


def _hessian(x: Vector) -> Matrix:
    return np.exp(x).reshape(1, 1)
