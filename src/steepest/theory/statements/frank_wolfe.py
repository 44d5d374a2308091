"""Frank–Wolfe, also called conditional gradient."""

from __future__ import annotations

from typing import Final

from steepest.theory.assumptions import ExactGradients, Problem, Words
from steepest.theory.theorem import Quantity, Theorem
from steepest.theory.vocabulary import D, L, N

THEOREMS: Final = (
    Theorem(
        "frank-wolfe",
        "frank-wolfe",
        "steps 2/(t + 2)",
        (
            ExactGradients(),
            Problem("convex"),
            Problem("smooth"),
            Words("γ_t = 2/(t + 2), t = 0, 1, …, a set of diameter D"),
        ),
        Quantity.GAP,
        2 * L * D**2 / (N + 2),
        "loose",
        "Jaggi 2013, ICML, Theorem 1",
        ("v",),
        ratio="1.33 at N = 1, 2.18 at N = 15",
    ),
)
"""Linear minimization over a set."""
