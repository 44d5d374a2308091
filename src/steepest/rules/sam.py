"""SAM: sharpness-aware minimization."""

from __future__ import annotations

from steepest.core.schedule import Schedule
from steepest.formula import NonNegative, Positive, Rule, chain, method, norm, rule
from steepest.rules.decay_weights import Decay, Exempt, decayed
from steepest.rules.learning_rate import learning_rate
from steepest.rules.momentum import momentum


@rule
def sharpness_aware(u, *, rho: NonNegative = 0.05, eps: Positive = 1e-12):
    """Take the gradient where the loss is highest nearby: at p + ρ g / (‖g‖ + ε), with g the gradient at p; u ← u.

    ‖g‖ is the Euclidean norm over the model. It stands at the head of a chain, before any optimizer. A step asks for
    two gradients on one batch, at p and at the query point; the oracle counts both.

    Shapes: u, p, g alike. Units: ρ those of p, ε those of g. rho = ρ in [0, ∞); eps = ε in (0, ∞).
    Raises HyperparameterError for a value outside its range.
    Source: Foret, Kleiner, Mobahi & Neyshabur 2021, arXiv:2010.01412, Algorithm 1, p = 2. Dialect: the widespread
    PyTorch one, with ε in the denominator.

    >>> import numpy as np
    >>> r = chain(sharpness_aware(rho=0.5), learning_rate(lr=0.1))
    >>> p = np.array([0.0, 0.0])
    >>> r.query(p, r.init(p), np.array([3.0, 4.0])).round(6)
    array([0.3, 0.4])
    """
    return u


@sharpness_aware.query
def _ascended(p, g, rho, eps):
    return p + rho / (norm(g, over="model") + eps) * g


@method
def sam(
    lr: float | Schedule,
    *,
    rho: float | Schedule = 0.05,
    beta: float | Schedule = 0.9,
    nesterov: bool = False,
    weight_decay: float | Schedule = 0.0,
    decay: Decay = "l2",
    exempt: Exempt = "none",
) -> Rule:
    """SAM with momentum: see `sharpness_aware`.

    Gradients at p + ρ g / ‖g‖ drive SGD with momentum from p.
    lr in (0, ∞); rho = ρ in [0, ∞), 0 is plain momentum at twice its cost; beta in [0, 1); nesterov as in `momentum`;
    weight_decay in [0, ∞), placed by `decay` but where `exempt`, of p itself. Two gradients a step. For another
    optimizer: chain(sharpness_aware(rho=…), adamw(lr=…)).
    Source: Foret et al. 2021, arXiv:2010.01412, Algorithm 1, with the base optimizer of its experiments.

    >>> [path for path, _ in sam(lr=0.1).links()]
    ['sharpness_aware', 'momentum', 'learning_rate']
    """
    base = decayed((momentum(beta=beta, nesterov=nesterov),), learning_rate(lr=lr), decay, weight_decay, exempt)
    return chain(sharpness_aware(rho=rho), base)
