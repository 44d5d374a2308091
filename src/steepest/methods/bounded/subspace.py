"""The subspace minimization of L-BFGS-B."""

from __future__ import annotations

import math

import numpy as np

from steepest.methods.bounded.cauchy_point import CauchyPoint
from steepest.methods.bounded.compact import Compact
from steepest.methods.method import Point
from steepest.methods.vectors import Vector


def subspace_minimizer(model: Compact, point: Point, corner: CauchyPoint, low: Vector, high: Vector) -> Vector:
    """From the Cauchy point, the model's minimizer in the variables that are off their bounds there, kept in bounds.

    The unconstrained minimizer is projected; where the direction from x to that does not descend, the way from the
    Cauchy point to it is cut at the first bound.
    Source: Byrd, Lu, Nocedal & Zhu 1995, direct primal method; Morales & Nocedal 2011, the projection.
    """
    free = np.flatnonzero((corner.x > low) & (corner.x < high))
    if not free.size:
        return corner.x
    theta, M = model.theta, model.M
    W = model.columns(free)
    r = point.g[free] + theta * (corner.x[free] - point.x[free]) - (M @ corner.c) @ W
    v = M @ (W @ r)
    N = np.eye(M.shape[0]) - M @ (W @ W.T) / theta
    try:
        v = np.linalg.solve(N, v)
    except np.linalg.LinAlgError:
        return corner.x
    d = -r / theta - (v @ W) / (theta * theta)
    if not np.all(np.isfinite(d)):
        return corner.x
    found = corner.x.copy()
    found[free] = np.clip(corner.x[free] + d, low[free], high[free])
    if float(point.g.dot(found - point.x)) < 0.0:
        return found
    with np.errstate(all="ignore"):
        room = np.where(d > 0.0, high[free] - corner.x[free], low[free] - corner.x[free]) / d
    room[d == 0.0] = math.inf
    found = corner.x.copy()
    found[free] += min(1.0, float(room.min())) * d
    return np.clip(found, low, high)
