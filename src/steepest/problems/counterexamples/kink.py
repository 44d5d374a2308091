"""|x|, where constant steps do not converge."""

from __future__ import annotations

import numpy as np

from steepest.core.facts import ProblemFacts
from steepest.problems.functions.function import FunctionProblem, Minimum, Point, Real, Vector


def kink(start: Point = 0.3, *, perturbation: float = 0.0) -> FunctionProblem:
    """The function f(x) = |x|: convex with a unique minimizer, but not smooth; ‖g‖ ≤ 1.

    Gradient descent with a constant α reaches 0 only from multiples of α; from elsewhere it ends between two points
    that are α apart. What convexity gives without smoothness is a rate of the best iterate with steps R/(G√(N + 1)).
    start: one number, 0.3. perturbation in [0, inf), 0: the spread that the seed adds to the start.

    >>> kink().gradient(-0.2)
    array([-1.])
    """
    return FunctionProblem(
        "kink",
        _value,
        np.sign,
        np.atleast_1d(start),
        minima=[Minimum(0.0, (0.0,))],
        facts=ProblemFacts("convex", f_star=0.0, source="exact", G=1.0),
        domain=(-2.0, 2.0),
        source="textbook",
        perturbation=perturbation,
        summary="|x|: gradient descent with a constant step cycles for ever",
    )


def _value(x: Vector) -> Real:
    return np.abs(x)[0]
