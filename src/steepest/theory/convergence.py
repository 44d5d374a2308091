"""How fast a sequence goes to zero, as one number."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt


def convergence(steps: npt.NDArray[np.int64], values: npt.NDArray[np.float64], *, linear: bool) -> float:
    """The factor a step over the second half, or p where values go like 1/k^p there; NaN where that says nothing.

    By least squares of the logarithm on k, or on log k, over the k from half of the last one on (all k ≥ 1 where
    those are fewer than three). Only values that are positive and finite take part.

    >>> k = np.arange(1, 11)
    >>> round(convergence(k, 3 * 0.5**k, linear=True), 6), round(convergence(k, 1 / k**2.0, linear=False), 6)
    (0.5, 2.0)
    """
    usable = (steps >= 1) & np.isfinite(values) & (values > 0)
    if usable.sum() < 2:
        return math.nan
    late = usable & (steps >= steps[usable][-1] / 2)
    chosen = late if late.sum() >= 3 else usable
    x = steps[chosen].astype(np.float64)
    slope = float(np.polyfit(x if linear else np.log(x), np.log(values[chosen]), 1)[0])
    return math.exp(slope) if linear else -slope
