"""Signum."""

from __future__ import annotations

from steepest.core.schedule import Schedule
from steepest.formula import Rule, method
from steepest.rules.decay_weights import Decay, Exempt, decayed
from steepest.rules.learning_rate import learning_rate
from steepest.rules.momentum import average_momentum
from steepest.rules.sign_sgd import scale_by_sign


@method
def signum(
    lr: float | Schedule = 1e-4,
    *,
    beta: float | Schedule = 0.9,
    weight_decay: float | Schedule = 0.0,
    decay: Decay = "lr",
    exempt: Exempt = "none",
) -> Rule:
    """Signum: the sign of momentum.

        m ← β m + (1 − β) u,  from m = 0          p ← p − lr sign(m)

    Neither bias correction nor a factor of m would change the sign. beta = 0 is `sign_sgd`.

    Shapes: u, m, p alike. Units: lr those of p.
    lr in (0, ∞); beta in [0, 1); weight_decay in [0, ∞), placed by `decay` but where `exempt`.
    Raises HyperparameterError for a value outside its range.
    Source: Bernstein, Wang, Azizzadenesheli & Anandkumar 2018, arXiv:1802.04434, Algorithm 2, with the learning rate
    and β of its ImageNet runs. Dialect: the paper's; optax.signum; pytorch_optimizer.SignSGD, whose weight decay is
    times lr too.

    >>> import numpy as np
    >>> r = signum(lr=0.1)
    >>> p = np.zeros(1)
    >>> p, state, _ = r.update(p, np.array([5.0]), r.init(p))
    >>> r.update(p, np.array([-1.0]), state)[0]  # 0.9 · 0.5 − 0.1 > 0
    array([-0.2])
    """
    scaling = (average_momentum(beta=beta), scale_by_sign())
    return decayed(scaling, learning_rate(lr=lr), decay, weight_decay, exempt)
