"""A double well in two variables, whose saddle draws Newton's method."""

from __future__ import annotations

from typing import Final

import numpy as np

from steepest.core.facts import ProblemFacts
from steepest.problems.functions.function import FunctionProblem, Matrix, Minimum, Point, Real, Vector


def newton_saddle(start: Point = (0.3, 1.0), *, perturbation: float = 0.0) -> FunctionProblem:
    """The function f(x, y) = x⁴/4 − x²/2 + y²/2: minima −¼ at (±1, 0), a saddle at (0, 0).

    Newton's method solves ∇f = 0 and finds stationary points of any kind: from |x| < 1/√5 it converges to the saddle,
    cubically, where gradient descent goes to a minimum.
    start: two numbers, (0.3, 1). perturbation in [0, inf), 0: the spread that the seed adds to the start.

    >>> newton_saddle().fun([1.0, 0.0])
    -0.25
    """
    return FunctionProblem(
        "newton-saddle",
        _value,
        _gradient,
        start,
        hessian=_hessian,
        minima=[Minimum(-0.25, (1.0, 0.0)), Minimum(-0.25, (-1.0, 0.0))],
        facts=ProblemFacts("unknown", f_star=-0.25, source="exact"),
        domain=(-1.5, 1.5),
        source="textbook",
        perturbation=perturbation,
        summary="two minima and a saddle; Newton's method goes to the saddle",
    )


SADDLE: Final = (0.0, 0.0)
"""Where ∇f = 0 and the Hessian has eigenvalues −1 and 1."""


def _value(x: Vector) -> Real:
    return x[0] ** 4 / 4 - x[0] ** 2 / 2 + x[1] ** 2 / 2


def _gradient(x: Vector) -> Vector:
    return np.array([x[0] ** 3 - x[0], x[1]])


def _hessian(x: Vector) -> Matrix:
    return np.diag([3 * x[0] ** 2 - 1, 1.0])
