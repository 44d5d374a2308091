"""D-Adaptation for AdaGrad."""

from __future__ import annotations

from steepest.core.schedule import Schedule
from steepest.formula import (
    LearningRate,
    Positive,
    Rule,
    Slot,
    Unit,
    chain,
    dot,
    maximum,
    method,
    minimum,
    rule,
    sqrt,
    total,
    where,
)
from steepest.rules.decay_weights import Exempt, decay_weights


@rule(
    slots=(
        Slot("v", init=1e-6, nonnegative=True),
        "s",
        Slot("p0", init="p"),
        Slot("d", like="model"),
        Slot("squares", like="model"),
    ),
    sets_step=True,
)
def d_adapted_adagrad(
    u,
    p,
    v,
    s,
    p0,
    d,
    squares,
    *,
    lr: LearningRate = 1.0,
    beta: Unit = 0.0,
    eps: Positive = 1e-8,
    d0: Positive = 1e-6,
    growth: Positive | None = None,
):
    """AdaGrad by dual averaging, with D = ‖p₀ − p*‖∞ estimated from below, from v = 1e-6 and s = q = 0.

    With λ = d · lr:

        v ← v + u²      s ← s + λ u      q ← q + λ² Σ u² / (√v + ε)
        d ← max(d, min((Σ s² / (√v + ε) − q) / ‖s‖₁, growth · d))
        p ← β p + (1 − β) (p₀ − s / (√v + ε))

    Sums are over the model. Shapes: u, p, p₀, v, s alike; d, q one number each. Units: d those of p, lr none, ε those
    of u. lr in (0, ∞), 1, a schedule may reach 0; beta = β in [0, 1); eps = ε in (0, ∞); d0, the first d, in (0, ∞);
    growth in (0, ∞) or None for no bound. Raises HyperparameterError for a value outside its range.
    Source: Defazio & Mishchenko 2023, arXiv:2301.07733, Algorithm 3. Dialect: dadaptation.DAdaptAdaGrad 3.2, dense;
    there as here ε must be positive, though its default is 0.

    >>> import numpy as np
    >>> step, p = d_adapted_adagrad(d0=0.5), np.array([2.0])
    >>> step.update(p, np.array([8.0]), step.init(p))[0].round(6)
    array([1.5])
    """
    d = where(d > 0, d, d0)
    rate = d * lr
    v = v + u * u
    below = sqrt(v) + eps
    s = s + rate * u
    squares = squares + rate * rate * total(u * u / below, over="model")
    size = total(abs(s), over="model")
    estimate = where(size > 0, (dot(s, s / below, over="model") - squares) / size, 0.0)
    d = maximum(d, estimate if growth is None else minimum(estimate, growth * d))
    return (1 - beta) * (p - p0 + s / below), v, s, p0, d, squares


@method
def dadapt_adagrad(
    lr: float | Schedule = 1.0,
    *,
    beta: float | Schedule = 0.0,
    eps: float | Schedule = 1e-8,
    d0: float | Schedule = 1e-6,
    growth: float | Schedule | None = None,
    weight_decay: float | Schedule = 0.0,
    exempt: Exempt = "none",
) -> Rule:
    """AdaGrad that finds its own learning rate by D-Adaptation: see `d_adapted_adagrad`.

    lr in (0, ∞), a factor of what it finds: leave it at 1, or give a schedule; beta in [0, 1), momentum; eps in (0, ∞);
    d0 in (0, ∞); growth in (0, ∞) or None; weight_decay in [0, ∞), none where `exempt`, L2, for the iterates are p₀
    plus a scaled sum.
    Source: Defazio & Mishchenko 2023, arXiv:2301.07733, Algorithm 3.

    >>> dadapt_adagrad().sets_step
    True
    """
    step = d_adapted_adagrad(lr=lr, beta=beta, eps=eps, d0=d0, growth=growth)
    return step if weight_decay == 0 else chain(decay_weights(weight_decay=weight_decay, exempt=exempt), step)
