"""From which k on a run shows rounding, and not the quantity that a theorem bounds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from steepest.theory.measured import Measured, Numbers
from steepest.theory.theorem import Quantity


def compared(quantity: Quantity, side: Measured, bound: Numbers, values: Mapping[str, float], scale: float) -> int:
    """How many of the recorded k come before rounding.

    Where both a bound and what was measured are rounding there is nothing to compare; nor is there with a run that
    stands still at a level near it, as one does whose minimizer is large beside R. scale: ‖x*‖ where known, else 0.
    """
    floor = _floor(quantity, values, scale)
    if floor <= 0:
        return len(bound)
    near = 1e6 if quantity in _SQUARES else 1e3
    tiny = (bound < floor) & (side.values < near * floor)
    count = int(np.argmax(tiny)) if tiny.any() else len(bound)
    first = float(np.nanmax(np.where(np.isfinite(side.values), side.values, 0.0))) if len(side.values) else 0.0
    stuck = _stuck(side.values, first * _NEAR[quantity])
    return min(count, stuck)


def rounding_of(quantity: Quantity, bound: Numbers, values: Mapping[str, float], scale: float) -> Numbers:
    """By how much what was measured may be off where it is as large as the bound."""
    floor = _floor(quantity, values, scale)
    if quantity in _SQUARES:
        return 2 * np.sqrt(np.abs(bound) * floor) + floor
    return np.full(len(bound), floor)


_EPS: Final = 64 * float(np.finfo(np.float64).eps)
_SQUARES: Final = frozenset({
    Quantity.DISTANCE_SQUARED,
    Quantity.GRADIENT_SQUARED,
    Quantity.BEST_GRADIENT,
    Quantity.EARLIER_GRADIENT,
})
_NEAR: Final = {
    Quantity.GAP: 1e-9,
    Quantity.BEST_GAP: 1e-9,
    Quantity.SECONDARY_GAP: 1e-9,
    Quantity.DISTANCE: 1e-9,
    Quantity.DISTANCE_SQUARED: 1e-18,
    Quantity.GRADIENT_SQUARED: 1e-18,
    Quantity.BEST_GRADIENT: 1e-18,
    Quantity.EARLIER_GRADIENT: 1e-18,
    Quantity.MULTIPLIERS: 1e-9,
    Quantity.DECREMENT: 1e-9,
}
"""Relative to the largest, below which standing still is rounding."""


def _floor(quantity: Quantity, values: Mapping[str, float], scale: float) -> float:
    """Below which what was measured is rounding; 0 for quantities that never get small."""
    if quantity in (Quantity.GAP, Quantity.BEST_GAP, Quantity.SECONDARY_GAP):
        f_star = abs(values.get("f_star", 0.0))
        return _EPS * (2 * f_star + values.get("delta", 0.0))
    if quantity in (Quantity.GRADIENT_SQUARED, Quantity.BEST_GRADIENT, Quantity.EARLIER_GRADIENT):
        return (_EPS * values.get("g0", 0.0)) ** 2
    size = _EPS * max(values.get("R", 0.0), scale)
    if quantity is Quantity.DISTANCE:
        return size
    if quantity is Quantity.DISTANCE_SQUARED:
        return size**2
    starts = {Quantity.MULTIPLIERS: "multiplier0", Quantity.DECREMENT: "decrement0"}
    return _EPS * values.get(starts[quantity], 0.0) if quantity in starts else 0.0


def _stuck(values: Numbers, near: float) -> int:
    """From which index on all values lie below `near` and within a factor of four of each other."""
    if len(values) < 3 or not np.isfinite(values[-1]) or values[-1] > near:
        return len(values)
    at = len(values)
    low = high = max(float(values[-1]), np.finfo(np.float64).tiny)
    while at > 0 and values[at - 1] <= near:
        low, high = min(low, float(values[at - 1])), max(high, float(values[at - 1]))
        if high > 4 * max(low, float(np.finfo(np.float64).tiny)):
            break
        at -= 1
    return at if len(values) - at >= 3 else len(values)
