"""Many problems: performance profiles, and AlgoPerf's score, the area under a profile."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from steepest.core.errors import InputError
from steepest.statistics.across import DropOne, Measure, Places, drop_one, intervals, times_table
from steepest.statistics.intervals import Interval
from steepest.trace import Column

R_MAX = 4.0
"""Slower than so many times the fastest counts as a miss in AlgoPerf's score."""


@dataclass(frozen=True, eq=False)
class PerformanceProfile:
    """ρ(τ), the share of problems that a method solves within τ times the time of the fastest method.

    tau: ≥ 1, ascending, the first 1. rho: at each tau and from there up to the next; its last is the share solved.
    """

    tau: Column
    rho: Column

    def at(self, tau: float) -> float:
        """ρ(τ) for τ ≥ 1."""
        return float(self.rho[int(np.searchsorted(self.tau, tau, side="right")) - 1])


def ratios_to_fastest(times: Mapping[str, npt.ArrayLike]) -> dict[str, Column]:
    """Times over the least of any method on that problem, r ≥ 1; +inf for a miss, also where nobody reaches the target.

    times: for each method its times to target, shape (problems,), or (problems, seeds): then the median over seeds, in
    which ∞ takes part. Units cancel. Two times of 0 (at the target from the start) have the ratio 1.
    Raises InputError for no methods, unequal shapes, NaN, or negative times.

    >>> {name: r.tolist() for name, r in ratios_to_fastest({"a": [10, 30], "b": [20, float("inf")]}).items()}
    {'a': [1.0, 1.0], 'b': [2.0, inf]}
    """
    table = times_table("ratios_to_fastest", times)
    return dict(zip(times, _ratios(np.median(table, axis=2)), strict=True))


def performance_profile(times: Mapping[str, npt.ArrayLike]) -> dict[str, PerformanceProfile]:
    """The performance profile of every method; arguments and errors as `ratios_to_fastest`.

    ρ(1) is the share of problems where a method is the fastest; the end of the curve is how often it arrives at all.
    Order profiles of more than two methods with care: who leads depends on who takes part.
    Source: Dolan & Moré 2002, Mathematical Programming 91(2), 201–213, eq. (1).

    >>> profiles = performance_profile({"a": [10, 30, 50], "b": [20, 15, float("inf")]})
    >>> profiles["a"].tau.tolist(), profiles["a"].rho.tolist(), profiles["b"].at(3)
    ([1.0, 2.0], [0.6666666666666666, 1.0], 0.6666666666666666)
    """
    profiles = {}
    for name, ratios in ratios_to_fastest(times).items():
        tau = np.unique(np.concatenate([[1.0], ratios[np.isfinite(ratios)]]))
        rho = np.array([np.mean(ratios <= edge) for edge in tau])
        profiles[name] = PerformanceProfile(tau, rho)
    return profiles


def algoperf_score(times: Mapping[str, npt.ArrayLike], *, r_max: float = R_MAX) -> dict[str, float]:
    """B = 1/(r_max − 1) ∫₁^r_max ρ(τ) dτ = the mean over problems of max(0, (r_max − r)/(r_max − 1)), in [0, 1].

    The second form is exact; AlgoPerf's code takes the trapezoid rule on 100 points. Arguments as `ratios_to_fastest`;
    r_max > 1, default 4. It is relative to the best of those who take part: give it with `score_intervals` and
    `score_without_one`, never as a bare rank.
    Source: Dahl et al. 2023, arXiv:2306.07179, §4.4.

    >>> algoperf_score({"a": [10, 30], "b": [25, float("inf")]})
    {'a': 1.0, 'b': 0.25}
    """
    table = times_table("algoperf_score", times)
    values = _score(r_max).of(np.median(table, axis=2), np.arange(table.shape[1])).mean(axis=1)
    return dict(zip(times, map(float, values), strict=True))


def score_intervals(
    times: Mapping[str, npt.ArrayLike], *, r_max: float = R_MAX, level: float = 0.95
) -> dict[str, Interval]:
    """`algoperf_score` with the interval over problems of `across.intervals`."""
    return intervals("score_intervals", times, _score(r_max), level)


def score_without_one(
    times: Mapping[str, npt.ArrayLike], problems: tuple[str, ...], *, r_max: float = R_MAX
) -> tuple[DropOne, ...]:
    """`algoperf_score` with each problem and each method left out in turn, as `across.drop_one` says."""
    return drop_one("score_without_one", times, problems, _score(r_max))


def _score(r_max: float) -> Measure:
    if not 1 < r_max < math.inf:
        raise InputError(f"algoperf_score: r_max must be in (1, inf), got {r_max!r}")

    def of(times: Column, _: Places) -> Column:
        return np.clip((r_max - _ratios(times)) / (r_max - 1), 0, None)

    return Measure(of, link=lambda mean: mean)


def _ratios(times: Column) -> Column:
    fastest = times.min(axis=0)
    regular = np.isfinite(times) & (fastest > 0)
    ratios = np.where(regular, times, 1.0) / np.where(np.isfinite(fastest) & (fastest > 0), fastest, 1.0)
    return np.where(regular, ratios, np.where(np.isfinite(times) & (times == fastest), 1.0, math.inf))
