"""Whether settings or seeds decide a score: the share of the variance that lies between settings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import fdtri

from steepest.core.errors import InputError
from steepest.statistics.intervals import Interval
from steepest.statistics.sample import Scores, sample


@dataclass(frozen=True)
class Variance:
    """Variances of a score between settings and, within a setting, between seeds; share: between over their sum."""

    between: float
    within: float
    share: Interval


def decompose(groups: Sequence[Scores], level: float = 0.95) -> Variance:
    """One-way analysis of variance with random effects: score = mean + setting + seed.

    With k settings of s seeds each, MSB and MSW the mean squares between and within settings: within = MSW,
    between = max(0, (MSB − MSW)/s), share = ICC(1) = between/(between + within), and its exact interval for normal
    effects from F = MSB/MSW: bounds (F/q − 1)/(F/q + s − 1) with the quantiles q of F(k − 1, k(s − 1)), clipped at 0.
    A share under ½ means that seeds matter more than settings: more seeds tell more than more trials.
    All scores equal: both variances 0, share 0. n: scores.

    groups: k ≥ 2 settings, each of the same s ≥ 2 finite scores. A diverged run has no variance: leave its setting out.
    Raises InputError for fewer, unequal numbers, or scores that are not finite.
    Source: Shrout & Fleiss 1979, Psychological Bulletin 86(2), 420–428, case 1.

    >>> found = decompose([[1.0, 1.2], [2.0, 2.1], [3.0, 2.8]])
    >>> round(found.between, 4), round(found.within, 4), round(found.share.estimate, 3)
    (0.8033, 0.015, 0.982)
    """
    samples = [sample("decompose", f"groups[{i}]", group) for i, group in enumerate(groups)]
    sizes = {values.size for values in samples}
    if len(samples) < 2 or len(sizes) != 1 or sizes == {1}:
        raise InputError(
            f"decompose: groups must be at least 2, of as many scores each, at least 2, got sizes "
            f"{[values.size for values in samples]}"
        )
    if not 0 < level < 1:
        raise InputError(f"decompose: level must be in (0, 1), got {level!r}")
    table = np.stack(samples)
    if not np.isfinite(table).all():
        raise InputError("decompose: groups must hold finite scores, got inf")
    k, s = table.shape
    above = s * float(table.mean(axis=1).var(ddof=1))
    within = float(table.var(axis=1, ddof=1).mean())
    between = max(0.0, (above - within) / s)
    if within == 0:
        share = 1.0 if between > 0 else 0.0
        return Variance(between, within, Interval(share, share, share, level, level, table.size))

    def bound(tail: float) -> float:
        f = above / within / float(fdtri(k - 1, k * (s - 1), tail))
        return max(0.0, (f - 1) / (f + s - 1)) if math.isfinite(f) else 1.0

    share = between / (between + within)
    low, high = min(share, bound((1 + level) / 2)), max(share, bound((1 - level) / 2))
    return Variance(between, within, Interval(share, low, high, level, level, table.size))


def variance_share(groups: Sequence[Scores]) -> float:
    """The share of the variance that lies between settings, ICC(1) of `decompose`, in [0, 1].

    >>> variance_share([[1.0, 3.0], [3.0, 1.0]])
    0.0
    """
    return decompose(groups).share.estimate
