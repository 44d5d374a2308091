"""Lion."""

from __future__ import annotations

from steepest.core.schedule import Schedule
from steepest.formula import Rule, Unit, method, rule, sign
from steepest.rules.decay_weights import Decay, Exempt, decayed
from steepest.rules.learning_rate import learning_rate


@rule(slots=("m",))
def scale_by_lion(u, m, *, beta1: Unit = 0.9, beta2: Unit = 0.99):
    """Lion: the sign of an interpolation between momentum and gradient.

    Elementwise, from m = 0:

        u′ ← sign(β₁ m + (1 − β₁) u)          m ← β₂ m + (1 − β₂) u          u ← u′

    Shapes: u, m alike. Units: u comes out a pure number, −1, 0 or 1. beta1, beta2 in [0, 1).
    Raises HyperparameterError for a value outside its range.
    Source: Chen et al. 2023, arXiv:2302.06675, Algorithm 2. Dialect: the paper's, equal to optax.scale_by_lion.

    >>> import numpy as np
    >>> from steepest.formula import chain
    >>> r = chain(scale_by_lion(), learning_rate(lr=0.1))
    >>> p = np.zeros(2)
    >>> r.update(p, np.array([5.0, -0.01]), r.init(p))[0]
    array([-0.1,  0.1])
    """
    return sign(beta1 * m + (1 - beta1) * u), beta2 * m + (1 - beta2) * u


@method
def lion(
    lr: float | Schedule = 1e-4,
    *,
    beta1: float | Schedule = 0.9,
    beta2: float | Schedule = 0.99,
    weight_decay: float | Schedule = 0.0,
    decay: Decay = "lr",
    exempt: Exempt = "none",
) -> Rule:
    """Lion with a learning rate and decoupled weight decay: see `scale_by_lion`.

    lr in (0, ∞), usually 3 to 10 times smaller than AdamW's; beta1, beta2 in [0, 1); weight_decay in [0, ∞), placed by
    `decay` but where `exempt`, usually as much larger. Dialect: the paper's; optax.lion, whose weight_decay is 1e-3 by
    default.

    >>> lion().slots().keys()
    dict_keys(['scale_by_lion.m'])
    """
    return decayed((scale_by_lion(beta1=beta1, beta2=beta2),), learning_rate(lr=lr), decay, weight_decay, exempt)
