"""What a run shows of the quantity that a theorem bounds, step by step."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from steepest.core.status import Status
from steepest.theory.reading import Family
from steepest.theory.theorem import Quantity, Theorem
from steepest.theory.vocabulary import FROM_RUN
from steepest.trace import Trace

Numbers = npt.NDArray[np.float64]


class Measured(NamedTuple):
    """A quantity at some k, ascending; inf from where the run is not finite. problem: why there is none, else ""."""

    steps: npt.NDArray[np.int64]
    values: Numbers
    problem: str = ""


def measured(theorem: Theorem, trace: Trace, family: Family, f_star: float | None, exact: bool) -> Measured:
    """The quantity of a theorem along a run.

    exact: the values that the method saw are f, and not f on a batch. A minimum over iterates is given up to the k
    before which all are recorded.
    """
    quantity = theorem.quantity
    if quantity is None:
        return _none("the theorem bounds nothing that could be measured")
    column = quantity.value.columns[0]
    if quantity in (Quantity.GAP, Quantity.BEST_GAP) and family.facts.averaging not in (None, "none"):
        return _none("the run's answer is an average; the theorem bounds an iterate")
    if quantity is Quantity.AVERAGE_GAP and family.facts.averaging not in (None, "none"):
        column = "value"
    if quantity in (Quantity.GAP, Quantity.BEST_GAP) and family.point == "y":
        return _none("the run has f at the look-ahead points y; the theorem bounds it at x: use form='lookahead'")
    if family.name in _GRADIENT_AHEAD and column in _AT_GRADIENTS and not len(trace.evaluations.get(column, ())):
        return _none(f"the run has {column!r} where gradients are taken only; run(…, evaluate_every=1) has it at x")
    along = column_of(trace, column, also_steps=exact and family.name in _GRADIENT_AT_X)
    if not along:
        return _none(f"the trace has no column {column!r}")
    steps = np.array(sorted(along), dtype=np.int64)
    values = np.array([along[k] for k in steps.tolist()])
    if column in _VALUES and quantity is not Quantity.DECREASE:
        if f_star is None:
            return _none("f* is not known")
        values = values - f_star
    return _shaped(quantity, steps, values)


def column_of(trace: Trace, column: str, *, also_steps: bool) -> dict[int, float]:
    """A column by step: of the evaluations, and of the steps where those speak of the same points or alone have it.

    Non-finite numbers become inf, except those that nobody looked at.
    """
    found: dict[int, float] = {}
    only = column not in trace.evaluations or not len(trace.evaluations[column])
    if column in trace.steps and "step" in trace.steps and (also_steps or only):
        for k, value in zip(trace.steps["step"].tolist(), trace.steps[column].tolist(), strict=True):
            if not math.isnan(value):
                found[int(k)] = value
    if not only:
        for k, value in zip(trace.evaluations["step"].tolist(), trace.evaluations[column].tolist(), strict=True):
            found[int(k)] = value if math.isfinite(value) else math.inf
    if found and trace.status is Status.NONFINITE and "step" in trace.steps:
        found[int(trace.steps["step"][-1])] = math.inf
    return found


def at_start(trace: Trace, column: str) -> float | None:
    """A column's value before the first step; None where it is not recorded."""
    return column_of(trace, column, also_steps=True).get(0)


def from_run(trace: Trace, symbols: Iterable[str]) -> Callable[[int], dict[str, float]]:
    """What only a run shows of these symbols, as a function of the number of steps."""
    columns = {
        key: (column_of(trace, FROM_RUN[key][0], also_steps=True), FROM_RUN[key][1])
        for key in symbols
        if key in FROM_RUN
    }

    def shown(steps: int) -> dict[str, float]:
        return {key: column[steps - before] for key, (column, before) in columns.items() if steps - before in column}

    return shown


_AT_GRADIENTS: Final = frozenset({"value", "gradient_norm", "distance"})
_GRADIENT_AHEAD: Final = frozenset({"nesterov", "fista", "optimized-gradient", "triple-momentum"})
_VALUES: Final = frozenset({"value", "average_value", "secondary_value"})
_GRADIENT_AT_X: Final = frozenset({
    "gradient-descent",
    "heavy-ball",
    "exact-line-search",
    "backtracking",
    "subgradient",
    "projected-gradient",
    "frank-wolfe",
    "newton",
    "damped-newton",
})


def _none(problem: str) -> Measured:
    return Measured(np.empty(0, dtype=np.int64), np.empty(0), problem)


def _shaped(quantity: Quantity, steps: npt.NDArray[np.int64], values: Numbers) -> Measured:
    if quantity in (Quantity.DISTANCE_SQUARED, Quantity.GRADIENT_SQUARED):
        return Measured(steps, values**2)
    if quantity is Quantity.DECREASE:
        after = np.flatnonzero(np.diff(steps) == 1) + 1
        with np.errstate(invalid="ignore"):
            return Measured(steps[after], values[after] - values[after - 1])
    if quantity in (Quantity.BEST_GAP, Quantity.BEST_GRADIENT, Quantity.EARLIER_GRADIENT):
        whole = int(np.argmin(steps == np.arange(len(steps)))) if (steps != np.arange(len(steps))).any() else len(steps)
        if not whole:
            return _none("the trace does not begin at step 0")
        best = np.minimum.accumulate(values[:whole])
        if quantity is Quantity.BEST_GAP:
            return Measured(steps[:whole], best)
        shift = 1 if quantity is Quantity.EARLIER_GRADIENT else 0
        return Measured(steps[:whole] + shift, best**2)
    return Measured(steps, values)
