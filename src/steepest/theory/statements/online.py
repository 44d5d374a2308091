"""Online gradient descent: regret on a bounded set, with projection."""

from __future__ import annotations

from typing import Final

from steepest.theory.assumptions import Assumption, Compare, Declared, Problem, Words
from steepest.theory.expression import Number
from steepest.theory.functions import ln, sqrt
from steepest.theory.theorem import Quantity, Theorem
from steepest.theory.vocabulary import D, G, T, alpha, inverse_roots, mu

_GAME: Final[tuple[Assumption, ...]] = (
    Problem("convex"),
    Words("every f_t convex, ‖g_t‖ ≤ G"),
    Declared("projected", True, "projection on a set of diameter D", r"\text{projection, diameter } D"),
)
_CONSTANT: Final = Declared("step_rule", "constant", "γ_t = γ = α", r"\gamma_t = \gamma = \alpha")
_ROOT: Final = Declared("step_rule", "1/√t", "γ_t = α/√t", r"\gamma_t = \alpha/\sqrt{t}")

THEOREMS: Final = (
    Theorem(
        "online-constant",
        "online-gradient-descent",
        "a constant step, any number of rounds",
        (*_GAME, _CONSTANT),
        Quantity.REGRET,
        D**2 / (2 * alpha) + alpha * G**2 * T / 2,
        "loose",
        "Zinkevich 2003; Hazan 2016, Introduction to Online Convex Optimization",
        ("m",),
        ratio="1 at T = (D/(αG))²",
    ),
    Theorem(
        "online-best-constant",
        "online-gradient-descent",
        "the best constant step for T rounds",
        (*_GAME, _CONSTANT, Compare(alpha, "=", D / (G * sqrt(T)))),
        Quantity.REGRET,
        D * G * sqrt(T),
        "exact",
        "Zinkevich 2003; PEPit's example online_gradient_descent",
        ("v", "pep"),
        horizon=True,
    ),
    Theorem(
        "online-decreasing",
        "online-gradient-descent",
        "steps D/(G√t)",
        (*_GAME, _ROOT, Compare(alpha, "=", D / G)),
        Quantity.REGRET,
        3 * D * G * sqrt(T) / 2,
        "loose",
        "Hazan 2016, Introduction to Online Convex Optimization, Theorem 3.1",
        ("m",),
        ratio="1.5 at T = 1, 1.22 at T = 8",
    ),
    Theorem(
        "online-decreasing-sharper",
        "online-gradient-descent",
        "steps D/(G√(2t))",
        (*_GAME, _ROOT, Compare(alpha, "=", D / (G * sqrt(2)))),
        Quantity.REGRET,
        sqrt(2) * D * G * sqrt(T),
        "loose",
        "Hazan 2016, Introduction to Online Convex Optimization",
        ("m",),
        ratio="1.27 at T = 5, 1.21 at T = 8",
    ),
    Theorem(
        "online-any-decreasing",
        "online-gradient-descent",
        "steps α/√t",
        (*_GAME, _ROOT),
        Quantity.REGRET,
        D**2 * sqrt(T) / (2 * alpha) + alpha * G**2 / 2 * inverse_roots(),
        "loose",
        "the general sum D²/(2γ_T) + (G²/2)Σγ_t; Hazan 2016",
        ("m",),
        ratio="1.07 to 1.2 at the steps above",
    ),
    Theorem(
        "online-zinkevich",
        "online-gradient-descent",
        "steps 1/√t",
        (*_GAME, _ROOT, Compare(alpha, "=", Number(1))),
        Quantity.REGRET,
        D**2 * sqrt(T) / 2 + (sqrt(T) - 0.5) * G**2,
        "loose",
        "Zinkevich 2003, ICML, Theorem 1",
        ("m",),
    ),
    Theorem(
        "online-strongly-convex",
        "online-gradient-descent",
        "steps 1/(μt)",
        (
            *_GAME,
            Problem("strongly convex"),
            Declared("step_rule", "1/t", "γ_t = α/t", r"\gamma_t = \alpha/t"),
            Compare(alpha, "=", 1 / mu),
        ),
        Quantity.REGRET,
        G**2 / (2 * mu) * (1 + ln(T)),
        "loose",
        "Hazan 2016, Introduction to Online Convex Optimization, Theorem 3.3",
        ("m",),
    ),
)
"""Regret."""
