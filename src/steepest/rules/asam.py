"""ASAM: sharpness-aware minimization that does not depend on the parameters' scale."""

from __future__ import annotations

from typing import Literal

from steepest.core.schedule import Schedule
from steepest.formula import NonNegative, Positive, Rule, chain, method, ndim, norm, rule, where
from steepest.rules.decay_weights import Decay, Exempt, decayed
from steepest.rules.learning_rate import learning_rate
from steepest.rules.momentum import momentum


@rule
def adaptive_sharpness_aware(
    u,
    *,
    rho: NonNegative = 0.5,
    eta: NonNegative = 0.01,
    eps: Positive = 1e-16,
    fixed: Literal["none", "vectors"] = "none",
):
    """Take the gradient at p + ρ T² g / (‖T g‖ + ε), with T = |p| + η elementwise and g the gradient at p; u ← u.

    Scaling a tensor and unscaling the next one leaves the neighbourhood as it is, for η = 0. The norm is Euclidean,
    over the model. fixed="vectors": T = 1 for tensors with fewer than two dimensions. Two gradients a step on one
    batch; the oracle counts both.

    Shapes: u, p, g alike. Units: ρ none, η those of p. rho = ρ in [0, ∞); eta = η in [0, ∞); eps = ε in (0, ∞).
    Raises HyperparameterError for a value outside its range.
    Source: Kwon, Kim, Park & Choi 2021, arXiv:2102.11600, Algorithm 1, elementwise operator, p = 2. Dialect: the
    paper's T for every tensor; its authors' code has T = 1 for biases, near which fixed="vectors" comes (it keeps
    T for normalization gains); the widespread PyTorch port of SAM with adaptive=True is η = 0, ε = 1e-12.

    >>> import numpy as np
    >>> r = chain(adaptive_sharpness_aware(rho=1.0, eta=0.0), learning_rate(lr=0.1))
    >>> p = np.array([3.0, 0.0])
    >>> r.query(p, r.init(p), np.array([1.0, 1.0])).round(6)
    array([6., 0.])
    """
    return u


@adaptive_sharpness_aware.query
def _ascended(p, g, rho, eta, eps, fixed):
    scale = abs(p) + eta
    if fixed == "vectors":
        scale = where(ndim(p) <= 1, 1.0, scale)
    return p + rho / (norm(scale * g, over="model") + eps) * (scale * scale * g)


@method
def asam(
    lr: float | Schedule,
    *,
    rho: float | Schedule = 0.5,
    eta: float | Schedule = 0.01,
    fixed: Literal["none", "vectors"] = "none",
    beta: float | Schedule = 0.9,
    nesterov: bool = False,
    weight_decay: float | Schedule = 0.0,
    decay: Decay = "l2",
    exempt: Exempt = "none",
) -> Rule:
    """ASAM with momentum: see `adaptive_sharpness_aware`.

    Gradients at p + ρ T² g / ‖T g‖ drive SGD with momentum from p.
    lr in (0, ∞); rho = ρ in [0, ∞); eta = η in [0, ∞); beta in [0, 1); nesterov as in `momentum`; weight_decay in [0,
    ∞), placed by `decay` but where `exempt`, of p itself. Two gradients a step.
    Source: Kwon et al. 2021, arXiv:2102.11600, Algorithm 1, with the base optimizer of its experiments.

    >>> [path for path, _ in asam(lr=0.1).links()]
    ['adaptive_sharpness_aware', 'momentum', 'learning_rate']
    """
    base = decayed((momentum(beta=beta, nesterov=nesterov),), learning_rate(lr=lr), decay, weight_decay, exempt)
    return chain(adaptive_sharpness_aware(rho=rho, eta=eta, fixed=fixed), base)
