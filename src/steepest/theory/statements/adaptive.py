"""AdaGrad, AMSGrad and Adam: regret, and the lack of it."""

from __future__ import annotations

from typing import Final

from steepest.theory.assumptions import Assumption, Compare, Declared, Problem, Words
from steepest.theory.expression import Number
from steepest.theory.functions import ln, sqrt
from steepest.theory.theorem import Quantity, Theorem
from steepest.theory.vocabulary import D_inf, N, T, alpha, beta1, beta2, coordinate_norms, root_moments

_GAME: Final[tuple[Assumption, ...]] = (Problem("convex"), Words("every f_t convex"))
_BOX: Final = Declared("projected", True, "projection in the norm of the scaling", r"\text{scaled projection}")
_ROOT: Final = Declared("step_rule", "1/√t", "α_t = α/√t", r"\alpha_t = \alpha/\sqrt{t}")

THEOREMS: Final = (
    Theorem(
        "adagrad",
        "adagrad",
        "regret by what the gradients were",
        (*_GAME, _BOX, Words("‖x_t − x*‖∞ ≤ D∞"), Compare(alpha, ">", Number(0))),
        Quantity.REGRET,
        (D_inf**2 / (2 * alpha) + alpha) * coordinate_norms,
        "loose",
        "Duchi, Hazan & Singer 2011, JMLR 12, Theorem 5, at δ = 0",
        ("m", "own"),
        remark="α = D∞/√2 gives √2 D∞ Σᵢ‖g₁:T,ᵢ‖₂; δ > 0 adds δD∞²d/(2α)",
    ),
    Theorem(
        "amsgrad",
        "amsgrad",
        "regret without momentum",
        (*_GAME, _BOX, _ROOT, Compare(beta1, "=", Number(0)), Words("a box of width D∞, ε = 0")),
        Quantity.REGRET,
        D_inf**2 * sqrt(T) / (2 * alpha) * root_moments
        + alpha * sqrt(1 + ln(T)) / (2 * sqrt(1 - beta2)) * coordinate_norms,
        "loose",
        "Reddi, Kale & Kumar 2018, with β₁ = 0, where the proof has no gap",
        ("own",),
        remark="v̂ is the maximum of v without bias correction",
    ),
    Theorem(
        "amsgrad-momentum",
        "amsgrad",
        "no rate with constant β₁ > 0",
        (*_GAME, Compare(beta1, ">", Number(0))),
        None,
        None,
        "not known",
        "Reddi, Kale & Kumar 2018, Theorem 4; Tran & Phong 2019, on the gap in its proof",
        ("v",),
        negative=True,
        says="the published bound has a term of order T^{3/2} for constant β₁, so it says nothing; its proof has a gap",
        remark="β₁λ^{t−1} or β₁/t in place of β₁ mends it",
    ),
    Theorem(
        "adam",
        "adam",
        "no guarantee of regret",
        _GAME,
        None,
        None,
        "not known",
        "Reddi, Kale & Kumar 2018, ICLR, Theorems 1 to 3",
        ("m", "own"),
        negative=True,
        says="for any β₁ < √β₂ there is a convex problem on which its average regret does not vanish: see 'reddi'",
    ),
    Theorem(
        "adam-step",
        "adam",
        "how long a step can be",
        (
            Compare(beta1, "≥", Number(0)),
            Compare(beta1**2, "<", beta2),
            Compare(beta2, "<", Number(1)),
            Words("ε ≥ 0, any gradients"),
        ),
        Quantity.STEP_LENGTH,
        alpha * (1 - beta1) / sqrt((1 - beta2) * (1 - beta1**2 / beta2)),
        "exact",
        "Cauchy and Schwarz on the two averages",
        ("own",),
        remark="with and without bias correction; met by gᵢ ∝ (β₂/β₁)ⁱ. 7.270292 α at β = (0.9, 0.999), not 3.1623 α",
    ),
    Theorem(
        "adam-step-corrected",
        "adam",
        "how long step N can be, with bias correction",
        (
            Compare(beta1, ">", Number(0)),
            Compare(beta1**2, "<", beta2),
            Compare(beta2, "<", Number(1)),
            Words("ε ≥ 0, any gradients"),
        ),
        Quantity.STEP_LENGTH,
        alpha
        * (1 - beta1)
        / (1 - beta1**N)
        * sqrt((1 - beta2**N) * (1 - (beta1**2 / beta2) ** N) / ((1 - beta2) * (1 - beta1**2 / beta2))),
        "exact",
        "Cauchy and Schwarz on the two averages",
        ("own",),
        remark="α at N = 1; tends to the bound without N",
    ),
)
"""Adaptive steps."""
