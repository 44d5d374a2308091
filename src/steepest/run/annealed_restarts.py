"""Restarts around the current minimum, with simulated annealing's acceptance."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.core.errors import InputTypeError
from steepest.core.ranges import Range
from steepest.run.bounds import bounds_of
from steepest.run.flatten import Layout
from steepest.run.minimize import minimize
from steepest.run.multi_start import Best


def annealed_restarts(
    fun: Callable[..., Any],
    x0: Any,
    *,
    restarts: int = 20,
    spread: float = 1.0,
    temperature: float = 1.0,
    cooling: float = 0.9,
    seed: int = 0,
    bounds: Any = None,
    **minimize_arguments: Any,
) -> Best:
    """Minimize; then again and again from near the current minimum, which moves as in simulated annealing.

    Restart k starts at x + spread · max(1, |x|) · a standard normal number each, moved into the bounds. Its end takes
    the place of the current minimum with probability min(1, exp(−(f_new − f) / T_k)), T_k = temperature · coolingᵏ, so
    a worse one may at first. The lowest of all ends is `best`. restarts: a whole number from 0, 20. spread in (0, inf),
    1. temperature in [0, inf), 1, in the units of f; at 0 only lower ends are taken. cooling in (0, 1], 0.9. seed: a
    whole number from 0. The rest goes to `minimize`.
    Source: Li & Scheraga 1987, Proc. Natl. Acad. Sci. 84, 6611–6615; Kirkpatrick, Gelatt & Vecchi 1983.

    >>> from math import cos
    >>> found = annealed_restarts(lambda x: x[0] ** 2 / 20 - cos(3 * x[0]), [6.0], spread=0.5)
    >>> round(found.best.fun, 6), len(found.runs)
    (-1.0, 21)
    """
    owner = "annealed_restarts"
    count = int(Range(0, integer=True).check(owner, "restarts", restarts))
    width = Range(0, open_low=True).check(owner, "spread", spread)
    heat = Range(0).check(owner, "temperature", temperature)
    factor = Range(0, 1, open_low=True).check(owner, "cooling", cooling)
    random = np.random.default_rng(int(Range(0, integer=True).check(owner, "seed", seed)))
    layout = Layout(x0)
    if layout.library != "numpy":
        raise InputTypeError(f"{owner}: x0 must be NumPy's or numbers, got {layout.library}'s")
    box = bounds_of(bounds, layout)
    best = current = minimize(fun, x0, bounds=bounds, **minimize_arguments)
    runs = [current]
    for k in range(count):
        x = np.asarray(layout.flattened(current.x, "x"))
        moved = x + width * np.maximum(1.0, np.abs(x)) * random.standard_normal(x.shape[0])
        if box is not None:
            moved = np.clip(moved, *box)
        found = minimize(fun, layout.shaped(moved), bounds=bounds, **minimize_arguments)
        runs.append(found)
        if _accepted(found.fun, current.fun, heat * factor**k, random.random()):
            current = found
        if found.fun < best.fun or not math.isfinite(best.fun):
            best = found
    return Best(best, tuple(runs))


def _accepted(new: float, old: float, temperature: float, drawn: float) -> bool:
    """Metropolis' rule; a value that is not finite is never taken for a finite one."""
    if not math.isfinite(new):
        return not math.isfinite(old)
    if new <= old or not math.isfinite(old):
        return True
    return temperature > 0.0 and drawn < math.exp(-(new - old) / temperature)
