"""Yogi."""

from __future__ import annotations

from steepest.core.schedule import Schedule
from steepest.formula import NonNegative, Positive, Rule, Slot, Unit, method, rule, sign, sqrt, where
from steepest.rules.decay_weights import Decay, Exempt, decayed
from steepest.rules.learning_rate import learning_rate


@rule(slots=("m", Slot("v", nonnegative=True)))
def scale_by_yogi(
    u,
    m,
    v,
    k,
    *,
    beta1: Unit = 0.9,
    beta2: Unit = 0.999,
    eps: Positive = 1e-3,
    initial: NonNegative = 0.0,
    bias_correction: bool = False,
):
    """Yogi: Adam whose v goes towards u² by a share of u², not of the difference, so that it never falls fast.

    Elementwise, for k = 1, 2, …, from m = v = a, with incoming update u:

        m ← β₁ m + (1 − β₁) u          v ← v − (1 − β₂) sign(v − u²) u²
        u ← m / (√v + ε)

    bias_correction: m / (1 − β₁ᵏ) and v / (1 − β₂ᵏ) stand in place of m and v, as in Adam.

    Shapes: u, m, v alike. Units: u comes out a pure number; eps those of the gradient, initial = a those of both m and
    v, and so of neither where it is not 0. beta1, beta2 in [0, 1); eps in (0, ∞), outside the root; initial in [0, ∞).
    Raises HyperparameterError for a value outside its range.
    Source: Zaheer, Reddi, Sachan, Kale & Kumar 2018, "Adaptive Methods for Nonconvex Optimization", Algorithm 2; its
    experiments start v from the squared gradient of a large batch. Dialect: the paper's. optax.yogi and
    pytorch_optimizer.Yogi are initial=1e-6, bias_correction=True.

    >>> import numpy as np
    >>> from steepest.formula import chain
    >>> r = chain(scale_by_yogi(beta1=0.0, beta2=0.75, eps=0.5), learning_rate(lr=1.0))
    >>> p = np.zeros(1)
    >>> r.update(p, np.array([3.0]), r.init(p))[0]  # −3 / (√(9/4) + 1/2)
    array([-1.5])
    """
    m = beta1 * where(k <= 1, initial, m) + (1 - beta1) * u
    v = where(k <= 1, initial, v)
    v = v - (1 - beta2) * sign(v - u * u) * (u * u)
    if not bias_correction:
        return m / (sqrt(v) + eps), m, v
    m_hat, v_hat = m / (1 - beta1**k), v / (1 - beta2**k)
    return m_hat / (sqrt(v_hat) + eps), m, v


@method
def yogi(
    lr: float | Schedule = 0.01,
    *,
    beta1: float | Schedule = 0.9,
    beta2: float | Schedule = 0.999,
    eps: float | Schedule = 1e-3,
    initial: float | Schedule = 0.0,
    bias_correction: bool = False,
    weight_decay: float | Schedule = 0.0,
    decay: Decay = "lr",
    exempt: Exempt = "none",
) -> Rule:
    """Yogi with a learning rate: see `scale_by_yogi`. Weight decay is times lr unless `decay` says otherwise.

    lr in (0, ∞); beta1, beta2 in [0, 1); eps in (0, ∞); initial in [0, ∞); weight_decay in [0, ∞), placed by `decay`
    but where `exempt`. Dialect: the paper's; optax.yogi and pytorch_optimizer.Yogi are initial=1e-6,
    bias_correction=True.

    >>> yogi().slots().keys()
    dict_keys(['scale_by_yogi.m', 'scale_by_yogi.v'])
    """
    scaling = scale_by_yogi(beta1=beta1, beta2=beta2, eps=eps, initial=initial, bias_correction=bias_correction)
    return decayed((scaling,), learning_rate(lr=lr), decay, weight_decay, exempt)
