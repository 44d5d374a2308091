"""Gradient descent with line searches: exact, and Armijo's backtracking."""

from __future__ import annotations

from typing import Final

from steepest.theory.assumptions import Assumption, Compare, ExactGradients, Minimizer, Problem
from steepest.theory.expression import Number
from steepest.theory.functions import minimum
from steepest.theory.symbols import Named
from steepest.theory.theorem import Quantity, Theorem
from steepest.theory.vocabulary import D0, Delta, L, N, R, armijo, first, kappa, mu, shrink

_EXACT: Final[tuple[Assumption, ...]] = (ExactGradients(), Problem("smooth"))
_ARMIJO: Final = (
    ExactGradients(),
    Problem("smooth"),
    Compare(armijo, "<", _ONE := Number(1), positive=True),
    Compare(shrink, "<", _ONE, positive=True),
)
_SHORTEST: Final = Named("α_min", r"\alpha_{\min}", minimum(first, 2 * shrink * (1 - armijo) / L))
_BACKTRACKING: Final = "Boyd & Vandenberghe 2004, Convex Optimization, section 9.3.1, and the descent lemma"

THEOREMS: Final = (
    Theorem(
        "line-search-strongly-convex",
        "exact-line-search",
        "exact rate with exact line search",
        (*_EXACT, Problem("strongly convex")),
        Quantity.GAP,
        ((kappa - 1) / (kappa + 1)) ** (2 * N) * Delta,
        "exact",
        "de Klerk, Glineur & Taylor 2017, Optim. Lett. 11, Theorem 1.2",
        ("v", "pep"),
        linear=True,
        start=0,
        remark="attained on a quadratic of two variables from (1/μ, 1/L)",
    ),
    Theorem(
        "line-search-convex",
        "exact-line-search",
        "convex functions",
        (*_EXACT, Problem("convex"), Minimizer()),
        Quantity.GAP,
        2 * L * D0**2 / (N + 4),
        "loose",
        "1/δ_{k+1} ≥ 1/δ_k + 1/(2LD₀²) with δ₀ ≤ LD₀²/2",
        ("own",),
        start=0,
    ),
    Theorem(
        "backtracking-smooth",
        "backtracking",
        "some gradient is small",
        _ARMIJO,
        Quantity.EARLIER_GRADIENT,
        Delta / (armijo * _SHORTEST * N),
        "loose",
        _BACKTRACKING,
        ("own",),
        remark="trials a step ≤ 1 + ⌈log_{1/τ}(α₀ L/(2(1 − c)))⌉ where that is positive",
    ),
    Theorem(
        "backtracking-convex",
        "backtracking",
        "convex functions, c ≥ ½",
        (*_ARMIJO, Problem("convex"), Minimizer(), Compare(armijo, "≥", Number(0.5))),
        Quantity.GAP,
        R**2 / (2 * _SHORTEST * N),
        "loose",
        "Vandenberghe's lecture notes; Beck & Teboulle 2009, Theorem 3.1",
        ("m",),
    ),
    Theorem(
        "backtracking-pl",
        "backtracking",
        "linear rate for strongly convex and PL functions",
        (*_ARMIJO, Problem("PL")),
        Quantity.GAP,
        (1 - 2 * mu * armijo * _SHORTEST) ** N * Delta,
        "loose",
        _BACKTRACKING,
        ("own",),
        linear=True,
        start=0,
    ),
)
"""Step sizes that are searched for."""
