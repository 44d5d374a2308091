"""A quadratic that tells Nesterov's look-ahead from the one that forgets the learning rate."""

from __future__ import annotations

from typing import Final

import numpy as np

from steepest.core.facts import ProblemFacts
from steepest.core.ranges import Range
from steepest.problems.functions.function import FunctionProblem, Matrix, Point, Real, Vector


def look_ahead(curvature: float = 3.0, start: Point = (1.0, 1.0), *, perturbation: float = 0.0) -> FunctionProblem:
    """The quadratic f(x, y) = ½ (λx² + y²): L = λ, μ = 1, minimum 0 at (0, 0).

    Momentum v ← βv + ∇f at the look-ahead point, x ← x − ηv. The look-ahead is x − ηβv. Taken at x − βv instead, the
    method is unstable as soon as λ is above about 1 + 1/β, 2.11 for β = 0.9, however small η is.
    curvature: λ in [1, inf), 3. start: two numbers, (1, 1). perturbation in [0, inf), 0: the spread that the seed adds
    to the start.

    >>> look_ahead().gradient([1.0, 1.0])
    array([3., 1.])
    """
    largest = Range(low=1).check("look_ahead", "curvature", curvature)
    spectrum = np.array([largest, 1.0])

    def value(x: Vector) -> Real:
        found: Real = np.dot(spectrum, x * x) / 2
        return found

    def gradient(x: Vector) -> Vector:
        return spectrum * x

    def hessian(x: Vector) -> Matrix:
        return np.diag(spectrum)

    return FunctionProblem(
        "look-ahead",
        value,
        gradient,
        start,
        hessian=hessian,
        minimizer=_CENTRE,
        facts=ProblemFacts("quadratic", L=largest, mu=1.0, f_star=0.0, source="exact"),
        domain=(-2.0, 2.0),
        source="textbook",
        perturbation=perturbation,
        summary=f"½({largest:g}x² + y²); a look-ahead without the learning rate diverges",
    )


_CENTRE: Final = np.zeros(2)
