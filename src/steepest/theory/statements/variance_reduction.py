"""SVRG and SAGA."""

from __future__ import annotations

from typing import Final

from steepest.theory.assumptions import Compare, Problem, Words
from steepest.theory.symbols import Named
from steepest.theory.theorem import Quantity, Theorem
from steepest.theory.vocabulary import Delta, L, N, R, alpha, lyapunov0, m, mu, n, saga0

_TERMS: Final = Words("f = (1/n)Σfᵢ, each fᵢ convex and L-smooth")
_A: Final = Named("a", "a", 1 / (mu * alpha * (1 - 2 * L * alpha) * m) + 2 * L * alpha / (1 - 2 * L * alpha))

THEOREMS: Final = (
    Theorem(
        "svrg",
        "svrg",
        "linear rate a stage; the snapshot is a random inner iterate",
        (
            Problem("strongly convex"),
            Problem("smooth"),
            _TERMS,
            Compare(alpha, "<", 1 / (2 * L), positive=True),
        ),
        Quantity.GAP,
        _A**N * Delta,
        "loose",
        "Johnson & Zhang 2013, NeurIPS, Theorem 1",
        ("m",),
        expectation=True,
        linear=True,
        start=0,
        remark="N counts stages; α = 1/(10L) and m = 50κ give a = ½",
    ),
    Theorem(
        "saga-strongly-convex",
        "saga",
        "linear rate of the Lyapunov function",
        (
            Problem("strongly convex"),
            Problem("smooth"),
            Words("each fᵢ μ-strongly convex and L-smooth"),
            Compare(alpha, "=", 1 / (2 * (mu * n + L))),
        ),
        Quantity.LYAPUNOV,
        (1 - alpha * mu) ** N * lyapunov0,
        "numerically exact",
        "Defazio, Bach & Lacoste-Julien 2014, NeurIPS, Theorem 1",
        ("v", "pep"),
        expectation=True,
        linear=True,
        start=0,
        remark="V = (1/n)Σ[fᵢ(φᵢ) − fᵢ(x*) − ⟨∇fᵢ(x*), φᵢ − x*⟩] + ‖x − x*‖²/(2α(1 − αμ)n); computed at n = 5, μ = 0.1",
    ),
    Theorem(
        "saga-convex",
        "saga",
        "convex terms, uniform average",
        (Problem("convex"), Problem("smooth"), _TERMS, Compare(alpha, "=", 1 / (3 * L))),
        Quantity.AVERAGE_GAP,
        4 * n / N * (2 * L / n * R**2 + saga0),
        "loose",
        "Defazio, Bach & Lacoste-Julien 2014, NeurIPS",
        ("m",),
        expectation=True,
    ),
)
"""Finite sums."""
