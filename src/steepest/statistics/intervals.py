"""An estimate with its interval, and the median of a few scores with its exact order-statistic interval.

Everything here depends on ranks or on sorted values, so a diverged run enters as +inf and needs no filling in.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import bdtr

from steepest.core.errors import InputError
from steepest.statistics.sample import Scores, admissible, sample
from steepest.trace import Column


@dataclass(frozen=True)
class Interval:
    """An estimate with its confidence interval.

    low ≤ estimate ≤ high, +inf where runs diverged. level: the coverage asked for. coverage: the one attained.
    n: how many values. As text it shows three significant digits, or as many as the interval's width needs.

    >>> print(Interval(0.1021, 0.0968, 0.1104, level=0.95, coverage=0.979, n=10))
    0.102 [0.097, 0.110]
    """

    estimate: float
    low: float
    high: float
    level: float
    coverage: float
    n: int

    @property
    def decimals(self) -> int | None:
        """How many decimals the text shows; None where it is in scientific notation, or nothing is finite."""
        size = next((abs(x) for x in (self.estimate, self.low) if math.isfinite(x) and x != 0), 0.0)
        if not 1e-4 <= size < 1e6:
            return None
        significant = 3
        if 0 < self.high - self.low < size:
            significant = max(3, 1 + _exponent(size) - _exponent(self.high - self.low))
        return max(0, min(significant, 9) - 1 - _exponent(size))

    def text(self, decimals: int | None) -> str:
        """With so many decimals, or in scientific notation; only the estimate where n = 1."""
        shown = [_shown(value, decimals) for value in (self.estimate, self.low, self.high)]
        return f"{shown[0]} [{shown[1]}, {shown[2]}]" if self.n > 1 else shown[0]

    def __str__(self) -> str:
        return self.text(self.decimals)


@dataclass(frozen=True)
class Band:
    """Pointwise intervals along a curve; `low`, `median`, `high` of one shape, coverage that of each point alone."""

    low: Column
    median: Column
    high: Column
    level: float
    coverage: float
    n: int


def median_interval(values: Scores, level: float = 0.95) -> Interval:
    """The median and the narrowest symmetric pair of order statistics that covers it with probability `level`.

    For n independent values of a continuous distribution, whatever it is, the r-th smallest and the r-th largest
    enclose the population median with probability 1 − 2 P(Binomial(n, ½) < r). The largest r with at least `level`
    is taken. Where even r = 1 has less (n ≤ 5 at 0.95), the whole range is returned and `coverage` says what it has.

    values: n ≥ 1 numbers, +inf for a diverged run. level in (0, 1), default 0.95.
    Raises InputError for NaN, -inf, no values, or a level out of range.
    Source: W. R. Thompson 1936, Annals of Mathematical Statistics 7(3); David & Nagaraja, Order Statistics, §7.1.

    >>> interval = median_interval([3.0, 1.0, 2.0, 5.0, 4.0])
    >>> interval.estimate, interval.low, interval.high, interval.coverage
    (3.0, 1.0, 5.0, 0.9375)
    """
    ordered = np.sort(sample("median_interval", "values", values))
    rank, coverage = order_statistic("median_interval", ordered.size, level)
    return Interval(
        estimate=float(np.median(ordered)),
        low=float(ordered[rank - 1]),
        high=float(ordered[ordered.size - rank]),
        level=level,
        coverage=coverage,
        n=ordered.size,
    )


def median_band(values: Column, level: float = 0.95) -> Band:
    """`median_interval` at every point of a curve.

    values: shape (seeds, points), +inf from where a run diverged on. level in (0, 1), default 0.95.
    Raises InputError for another shape, NaN, -inf, or a level out of range.

    >>> band = median_band(np.array([[4.0, 1.0], [4.0, 3.0], [4.0, 2.0]]))
    >>> band.median.tolist(), band.low.tolist(), band.high.tolist(), band.coverage
    ([4.0, 2.0], [4.0, 1.0], [4.0, 3.0], 0.75)
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 2 or array.shape[0] == 0:
        raise InputError(f"median_band: values must have shape (seeds, points) with seeds ≥ 1, got {array.shape}")
    ordered = np.sort(admissible("median_band", "values", array), axis=0)
    n = ordered.shape[0]
    rank, coverage = order_statistic("median_band", n, level)
    return Band(ordered[rank - 1], np.median(ordered, axis=0), ordered[n - rank], level, coverage, n)


def order_statistic(owner: str, n: int, level: float) -> tuple[int, float]:
    """The largest r whose pair of order statistics covers with at least `level`, else 1; and the coverage it has.

    >>> order_statistic("median_interval", 10, 0.95)
    (2, 0.978515625)
    """
    if not 0 < level < 1:
        raise InputError(f"{owner}: level must be in (0, 1), got {level!r}")
    coverages = [1 - 2 * float(bdtr(r - 1, n, 0.5)) for r in range(1, (n + 1) // 2 + 1)]
    rank = max((r for r, coverage in enumerate(coverages, start=1) if coverage >= level), default=1)
    return rank, max(coverages[rank - 1], 0.0)


def _exponent(value: float) -> int:
    return math.floor(math.log10(value))


def _shown(value: float, decimals: int | None) -> str:
    if math.isinf(value):
        return "∞"
    return f"{value:.3g}" if decimals is None else f"{value:.{decimals}f}"
