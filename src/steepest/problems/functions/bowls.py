"""Two more bowls of two variables: a long one, and one off the centre."""

from __future__ import annotations

import numpy as np

from steepest.core.facts import ProblemFacts
from steepest.problems.functions.function import FunctionProblem, Matrix, Point, Real, Vector


def long_bowl(start: Point = (1.0, 1.0), *, perturbation: float = 0.0) -> FunctionProblem:
    """The bowl f(x, y) = x² + 100y² of two variables: L = 200, μ = 2, condition number 100, minimum 0 at (0, 0).

    start: two numbers, (1, 1). perturbation in [0, inf), 0: the spread that the seed adds to the start.

    >>> long_bowl().gradient([1.0, 1.0])
    array([  2., 200.])
    """
    summary = "x² + 100y² from (1, 1): two variables, condition number 100"
    return _bowl("long-bowl", (0.0, 0.0), (1.0, 100.0), start, (-2.0, 2.0), perturbation, summary)


def shifted_bowl(start: Point = (0.0, 0.0), *, perturbation: float = 0.0) -> FunctionProblem:
    """The bowl f(x, y) = (x − 3)² + 2(y + 1)² of two variables: L = 4, μ = 2, minimum 0 at (3, −1).

    start: two numbers, (0, 0). perturbation in [0, inf), 0: the spread that the seed adds to the start.

    >>> shifted_bowl().gradient([0.0, 0.0])
    array([-6.,  4.])
    """
    summary = "(x − 3)² + 2(y + 1)² from (0, 0): two variables, condition number 2"
    return _bowl("shifted-bowl", (3.0, -1.0), (1.0, 2.0), start, (-4.0, 6.0), perturbation, summary)


def _bowl(
    name: str,
    at: tuple[float, float],
    weighted: tuple[float, float],
    start: Point,
    domain: tuple[float, float],
    perturbation: float,
    summary: str,
) -> FunctionProblem:
    centre, weights = np.array(at), np.array(weighted)

    def value(x: Vector) -> Real:
        return weights @ (x - centre) ** 2

    def gradient(x: Vector) -> Vector:
        return np.asarray(2 * weights * (x - centre))

    def hessian(x: Vector) -> Matrix:
        return np.diag(2 * weights)

    return FunctionProblem(
        name,
        value,
        gradient,
        start,
        hessian=hessian,
        minimizer=centre,
        facts=ProblemFacts("quadratic", L=2 * max(weighted), mu=2 * min(weighted), f_star=0.0, source="exact"),
        domain=domain,
        source="textbook",
        perturbation=perturbation,
        summary=summary,
    )
