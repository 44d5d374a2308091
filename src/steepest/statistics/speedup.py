"""Many problems: the geometric mean of the speed-up over a reference."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from steepest.core.errors import InputError, UnknownNameError
from steepest.statistics.across import DropOne, Measure, Places, drop_one, intervals, times_table
from steepest.statistics.intervals import Interval
from steepest.trace import Column


def geometric_speedup(
    times: Mapping[str, npt.ArrayLike], reference: str, *, max_times: float | Sequence[float]
) -> dict[str, float]:
    """The geometric mean over problems of t(reference) / t(method): 2 means twice as fast, the reference has 1.

    times: for each method its times to target, shape (problems,), or (problems, seeds): then the median over seeds, in
    which ∞ takes part; > 0 where finite. reference: one of the methods. max_times: how long a run may take, one number
    or one a problem; a miss counts as 1 more, so that a method that misses what the reference reaches loses, by how
    much depends on the budget, and a problem that both miss has the ratio 1.
    Raises InputError for unequal shapes, NaN, times that are not positive, or UnknownNameError for the reference.
    Source: AlgoPerf's scoring/compute_speedups.py.

    >>> round(geometric_speedup({"sgd": [40, 99], "adam": [10, float("inf")]}, "sgd", max_times=98)["adam"], 6)
    2.0
    """
    table = times_table("geometric_speedup", times)
    measure = _speedup("geometric_speedup", times, table, reference, max_times)
    values = np.exp(measure.of(np.median(table, axis=2), np.arange(table.shape[1])).mean(axis=1))
    return dict(zip(times, map(float, values), strict=True))


def speedup_intervals(
    times: Mapping[str, npt.ArrayLike], reference: str, *, max_times: float | Sequence[float], level: float = 0.95
) -> dict[str, Interval]:
    """`geometric_speedup` with the interval over problems of `across.intervals`."""
    table = times_table("speedup_intervals", times)
    measure = _speedup("speedup_intervals", times, table, reference, max_times)
    return intervals("speedup_intervals", times, measure, level)


def speedup_without_one(
    times: Mapping[str, npt.ArrayLike],
    problems: tuple[str, ...],
    reference: str,
    *,
    max_times: float | Sequence[float],
) -> tuple[DropOne, ...]:
    """`geometric_speedup` with each problem left out in turn, as `across.drop_one` says.

    Leaving out another method changes no speed-up, so methods are not left out.
    """
    table = times_table("speedup_without_one", times)
    measure = _speedup("speedup_without_one", times, table, reference, max_times)
    return drop_one("speedup_without_one", times, problems, measure, methods=False)


def _speedup(
    owner: str,
    times: Mapping[str, npt.ArrayLike],
    table: Column,
    reference: str,
    max_times: float | Sequence[float],
) -> Measure:
    if reference not in times:
        raise UnknownNameError("reference", reference, times)
    if np.any(table <= 0):
        raise InputError(f"{owner}: times must be > 0, got {table.min()}")
    row = list(times).index(reference)
    limits = np.asarray(max_times, dtype=np.float64)
    count = table.shape[1]
    if limits.shape not in {(), (count,)} or not np.all((limits > 0) & (limits < math.inf)):
        raise InputError(f"{owner}: max_times must be one number in (0, inf), or {count}, got {max_times!r}")
    misses = np.broadcast_to(limits + 1, (count,))

    def of(values: Column, problems: Places) -> Column:
        logs = np.log(np.where(np.isfinite(values), values, misses[problems]))
        return logs[row] - logs

    return Measure(of, link=np.exp)
