"""Powell's dogleg."""

from __future__ import annotations

import math

from steepest.methods.linear_algebra import modified_cholesky, solve
from steepest.methods.method import Model
from steepest.methods.vectors import Vector, norm


def dogleg(model: Model, radius: float) -> tuple[Vector, float]:
    """The point of the dogleg path at the radius, or its end, and how much lower the model is there.

    The path goes from 0 to the minimizer along −g, and from there to Newton's point −B⁻¹g; along it ‖p‖ rises and the
    model falls. Where B is not positive definite it stands for its modified Cholesky's (see `modified_cholesky`).
    Source: Powell 1970; Nocedal & Wright 2006, eq. 4.16 and Lemma 4.2.
    """
    g = model.g
    factor = modified_cholesky(model.matrix())
    newton = -solve(factor, g)
    if norm(newton) <= radius:
        return newton, _lower(factor, g, newton)
    along = factor.T @ g
    bend = float(along.dot(along))
    square = float(g.dot(g))
    if square == 0.0 or bend == 0.0:
        return 0.0 * g, 0.0
    steepest = -(square / bend) * g
    length = norm(steepest)
    if length >= radius:
        p = (radius / length) * steepest
    else:
        p = steepest + to_border(steepest, newton - steepest, radius) * (newton - steepest)
    return p, _lower(factor, g, p)


def to_border(p: Vector, d: Vector, radius: float) -> float:
    """The τ ≥ 0 with ‖p + τd‖ = radius, where ‖p‖ ≤ radius."""
    dd, pd = float(d.dot(d)), float(p.dot(d))
    gap = max(0.0, radius * radius - float(p.dot(p)))
    root = math.sqrt(pd * pd + dd * gap)
    return gap / (pd + root) if pd > 0.0 else (root - pd) / dd


def _lower(factor: Vector, g: Vector, p: Vector) -> float:
    along = factor.T @ p
    return -float(g.dot(p)) - 0.5 * float(along.dot(along))
