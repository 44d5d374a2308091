"""Bounds as two vectors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from steepest.core.errors import InputError, InputTypeError
from steepest.run.differences import Bounds
from steepest.run.flatten import Layout


def bounds_of(bounds: Any, layout: Layout) -> Bounds | None:
    """The lower and upper bound of every number of x0; None where there are none.

    bounds: an object with `lb` and `ub`, as `scipy.optimize.Bounds`, or a sequence of (low, high), None for no bound.
    Raises InputError for another count, NaN, and a low above its high, naming the coordinate.

    >>> low, high = bounds_of([(0, None), (None, 2)], Layout([1.0, 1.0]))
    >>> low.tolist(), high.tolist()
    ([0.0, -inf], [inf, 2.0])
    """
    if bounds is None:
        return None
    n = layout.size
    if layout.library != "numpy" and layout.module is not None:
        raise InputTypeError("minimize: bounds are for arrays, not for a module")
    if hasattr(bounds, "lb") and hasattr(bounds, "ub"):
        try:
            low = np.broadcast_to(np.asarray(bounds.lb, dtype=np.float64), (n,)).copy()
            high = np.broadcast_to(np.asarray(bounds.ub, dtype=np.float64), (n,)).copy()
        except ValueError:
            raise InputError(f"minimize: bounds must have {n} entries, as x0 has numbers") from None
    else:
        low, high = _pairs(bounds, n)
    for i in range(n):
        if math.isnan(low[i]) or math.isnan(high[i]) or low[i] > high[i]:
            raise InputError(f"minimize: bounds of {layout.name(i)} must be low ≤ high, got ({low[i]:g}, {high[i]:g})")
        if low[i] == math.inf or high[i] == -math.inf:
            raise InputError(f"minimize: bounds of {layout.name(i)} leave no finite number: ({low[i]:g}, {high[i]:g})")
    return low, high


def _pairs(bounds: Any, n: int) -> Bounds:
    if not isinstance(bounds, Sequence | np.ndarray):
        raise InputTypeError(f"minimize: bounds must be a sequence of (low, high) or Bounds, got {bounds!r:.60}")
    pairs = list(bounds)
    if len(pairs) != n:
        raise InputError(f"minimize: bounds must have {n} pairs, as x0 has numbers, got {len(pairs)}")
    low, high = np.full(n, -math.inf), np.full(n, math.inf)
    for i, pair in enumerate(pairs):
        try:
            below, above = pair
            low[i] = -math.inf if below is None else float(below)
            high[i] = math.inf if above is None else float(above)
        except (TypeError, ValueError):
            raise InputTypeError(f"minimize: bounds must hold pairs (low, high), got {pair!r:.60} at {i}") from None
    return low, high
