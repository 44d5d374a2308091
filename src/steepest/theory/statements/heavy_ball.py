"""The heavy ball: fast on quadratics, without a guarantee elsewhere at the same constants."""

from __future__ import annotations

from typing import Final

from steepest.theory.assumptions import Assumption, Compare, Declared, ExactGradients, Problem, Unlike
from steepest.theory.expression import Number
from steepest.theory.functions import sqrt
from steepest.theory.theorem import Quantity, Theorem
from steepest.theory.vocabulary import Delta, L, N, R, alpha, beta, mu, rho

_METHOD: Final[tuple[Assumption, ...]] = (
    Declared("step_rule", "constant", "a constant step", r"\text{a constant step}"),
    ExactGradients(),
)
_POLYAK: Final = (
    Compare(alpha, "=", 4 / (sqrt(L) + sqrt(mu)) ** 2),
    Compare(beta, "=", rho**2),
    Compare(mu, ">", Number(0)),
)

THEOREMS: Final = (
    Theorem(
        "heavy-ball-quadratic",
        "heavy-ball",
        "Polyak's constants on quadratics, from rest",
        (
            *_METHOD,
            Problem("quadratic"),
            *_POLYAK,
            Declared("form", "from rest", "x₋₁ = x₀", "x_{-1} = x_0", default="from rest"),
        ),
        Quantity.DISTANCE,
        rho**N * (1 + N * (1 + rho)) * R,
        "exact",
        "Polyak 1964, with the constant of a start from rest",
        ("own",),
        linear=True,
        start=0,
        remark="attained along the eigenvalue L. ρᴺ R alone is false from N = 1 on (κ = 100: 2.306 instead of 0.818)",
    ),
    Theorem(
        "heavy-ball-quadratic-short-first-step",
        "heavy-ball",
        "Polyak's constants on quadratics, the first step α/(1 + β)",
        (
            *_METHOD,
            Problem("quadratic"),
            *_POLYAK,
            Declared("form", "short first step", "the first step is α/(1 + β)", r"\text{first step } \alpha/(1+\beta)"),
        ),
        Quantity.DISTANCE,
        rho**N * (1 + N * (1 - rho**2) / (1 + rho**2)) * R,
        "exact",
        "Polyak 1964, with the constant of that start",
        ("own",),
        linear=True,
        start=0,
    ),
    Theorem(
        "heavy-ball-quadratic-stable",
        "heavy-ball",
        "where it converges on quadratics",
        (
            *_METHOD,
            Problem("quadratic"),
            Compare(beta, "≥", Number(0)),
            Compare(beta, "<", Number(1)),
            Compare(alpha, "<", 2 * (1 + beta) / L, positive=True),
        ),
        None,
        None,
        "exact",
        "Polyak 1964; Lessard, Recht & Packard 2016",
        ("own",),
        says="x_N → x* for 0 ≤ β < 1, 0 < α < 2(1 + β)/L, and for no other constants",
    ),
    Theorem(
        "heavy-ball-cycles",
        "heavy-ball",
        "no guarantee on strongly convex functions at Polyak's constants",
        (*_METHOD, Problem("strongly convex"), Unlike("quadratic"), *_POLYAK),
        None,
        None,
        "not known",
        "Lessard, Recht & Packard 2016, SIAM J. Optim. 26; Goujaud, Taylor & Dieuleveut 2023",
        ("v",),
        negative=True,
        says="it may cycle for ever on a smooth strongly convex function that is no quadratic: see 'lessard'",
        remark="worst ‖x_20 − x*‖²/R²: 0.0061 at κ = 10, 124.5 at κ = 25, 872078 at κ = 100",
    ),
    Theorem(
        "heavy-ball-safe",
        "heavy-ball",
        "constants that are safe on strongly convex functions",
        (
            *_METHOD,
            Problem("strongly convex"),
            Problem("smooth"),
            Compare(alpha, "≤", 1 / L, positive=True),
            Compare(beta, "=", sqrt((1 - alpha * mu) * (1 - alpha * L))),
        ),
        Quantity.GAP,
        (1 - alpha * mu) ** N * Delta,
        "loose",
        "Ghadimi, Feyzmahdavian & Johansson 2015, Theorem 4",
        ("v", "pep"),
        ratio="at α = 1/(2L), κ = 10: 1.053 at N = 1, 6.83 at N = 10, 50.8 at N = 20",
        linear=True,
        start=0,
    ),
)
"""Momentum on iterates."""
