"""One run, or several seeds of it, that a theorem is held against."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from steepest.core.facts import MethodFacts, ProblemFacts
from steepest.trace import Trace

Vector = npt.NDArray[np.float64]
Runs = Callable[[], Sequence[Trace]]


@dataclass(frozen=True)
class Case:
    """A theorem, and runs on a problem that meets its assumptions.

    theorem: its name. problem: what the runs are on, in words. runs: makes them, one or a trace a seed. method, facts:
    what theory is told. attained: the problem is one on which the bound is met, so slack must be 1 to rounding.
    """

    theorem: str
    problem: str
    method: MethodFacts
    facts: ProblemFacts
    runs: Runs
    attained: bool = False


def along(
    points: Iterable[Vector],
    fun: Callable[[Vector], float],
    gradient: Callable[[Vector], Vector] | None = None,
    minimizer: Vector | None = None,
    **columns: Sequence[float],
) -> Trace:
    """The trace of points x₀, x₁, …: f, ‖∇f‖ and the distance from x*, and columns that are given, by k."""
    path = [np.asarray(x, dtype=np.float64) for x in points]
    table: dict[str, Sequence[float]] = {"step": list(range(len(path))), "value": [float(fun(x)) for x in path]}
    if gradient is not None:
        table["gradient_norm"] = [float(np.linalg.norm(gradient(x))) for x in path]
    if minimizer is not None:
        table["distance"] = [float(np.linalg.norm(x - minimizer)) for x in path]
    return table_of(len(path), {**table, **columns})


def table_of(rows: int, columns: Mapping[str, Sequence[float]]) -> Trace:
    """A trace whose evaluations are these columns; short ones are filled with NaN."""
    table = {name: [*values, *[math.nan] * (rows - len(values))] for name, values in columns.items()}
    table["step"] = list(range(rows))
    return Trace({}, {name: np.array(values, dtype=np.float64) for name, values in table.items()})
