"""Nesterov's accelerated gradient, with the momentum that its theorems ask for."""

from __future__ import annotations

from typing import Annotated, Literal

from steepest.core.ranges import Range
from steepest.core.schedule import Schedule
from steepest.formula import Rule, Slot, chain, method, rule, sqrt
from steepest.rules.decay_weights import Decay, Exempt, decayed
from steepest.rules.learning_rate import learning_rate

Condition = Annotated[float, Range(low=1)]
"""[1, inf): a condition number."""
Sequence = Literal["fista", "linear"]


@rule(slots=("v", Slot("theta", like="tensor")))
def accelerated_momentum(u, v, theta, k, *, kappa: Condition | None = None, sequence: Sequence = "fista"):
    """Momentum whose factor β follows from a theorem: v ← βₖ v + u; u ← v, with the gradient at p − βₖ v.

    It stands after the learning rate, so v is a displacement.

        kappa given, strongly convex:      β = (√κ − 1) / (√κ + 1)
        sequence="fista", convex:          βₖ = (θₖ₋₁ − 1) / θₖ,  θₖ = (1 + √(1 + 4 θₖ₋₁²)) / 2,  θ₀ = 0
        sequence="linear", convex:         βₖ = (k − 2) / (k + 1)

    Shapes: u, v, p alike; θ one number a tensor. kappa = κ = L/μ in [1, ∞), or None where μ = 0 or is not known;
    `sequence` is read only then. Raises HyperparameterError for a value outside its range.
    Source: Nesterov 1983; Beck & Teboulle 2009, eqs. 4.2 and 4.3 (fista); Su, Boyd & Candès 2014 (linear); Nesterov
    2004, Introductory Lectures on Convex Optimization, scheme 2.2.11 (constant).

    >>> import numpy as np
    >>> r = chain(learning_rate(lr=0.5), accelerated_momentum(kappa=4.0))
    >>> p, state = np.array([2.0]), r.init(np.array([2.0]))
    >>> for _ in range(2):
    ...     p, state, _ = r.update(p, 0.5 * r.query(p, state), state)
    >>> p, r.query(p, state)
    (array([1.]), array([0.83333333]))
    """
    beta, theta = _momentum(theta, k, kappa, sequence)
    v = beta * v + u
    return v, v, theta


@accelerated_momentum.query
def _look_ahead(p, v, theta, k, kappa, sequence):
    return p - _momentum(theta, k, kappa, sequence)[0] * v


def _momentum(theta, k, kappa, sequence):
    """The factor of the coming update, and θ after it."""
    if kappa is not None:
        root = sqrt(kappa)
        return (root - 1) / (root + 1), theta
    if sequence == "linear":
        return (k - 2) / (k + 1), theta
    after = (1 + sqrt(1 + 4 * theta * theta)) / 2
    return (theta - 1) / after, after


@method
def accelerated_gradient(
    lr: float | Schedule,
    *,
    kappa: float | Schedule | None = None,
    sequence: Sequence = "fista",
    weight_decay: float | Schedule = 0.0,
    decay: Decay = "l2",
    exempt: Exempt = "none",
) -> Rule:
    """Nesterov's accelerated gradient: see `accelerated_momentum`.

        x ← y − lr ∇f(y)          y = x + βₖ (x − the x before)

    For an L-smooth convex f, lr = 1/L and no kappa give f(xₖ) − f* ≤ 2 L ‖x₀ − x*‖² / (k + 1)². For a μ-strongly
    convex one, lr = 1/L and kappa = L/μ give the linear rate 1 − 1/√κ. p is x, and the gradient is taken at y.

    lr in (0, ∞); kappa = κ in [1, ∞) or None; sequence as in `accelerated_momentum`; weight_decay in [0, ∞), placed by
    `decay` but where `exempt`, of x.
    Source: Nesterov 1983; Beck & Teboulle 2009, SIAM J. Imaging Sciences 2, 183–202; Nesterov 2004, scheme 2.2.11.

    >>> accelerated_gradient(lr=0.1).link_with("query")[0]
    'accelerated_momentum'
    """
    rate = learning_rate(lr=lr)
    momentum = accelerated_momentum(kappa=kappa, sequence=sequence)
    return chain(decayed((), rate, decay, weight_decay, exempt), momentum)
