"""NovoGrad."""

from __future__ import annotations

from steepest.core.errors import InputError
from steepest.core.schedule import Schedule
from steepest.formula import Positive, Rule, Slot, Unit, chain, dot, method, rule, sqrt, where
from steepest.rules.decay_weights import Decay, Exempt, decayed
from steepest.rules.learning_rate import learning_rate
from steepest.rules.momentum import momentum


@rule(slots=(Slot("v", like="tensor", nonnegative=True),))
def scale_by_novograd(u, v, k, *, beta2: Unit = 0.98, eps: Positive = 1e-8):
    """NovoGrad's scaling: each tensor's gradient over the running root mean square of its norm.

    For every tensor, with Euclidean norms, from v = ‖u‖² at the first update:

        v ← β₂ v + (1 − β₂) ‖u‖²          u ← u / (√v + ε)

    One number a tensor is kept, not one an element: half of Adam's memory goes.

    Shapes: any; v is one number. Units: u comes out a pure number, whose norm is about 1; eps those of the gradient.
    beta2 in [0, 1); eps in (0, ∞), outside the root. The norm is summed in float64, and v is a float64.
    Raises HyperparameterError for a value outside its range.
    Source: Ginsburg et al. 2019, arXiv:1905.11286, Algorithm 1. Dialect: the paper's, with ε at the first update
    too, as in optax and pytorch_optimizer.

    >>> import numpy as np
    >>> r = chain(scale_by_novograd(), learning_rate(lr=1.0))
    >>> p = np.zeros(2)
    >>> r.update(p, np.array([3.0, -4.0]), r.init(p))[0].round(6)
    array([-0.6,  0.8])
    """
    square = dot(u, u)
    v = where(k <= 1, square, beta2 * v + (1 - beta2) * square)
    return u / (sqrt(v) + eps), v


@method(momentum__beta="beta1")
def novograd(
    lr: float | Schedule = 0.01,
    *,
    beta1: float | Schedule = 0.95,
    beta2: float | Schedule = 0.98,
    eps: float | Schedule = 1e-8,
    gradient_averaging: bool = False,
    weight_decay: float | Schedule = 0.0,
    decay: Decay = "lr",
    exempt: Exempt = "none",
) -> Rule:
    """NovoGrad: momentum of gradients normalized by tensor: see `scale_by_novograd`.

        u ← g / (√v + ε) + λ p          m ← β₁ m + u,  from m = u at the first update          p ← p − lr m

    gradient_averaging: m ← β₁ m + (1 − β₁) u after the first update, as the authors' grad_averaging.

    lr in (0, ∞); beta1, beta2 in [0, 1); eps in (0, ∞); weight_decay = λ in [0, ∞), placed by `decay` but where
    `exempt`: "lr" is the paper's, after the normalization and before momentum; "independent" is beside both.
    Source: Ginsburg et al. 2019, arXiv:1905.11286, Algorithm 1, its defaults. Dialect: the paper's; optax.novograd,
    whose default β are 0.9 and 0.25; pytorch_optimizer.NovoGrad, whose weight_decouple=False is "lr", as it decays the
    normalized gradient.

    >>> [path for path, _ in novograd(weight_decay=0.001).links()]
    ['scale_by_novograd', 'decay_weights', 'momentum', 'learning_rate']
    """
    if gradient_averaging not in {True, False}:
        raise InputError(
            f"novograd: gradient_averaging must be True or False, a fixed choice, got {gradient_averaging!r}"
        )
    buffer = momentum(beta=beta1, dampening=beta1 if gradient_averaging else 0.0)
    step = chain(buffer, learning_rate(lr=lr))
    return decayed((scale_by_novograd(beta2=beta2, eps=eps),), step, decay, weight_decay, exempt)
