"""Adamax."""

from __future__ import annotations

from steepest.core.schedule import Schedule
from steepest.formula import Positive, Rule, Slot, Unit, maximum, method, rule
from steepest.rules.decay_weights import Decay, Exempt, decayed
from steepest.rules.learning_rate import learning_rate


@rule(slots=("m", Slot("s", nonnegative=True)))
def scale_by_adamax(u, m, s, k, *, beta1: Unit = 0.9, beta2: Unit = 0.999, eps: Positive = 1e-8):
    """Adamax: Adam with a fading maximum of |u| in place of the root mean square.

    Elementwise, for k = 1, 2, …, from m = s = 0, with incoming update u:

        m ← β₁ m + (1 − β₁) u          s ← max(β₂ s, |u| + ε)
        u ← (m / (1 − β₁ᵏ)) / s

    s is the limit, for q → ∞, of the exponential average of |u|^q, to the power 1/q; it needs no bias correction.

    Shapes: u, m, s alike. Units: u comes out a pure number; eps those of the gradient.
    beta1, beta2 in [0, 1); eps in (0, ∞), a floor of s.
    Raises HyperparameterError for a value outside its range.
    Source: Kingma & Ba 2015, arXiv:1412.6980, Algorithm 2, which has no ε. Dialect: torch.optim.Adamax and
    optax.scale_by_adamax.

    >>> import numpy as np
    >>> from steepest.formula import chain
    >>> r = chain(scale_by_adamax(), learning_rate(lr=0.1))
    >>> p = np.zeros(2)
    >>> r.update(p, np.array([5.0, -0.01]), r.init(p))[0].round(6)
    array([-0.1,  0.1])
    """
    m = beta1 * m + (1 - beta1) * u
    s = maximum(beta2 * s, abs(u) + eps)
    m_hat = m / (1 - beta1**k)
    return m_hat / s, m, s


@method
def adamax(
    lr: float | Schedule = 0.002,
    *,
    beta1: float | Schedule = 0.9,
    beta2: float | Schedule = 0.999,
    eps: float | Schedule = 1e-8,
    weight_decay: float | Schedule = 0.0,
    decay: Decay = "l2",
    exempt: Exempt = "none",
) -> Rule:
    """Adamax with a learning rate: see `scale_by_adamax`. Weight decay is L2 unless `decay` says otherwise.

    lr in (0, ∞); beta1, beta2 in [0, 1); eps in (0, ∞); weight_decay in [0, ∞), placed by `decay` but where `exempt`.
    Dialect: torch.optim.Adamax, its defaults, which are the paper's.

    >>> adamax().slots().keys()
    dict_keys(['scale_by_adamax.m', 'scale_by_adamax.s'])
    """
    scaling = scale_by_adamax(beta1=beta1, beta2=beta2, eps=eps)
    return decayed((scaling,), learning_rate(lr=lr), decay, weight_decay, exempt)
