"""AdaGrad."""

from __future__ import annotations

from steepest.core.schedule import Schedule
from steepest.formula import NonNegative, Positive, Rule, Slot, method, rule, sqrt, where
from steepest.rules.decay_weights import Decay, Exempt, decayed
from steepest.rules.learning_rate import learning_rate


@rule(slots=(Slot("s", nonnegative=True),))
def scale_by_adagrad(u, s, k, *, initial: NonNegative = 0.0, eps: Positive = 1e-10):
    """AdaGrad: adapt each coordinate's step to the squares it has seen.

    Elementwise, from s = s₀:

        s ← s + u²          u ← u / (√s + ε)

    Shapes: u, s alike. Units: u comes out a pure number; initial = s₀ those of u², eps those of u.
    initial in [0, ∞); eps in (0, ∞), outside the root. Raises HyperparameterError for a value outside its range.
    Source: Duchi, Hazan & Singer 2011, diagonal version with δ = ε. Dialect: torch.optim.Adagrad without lr_decay
    (a schedule does that); optax starts at s₀ = 0.1 and has ε inside the root.

    >>> import numpy as np
    >>> from steepest.formula import chain
    >>> r = chain(scale_by_adagrad(), learning_rate(lr=1.0))
    >>> p = np.zeros(2)
    >>> r.update(p, np.array([3.0, -0.1]), r.init(p))[0].round(6)
    array([-1.,  1.])
    """
    s = where(k <= 1, initial, s) + u * u
    return u / (sqrt(s) + eps), s


@method
def adagrad(
    lr: float | Schedule = 0.01,
    *,
    initial: float | Schedule = 0.0,
    eps: float | Schedule = 1e-10,
    weight_decay: float | Schedule = 0.0,
    decay: Decay = "l2",
    exempt: Exempt = "none",
) -> Rule:
    """AdaGrad with a learning rate: see `scale_by_adagrad`.

    lr in (0, ∞); initial in [0, ∞); eps in (0, ∞); weight_decay in [0, ∞), placed by `decay` but where `exempt`.

    >>> adagrad(lr=0.5).slots().keys()
    dict_keys(['scale_by_adagrad.s'])
    """
    return decayed((scale_by_adagrad(initial=initial, eps=eps),), learning_rate(lr=lr), decay, weight_decay, exempt)
