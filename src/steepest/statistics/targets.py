"""Time to target: the target a reference sets, the first crossing of a run, and what many runs' crossings say."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from steepest.core.errors import InputError
from steepest.statistics.intervals import Interval, median_interval
from steepest.statistics.sample import Scores, sample
from steepest.trace import Column


@dataclass(frozen=True)
class TimeToTarget:
    """When runs reach a target, in the unit of their clock: steps, oracle calls or seconds.

    hits: how many of the n runs reach it. median: over all n, ∞ for a miss. restricted_mean: the mean time spent short
    of the target up to `budget`, ∫₀ᵇ S(t) dt. times, waiting: the Kaplan–Meier curve S, the share of runs that have
    not reached it: 1 before times[0], waiting[i] from times[i] up to times[i + 1].
    """

    hits: int
    n: int
    median: Interval
    restricted_mean: float
    budget: float
    times: Column
    waiting: Column


def target_of(
    at: npt.ArrayLike, values: npt.ArrayLike, *, budget: float, share: float = 0.75, higher_is_better: bool = False
) -> float | None:
    """The target that a reference sets: the median over its seeds of the best value within `share` of the budget.

    at: shape (points,), ascending positions of the evaluations, in the unit of `budget`. values: shape (seeds, points),
    NaN or infinite where there is none (after a divergence). budget > 0; share in (0, 1], default ¾.
    None where at least half of the seeds have no finite value by then, or nothing is evaluated by then.
    Raises InputError for other shapes, positions that do not ascend, or a number out of range.
    Source: Dahl et al. 2023, Benchmarking Neural Network Training Algorithms, arXiv:2306.07179, §4.3 (targets are what
    the best reference reaches in the median over seeds within 75 % of the budget).

    >>> target_of([0, 25, 50, 75, 100], [[9, 5, 3, 2, 1], [9, 6, 4, 3, 1], [9, 7, 6, 5, 1]], budget=100)
    3.0
    """
    if not budget > 0 or not 0 < share <= 1:
        raise InputError(f"target_of: budget must be > 0 and share in (0, 1], got {budget!r} and {share!r}")
    positions, curves = _grid("target_of", at, values)
    sign = -1.0 if higher_is_better else 1.0
    early = positions <= share * budget
    if not early.any():
        return None
    seen = np.where(np.isfinite(curves[:, early]), sign * curves[:, early], math.inf)
    median = float(np.median(seen.min(axis=1)))
    return sign * median if math.isfinite(median) else None


def first_crossing(at: npt.ArrayLike, values: npt.ArrayLike, target: float, *, higher_is_better: bool = False) -> float:
    """The position of the first evaluation at or beyond the target; +inf for a miss.

    Runs are only comparable on one grid: nothing is interpolated, so a run evaluated less often crosses later.
    at: shape (points,), ascending. values: shape (points,); NaN and infinite ones reach no target. target: finite.
    Raises InputError for other shapes, positions that do not ascend, or a target that is not finite.

    >>> first_crossing([0, 10, 20, 30], [0.9, 0.5, 0.6, 0.2], 0.5)
    10.0
    >>> first_crossing([0, 10, 20, 30], [0.1, 0.5, 0.6, 0.8], 0.9, higher_is_better=True)
    inf
    """
    if not math.isfinite(target):
        raise InputError(f"first_crossing: target must be finite, got {target!r}")
    one = np.asarray(values, dtype=np.float64)
    if one.ndim != 1:
        raise InputError(f"first_crossing: values must have shape (points,), got {one.shape}")
    positions, curves = _grid("first_crossing", at, one[None])
    reached = np.isfinite(curves[0]) & (curves[0] >= target if higher_is_better else curves[0] <= target)
    return float(positions[np.argmax(reached)]) if reached.any() else math.inf


def time_to_target(
    crossings: Scores, budget: float, *, ended: Scores | None = None, level: float = 0.95
) -> TimeToTarget:
    """What the crossings of n runs say of the time to a target; misses are censored, never dropped.

    S(t) = Π over crossings tᵢ ≤ t of (1 − dᵢ/nᵢ): dᵢ runs cross at tᵢ, nᵢ had neither crossed nor ended before.
    crossings: n ≥ 1 times ≥ 0, +inf for a miss. budget > 0: how long a run may take. ended: when each run was last
    looked at; left out, all were until the budget. A diverged run will not cross later: its end is +inf, not the time
    at which it diverged. level: of the interval of the median, in which ∞ takes part as it is.
    Raises InputError for unequal lengths, a crossing after its run's end, NaN, or a number out of range.
    Source: Kaplan & Meier 1958, JASA 53(282), 457–481; Royston & Parmar 2013, BMC Medical Research Methodology 13:152.

    >>> reached = time_to_target([10, 20, float("inf"), 40], budget=100)
    >>> reached.hits, reached.median.estimate, reached.restricted_mean
    (3, 30.0, 42.5)
    >>> reached.times.tolist(), reached.waiting.tolist()
    ([10.0, 20.0, 40.0], [0.75, 0.5, 0.25])
    """
    if not 0 < budget < math.inf:
        raise InputError(f"time_to_target: budget must be in (0, inf), got {budget!r}")
    crossed = sample("time_to_target", "crossings", crossings)
    last = np.full(crossed.size, math.inf) if ended is None else sample("time_to_target", "ended", ended)
    if last.size != crossed.size:
        raise InputError(f"time_to_target: ended must have one number a crossing, {crossed.size}, got {last.size}")
    hit = np.isfinite(crossed)
    if np.any(crossed < 0) or np.any(hit & (crossed > last)):
        raise InputError(f"time_to_target: crossings must be in [0, ended], got {crossed[hit].tolist()}")
    last = np.where(hit, crossed, last)
    times, count = np.unique(crossed[hit], return_counts=True)
    at_risk = np.array([np.sum(last >= time) for time in times], dtype=np.float64)
    waiting: Column = np.cumprod(1 - count / at_risk, dtype=np.float64)
    edges = np.concatenate([[0.0], np.minimum(times, budget), [budget]])
    levels = np.concatenate([[1.0], waiting])
    return TimeToTarget(
        hits=int(hit.sum()),
        n=crossed.size,
        median=median_interval(crossed, level),
        restricted_mean=float(np.sum(levels * np.diff(edges))),
        budget=budget,
        times=times,
        waiting=waiting,
    )


def _grid(owner: str, at: npt.ArrayLike, values: npt.ArrayLike) -> tuple[Column, Column]:
    positions, curves = np.asarray(at, dtype=np.float64), np.asarray(values, dtype=np.float64)
    if positions.ndim != 1 or curves.ndim != 2 or curves.shape[1:] != positions.shape or curves.size == 0:
        raise InputError(f"{owner}: values must have one number a position, got {curves.shape} for {positions.shape}")
    if not np.all(np.isfinite(positions)) or np.any(np.diff(positions) <= 0):
        raise InputError(f"{owner}: at must ascend strictly, got {positions.tolist()}")
    return positions, curves
