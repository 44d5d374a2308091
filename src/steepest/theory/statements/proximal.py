"""Projected and proximal gradient, and FISTA. F = f + h, h convex, known by its proximal operator."""

from __future__ import annotations

from typing import Final

from steepest.theory.assumptions import Assumption, Compare, Declared, ExactGradients, Minimizer, Problem
from steepest.theory.theorem import Quantity, Theorem
from steepest.theory.vocabulary import L, N, R, alpha, r, sequence_t

_CONVEX: Final[tuple[Assumption, ...]] = (
    ExactGradients(),
    Problem("convex"),
    Problem("smooth"),
    Minimizer(),
    Compare(alpha, "=", 1 / L),
)
_STRONG: Final[tuple[Assumption, ...]] = (
    ExactGradients(),
    Problem("strongly convex"),
    Problem("smooth"),
    Compare(alpha, "≤", 2 / L, positive=True),
)
_T: Final = Declared("momentum_rule", "t_k", "βₖ = (tₖ − 1)/tₖ₊₁", r"\beta_k = (t_k - 1)/t_{k+1}", default="t_k")
_LINEAR: Final = Declared("momentum_rule", "(k−1)/(k+2)", "βₖ = (k − 1)/(k + 2)", r"\beta_k = (k-1)/(k+2)")
_BECK: Final = "Beck & Teboulle 2009, SIAM J. Imaging Sci. 2"


def _both(suffix: str, title: str, assumptions: tuple[Assumption, ...], **rest: object) -> tuple[Theorem, ...]:
    return tuple(
        Theorem(f"{family.partition('-')[0]}-{suffix}", family, title, assumptions, **rest)  # type: ignore[arg-type]
        for family in ("proximal-gradient", "projected-gradient")
    )


THEOREMS: Final = (
    *_both(
        "convex-textbook",
        "the rate that textbooks prove",
        _CONVEX,
        quantity=Quantity.GAP,
        bound=L * R**2 / (2 * N),
        tight="loose",
        source=f"{_BECK}, Theorem 3.1",
        mark=("m",),
        ratio="2",
    ),
    *_both(
        "convex",
        "exact rate",
        _CONVEX,
        quantity=Quantity.GAP,
        bound=L * R**2 / (4 * N),
        tight="numerically exact",
        source="performance estimation, N ≤ 10",
        mark=("pep",),
        remark="not LR²/(4N + 2), which holds without the proximal step only",
    ),
    *_both(
        "strongly-convex",
        "linear rate of the distance",
        _STRONG,
        quantity=Quantity.DISTANCE_SQUARED,
        bound=r ** (2 * N) * R**2,
        tight="exact",
        source="Taylor, Hendrickx & Glineur 2018, J. Optim. Theory Appl. 178, Theorem 3.1",
        mark=("v", "pep"),
        linear=True,
        start=0,
    ),
    Theorem(
        "fista-textbook",
        "fista",
        "the rate that is usually stated",
        (*_CONVEX, _T),
        Quantity.GAP,
        2 * L * R**2 / (N + 1) ** 2,
        "loose",
        f"{_BECK}, Theorem 4.4",
        ("v",),
    ),
    Theorem(
        "fista",
        "fista",
        "the rate with tₖ itself",
        (*_CONVEX, _T),
        Quantity.GAP,
        L * R**2 / (2 * sequence_t() ** 2),
        "loose",
        f"{_BECK}, Theorem 4.4",
        ("v",),
        ratio="2 at N = 1, 1.12 at N = 10",
    ),
    Theorem(
        "fista-linear",
        "fista",
        "exact rate of the momentum (k − 1)/(k + 2)",
        (*_CONVEX, _LINEAR),
        Quantity.GAP,
        2 * L * R**2 / (N**2 + 5 * N + 2),
        "numerically exact",
        "Taylor, Hendrickx & Glineur 2017, SIAM J. Optim. 27",
        ("v", "pep"),
    ),
)
"""Composite problems."""
