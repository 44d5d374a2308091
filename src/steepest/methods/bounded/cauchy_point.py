"""The generalized Cauchy point of L-BFGS-B."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from steepest.methods.bounded.compact import Compact
from steepest.methods.vectors import Vector


class CauchyPoint(NamedTuple):
    """The point x, and c = W(xᶜ − x), which the subspace minimization needs."""

    x: Vector
    c: Vector


def cauchy_point(model: Compact, x: Vector, g: Vector, low: Vector, high: Vector) -> CauchyPoint:
    """The first local minimizer of the model along P(x − tg), t ≥ 0.

    The path is straight between the breakpoints t_i where a variable meets its bound; on each piece the model is a
    parabola in t, whose two derivatives are carried on from piece to piece in O(m²).
    Source: Byrd, Lu, Nocedal & Zhu 1995, Algorithm CP.
    """
    with np.errstate(all="ignore"):
        breaks = np.where(g < 0.0, (x - high) / g, np.where(g > 0.0, (x - low) / g, math.inf))
    breaks[np.isnan(breaks)] = math.inf
    d = np.where(breaks > 0.0, -g, 0.0)
    theta, M = model.theta, model.M
    p = model.wide(d)
    c = np.zeros_like(p)
    slope = -float(d.dot(d))
    if slope == 0.0:
        return CauchyPoint(x.copy(), c)
    bend = -theta * slope - float(p.dot(M @ p))
    floor = 2.220446049250313e-16 * -theta * slope
    waiting = np.flatnonzero(np.isfinite(breaks) & (breaks > 0.0))
    order = waiting[np.argsort(breaks[waiting], kind="stable")]
    at, passed = 0.0, 0
    found = x.copy()
    step = -slope / bend if bend > 0.0 else math.inf
    for i in order.tolist():
        width = float(breaks[i]) - at
        if step < width:
            break
        bound = float(high[i]) if d[i] > 0.0 else float(low[i])
        found[i] = bound
        z = bound - float(x[i])
        c += width * p
        w = model.column(i)
        gi = float(g[i])
        Mw = M @ w
        slope += width * bend + gi * gi + theta * gi * z - gi * float(Mw.dot(c))
        bend += -theta * gi * gi - 2.0 * gi * float(Mw.dot(p)) - gi * gi * float(w.dot(Mw))
        bend = max(bend, floor)
        p += gi * w
        d[i] = 0.0
        at = float(breaks[i])
        passed += 1
        step = -slope / bend if bend > 0.0 else 0.0
        if slope >= 0.0:
            step = 0.0
            break
    step = max(step, 0.0)
    if not math.isfinite(step):  # every variable is at a bound
        step = 0.0
    moving = d != 0.0
    found[moving] += (at + step) * d[moving]
    np.clip(found, low, high, out=found)
    c += step * p
    return CauchyPoint(found, c)
