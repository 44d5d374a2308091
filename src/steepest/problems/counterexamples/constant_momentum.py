"""The quadratic that is slowest for Nesterov's method with constant momentum."""

from __future__ import annotations

import numpy as np

from steepest.core.facts import ProblemFacts
from steepest.core.ranges import Range
from steepest.problems.functions.function import FunctionProblem, Matrix, Point, Real, Vector


def constant_momentum(
    steps: int = 1000, *, beta: float = 0.9, L: float = 1.0, start: Point = 1.0, perturbation: float = 0.0
) -> FunctionProblem:
    """The quadratic f(x) = ½λx² with λ = L (1 − β)/(2 k): after k steps Nesterov's method is slow on it.

    With α = 1/L and constant momentum β, k f(x_k) tends to a constant for k → ∞ (0.0092 at β = 0.9, L = 1, from 1), so
    k² f(x_k) has no bound: the rate O(1/k²) for convex functions needs momentum that goes to 1.
    steps: k in [1, inf), 1000. beta in [0, 1), 0.9. L in (0, inf), 1: the function is L-smooth, its curvature λ much
    less. start: one number, 1. perturbation in [0, inf), 0: the spread that the seed adds to the start.

    >>> round(constant_momentum(steps=50).fun(1.0), 12)
    0.0005
    """
    k = Range(low=1, integer=True).check("constant_momentum", "steps", steps)
    share = Range(low=0, high=1, open_high=True).check("constant_momentum", "beta", beta)
    smooth = Range(low=0, open_low=True).check("constant_momentum", "L", L)
    curvature = smooth * (1 - share) / (2 * k)

    def value(x: Vector) -> Real:
        found: Real = curvature * np.dot(x, x) / 2
        return found

    def gradient(x: Vector) -> Vector:
        return curvature * x

    def hessian(x: Vector) -> Matrix:
        return np.array([[curvature]])

    return FunctionProblem(
        "constant-momentum",
        value,
        gradient,
        np.atleast_1d(start),
        hessian=hessian,
        minimizer=[0.0],
        facts=ProblemFacts("convex", L=smooth, mu=0.0, f_star=0.0, source="exact"),
        domain=(-2.0, 2.0),
        source="a quadratic chosen for k",
        perturbation=perturbation,
        summary=f"½λx² with λ chosen against {k} steps of Nesterov's method with momentum {share:g}",
    )
