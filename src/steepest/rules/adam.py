"""Adam, AdamW and AMSGrad."""

from __future__ import annotations

from steepest.core.schedule import Schedule
from steepest.formula import Positive, Rule, Slot, Unit, maximum, method, rule, sqrt
from steepest.rules.decay_weights import Decay, Exempt, decayed
from steepest.rules.learning_rate import learning_rate


@rule(slots=("m", Slot("v", nonnegative=True), Slot("v_max", when="amsgrad", nonnegative=True)))
def scale_by_adam(
    u, m, v, v_max, k, *, beta1: Unit = 0.9, beta2: Unit = 0.999, eps: Positive = 1e-8, amsgrad: bool = False
):
    """Adam: adaptive moment estimation.

    Elementwise, for k = 1, 2, …, from m = v = 0, with incoming update u:

        m ← β₁ m + (1 − β₁) u          v ← β₂ v + (1 − β₂) u²
        u ← (m / (1 − β₁ᵏ)) / (√(v / (1 − β₂ᵏ)) + ε)

    amsgrad: the largest v so far stands in place of v under the root.

    Shapes: u, m, v alike. Units: u comes out a pure number, so the learning rate carries the units of p, and ε those
    of the gradient. beta1, beta2 in [0, 1); eps in (0, ∞), outside the root.
    Raises HyperparameterError for a value outside its range.
    Source: Kingma & Ba 2015, arXiv:1412.6980, Algorithm 1; Reddi, Kale & Kumar 2018. Dialect: the paper's, equal to
    torch.optim.Adam; its AMSGrad takes the maximum of the uncorrected v, as PyTorch does (optax: of the corrected).
    Without AMSGrad it is not convergent for every convex problem (Reddi et al., Theorem 1).

    >>> import numpy as np
    >>> from steepest.formula import chain
    >>> r = chain(scale_by_adam(), learning_rate(lr=0.1))
    >>> p = np.zeros(2)
    >>> r.update(p, np.array([5.0, -0.01]), r.init(p))[0].round(6)
    array([-0.1,  0.1])
    """
    m = beta1 * m + (1 - beta1) * u
    v = beta2 * v + (1 - beta2) * u * u
    if amsgrad:
        v_max = maximum(v_max, v)
    m_hat = m / (1 - beta1**k)
    v_hat = (v_max if amsgrad else v) / (1 - beta2**k)
    return m_hat / (sqrt(v_hat) + eps), m, v, v_max


@method
def adam(
    lr: float | Schedule = 0.001,
    *,
    beta1: float | Schedule = 0.9,
    beta2: float | Schedule = 0.999,
    eps: float | Schedule = 1e-8,
    amsgrad: bool = False,
    weight_decay: float | Schedule = 0.0,
    decay: Decay = "l2",
    exempt: Exempt = "none",
) -> Rule:
    """Adam with a learning rate: see `scale_by_adam`. Weight decay is L2 unless `decay` says otherwise.

    lr in (0, ∞); beta1, beta2 in [0, 1); eps in (0, ∞); weight_decay in [0, ∞), placed by `decay` but where `exempt`.
    Dialect: torch.optim.Adam, its defaults.

    >>> adam(lr=3e-4).slots().keys()
    dict_keys(['scale_by_adam.m', 'scale_by_adam.v'])
    """
    scaling = scale_by_adam(beta1=beta1, beta2=beta2, eps=eps, amsgrad=amsgrad)
    return decayed((scaling,), learning_rate(lr=lr), decay, weight_decay, exempt)


@method
def adamw(
    lr: float | Schedule = 0.001,
    *,
    beta1: float | Schedule = 0.9,
    beta2: float | Schedule = 0.999,
    eps: float | Schedule = 1e-8,
    amsgrad: bool = False,
    weight_decay: float | Schedule = 0.01,
    decay: Decay = "lr",
    exempt: Exempt = "none",
) -> Rule:
    """Adam with decoupled weight decay: p ← p − lr (û + λ p), û the update of `scale_by_adam`.

    lr in (0, ∞); beta1, beta2 in [0, 1); eps in (0, ∞); weight_decay = λ in [0, ∞), placed by `decay` but where
    `exempt`; "independent" takes the lr away from λ. exempt="vectors" spares biases and gains.
    Source: Loshchilov & Hutter 2019, arXiv:1711.05101, Algorithm 2, whose λ is lr times PyTorch's. Dialect:
    torch.optim.AdamW, its defaults.

    >>> [path for path, _ in adamw().links()]
    ['scale_by_adam', 'decay_weights', 'learning_rate']
    """
    scaling = scale_by_adam(beta1=beta1, beta2=beta2, eps=eps, amsgrad=amsgrad)
    return decayed((scaling,), learning_rate(lr=lr), decay, weight_decay, exempt)
