"""Stochastic gradient and subgradient methods."""

from __future__ import annotations

import math
from typing import Final

from steepest.theory.assumptions import Assumption, Compare, Declared, Problem, Words
from steepest.theory.expression import Number, Values
from steepest.theory.functions import ln, maximum, sqrt
from steepest.theory.symbols import Sequence
from steepest.theory.theorem import Quantity, Theorem
from steepest.theory.vocabulary import D, G, L, N, R, alpha, mu, sigma

_UNBIASED: Final = Words("E[g | x] ∈ ∂f(x), E‖g‖² ≤ G²")
_CONSTANT: Final = Declared("step_rule", "constant", "a constant step", r"\text{a constant step}")
_UNIFORM: Final = Declared("averaging", "uniform", "x̄ = mean of x₁ … x_T", r"\bar x = \tfrac1T \sum_t x_t")
_WEIGHTED: Final = Declared("averaging", "weights t", "x̄ = mean of x_t, weights ∝ t", r"\bar x \propto \sum_t t\, x_t")
_NOISY: Final[tuple[Assumption, ...]] = (Problem("convex"), _UNBIASED)
_STRONG: Final = (Problem("strongly convex"), _UNBIASED)


def _distance_bound(values: Values) -> float:
    t = values["N"] + 1
    return float(values["G"] ** 2 / values["mu"] ** 2 / (1.0 if t == 2 else t))


def _repeated(values: Values) -> float:
    step, L_, mu_, noise = values["step"], values["L"], values["mu"], values["sigma"]
    found = values["R"] ** 2
    for _ in range(int(values["N"])):
        root = math.sqrt((1 - step * (L_ + mu_) / 2) ** 2 * found + (step * noise) ** 2)
        found = (step * (L_ - mu_) / 2 * math.sqrt(found) + root) ** 2
    return found


