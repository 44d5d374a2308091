"""A sum of squares as a problem, from its residuals and their Jacobian."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from steepest.core.facts import ProblemFacts
from steepest.problems.functions.complex_step import hessian_of, product_of
from steepest.problems.functions.function import FunctionProblem, Matrix, Minimum, Point, Real, Vector


def sum_of_squares(
    name: str,
    residuals: Callable[[Vector], Vector],
    jacobian: Callable[[Vector], Matrix],
    start: Point,
    *,
    minima: Sequence[Minimum] = (),
    facts: ProblemFacts | None = None,
    domain: tuple[float, float] | None = None,
    starts: Mapping[str, Point] | None = None,
    source: str = "",
    summary: str = "",
) -> FunctionProblem:
    """The problem f(x) = Σᵢ rᵢ(x)², without a factor ½, with gradient 2 Jᵀr and Hessian 2 (JᵀJ + Σᵢ rᵢ ∇²rᵢ).

    residuals(x): r of length m. jacobian(x): ∂r/∂x, m × n. Both must be written with analytic operations (no abs, no
    conjugate): the Hessian is the gradient's complex step, right to rounding. The rest is as for `FunctionProblem`.

    >>> import numpy as np
    >>> problem = sum_of_squares("line", lambda x: x - 1.0, lambda x: np.eye(2), start=[3.0, 0.0])
    >>> problem.fun([3.0, 0.0]), problem.gradient([3.0, 0.0]), problem.hessian([3.0, 0.0])[0]
    (5.0, array([ 4., -2.]), array([2., 0.]))
    """

    def value(x: Vector) -> Real:
        r = residuals(x)
        found: Real = np.dot(r, r)
        return found

    def gradient(x: Vector) -> Vector:
        return np.asarray(2 * (residuals(x) @ jacobian(x)))

    return FunctionProblem(
        name,
        value,
        gradient,
        start,
        hessian=hessian_of(gradient),
        hessian_vector=product_of(gradient),
        residuals=residuals,
        jacobian=jacobian,
        minima=minima,
        facts=facts,
        domain=domain,
        starts=starts,
        source=source,
        summary=summary,
    )
