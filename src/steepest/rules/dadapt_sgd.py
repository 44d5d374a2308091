"""D-Adaptation for SGD."""

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
    norm,
    rule,
    where,
)
from steepest.rules.decay_weights import Exempt, decay_weights


@rule(
    slots=(
        "s",
        Slot("p0", init="p"),
        Slot("d", like="model"),
        Slot("numerator", like="model"),
        Slot("first_norm", like="model"),
    ),
    sets_step=True,
)
def d_adapted_sgd(
    u,
    p,
    s,
    p0,
    d,
    numerator,
    first_norm,
    *,
    lr: LearningRate = 1.0,
    beta: Unit = 0.0,
    d0: Positive = 1e-6,
    growth: Positive | None = None,
):
    """SGD by dual averaging, with the distance D = ‖p₀ − p*‖ estimated from below on the way.

    With G the norm of the first update that is not zero, λ = d · lr / G, and r, s zero at first:

        r ← r + λ ⟨u, s⟩      s ← s + λ u      d ← max(d, min(2 r / ‖s‖, growth · d))
        p ← β p + (1 − β) (p₀ − s)

    Norms and products are over the model. Shapes: u, p, p₀, s alike; d, r, G one number each. Units: d those of p, lr
    none. lr in (0, ∞), 1, a schedule may reach 0; beta = β in [0, 1); d0, the first d, in (0, ∞), small: too small
    costs steps, too large diverges; growth in (0, ∞), above 1 to let d grow, or None for no bound.
    Raises HyperparameterError for a value outside its range.
    Source: Defazio & Mishchenko 2023, arXiv:2301.07733, Algorithm 4. Dialect: dadaptation.DAdaptSGD 3.2, but for
    weight decay, which that package leaves out of G.

    >>> import numpy as np
    >>> step, p = d_adapted_sgd(d0=0.5), np.array([2.0])
    >>> step.update(p, np.array([8.0]), step.init(p))[0]
    array([1.5])
    """
    first_norm = where(first_norm > 0, first_norm, norm(u, over="model"))
    d = where(d > 0, d, d0)
    rate = where(first_norm > 0, d * lr / first_norm, 0.0)
    numerator = numerator + dot(rate * u, s, over="model")
    s = s + rate * u
    length = norm(s, over="model")
    estimate = where(length > 0, 2 * numerator / length, 0.0)
    d = maximum(d, estimate if growth is None else minimum(estimate, growth * d))
    return (1 - beta) * (p - p0 + s), s, p0, d, numerator, first_norm


@method
def dadapt_sgd(
    lr: float | Schedule = 1.0,
    *,
    beta: float | Schedule = 0.0,
    d0: float | Schedule = 1e-6,
    growth: float | Schedule | None = None,
    weight_decay: float | Schedule = 0.0,
    exempt: Exempt = "none",
) -> Rule:
    """SGD that finds its own step size by D-Adaptation: see `d_adapted_sgd`.

    lr in (0, ∞), a factor of what it finds: leave it at 1, or give a schedule; beta in [0, 1), momentum; d0 in (0, ∞);
    growth in (0, ∞) or None; weight_decay in [0, ∞), none where `exempt`, L2, for the iterates are p₀ plus a sum of
    gradients.
    Source: Defazio & Mishchenko 2023, arXiv:2301.07733, Algorithm 4.

    >>> [path for path, _ in dadapt_sgd(weight_decay=0.1).links()]
    ['decay_weights', 'd_adapted_sgd']
    """
    step = d_adapted_sgd(lr=lr, beta=beta, d0=d0, growth=growth)
    return step if weight_decay == 0 else chain(decay_weights(weight_decay=weight_decay, exempt=exempt), step)