THEOREMS: Final = (
    Theorem(
        "sgd-convex-constant",
        "gradient-descent",
        "a constant step and the uniform average",
        (*_NOISY, _CONSTANT, _UNIFORM),
        Quantity.AVERAGE_GAP,
        R**2 / (2 * alpha * N) + alpha * G**2 / 2,
        "loose",
        "Nemirovski, Juditsky, Lan & Shapiro 2009; Bubeck 2015, Theorem 6.1",
        ("m",),
        expectation=True,
        remark="α = R/(G√T) gives RG/√T",
    ),
    Theorem(
        "subgradient-best",
        "subgradient",
        "the best iterate of the subgradient method",
        (Problem("convex"), Words("‖g‖ ≤ G"), _CONSTANT, Compare(alpha, "=", R / (G * sqrt(N + 1)))),
        Quantity.BEST_GAP,
        R * G / sqrt(N + 1),
        "exact",
        "Drori & Teboulle 2016, Math. Program. 160",
        ("v", "pep"),
        horizon=True,
        start=0,
    ),
    Theorem(
        "sgd-convex-decreasing",
        "gradient-descent",
        "steps C/√t with projection",
        (
            *_NOISY,
            Declared("step_rule", "1/√t", "α_t = C/√t, C = α", r"\alpha_t = C/\sqrt{t},\ C = \alpha"),
            Declared("projected", True, "projection on a set of diameter D", r"\text{projection, diameter } D"),
            _UNIFORM,
        ),
        Quantity.AVERAGE_GAP,
        (D**2 / (2 * alpha) + alpha * G**2) / sqrt(N) - alpha * G**2 / (2 * N),
        "loose",
        "Nemirovski, Juditsky, Lan & Shapiro 2009; Bubeck 2015",
        ("m",),
        expectation=True,
        remark="C = D/(√2 G) gives √2 DG/√T; without projection the average has to be weighted by α_t",
    ),
    Theorem(
        "sgd-strongly-convex-distance",
        "gradient-descent",
        "steps 1/(μt)",
        (
            *_STRONG,
            Declared("step_rule", "1/t", "α_t = α/t", r"\alpha_t = \alpha/t"),
            Compare(alpha, "=", 1 / mu),
        ),
        Quantity.DISTANCE_SQUARED,
        Sequence(
            "b_N",
            "b_N",
            _distance_bound,
            ("b_N = G²/(μ²(N + 1)), but b₁ = G²/μ²", r"b_N = \frac{G^2}{\mu^2 (N+1)},\ b_1 = \frac{G^2}{\mu^2}"),
            (G, mu, N),
        ),
        "loose",
        "induction on a_{t+1} ≤ (1 − 2/t) a_t + G²/(μ²t²); Rakhlin, Shamir & Sridharan 2012, Lemma 1, has 4 times it",
        ("own",),
        expectation=True,
        start=0,
    ),
    Theorem(
        "sgd-strongly-convex-average",
        "gradient-descent",
        "steps 1/(μt), uniform average",
        (
            *_STRONG,
            Declared("step_rule", "1/t", "α_t = α/t", r"\alpha_t = \alpha/t"),
            Compare(alpha, "=", 1 / mu),
            _UNIFORM,
        ),
        Quantity.AVERAGE_GAP,
        G**2 * (1 + ln(N)) / (2 * mu * N),
        "loose",
        "Rakhlin, Shamir & Sridharan 2012",
        ("m",),
        expectation=True,
    ),
    Theorem(
        "sgd-strongly-convex-weighted",
        "gradient-descent",
        "steps 2/(μ(t + 1)), average with weights t: no logarithm",
        (
            *_STRONG,
            Declared("step_rule", "1/(t+1)", "α_t = α/(t + 1)", r"\alpha_t = \alpha/(t+1)"),
            Compare(alpha, "=", 2 / mu),
            _WEIGHTED,
        ),
        Quantity.AVERAGE_GAP,
        2 * G**2 / (mu * (N + 1)),
        "loose",
        "Lacoste-Julien, Schmidt & Bach 2012, arXiv:1212.2002",
        ("m",),
        expectation=True,
    ),
    Theorem(
        "sgd-smooth-constant",
        "gradient-descent",
        "to a ball about the minimizer at a constant step",
        (
            Problem("strongly convex"),
            Problem("smooth"),
            Words("every fᵢ convex and L-smooth, i drawn anew each step"),
            _CONSTANT,
            Compare(alpha, "<", 1 / L, positive=True),
        ),
        Quantity.DISTANCE_SQUARED,
        (1 - 2 * alpha * mu * (1 - alpha * L)) ** N * R**2 + alpha * sigma**2 / (mu * (1 - alpha * L)),
        "loose",
        "Needell, Srebro & Ward 2014, Theorem 2.1",
        ("m",),
        expectation=True,
        start=0,
    ),
    Theorem(
        "sgd-one-step",
        "gradient-descent",
        "one step exactly, and more by repetition",
        (
            Problem("strongly convex"),
            Problem("smooth"),
            Words("every fᵢ μ-strongly convex and L-smooth, i drawn anew each step"),
            _CONSTANT,
            Compare(alpha, ">", Number(0)),
        ),
        Quantity.DISTANCE_SQUARED,
        Sequence(
            "b_N",
            "b_N",
            _repeated,
            (
                "b₀ = R², bₖ₊₁ = (α(L − μ)√bₖ/2 + √((1 − α(L + μ)/2)² bₖ + α²σ²))²",
                r"b_0 = R^2,\ b_{k+1} = \left(\tfrac{\alpha (L - \mu)}{2} \sqrt{b_k} + "
                r"\sqrt{(1 - \tfrac{\alpha (L + \mu)}{2})^2 b_k + \alpha^2 \sigma^2}\right)^2",
            ),
            (alpha, L, mu, sigma, R),
        ),
        "exact",
        "Taylor & Bach 2019, COLT; PESTO",
        ("v", "pep"),
        ratio="exact at N = 1",
        expectation=True,
        start=0,
        remark="the right-hand side is concave in bₖ, so it may be repeated",
    ),
    Theorem(
        "sgd-interpolation",
        "gradient-descent",
        "one step where every term has its minimum at x*",
        (
            Problem("strongly convex"),
            Problem("smooth"),
            Words("every fᵢ μ-strongly convex and L-smooth"),
            _CONSTANT,
            Compare(sigma, "=", Number(0)),
        ),
        Quantity.DISTANCE_SQUARED,
        maximum(1 - alpha * mu, alpha * L - 1) ** (2 * N) * R**2,
        "exact",
        "PEPit's example sgd_overparametrized",
        ("v", "pep"),
        expectation=True,
        linear=True,
        start=0,
    ),
)
"""Noise."""
