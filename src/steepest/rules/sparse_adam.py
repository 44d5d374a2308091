"""SparseAdam: Adam that leaves alone what has no gradient."""

from __future__ import annotations

from typing import Literal

from steepest.core.schedule import Schedule
from steepest.formula import Positive, Rule, Slot, Unit, method, rule, sqrt, where
from steepest.rules.decay_weights import Decay, Exempt, decayed
from steepest.rules.learning_rate import learning_rate


@rule(slots=("m", Slot("v", nonnegative=True)))
def scale_by_sparse_adam(
    u,
    m,
    v,
    k,
    *,
    beta1: Unit = 0.9,
    beta2: Unit = 0.999,
    eps: Positive = 1e-8,
    zeros: Literal["absent", "present"] = "absent",
):
    """SparseAdam: Adam in its lazy form, in which an element without a gradient keeps its averages and stays.

    Elementwise, for k = 1, 2, …, from m = v = 0, with incoming update u, where u ≠ 0:

        m ← β₁ m + (1 − β₁) u          v ← β₂ v + (1 − β₂) u²
        u ← √(1 − β₂ᵏ) / (1 − β₁ᵏ) · m / (√v + ε)

    and where u = 0, m and v are kept and the outgoing u is 0. So the averages of a rare word's embedding are over
    the steps in which it occurred. The age k is the tensor's, not the element's, and counts every step: an element
    that comes late gets almost no bias correction, and its first step is (1 − β₁) / √(1 − β₂) = 3.2 times Adam's.
    zeros="present": a zero is a gradient like any other, as for the stored values of a sparse tensor.

    Shapes: u, m, v alike. Units: u comes out a pure number; eps those of the gradient.
    beta1, beta2 in [0, 1); eps in (0, ∞), outside the root and before the correction of v.
    Raises HyperparameterError for a value outside its range.
    Source: Kingma & Ba 2015, arXiv:1412.6980, §2, in its more efficient order. Dialect: torch.optim.SparseAdam, which
    takes sparse gradients; `steepest.torch.SparseAdam` does too, and computes only what they hold.

    >>> import numpy as np
    >>> from steepest.formula import chain
    >>> r = chain(scale_by_sparse_adam(), learning_rate(lr=0.1))
    >>> p, state = np.zeros(2), r.init(np.zeros(2))
    >>> for g in ([5.0, 0.0], [0.0, 0.01]):
    ...     p, state, _ = r.update(p, np.array(g), state)
    >>> p.round(4)
    array([-0.1   , -0.0744])
    """
    m_next = beta1 * m + (1 - beta1) * u
    v_next = beta2 * v + (1 - beta2) * u * u
    step = sqrt(1 - beta2**k) / (1 - beta1**k) * m_next / (sqrt(v_next) + eps)
    if zeros == "present":
        return step, m_next, v_next
    return where(u == 0, 0.0, step), where(u == 0, m, m_next), where(u == 0, v, v_next)


@method
def sparse_adam(
    lr: float | Schedule = 0.001,
    *,
    beta1: float | Schedule = 0.9,
    beta2: float | Schedule = 0.999,
    eps: float | Schedule = 1e-8,
    zeros: Literal["absent", "present"] = "absent",
    weight_decay: float | Schedule = 0.0,
    decay: Decay = "lr",
    exempt: Exempt = "none",
) -> Rule:
    """SparseAdam, for gradients many of which are 0: see `scale_by_sparse_adam`.

    It works on dense arrays.
    lr in (0, ∞); beta1, beta2 in [0, 1); eps in (0, ∞); weight_decay in [0, ∞), placed by `decay` but where `exempt`.
    Weight decay is not lazy: it reaches every element, and "l2" leaves none without a gradient. Dialect:
    torch.optim.SparseAdam, its defaults, which has no weight decay.

    >>> sparse_adam().slots().keys()
    dict_keys(['scale_by_sparse_adam.m', 'scale_by_sparse_adam.v'])
    """
    scaling = scale_by_sparse_adam(beta1=beta1, beta2=beta2, eps=eps, zeros=zeros)
    return decayed((scaling,), learning_rate(lr=lr), decay, weight_decay, exempt)
