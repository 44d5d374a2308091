"""What the 35 problems share: the form f = Σᵢ fᵢ², and three starts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from steepest.core.errors import HyperparameterError
from steepest.core.facts import ProblemFacts
from steepest.core.ranges import Range
from steepest.problems.functions.function import FunctionProblem, Matrix, Minimum, Vector
from steepest.problems.functions.sum_of_squares import sum_of_squares

PAPER: Final = "Moré, Garbow & Hillstrom 1981, ACM Transactions on Mathematical Software 7(1), 17–41"


def mgh(
    number: int,
    name: str,
    residuals: Callable[[Vector], Vector],
    jacobian: Callable[[Vector], Matrix],
    start: Sequence[float] | Vector,
    minima: Sequence[Minimum] = (),
    source: str = "",
) -> FunctionProblem:
    """The paper's problem of that number from its standard start x₀; `starts` has "standard", "×10" and "×100".

    As in the paper's programs, a start at 0 is multiplied by 10 to (10, …, 10), and likewise by 100.
    minima: global ones first, None for points that are not known or lie at infinity. source: the paper's own, if any.
    """
    x0 = np.asarray(start, dtype=np.float64)
    far = {f"×{factor}": factor * x0 if x0.any() else np.full(len(x0), float(factor)) for factor in (10, 100)}
    m = len(residuals(x0))
    return sum_of_squares(
        f"mgh-{name}",
        residuals,
        jacobian,
        x0,
        minima=minima,
        facts=ProblemFacts("unknown", source="the paper, with more digits"),
        starts={"standard": x0, **far},
        source=f"{PAPER}, problem {number}" + (f"; {source}" if source else ""),
        summary=f"Moré–Garbow–Hillstrom {number}: {len(x0)} variables, {m} squares",
    )


def whole(name: str, label: str, value: object, low: int, high: float = np.inf, *, multiple: int = 1) -> int:
    """`value` as an int in [low, high], a multiple of `multiple`; raises HyperparameterError where it is not."""
    owner = f"mgh-{name}"
    number = int(Range(low=low, high=high, integer=True).check(owner, label, value))
    if number % multiple:
        raise HyperparameterError(owner, label, f"must be a multiple of {multiple}, got {number}")
    return number


def products_of_others(x: Vector) -> Vector:
    """Πⱼ≠ᵢ xⱼ for every i, without a division."""
    one = np.ones(1)
    before = np.concatenate([one, np.cumprod(x[:-1])])
    after = np.concatenate([np.cumprod(x[:0:-1])[::-1], one])
    return np.asarray(before * after)
