"""D-Adaptation for Adam."""

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
        Slot("d", like="model"),
        Slot("numerator", like="model"),
    ),
    sets_step=True,
)
def d_adapted_adam(
    u,
    p,
    m,
    v,
    s,
    d,
    numerator,
    t,
    *,
    lr: LearningRate = 1.0,
    beta1: Unit = 0.9,
    beta2: Unit = 0.999,
    eps: Positive = 1e-8,
    bias_correction: bool = False,
    d0: Positive = 1e-6,
    growth: Positive | None = None,
    weight_decay: NonNegative = 0.0,
    exempt: Exempt = "none",
):
    """Adam with the distance D = ‖p₀ − p*‖∞ estimated from below on the way, from m = v = s = r = 0.

    With b = √β₂ and λ = d · lr, times √(1 − β₂ᵗ) / (1 − β₁ᵗ) where bias_correction:

        r ← b r + (1 − b) λ ⟨u, s / (√v + ε)⟩        m ← β₁ m + (1 − β₁) λ u       v ← β₂ v + (1 − β₂) u²
        s ← b s + (1 − b) λ u                        d ← max(d, min(r / ((1 − b) ‖s‖₁), growth · d))
        p ← p − m / (√v + ε) − λ w p,    w the weight decay

    Products and ‖·‖₁ are over the model. Shapes: u, p, m, v, s alike; d, r one number each. Units: d those of p, lr
    none, ε those of u. lr in (0, ∞), 1, a schedule may reach 0; beta1, beta2 in [0, 1); eps = ε in (0, ∞); d0, the
    first d, in (0, ∞); growth in (0, ∞) or None for no bound; weight_decay = w in [0, ∞), decoupled;
    exempt="vectors" leaves out tensors with fewer than two dimensions. Raises HyperparameterError for a value outside.
    Source: Defazio & Mishchenko 2023, arXiv:2301.07733, Algorithm 5. Dialect: dadaptation.DAdaptAdam 3.2.

    >>> import numpy as np
    >>> step, p = d_adapted_adam(d0=0.5), np.array([2.0])
    >>> step.update(p, np.array([8.0]), step.init(p))[0].round(4)
    array([0.4189])
    """
    d = where(d > 0, d, d0)
    rate = d * lr
    if bias_correction:
        rate = rate * sqrt(1 - beta2**t) / (1 - beta1**t)
    root = sqrt(beta2)
    numerator = root * numerator + (1 - root) * dot(rate * u, s / (sqrt(v) + eps), over="model")
    m = beta1 * m + (1 - beta1) * rate * u
    v = beta2 * v + (1 - beta2) * u * u
    s = root * s + (1 - root) * rate * u
    size = total(abs(s), over="model")
    estimate = where(size > 0, numerator / ((1 - root) * size), 0.0)
    d = maximum(d, estimate if growth is None else minimum(estimate, growth * d))
    share = where(ndim(p) <= 1, 0.0, weight_decay) if exempt == "vectors" else weight_decay
    return m / (sqrt(v) + eps) + rate * share * p, m, v, s, d, numerator


@method
def dadapt_adam(
    lr: float | Schedule = 1.0,
    *,
    beta1: float | Schedule = 0.9,
    beta2: float | Schedule = 0.999,
    eps: float | Schedule = 1e-8,
    bias_correction: bool = False,
    d0: float | Schedule = 1e-6,
    growth: float | Schedule | None = None,
    weight_decay: float | Schedule = 0.0,
    decay: Decay = "l2",
    exempt: Exempt = "none",
) -> Rule:
    """Adam that finds its own learning rate by D-Adaptation: see `d_adapted_adam`.

    lr in (0, ∞), a factor of what it finds: leave it at 1, or give a schedule; the betas in [0, 1); eps in (0, ∞); d0
    in (0, ∞); growth in (0, ∞) or None; weight_decay in [0, ∞), placed by `decay`: "lr" is times the learning rate
    that was found.
    Source: Defazio & Mishchenko 2023, arXiv:2301.07733, Algorithm 5.

    >>> dadapt_adam().sets_step
    True
    """
    if decay not in {"l2", "lr", "independent"}:
        raise InputError(f"decay must be 'l2', 'lr' or 'independent', got {decay!r}")
    inside = weight_decay if decay == "lr" else 0.0
    step = d_adapted_adam(
        lr=lr,
        beta1=beta1,
        beta2=beta2,
        eps=eps,
        bias_correction=bias_correction,
        d0=d0,
        growth=growth,
        weight_decay=inside,
        exempt=exempt,
    )
    if weight_decay == 0 or decay == "lr":
        return step
    link = decay_weights(weight_decay=weight_decay, exempt=exempt)
    return chain(link, step) if decay == "l2" else chain(step, link)
