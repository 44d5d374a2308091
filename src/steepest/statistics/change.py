"""By how much one setting is better than another, seed by seed: tuned over default, one schedule over another."""

from __future__ import annotations

import math

import numpy as np

from steepest.core.errors import InputError
from steepest.statistics.intervals import Interval, order_statistic
from steepest.statistics.sample import Scores, sample
from steepest.trace import Column


def paired_difference(a: Scores, b: Scores, level: float = 0.95) -> Interval:
    """The median over seeds of a − b, with the order-statistic interval of `median_interval`; negative: `a` is lower.

    A seed on which both diverged counts as 0, one where only `a` did as +inf, one where only `b` did as −inf, so that
    bounds may be infinite; a median between −inf and +inf is 0.
    a, b: n ≥ 1 scores of the same seeds in the same order, +inf for a diverged run. level in (0, 1), default 0.95.
    Raises InputError for NaN, -inf, unequal lengths, or a level out of range.

    >>> print(paired_difference([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [3.0, 3.0, 6.0, 5.0, 9.0, 7.0]))
    -1.50 [-4.00, -1.00]
    """
    left, right = _pairs("paired_difference", a, b)
    unequal = left != right
    difference = np.zeros(left.size)
    difference[unequal] = left[unequal] - right[unequal]
    return _median("paired_difference", difference, level, middle=0.0)


def relative_change(a: Scores, b: Scores, level: float = 0.95) -> Interval | None:
    """The median over seeds of a / b − 1, with the order-statistic interval; −0.2 means that `a` is 20 % lower.

    A seed on which both diverged counts as 0, one where only `a` did as +inf, one where only `b` did as −1.
    None where a finite score is not positive: there is no ratio then. Otherwise as `paired_difference`.

    >>> print(relative_change([0.8, 1.6, 2.4, 3.2, 4.0, 5.4], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]))
    -0.200 [-0.200, -0.100]
    """
    left, right = _pairs("relative_change", a, b)
    if np.any(left <= 0) or np.any(right <= 0):
        return None
    both = np.isinf(left) & np.isinf(right)
    ratio = np.where(both, 1.0, np.where(both, 1.0, left) / np.where(both, 1.0, right))
    return _median("relative_change", ratio - 1, level, middle=0.0)


def _pairs(owner: str, a: Scores, b: Scores) -> tuple[Column, Column]:
    left, right = sample(owner, "a", a), sample(owner, "b", b)
    if left.size != right.size:
        raise InputError(f"{owner}: a and b must have one score a seed each, got {left.size} and {right.size}")
    return left, right


def _median(owner: str, values: Column, level: float, middle: float) -> Interval:
    ordered = np.sort(values)
    n = ordered.size
    rank, coverage = order_statistic(owner, n, level)
    lower, upper = float(ordered[(n - 1) // 2]), float(ordered[n // 2])
    opposed = math.isinf(lower) and math.isinf(upper) and lower != upper
    estimate = middle if opposed else lower if lower == upper else (lower + upper) / 2
    return Interval(estimate, float(ordered[rank - 1]), float(ordered[n - rank]), level, coverage, n)
