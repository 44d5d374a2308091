"""From which k on a run shows rounding, and not the quantity that a theorem bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from steepest.theory.measured import Measured, Numbers
from steepest.theory.theorem import Quantity
from steepest.trace import Trace


@dataclass(frozen=True)
class Accuracy:
    """How exact a run is. scale: ‖x*‖ where known, else 0. gradient: by how much a gradient may be off, 0 if exact."""

    scale: float = 0.0
    gradient: float = 0.0


def accuracy(trace: Trace, values: Mapping[str, float], scale: float) -> Accuracy:
    """That of a recorded run. Gradients by forward differences are off by about h ‖diag ∇²f‖/2 + ε|f|/h.

    The step h of x is √ε max(1, |x|), ‖diag ∇²f‖ at most √n L; for central differences ε^(2/3) stands for √ε.
    """
    derivatives, dimension = trace.meta.get("derivatives"), trace.meta.get("dimension")
    how = str(derivatives.get("jac", "")) if isinstance(derivatives, Mapping) else ""
    share = next((found for scheme, found in _DIFFERENCES.items() if repr(scheme) in how), 0.0)
    if not share:
        return Accuracy(scale)
    n = dimension if isinstance(dimension, int) else 1
    highest = float(np.nanmax(np.abs(trace.steps.get("value", np.zeros(1)))))
    size = max(1.0, scale + values.get("R", 0.0))
    return Accuracy(scale, share * (np.sqrt(n) * values.get("L", 0.0) * size + 2 * highest))


def compared(
    quantity: Quantity, side: Measured, bound: Numbers, values: Mapping[str, float], accuracy: Accuracy
) -> int:
    """How many of the recorded k come before rounding.

    Where both a bound and what was measured are rounding there is nothing to compare; nor is there with a run that
    stands still at a level near it, as one does whose minimizer is large beside R.
    """
    floor = _floor(quantity, values, accuracy)
    if floor <= 0:
        return len(bound)
    near = 1e6 if quantity in _SQUARES else 1e3
    tiny = (bound < floor) & (side.values < near * floor)
    count = int(np.argmax(tiny)) if tiny.any() else len(bound)
    first = float(np.nanmax(np.where(np.isfinite(side.values), side.values, 0.0))) if len(side.values) else 0.0
    stuck = _stuck(side.values, first * _NEAR[quantity])
    return min(count, stuck)


def rounding_of(quantity: Quantity, bound: Numbers, values: Mapping[str, float], accuracy: Accuracy) -> Numbers:
    """By how much what was measured may be off where it is as large as the bound."""
    floor = _floor(quantity, values, accuracy)
    if quantity in _SQUARES or (accuracy.gradient and quantity in _GAPS):
        return 2 * np.sqrt(np.abs(bound) * floor) + floor
    return np.full(len(bound), floor)


_DIFFERENCES: Final = {
    "2-point": float(np.finfo(np.float64).eps) ** (1 / 2),
    "3-point": float(np.finfo(np.float64).eps) ** (2 / 3),
}
_GAPS: Final = frozenset({Quantity.GAP, Quantity.BEST_GAP, Quantity.SECONDARY_GAP})
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


def _floor(quantity: Quantity, values: Mapping[str, float], accuracy: Accuracy) -> float:
    """Below which what was measured is rounding; 0 for quantities that never get small.

    Errors e of the gradient in every step of about 1/L move x by at most min(N, κ) e/L: each moves it by e/L, and what
    is moved comes nearer by 1 − 1/κ a step.
    """
    L, mu = values.get("L", 0.0), values.get("mu", 0.0)
    steps = max(1.0, values.get("N", 1.0))
    moved = min(steps, L / mu if mu > 0 else steps) * accuracy.gradient / L if L > 0 else 0.0
    if quantity in _GAPS:
        f_star = abs(values.get("f_star", 0.0))
        return _EPS * (2 * f_star + values.get("delta", 0.0)) + L / 2 * moved**2
    if quantity in (Quantity.GRADIENT_SQUARED, Quantity.BEST_GRADIENT, Quantity.EARLIER_GRADIENT):
        return (_EPS * values.get("g0", 0.0) + L * moved + accuracy.gradient) ** 2
    size = _EPS * max(values.get("R", 0.0), accuracy.scale) + moved
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
