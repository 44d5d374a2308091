"""Steihaug's conjugate gradients within a trust region."""

from __future__ import annotations

import math

from steepest.methods.method import Model
from steepest.methods.trust_region.dogleg import to_border
from steepest.methods.vectors import Vector, dot, norm


def steihaug(model: Model, radius: float) -> tuple[Vector, float]:
    """Conjugate gradients on B p = −g up to the border or to negative curvature; p, and how much lower the model is.

    Ends inside at ‖r‖ ≤ min(½, √‖g‖) ‖g‖, or after max(20, 2n) products. The first iterate is the Cauchy point, and the
    model falls with each, so p is at least as good. Products only. By how much the model falls is summed step by step:
    τ ‖r‖² − ½ τ² dᵀBd, for rᵀd = −‖r‖².
    Source: Steihaug 1983, SIAM J. Numer. Anal. 20, 626–637; Nocedal & Wright 2006, Algorithm 7.2.
    """
    g = model.g
    size = norm(g)
    target = min(0.5, math.sqrt(size)) * size
    p, lower = 0.0 * g, 0.0
    r = 1.0 * g
    d = -r
    rr = dot(r, r)
    for _ in range(max(20, 2 * g.shape[0])):
        Bd = model.product(d)
        bend = dot(d, Bd)
        if bend != bend:
            break
        step = rr / bend if bend > 0.0 else math.inf
        after = p + step * d if step < math.inf else p
        if step == math.inf or norm(after) >= radius:
            step = to_border(p, d, radius)
            return p + step * d, lower + step * rr - 0.5 * step * step * bend
        p = after
        lower += 0.5 * step * rr
        r += step * Bd
        before, rr = rr, dot(r, r)
        if math.sqrt(rr) <= target:
            break
        d = (rr / before) * d
        d -= r
    return p, lower
