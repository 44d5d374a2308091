"""signSGD."""

from __future__ import annotations

from steepest.core.schedule import Schedule
from steepest.formula import Rule, method, rule, sign
from steepest.rules.decay_weights import Decay, Exempt, decayed
from steepest.rules.learning_rate import learning_rate


@rule
def scale_by_sign(u):
    """Sign: u ← sign(u), elementwise −1, 0 or 1; NaN where u is.

    Steepest descent in the maximum norm: of all updates whose largest element is 1, the one that goes down fastest.

    Shapes: any. Units: u comes out a pure number. No hyperparameters.
    Source: Bernstein, Wang, Azizzadenesheli & Anandkumar 2018, arXiv:1802.04434. Dialect: optax.scale_by_sign.

    >>> import numpy as np
    >>> from steepest.formula import chain
    >>> r = chain(scale_by_sign(), learning_rate(lr=0.1))
    >>> p = np.zeros(3)
    >>> r.update(p, np.array([5.0, -0.01, 0.0]), r.init(p))[0]
    array([-0.1,  0.1,  0. ])
    """
    return sign(u)


@method
def sign_sgd(
    lr: float | Schedule = 1e-4,
    *,
    weight_decay: float | Schedule = 0.0,
    decay: Decay = "lr",
    exempt: Exempt = "none",
) -> Rule:
    """Gradient descent by the sign: p ← p − lr sign(u), so that every coordinate moves by lr, whatever its gradient.

    lr in (0, ∞), in the units of p; weight_decay in [0, ∞), placed by `decay` but where `exempt`. With mini-batches the
    sign of the mean is not the mean of signs, and on skewed noise it need not descend; see `signum` for its form with
    momentum.
    Source: Bernstein et al. 2018, arXiv:1802.04434, Algorithm 1, with the learning rate of its ImageNet runs. Dialect:
    the paper's; optax.sign_sgd; pytorch_optimizer.SignSGD(momentum=0), whose weight decay is times lr too.

    >>> sign_sgd().slots()
    {}
    """
    return decayed((scale_by_sign(),), learning_rate(lr=lr), decay, weight_decay, exempt)
