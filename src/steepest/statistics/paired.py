"""Comparing two methods seed by seed: Wilcoxon's signed-rank test, exact with ties, and how often one is better."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from steepest.core.errors import InputError
from steepest.statistics.sample import Scores, sample
from steepest.trace import Column

EXACT_UP_TO = 60
"""Pairs up to which the distribution is counted exactly (2⁶⁰ sign patterns fit an integer of 64 bits)."""


def signed_rank_test(a: Scores, b: Scores) -> float:
    """The two-sided p-value of Wilcoxon's signed-rank test that paired differences are symmetric about zero.

    The absolute differences are ranked, ties share their mean rank, and the sum of the ranks of the positive ones is
    held against all 2ⁿ ways to give signs to the ranks at hand: exact for any ties. Pairs that are equal are dropped,
    also those where both diverged (inf, inf); one diverged run of a pair has the largest rank. All equal: p = 1.
    Beyond 60 pairs the normal approximation with the variance of the ranks at hand is used.

    a, b: n ≥ 1 scores of the same seeds in the same order. The smallest p for n unequal pairs is 2^(1 − n).
    Raises InputError for NaN, -inf, or unequal lengths.
    Source: Wilcoxon 1945, Biometrics Bulletin 1(6); Pratt & Gibbons 1981, Concepts of Nonparametric Theory, ch. 3.

    >>> signed_rank_test([1, 2, 3, 4, 5, 6], [2, 4, 6, 8, 10, float("inf")])
    0.03125
    """
    ranks, signs = _signed_ranks("signed_rank_test", a, b)
    if ranks.size == 0:
        return 1.0
    lower = int(min(ranks[signs > 0].sum(), ranks[signs < 0].sum()))
    if ranks.size > EXACT_UP_TO:
        z = (lower - ranks.sum() / 2) / math.sqrt(float(np.sum(ranks.astype(np.float64) ** 2)) / 4)
        return min(1.0, 2 * float(ndtr(z)))
    counts = _count_sums(ranks)
    patterns = int(counts[: lower + 1].sum())
    return min(1.0, patterns / 2.0 ** (ranks.size - 1))


def rank_sums(a: Scores, b: Scores) -> tuple[float, float]:
    """The sums of ranks of `signed_rank_test`: of the pairs where `a` is lower, and of those where `b` is.

    >>> rank_sums([1, 2, 5], [2, 4, 2])
    (3.0, 3.0)
    """
    ranks, signs = _signed_ranks("rank_sums", a, b)
    return float(ranks[signs < 0].sum()) / 2, float(ranks[signs > 0].sum()) / 2


def probability_of_improvement(a: Scores, b: Scores) -> float:
    """How often `a` is lower than `b` on the same seed, P(A < B) + ½ P(A = B), as a share of the pairs.

    >>> probability_of_improvement([1, 2, 3, float("inf")], [2, 2, 1, float("inf")])
    0.5
    """
    left, right = _pairs("probability_of_improvement", a, b)
    return float(np.mean(left < right) + np.mean(left == right) / 2)


def _pairs(owner: str, a: Scores, b: Scores) -> tuple[Column, Column]:
    left, right = sample(owner, "a", a), sample(owner, "b", b)
    if left.size != right.size:
        raise InputError(f"{owner}: a and b must have one score a seed each, got {left.size} and {right.size}")
    return left, right


def _signed_ranks(owner: str, a: Scores, b: Scores) -> tuple[npt.NDArray[np.int64], Column]:
    """Twice the midranks of |a − b|, whole numbers, and the signs of a − b; equal pairs left out."""
    left, right = _pairs(owner, a, b)
    unequal = left != right
    difference = left[unequal] - right[unequal]
    _, place, ties = np.unique(np.abs(difference), return_inverse=True, return_counts=True)
    doubled = 2 * np.cumsum(ties) - ties + 1
    return doubled[place].astype(np.int64), np.sign(difference)


def _count_sums(ranks: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """counts[s]: how many subsets of `ranks` have the sum s."""
    counts = np.zeros(int(ranks.sum()) + 1, dtype=np.int64)
    counts[0] = 1
    for rank in ranks:
        counts[rank:] += counts[:-rank].copy()
    return counts
