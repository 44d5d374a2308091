"""Steihaug's conjugate gradients within a trust region."""

from __future__ import annotations

import math

from steepest.methods.method import Model
from steepest.methods.trust_region.dogleg import to_border
from steepest.methods.vectors import Vector, norm


def steihaug(model: Model, radius: float) -> tuple[Vector, float]:
    """Conjugate gradients on B p = −g up to the border or to negative curvature; p, and how much lower the model is.

    Ends inside at ‖r‖ ≤ min(½, √‖g‖) ‖g‖, or after max(20, 2n) products. The first iterate is the Cauchy point, and the
    model falls with each, so p is at least as good. Products only.
    Source: Steihaug 1983, SIAM J. Numer. Anal. 20, 626–637; Nocedal & Wright 2006, Algorithm 7.2.
    """
    g = model.g
    size = norm(g)
    target = min(0.5, math.sqrt(size)) * size
    p, Bp = 0.0 * g, 0.0 * g
    r = 1.0 * g
    d = -r
    rr = float(r.dot(r))
    for _ in range(max(20, 2 * g.shape[0])):
        Bd = model.product(d)
        bend = float(d.dot(Bd))
        if bend != bend:
            break
        step = rr / bend if bend > 0.0 else math.inf
        if step == math.inf or norm(p + step * d) >= radius:
            step = to_border(p, d, radius)
            return _ended(g, p + step * d, Bp + step * Bd)
        p = p + step * d
        Bp = Bp + step * Bd
        r = r + step * Bd
        before, rr = rr, float(r.dot(r))
        if math.sqrt(rr) <= target:
            break
        d = (rr / before) * d - r
    return _ended(g, p, Bp)


def _ended(g: Vector, p: Vector, Bp: Vector) -> tuple[Vector, float]:
    return p, -float(g.dot(p)) - 0.5 * float(p.dot(Bp))
