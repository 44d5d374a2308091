"""ASGD: averaged stochastic gradient descent."""

from __future__ import annotations

from steepest.core.ranges import Range
from steepest.core.schedule import Schedule
from steepest.formula import LearningRate, NonNegative, Rule, chain, method, rule
from steepest.rules.average import polyak_average
from steepest.rules.decay_weights import Decay, Exempt, decayed


@rule(sets_step=True)
def decaying_learning_rate(u, p, k, *, lr: LearningRate, lambd: NonNegative = 1e-4, alpha: NonNegative = 0.75):
    """ASGD's step: u ← ηₖ (u + λ p), with ηₖ = lr / (1 + λ lr (k − 1))^α.

    Elementwise, for k = 1, 2, …. The L2 term λ makes the function λ-strongly convex, and the rate falls on the time
    scale 1 / (λ lr) that goes with it.

    Shapes: u, p alike. Units: lr those of p over those of u, lambd their inverse. lr in (0, ∞), a schedule may reach 0;
    lambd = λ in [0, ∞); alpha = α in [0, ∞), a power in (1/2, 1) for the average to converge at the best rate.
    Raises HyperparameterError for a value outside its range.
    Source: Bottou 2010, "Large-Scale Machine Learning with Stochastic Gradient Descent", §5.2; Xu 2011,
    arXiv:1107.2490. Dialect: torch.optim.ASGD.

    >>> import numpy as np
    >>> r = decaying_learning_rate(lr=1.0, lambd=1.0, alpha=1.0)
    >>> p, state = np.array([8.0]), r.init(np.array([8.0]))
    >>> for _ in range(2):
    ...     p, state, _ = r.update(p, np.array([2.0]), state)
    >>> p  # 8 − 1 · (2 + 8) = −2, and −2 − 1/2 · (2 − 2)
    array([-2.])
    """
    eta = lr / (1 + lambd * lr * (k - 1)) ** alpha
    return eta * (u + lambd * p)


@method(decaying_learning_rate__lambd="lambd", decaying_learning_rate__alpha="alpha")
def asgd(
    lr: float | Schedule = 0.01,
    *,
    lambd: float | Schedule = 1e-4,
    alpha: float | Schedule = 0.75,
    t0: int = 1_000_000,
    weight_decay: float | Schedule = 0.0,
    decay: Decay = "l2",
    exempt: Exempt = "none",
) -> Rule:
    """ASGD: gradient descent, evaluated at its iterates' mean.

    The rate falls:

        p ← p − ηₖ (u + λ p), ηₖ = lr / (1 + λ lr (k − 1))^α          mean ← mean + (p − mean) / max(1, k − 1 − t₀)

    The training goes on at p; the answer point is the mean, which is p itself while k ≤ t₀ + 1. With the default t₀
    no run shorter than a million steps averages: choose t0 about one epoch. See `decaying_learning_rate` and
    `polyak_average`.

    lr in (0, ∞); lambd = λ in [0, ∞); alpha = α in [0, ∞); t0 in 0, 1, 2, …; weight_decay in [0, ∞), in addition to λ,
    placed by `decay` but where `exempt`: "l2" and "lr" are the same here, as nothing scales the gradient.
    Source: Polyak & Juditsky 1992; Xu 2011, arXiv:1107.2490. Dialect: torch.optim.ASGD, its defaults; its state "ax" is
    the answer point.

    >>> [path for path, _ in asgd().links()]
    ['decaying_learning_rate', 'polyak_average']
    """
    start = int(Range(low=0, integer=True).check("asgd", "t0", t0)) + 1
    step = decayed((), decaying_learning_rate(lr=lr, lambd=lambd, alpha=alpha), decay, weight_decay, exempt)
    return chain(step, polyak_average(start=start))
