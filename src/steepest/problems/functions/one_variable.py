"""The textbook functions of one variable: convex and not, smooth and not, with and without a minimum."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import acos, cos, exp, pi, sqrt
from typing import Final

import numpy as np

from steepest.core.facts import ProblemFacts
from steepest.problems.functions.function import FunctionProblem, Matrix, Minimum, Point, Real, Vector


def square(start: Point = 3.0, *, perturbation: float = 0.0) -> FunctionProblem:
    """The function f(x) = x²: L = μ = 2, minimum 0 at 0.

    start: one number, 3. perturbation in [0, inf), 0: the spread that the seed adds to the start.

    >>> square().gradient(3.0)
    array([6.])
    """
    facts = ProblemFacts("quadratic", L=2.0, mu=2.0, f_star=0.0, source="exact")
    minima = [Minimum(0.0, 0.0)]
    functions = (lambda x: x * x, lambda x: 2 * x, lambda x: 2.0 + 0 * x)
    return _made("square", "x² from 3", functions, facts, minima, start, perturbation)


def shifted_square(start: Point = 3.0, *, perturbation: float = 0.0) -> FunctionProblem:
    """The function f(x) = x² + 2x + 1 = (x + 1)²: L = μ = 2, minimum 0 at −1.

    start: one number, 3. perturbation in [0, inf), 0: the spread that the seed adds to the start.

    >>> shifted_square().fun(3.0)
    16.0
    """
    facts = ProblemFacts("quadratic", L=2.0, mu=2.0, f_star=0.0, source="exact")
    functions = (lambda x: x * x + 2 * x + 1, lambda x: 2 * x + 2, lambda x: 2.0 + 0 * x)
    return _made("shifted-square", "x² + 2x + 1 from 3", functions, facts, [Minimum(0.0, -1.0)], start, perturbation)


def absolute_value(start: Point = 3.0, *, perturbation: float = 0.0) -> FunctionProblem:
    """The function f(x) = |x|: convex, minimum 0 at 0, where it has no derivative; `gradient` is the subgradient 0.

    There is no L; steps of constant length end in an oscillation around 0. There is no Hessian.
    start: one number, 3. perturbation in [0, inf), 0: the spread that the seed adds to the start.

    >>> absolute_value().gradient(-2.0), absolute_value().gradient(0.0)
    (array([-1.]), array([0.]))
    """
    facts = ProblemFacts("convex", f_star=0.0, source="exact")
    functions = (np.abs, np.sign, None)
    return _made(
        "absolute-value", "|x| from 3, not smooth at 0", functions, facts, [Minimum(0.0, 0.0)], start, perturbation
    )


def exponential(start: Point = 1.0, *, perturbation: float = 0.0) -> FunctionProblem:
    """The function f(x) = eˣ: convex, infimum 0 as x → −∞, taken nowhere. On [−2, 2]: L = e², μ = e⁻².

    start: one number, 1. perturbation in [0, inf), 0: the spread that the seed adds to the start.

    >>> exponential().minimizer is None, exponential().facts.f_star
    (True, 0.0)
    """
    facts = ProblemFacts("convex", L=exp(2), mu=exp(-2), f_star=0.0, source="exact; L and μ on [−2, 2]")
    minima = [Minimum(0.0, None, "as x → −∞")]
    return _made(
        "exponential",
        "eˣ from 1, an infimum that is taken nowhere",
        (np.exp,) * 3,
        facts,
        minima,
        start,
        perturbation,
        domain=(-2.0, 2.0),
        region=(-2.0, 2.0),
    )


def negative_log(start: Point = 1.0, *, perturbation: float = 0.0) -> FunctionProblem:
    """The function f(x) = −log x for x > 0, inf elsewhere: convex, unbounded below. On [0.1, 4]: L = 100, μ = 1/16.

    The gradient is NaN outside x > 0.
    start: one number, 1. perturbation in [0, inf), 0: the spread that the seed adds to the start.

    >>> negative_log().fun(-1.0), negative_log().gradient(0.5)
    (inf, array([-2.]))
    """

    def value(x: Vector) -> Vector:
        return np.where(np.real(x) > 0, -np.log(x), np.inf)

    def slope(x: Vector) -> Vector:
        return np.where(np.real(x) > 0, -1 / x, np.nan)

    facts = ProblemFacts("convex", L=100.0, mu=1 / 16, source="exact; L and μ on [0.1, 4]")
    return _made(
        "negative-log",
        "−log x from 1, a barrier at 0, unbounded below",
        (value, slope, lambda x: np.where(np.real(x) > 0, x**-2.0, np.nan)),
        facts,
        [],
        start,
        perturbation,
        domain=(0.1, 4.0),
        region=(0.1, 4.0),
    )


def sine(start: Point = 1.0, *, perturbation: float = 0.0) -> FunctionProblem:
    """The function f(x) = sin x: L = 1, not convex, minimum −1 at −π/2 + 2πk for every whole k.

    start: one number, 1. perturbation in [0, inf), 0: the spread that the seed adds to the start.

    >>> sine().minimizer
    array([-1.57079633])
    """
    minima = [Minimum(-1.0, -pi / 2 + 2 * pi * k) for k in (0, 1, -1)]
    facts = ProblemFacts("smooth", L=1.0, f_star=-1.0, source="exact")
    functions = (np.sin, np.cos, lambda x: -np.sin(x))
    return _made("sine", "sin x from 1, many minima", functions, facts, minima, start, perturbation, domain=(-7.0, 7.0))


def double_well(start: Point = 1.5, *, perturbation: float = 0.0) -> FunctionProblem:
    """The function f(x) = x⁴ − x²: two minima −¼ at ±1/√2, a maximum between them at 0. On [−1.5, 1.5]: L = 25.

    start: one number, 1.5. perturbation in [0, inf), 0: the spread that the seed adds to the start.

    >>> double_well().minimizer
    array([0.70710678])
    """
    facts = ProblemFacts("smooth", L=25.0, f_star=-0.25, source="exact; L on [−1.5, 1.5]")
    minima = [Minimum(-0.25, 1 / sqrt(2)), Minimum(-0.25, -1 / sqrt(2))]
    functions = (lambda x: x**4 - x * x, lambda x: 4 * x**3 - 2 * x, lambda x: 12 * x * x - 2)
    return _made(
        "double-well",
        "x⁴ − x² from 1.5, two equal minima",
        functions,
        facts,
        minima,
        start,
        perturbation,
        domain=(-1.5, 1.5),
        region=(-1.5, 1.5),
    )


def tilted_double_well(start: Point = 2.0, *, perturbation: float = 0.0) -> FunctionProblem:
    """The function f(x) = x⁴ − 4x² + 2x: a global minimum at −1.5257 and a local one at 1.2671, on the start's side.

    The minima are the outer roots 2√(2/3) cos(⅓ arccos(−⅜√(3/2)) − 2πk/3), k = 2 and 0, of 4x³ − 8x + 2.
    On [−2.5, 2.5]: L = 67.
    start: one number, 2. perturbation in [0, inf), 0: the spread that the seed adds to the start.

    >>> tilted_double_well().minimizer, len(tilted_double_well().minima)
    (array([-1.52568712]), 2)
    """
    functions = (lambda x: x**4 - 4 * x * x + 2 * x, lambda x: 4 * x**3 - 8 * x + 2, lambda x: 12 * x * x - 8)
    roots = [2 * sqrt(2 / 3) * cos(acos(-3 / 8 * sqrt(3 / 2)) / 3 - 2 * pi * k / 3) for k in (2, 0)]
    minima = [Minimum(functions[0](x), x, note) for x, note in zip(roots, ("", "local"), strict=True)]
    facts = ProblemFacts("smooth", L=67.0, f_star=minima[0].value, source="exact; L on [−2.5, 2.5]")
    return _made(
        "tilted-double-well",
        "x⁴ − 4x² + 2x from 2, on the side of the local minimum",
        functions,
        facts,
        minima,
        start,
        perturbation,
        domain=(-2.5, 2.5),
        region=(-2.5, 2.5),
    )


_Part = Callable[[Vector], Vector]
_STARTS: Final = {"−3": -3.0, "−1": -1.0, "0": 0.0, "1": 1.0, "3": 3.0}
"""Where the experiments on convex and other functions begin."""


def _made(
    name: str,
    summary: str,
    functions: tuple[_Part, _Part, _Part | None],
    facts: ProblemFacts,
    minima: Sequence[Minimum],
    start: Point,
    perturbation: float,
    *,
    domain: tuple[float, float] = (-3.0, 3.0),
    region: tuple[float, float] | None = None,
) -> FunctionProblem:
    """The problem of f, f′ and f″, each from a vector of length 1 to its like."""
    value, slope, curvature = functions

    def fun(x: Vector) -> Real:
        return value(x)[0]

    def hessian(x: Vector) -> Matrix:
        assert curvature is not None
        return curvature(x)[:, None]

    return FunctionProblem(
        name,
        fun,
        slope,
        start,
        hessian=None if curvature is None else hessian,
        minima=minima,
        facts=facts,
        domain=domain,
        region=region,
        starts={key: x for key, x in _STARTS.items() if domain[0] <= x <= domain[1]},
        source="textbook",
        perturbation=perturbation,
        summary=summary,
    )
