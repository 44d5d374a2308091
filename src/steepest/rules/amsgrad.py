"""AMSGrad, as an optimizer of its own."""

from __future__ import annotations

from typing import Literal

from steepest.core.schedule import Schedule
from steepest.formula import Positive, Rule, Slot, Unit, maximum, method, rule, sqrt
from steepest.rules.decay_weights import Decay, Exempt, decayed
from steepest.rules.learning_rate import learning_rate


@rule(slots=("m", Slot("v", nonnegative=True), Slot("v_max", nonnegative=True)))
def scale_by_amsgrad(
    u,
    m,
    v,
    v_max,
    k,
    *,
    beta1: Unit = 0.9,
    beta2: Unit = 0.999,
    eps: Positive = 1e-8,
    maximum_of: Literal["uncorrected", "corrected"] = "uncorrected",
):
    """AMSGrad: Adam whose mean square never falls, so that no step size ever grows again.

    Elementwise, for k = 1, 2, …, from m = v = v_max = 0, with incoming update u:

        m ← β₁ m + (1 − β₁) u          v ← β₂ v + (1 − β₂) u²          v_max ← max(v_max, v)
        u ← (m / (1 − β₁ᵏ)) / (√(v_max / (1 − β₂ᵏ)) + ε)

    maximum_of="corrected": v_max ← max(v_max, v / (1 − β₂ᵏ)), and it stands under the root as it is. The first
    gradients then count in full for ever; with "uncorrected" their weight falls as 1 − β₂ᵏ grows.

    Shapes: u, m, v, v_max alike. Units: u comes out a pure number; eps those of the gradient.
    beta1, beta2 in [0, 1); eps in (0, ∞), outside the root.
    Raises HyperparameterError for a value outside its range.
    Source: Reddi, Kale & Kumar 2018, arXiv:1904.09237, Algorithm 2, which has no bias correction and no ε.
    Dialect: torch.optim.Adam(amsgrad=True), and the same as `scale_by_adam(amsgrad=True)`; optax.amsgrad is
    maximum_of="corrected".

    >>> import numpy as np
    >>> from steepest.formula import chain
    >>> r = chain(scale_by_amsgrad(beta1=0.0, beta2=0.5, maximum_of="corrected"), learning_rate(lr=1.0))
    >>> p = np.zeros(1)
    >>> p, state, _ = r.update(p, np.array([5.0]), r.init(p))
    >>> r.update(p, np.array([1.0]), state)[0].round(6)  # a fifth of the first step
    array([-1.2])
    """
    m = beta1 * m + (1 - beta1) * u
    v = beta2 * v + (1 - beta2) * u * u
    m_hat = m / (1 - beta1**k)
    if maximum_of == "corrected":
        v_max = maximum(v_max, v / (1 - beta2**k))
        v_hat = v_max
    else:
        v_max = maximum(v_max, v)
        v_hat = v_max / (1 - beta2**k)
    return m_hat / (sqrt(v_hat) + eps), m, v, v_max


@method
def amsgrad(
    lr: float | Schedule = 0.001,
    *,
    beta1: float | Schedule = 0.9,
    beta2: float | Schedule = 0.999,
    eps: float | Schedule = 1e-8,
    maximum_of: Literal["uncorrected", "corrected"] = "uncorrected",
    weight_decay: float | Schedule = 0.0,
    decay: Decay = "l2",
    exempt: Exempt = "none",
) -> Rule:
    """AMSGrad with a learning rate: see `scale_by_amsgrad`. Weight decay is L2 unless `decay` says otherwise.

    lr in (0, ∞); beta1, beta2 in [0, 1); eps in (0, ∞); weight_decay in [0, ∞), placed by `decay` but where `exempt`.
    Dialect: torch.optim.Adam(amsgrad=True), its defaults; optax.amsgrad is maximum_of="corrected".

    >>> amsgrad().slots().keys()
    dict_keys(['scale_by_amsgrad.m', 'scale_by_amsgrad.v', 'scale_by_amsgrad.v_max'])
    """
    scaling = scale_by_amsgrad(beta1=beta1, beta2=beta2, eps=eps, maximum_of=maximum_of)
    return decayed((scaling,), learning_rate(lr=lr), decay, weight_decay, exempt)
