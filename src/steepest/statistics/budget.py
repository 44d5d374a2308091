"""What a number of trials buys: the best of k trials, exactly, and which method is best at each budget."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from steepest.core.errors import InputError
from steepest.statistics.sample import Scores, sample
from steepest.trace import Column


@dataclass(frozen=True)
class BestAfter:
    """The best of k trials, for k = 1, …, K; each field of shape (K,).

    k: the trials. low, median, high: quartiles of the best, each a score that was seen. mean: its expectation,
    +inf where all k trials may be diverged ones.
    """

    k: npt.NDArray[np.int64]
    low: Column
    median: Column
    high: Column
    mean: Column


@dataclass(frozen=True)
class Segment:
    """From `first` to `last` trials, both included, `method` is best."""

    first: int
    last: int
    method: str


def best_after(scores: Scores) -> BestAfter:
    """The distribution of the lowest score among k trials drawn without replacement from the K that were tried.

    With x₁ ≤ … ≤ x_K the minimum is above xᵢ with probability C(K − i, k) / C(K, k): no resampling, no order of trials.
    A quantile q is the least xᵢ with P(minimum ≤ xᵢ) ≥ q. At k = K it is the best of all, so the curve says nothing of
    more trials than were run; for few trials it is what a user who stops early gets.

    scores: K ≥ 1 tuning scores, lower is better, +inf for a diverged trial. Raises InputError for NaN, -inf, or none.
    Source: Dodge et al. 2019, Show Your Work, arXiv:1909.03004, §3 (there with replacement); Tang et al. 2020, ACL
    (without replacement, unbiased).

    >>> best = best_after([3.0, 1.0, 2.0, float("inf")])
    >>> best.median.tolist(), best.mean.tolist()
    ([2.0, 1.0, 1.0, 1.0], [inf, 1.6666666666666667, 1.25, 1.0])
    """
    ordered = np.sort(sample("best_after", "scores", scores))
    total = ordered.size
    k = np.arange(1, total + 1)
    above = np.empty((total, total + 1))
    above[:, 0] = 1.0
    for i in range(1, total + 1):
        above[:, i] = above[:, i - 1] * np.clip(total - i + 1 - k, 0, None) / (total - i + 1)
    chance = above[:, :-1] - above[:, 1:]
    possible = chance > 0
    terms = np.where(possible, np.where(possible, chance, 1.0) * ordered, 0.0)

    def quantile(q: float) -> Column:
        # The chance is a fraction of whole numbers; a rounding error may not push a quantile to the next score.
        return ordered[np.argmax(above[:, 1:] <= 1 - q + 1e-12, axis=1)]

    return BestAfter(k, quantile(0.25), quantile(0.5), quantile(0.75), terms.sum(axis=1))


def best_by_budget(curves: Mapping[str, BestAfter]) -> tuple[Segment, ...]:
    """Which method has the lowest median best after k trials, for k up to the fewest that any of them has.

    Ties go to the lower expectation, then to the method that led at k − 1, then to the first given. Where every
    method's median is +inf there is no segment.
    Raises InputError for no curves.

    >>> early, late = best_after([2.0, 2.0, 2.0]), best_after([1.0, 3.0, 3.0])
    >>> best_by_budget({"early": early, "late": late})
    (Segment(first=1, last=1, method='early'), Segment(first=2, last=3, method='late'))
    """
    if not curves:
        raise InputError("best_by_budget: curves must have at least 1 method, got 0")
    segments: list[Segment] = []
    for i in range(min(curve.k.size for curve in curves.values())):
        led = segments[-1].method if segments and segments[-1].last == i else None

        def place(name: str, i: int = i, led: str | None = led) -> tuple[float, float, bool]:
            return float(curves[name].median[i]), float(curves[name].mean[i]), name != led

        best = min(curves, key=place)
        if math.isinf(curves[best].median[i]):
            continue
        if best == led:
            segments[-1] = Segment(segments[-1].first, i + 1, best)
        else:
            segments.append(Segment(i + 1, i + 1, best))
    return tuple(segments)


def segments_text(segments: tuple[Segment, ...]) -> str:
    """The segments in words; empty where there are none.

    >>> segments_text((Segment(1, 4, "adam"), Segment(5, 5, "sgd"), Segment(6, 24, "adamw")))
    'with 1–4 trials adam, with 5 sgd, from 6 adamw'
    """
    if len(segments) == 1 and segments[0].first == 1:
        return f"{segments[0].method} with any number of trials"
    words = []
    for place, segment in enumerate(segments):
        if place == len(segments) - 1:
            span = f"from {segment.first}"
        else:
            ends = f"{segment.first}–{segment.last}" if segment.last > segment.first else str(segment.first)
            span = f"with {ends}"
        plural = "trial" if segment.first == segment.last == 1 else "trials"
        words.append(f"{span} {plural} {segment.method}" if place == 0 else f"{span} {segment.method}")
    return ", ".join(words)
