"""The Cauchy point of a trust region."""

from __future__ import annotations

from steepest.methods.method import Model
from steepest.methods.vectors import Vector, norm


def cauchy(model: Model, radius: float) -> tuple[Vector, float]:
    """The minimizer of the model along −g within the radius, and how much lower the model is there.

    p = −τ g with τ = min(‖g‖² / gᵀBg, Δ/‖g‖), the second where gᵀBg ≤ 0. One product.
    Source: Nocedal & Wright 2006, eq. 4.11 and 4.12.
    """
    g = model.g
    size = norm(g)
    if size == 0.0:
        return 0.0 * g, 0.0
    bend = float(g.dot(model.product(g)))
    step = radius / size
    if bend > 0.0:
        step = min(step, size * size / bend)
    return -step * g, step * size * size - 0.5 * step * step * bend
