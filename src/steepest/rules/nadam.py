"""NAdam."""

from __future__ import annotations

from typing import Literal

from steepest.core.schedule import Schedule
from steepest.formula import NonNegative, Positive, Rule, Slot, Unit, method, rule, sqrt
from steepest.rules.decay_weights import Decay, Exempt, decayed
from steepest.rules.learning_rate import learning_rate


@rule(
    slots=(
        "m",
        Slot("v", nonnegative=True),
        Slot("product", like="tensor", init=1.0, when=lambda statics: statics["momentum"] == "warmed"),
    )
)
def scale_by_nadam(
    u,
    m,
    v,
    product,
    k,
    *,
    beta1: Unit = 0.9,
    beta2: Unit = 0.999,
    eps: Positive = 1e-8,
    momentum_decay: NonNegative = 0.004,
    momentum: Literal["warmed", "constant"] = "warmed",
):
    """NAdam: Adam with Nesterov's momentum, the average taken one step ahead.

    Elementwise, for k = 1, 2, …, from m = v = 0, with incoming update u and μₖ = β₁ (1 − 0.96^(k ψ) / 2):

        m ← β₁ m + (1 − β₁) u          v ← β₂ v + (1 − β₂) u²          π ← π μₖ   (one number a tensor, from 1)
        û = μₖ₊₁ m / (1 − π μₖ₊₁) + (1 − μₖ) u / (1 − π)
        u ← û / (√(v / (1 − β₂ᵏ)) + ε)

    So the momentum begins near β₁/2 and warms up to β₁; momentum_decay = ψ says how fast: half of the way is made
    after 17 / ψ steps. momentum="constant": μₖ = β₁ throughout, hence π = β₁ᵏ, and there is no ψ.

    Shapes: u, m, v alike. Units: u comes out a pure number; eps those of the gradient.
    beta1, beta2 in [0, 1); eps in (0, ∞), outside the root; momentum_decay in [0, ∞), where 0 keeps μ at β₁/2.
    Raises HyperparameterError for a value outside its range.
    Source: Dozat 2016, "Incorporating Nesterov Momentum into Adam", with its schedule of μ. Dialect: torch.optim.NAdam,
    which averages m with β₁, not with μₖ, and has no factor β₂ on v. optax.nadam is momentum="constant".

    >>> import numpy as np
    >>> from steepest.formula import chain
    >>> r = chain(scale_by_nadam(momentum="constant"), learning_rate(lr=0.1))
    >>> p = np.zeros(1)
    >>> r.update(p, np.array([5.0]), r.init(p))[0].round(6)  # 0.9 · 0.1 / (1 − 0.9²) + 0.1 / (1 − 0.9) = 1.473684
    array([-0.147368])
    """
    m = beta1 * m + (1 - beta1) * u
    v = beta2 * v + (1 - beta2) * u * u
    if momentum == "warmed":
        mu = beta1 * (1 - 0.5 * 0.96 ** (k * momentum_decay))
        mu_next = beta1 * (1 - 0.5 * 0.96 ** ((k + 1) * momentum_decay))
        product = product * mu
        m_hat = mu_next / (1 - product * mu_next) * m + (1 - mu) / (1 - product) * u
    else:
        m_hat = beta1 / (1 - beta1 ** (k + 1)) * m + (1 - beta1) / (1 - beta1**k) * u
    v_hat = v / (1 - beta2**k)
    return m_hat / (sqrt(v_hat) + eps), m, v, product


@method
def nadam(
    lr: float | Schedule = 0.002,
    *,
    beta1: float | Schedule = 0.9,
    beta2: float | Schedule = 0.999,
    eps: float | Schedule = 1e-8,
    momentum_decay: float | Schedule = 0.004,
    momentum: Literal["warmed", "constant"] = "warmed",
    weight_decay: float | Schedule = 0.0,
    decay: Decay = "l2",
    exempt: Exempt = "none",
) -> Rule:
    """NAdam with a learning rate: see `scale_by_nadam`. Weight decay is L2 unless `decay` says otherwise.

    lr in (0, ∞); beta1, beta2 in [0, 1); eps in (0, ∞); momentum_decay in [0, ∞); weight_decay in [0, ∞), placed by
    `decay` but where `exempt`. Dialect: torch.optim.NAdam, its defaults; decay="lr" is its decoupled_weight_decay=True.
    optax.nadam is momentum="constant".

    >>> nadam().slots().keys()
    dict_keys(['scale_by_nadam.m', 'scale_by_nadam.v', 'scale_by_nadam.product'])
    """
    scaling = scale_by_nadam(beta1=beta1, beta2=beta2, eps=eps, momentum_decay=momentum_decay, momentum=momentum)
    return decayed((scaling,), learning_rate(lr=lr), decay, weight_decay, exempt)
