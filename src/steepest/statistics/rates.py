"""Over which learning rates a result holds, and how far divergence is."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from steepest.core.errors import InputError
from steepest.statistics.intervals import median_interval
from steepest.statistics.sample import admissible


@dataclass(frozen=True)
class RateInterval:
    """The rates around the chosen one whose result is as good.

    low, high: the first and last tried rate that is usable. decades: log₁₀(high / low). bound: the value that their
    medians do not exceed. first_diverged: the lowest rate tried above the chosen one at which a seed diverged, None if
    none did; highest: the highest rate tried. decades_to_divergence: from the chosen rate to the first diverged one.
    low_is_border, high_is_border: whether the interval ends only because no further rate was tried.
    """

    chosen: float
    low: float
    high: float
    decades: float
    bound: float
    first_diverged: float | None
    decades_to_divergence: float | None
    highest: float
    low_is_border: bool
    high_is_border: bool


def usable_rates(
    rates: npt.ArrayLike, values: npt.ArrayLike, chosen: int, *, bound: float | None = None, level: float = 0.95
) -> RateInterval:
    """The contiguous rates about the chosen one whose median lies within the interval of the chosen one's values.

    rates: shape (rates,), positive, ascending. values: shape (rates, seeds), lower is better, +inf for a diverged run.
    chosen: index of the chosen rate. bound: the value up to which a median counts as good; left out, the upper end of
    `median_interval` of the chosen rate's values at `level` (the largest of them, for up to 8 seeds), or the largest
    finite one of them where that is +inf. A rate at which at least half of the seeds diverged is never usable.
    With one seed the interval holds only rates that are as good as the chosen one or better: it is then too narrow.
    Raises InputError for other shapes, rates that do not ascend, NaN, an index out of range, or a chosen rate whose
    runs all diverged where no bound is given.

    >>> found = usable_rates([1e-3, 1e-2, 1e-1, 1], [[5, 6], [2, 3], [2.5, 2.8], [9, float("inf")]], 1)
    >>> found.low, found.high, found.decades, found.first_diverged, round(found.decades_to_divergence, 6)
    (0.01, 0.1, 1.0, 1.0, 2.0)
    """
    steps, table = np.asarray(rates, dtype=np.float64), np.asarray(values, dtype=np.float64)
    if steps.ndim != 1 or table.ndim != 2 or table.shape[0] != steps.size or table.size == 0:
        raise InputError(f"usable_rates: values must have shape ({steps.size}, seeds), got {table.shape}")
    if not np.all(steps > 0) or not np.all(np.diff(steps) > 0) or not math.isfinite(steps[-1]):
        raise InputError(f"usable_rates: rates must be positive and ascend strictly, got {steps.tolist()}")
    if not 0 <= chosen < steps.size:
        raise InputError(f"usable_rates: chosen must be in [0, {steps.size}), got {chosen}")
    admissible("usable_rates", "values", table)
    if bound is None:
        own = table[chosen]
        if not np.isfinite(own).any():
            raise InputError(f"usable_rates: chosen must be a rate with a finite value, got {steps[chosen]:g}")
        upper = median_interval(own, level).high
        bound = upper if math.isfinite(upper) else float(own[np.isfinite(own)].max())
    elif not math.isfinite(bound):
        raise InputError(f"usable_rates: bound must be finite, got {bound!r}")

    medians = np.median(table, axis=1)
    first = last = chosen
    while first > 0 and medians[first - 1] <= bound:
        first -= 1
    while last + 1 < steps.size and medians[last + 1] <= bound:
        last += 1
    diverged = [i for i in range(chosen + 1, steps.size) if np.isinf(table[i]).any()]
    edge = float(steps[diverged[0]]) if diverged else None
    return RateInterval(
        chosen=float(steps[chosen]),
        low=float(steps[first]),
        high=float(steps[last]),
        decades=math.log10(steps[last] / steps[first]),
        bound=bound,
        first_diverged=edge,
        decades_to_divergence=None if edge is None else math.log10(edge / steps[chosen]),
        highest=float(steps[-1]),
        low_is_border=first == 0,
        high_is_border=last == steps.size - 1,
    )
