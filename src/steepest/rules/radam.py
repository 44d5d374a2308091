"""RAdam: rectified Adam."""

from __future__ import annotations

from typing import Annotated, Literal

from steepest.core.ranges import Range
from steepest.core.schedule import Schedule
from steepest.formula import Positive, Rule, Slot, Unit, method, rule, sqrt, where
from steepest.rules.decay_weights import Decay, Exempt, decayed
from steepest.rules.learning_rate import learning_rate

Length = Annotated[int, Range(low=4, integer=True)]


@rule(slots=("m", Slot("v", nonnegative=True)))
def scale_by_radam(
    u,
    m,
    v,
    k,
    *,
    beta1: Unit = 0.9,
    beta2: Unit = 0.999,
    eps: Positive = 1e-8,
    threshold: Length = 5,
    eps_position: Literal["uncorrected", "corrected"] = "uncorrected",
    unrectified: Literal["momentum", "zero"] = "momentum",
):
    """RAdam: Adam whose first steps, while v rests on few gradients, are rectified or not adapted at all.

    Elementwise, for k = 1, 2, …, from m = v = 0, with incoming update u and ρ∞ = 2 / (1 − β₂) − 1:

        m ← β₁ m + (1 − β₁) u          v ← β₂ v + (1 − β₂) u²          m̂ = m / (1 − β₁ᵏ)
        ρ = ρ∞ − 2 k β₂ᵏ / (1 − β₂ᵏ)
        ρ > threshold:  u ← r m̂ √(1 − β₂ᵏ) / (√v + ε),   r² = (ρ − 4) (ρ − 2) ρ∞ / ((ρ∞ − 4) (ρ∞ − 2) ρ)
        else:           u ← m̂

    ρ is the number of gradients that v averages over; r² is the variance of 1/√v in the limit k → ∞ over its variance
    at k. With the default β₂ it is rectified from k = 6, with β₂ ≤ 2/3 never.
    eps_position="corrected": √(v / (1 − β₂ᵏ)) + ε, as in Adam. unrectified="zero": u ← 0 in place of m̂.

    Shapes: u, m, v alike. Units: u comes out a pure number where it is adapted, else in those of the gradient; eps
    those of the gradient. beta1, beta2 in [0, 1); eps in (0, ∞); threshold in 4, 5, 6, ….
    Raises HyperparameterError for a value outside its range.
    Source: Liu et al. 2020, arXiv:1908.03265, Algorithm 2, whose threshold is 4 and which has no ε.
    Dialect: torch.optim.RAdam; the authors' code has threshold 5 and ε in the same place. optax.radam is
    eps_position="corrected"; pytorch_optimizer.RAdam is unrectified="zero". Both rectify at ρ = 5 too.

    >>> import numpy as np
    >>> from steepest.formula import chain
    >>> r = chain(scale_by_radam(), learning_rate(lr=0.1))
    >>> p = np.zeros(2)
    >>> r.update(p, np.array([5.0, -0.01]), r.init(p))[0].round(6)
    array([-0.5  ,  0.001])
    """
    m = beta1 * m + (1 - beta1) * u
    v = beta2 * v + (1 - beta2) * u * u
    m_hat = m / (1 - beta1**k)
    rho_inf = 2 / (1 - beta2) - 1
    rho = rho_inf - 2 * k * beta2**k / (1 - beta2**k)
    r = rectification(rho, rho_inf)
    if eps_position == "corrected":
        v_hat = v / (1 - beta2**k)
        adapted = r * m_hat / (sqrt(v_hat) + eps)
    else:
        adapted = r * sqrt(1 - beta2**k) * m_hat / (sqrt(v) + eps)
    return where(rho > threshold, adapted, m_hat if unrectified == "momentum" else 0.0), m, v


def rectification(rho, rho_inf):
    """r: what makes up for a v that averages over ρ gradients and not over ρ∞; real where ρ > 4."""
    return sqrt((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho))


@method
def radam(
    lr: float | Schedule = 0.001,
    *,
    beta1: float | Schedule = 0.9,
    beta2: float | Schedule = 0.999,
    eps: float | Schedule = 1e-8,
    threshold: int | Schedule = 5,
    eps_position: Literal["uncorrected", "corrected"] = "uncorrected",
    unrectified: Literal["momentum", "zero"] = "momentum",
    weight_decay: float | Schedule = 0.0,
    decay: Decay = "l2",
    exempt: Exempt = "none",
) -> Rule:
    """RAdam with a learning rate: see `scale_by_radam`. Weight decay is L2 unless `decay` says otherwise.

    lr in (0, ∞); beta1, beta2 in [0, 1); eps in (0, ∞); threshold in 4, 5, 6, …; weight_decay in [0, ∞), placed by
    `decay` but where `exempt`. Dialect: torch.optim.RAdam, its defaults; decay="lr" is its decoupled_weight_decay=True.

    >>> radam(lr=3e-4).slots().keys()
    dict_keys(['scale_by_radam.m', 'scale_by_radam.v'])
    """
    scaling = scale_by_radam(
        beta1=beta1, beta2=beta2, eps=eps, threshold=threshold, eps_position=eps_position, unrectified=unrectified
    )
    return decayed((scaling,), learning_rate(lr=lr), decay, weight_decay, exempt)
