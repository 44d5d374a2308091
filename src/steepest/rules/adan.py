"""Adan."""

from __future__ import annotations

from typing import Literal

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
    method,
    ndim,
    rule,
    sqrt,
    where,
)
from steepest.rules.decay_weights import Exempt, decayed
from steepest.rules.learning_rate import learning_rate


@rule(slots=("m", "d", Slot("n", nonnegative=True), Slot("before", init="first")))
def scale_by_adan(
    u, m, d, n, before, k, *, beta1: Unit = 0.98, beta2: Unit = 0.92, beta3: Unit = 0.99, eps: Positive = 1e-8
):
    """Adan: adaptive Nesterov momentum, with the difference of gradients in place of the look-ahead.

    Elementwise, for k = 1, 2, …, from m = d = n = 0, with incoming update u and the one before it, u₋:

        m ← β₁ m + (1 − β₁) u          d ← β₂ d + (1 − β₂) (u − u₋)
        n ← β₃ n + (1 − β₃) (u + β₂ (u − u₋))²
        u ← (m / (1 − β₁ᵏ) + β₂ d / (1 − β₂ᵏ)) / (√(n / (1 − β₃ᵏ)) + ε)

    At the first update u₋ = u, so the difference is 0.

    Shapes: u, m, d, n, before alike. Units: u comes out a pure number; eps those of the gradient.
    beta1, beta2, beta3 in [0, 1), the weight of what was (the paper's are 1 − these); eps in (0, ∞), outside the root.
    Raises HyperparameterError for a value outside its range.
    Source: Xie, Zhou, Li, Lin & Yan 2022, arXiv:2208.06677, Algorithm 1. Dialect: the authors' code, with bias
    corrections; equal to pytorch_optimizer.Adan. optax.adan weighs differences by 1 − β₂ where the paper has β₂ (in
    the convention used here), so it is another rule for β₂ ≠ 1/2.

    >>> import numpy as np
    >>> from steepest.formula import chain
    >>> r = chain(scale_by_adan(), learning_rate(lr=0.1))
    >>> p = np.zeros(2)
    >>> r.update(p, np.array([5.0, -0.01]), r.init(p))[0].round(6)
    array([-0.1,  0.1])
    """
    change = u - before
    m = beta1 * m + (1 - beta1) * u
    d = beta2 * d + (1 - beta2) * change
    ahead = u + beta2 * change
    n = beta3 * n + (1 - beta3) * ahead * ahead
    m_hat, d_hat, n_hat = m / (1 - beta1**k), d / (1 - beta2**k), n / (1 - beta3**k)
    return (m_hat + beta2 * d_hat) / (sqrt(n_hat) + eps), m, d, n, u


@rule(sets_step=True)
def proximal_learning_rate(u, p, *, lr: LearningRate, weight_decay: NonNegative = 0.0, exempt: Exempt = "none"):
    """Learning rate with proximal weight decay: p ← (p − lr u) / (1 + lr λ).

    The point q that is reached minimizes u·q + ‖q − p‖² / (2 lr) + λ‖q‖² / 2: the decay is that of q, not of p, so it
    never overshoots 0, however large lr λ is. As a rule: u ← lr (u + λ p) / (1 + lr λ).

    Shapes: u, p alike. Units: lr carries what is missing from u to p, lr λ is a pure number. lr in (0, ∞), a schedule
    may reach 0; weight_decay = λ in [0, ∞). exempt="vectors" leaves tensors with fewer than two dimensions undecayed.
    Raises HyperparameterError for a value outside its range.
    Source: Zhuang et al. 2022, arXiv:2202.00089, on AdamW's proximal form; Xie et al. 2022, Algorithm 1, line 7.

    >>> import numpy as np
    >>> p = np.array([3.0])
    >>> step = proximal_learning_rate(lr=0.5, weight_decay=1.0)
    >>> step.update(p, np.array([3.0]), step.init(p))[0]
    array([1.])
    """
    share = where(ndim(p) <= 1, 0.0, weight_decay) if exempt == "vectors" else weight_decay
    return lr * (u + share * p) / (1 + lr * share)


@method
def adan(
    lr: float | Schedule = 0.001,
    *,
    beta1: float | Schedule = 0.98,
    beta2: float | Schedule = 0.92,
    beta3: float | Schedule = 0.99,
    eps: float | Schedule = 1e-8,
    weight_decay: float | Schedule = 0.0,
    decay: Literal["proximal", "l2", "lr", "independent"] = "proximal",
    exempt: Exempt = "none",
) -> Rule:
    """Adan with a learning rate: see `scale_by_adan`, and for its weight decay `proximal_learning_rate`.

    lr in (0, ∞); beta1, beta2, beta3 in [0, 1); eps in (0, ∞); weight_decay = λ in [0, ∞), placed by `decay`:
    "proximal" is the paper's, p ← (p − lr û) / (1 + lr λ); "lr" is the authors' no_prox=True.
    Dialect: the authors' code, its defaults; equal to pytorch_optimizer.Adan, whose weight_decouple=True is "lr".

    >>> [path for path, _ in adan(weight_decay=0.02).links()]
    ['scale_by_adan', 'proximal_learning_rate']
    """
    scaling = scale_by_adan(beta1=beta1, beta2=beta2, beta3=beta3, eps=eps)
    if decay == "proximal":
        if weight_decay == 0:
            return chain(scaling, learning_rate(lr=lr))
        return chain(scaling, proximal_learning_rate(lr=lr, weight_decay=weight_decay, exempt=exempt))
    if decay not in {"l2", "lr", "independent"}:
        raise InputError(f"decay must be 'proximal', 'l2', 'lr' or 'independent', got {decay!r}")
    return decayed((scaling,), learning_rate(lr=lr), decay, weight_decay, exempt)
