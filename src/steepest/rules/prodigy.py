"""Prodigy."""

from __future__ import annotations

from steepest.core.errors import InputError
from steepest.core.schedule import Schedule
from steepest.formula import (
    LearningRate,
    NonNegative,
    Positive,
    Rule,
    Slot,
    Unit,
    chain,
    dot,
    maximum,
    method,
    minimum,
    ndim,
    rule,
    sqrt,
    total,
    where,
)
from steepest.rules.decay_weights import Decay, Exempt, decay_weights


@rule(
    slots=(
        "m",
        Slot("v", nonnegative=True),
        "s",
        Slot("p0", init="p"),
        Slot("d", like="model"),
        Slot("d_max", like="model"),
        Slot("numerator", like="model"),
    ),
    sets_step=True,
)
def scale_by_prodigy(
    u,
    p,
    m,
    v,
    s,
    p0,
    d,
    d_max,
    numerator,
    t,
    *,
    lr: LearningRate = 1.0,
    beta1: Unit = 0.9,
    beta2: Unit = 0.999,
    beta3: Unit | None = None,
    eps: Positive = 1e-8,
    bias_correction: bool = False,
    safeguard_warmup: bool = False,
    d0: Positive = 1e-6,
    d_coef: Positive = 1.0,
    growth: Positive | None = None,
    weight_decay: NonNegative = 0.0,
    exempt: Exempt = "none",
):
    """Adam with an estimate d of the distance ‖p₀ − p*‖∞ in the place of the learning rate, from m = v = s = r = 0.

    With λ = d · lr, times √(1 − β₂ᵗ) / (1 − β₁ᵗ) where bias_correction, and λ′ = λ, or d where safeguard_warmup:

        r ← β₃ r + (d/d₀) λ ⟨u, p₀ − p⟩      m ← β₁ m + (1 − β₁) d u      v ← β₂ v + (1 − β₂) d² u²
        s ← β₃ s + (d/d₀) λ′ u               d̂ = d_coef · r / ‖s‖₁
        while d = d₀: d ← max(d, d̂)          D ← max(D, d̂)                 d ← min(D, growth · d)
        p ← p − λ m / (√v + d ε) − λ w p,    with the new d and the old λ; w the weight decay

    Products and ‖·‖₁ are over the model. Shapes: u, p, p₀, m, v, s alike; d, D, r one number each. Units: d those of
    p, lr none, ε those of u. lr in (0, ∞), 1, a schedule may reach 0; beta1, beta2 in [0, 1); beta3 = β₃ in [0, 1), or
    None for √β₂; eps = ε in (0, ∞); d0 = d₀ in (0, ∞), small; d_coef in (0, ∞), the one to tune; growth in (0, ∞), or
    None for no bound; weight_decay = w in [0, ∞), decoupled; exempt="vectors" leaves out tensors with fewer than two
    dimensions. Raises HyperparameterError for a value outside its range.
    Source: Mishchenko & Defazio 2024, arXiv:2306.06101, Algorithm 4. Dialect: prodigyopt.Prodigy 1.1. Unlike
    optax.contrib.prodigy, which always corrects for bias, takes |r| and s as they were before the step and ε without d.

    >>> import numpy as np
    >>> step, p = scale_by_prodigy(d0=0.5), np.array([2.0])
    >>> step.update(p, np.array([8.0]), step.init(p))[0].round(4)
    array([0.4189])
    """
    d = where(d > 0, d, d0)
    d_max = where(d_max > 0, d_max, d0)
    rate = d * lr
    if bias_correction:
        rate = rate * sqrt(1 - beta2**t) / (1 - beta1**t)
    beta3 = sqrt(beta2) if beta3 is None else beta3
    numerator = beta3 * numerator + d / d0 * dot(rate * u, p0 - p, over="model")
    m = beta1 * m + (1 - beta1) * d * u
    v = beta2 * v + (1 - beta2) * (d * d) * u * u
    s = beta3 * s + d / d0 * (d if safeguard_warmup else rate) * u
    size = total(abs(s), over="model")
    found = where(size > 0, d_coef * numerator / size, 0.0)
    d = where(d == d0, maximum(d, found), d)
    d_max = maximum(d_max, found)
    d = d_max if growth is None else minimum(d_max, d * growth)
    share = where(ndim(p) <= 1, 0.0, weight_decay) if exempt == "vectors" else weight_decay
    return rate * (m / (sqrt(v) + d * eps) + share * p), m, v, s, p0, d, d_max, numerator


@method
def prodigy(
    lr: float | Schedule = 1.0,
    *,
    beta1: float | Schedule = 0.9,
    beta2: float | Schedule = 0.999,
    beta3: float | Schedule | None = None,
    eps: float | Schedule = 1e-8,
    bias_correction: bool = False,
    safeguard_warmup: bool = False,
    d0: float | Schedule = 1e-6,
    d_coef: float | Schedule = 1.0,
    growth: float | Schedule | None = None,
    weight_decay: float | Schedule = 0.0,
    decay: Decay = "lr",
    exempt: Exempt = "none",
) -> Rule:
    """Adam that finds its own learning rate by Prodigy: see `scale_by_prodigy`.

    It grows its estimate faster than D-Adaptation does.
    lr in (0, ∞), a factor of what it finds: leave it at 1, or give a schedule, best a cosine; the betas in [0, 1),
    beta3 None for √β₂; eps in (0, ∞); safeguard_warmup for a schedule that warms up; d0 in (0, ∞); d_coef in (0, ∞),
    0.5 to 2 in use; growth in (0, ∞) or None; weight_decay in [0, ∞), placed by `decay`: "lr" is times the learning
    rate that was found.
    Source: Mishchenko & Defazio 2024, arXiv:2306.06101, Algorithm 4.

    >>> prodigy().sets_step
    True
    """
    if decay not in {"l2", "lr", "independent"}:
        raise InputError(f"decay must be 'l2', 'lr' or 'independent', got {decay!r}")
    inside = weight_decay if decay == "lr" else 0.0
    step = scale_by_prodigy(
        lr=lr,
        beta1=beta1,
        beta2=beta2,
        beta3=beta3,
        eps=eps,
        bias_correction=bias_correction,
        safeguard_warmup=safeguard_warmup,
        d0=d0,
        d_coef=d_coef,
        growth=growth,
        weight_decay=inside,
        exempt=exempt,
    )
    if weight_decay == 0 or decay == "lr":
        return step
    link = decay_weights(weight_decay=weight_decay, exempt=exempt)
    return chain(link, step) if decay == "l2" else chain(step, link)
