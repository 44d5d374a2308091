"""Momentum in its written forms, and the two optimizers made of it."""

from __future__ import annotations

from typing import Literal

from steepest.core.errors import InputError
from steepest.core.ranges import Share
from steepest.core.schedule import Schedule
from steepest.formula import Rule, Unit, chain, method, rule, where
from steepest.rules.decay_weights import Decay, Exempt, decayed
from steepest.rules.learning_rate import learning_rate


@rule(slots=("v",))
def momentum(u, v, k, *, beta: Unit = 0.9, dampening: Share = 0.0, nesterov: bool = False):
    """Momentum: v ← β v + (1 − τ) u, from v = u at the first update; u ← v.

    With nesterov, u ← u + β v instead: Nesterov's step as Sutskever et al. 2013 and PyTorch write it, for a gradient
    taken at p itself. dampening = τ = β makes v an exponential average (whose first value is u).

    Shapes: u, v alike. Units: v those of u. beta in [0, 1); dampening in [0, 1].
    Raises HyperparameterError for a value outside its range.
    Source: Polyak 1964; Sutskever, Martens, Dahl & Hinton 2013. Dialect: torch.optim.SGD, whose first v is u undamped.

    >>> import numpy as np
    >>> r = chain(momentum(beta=0.5), learning_rate(lr=1.0))
    >>> p, state = np.array([0.0]), r.init(np.array([0.0]))
    >>> for _ in range(2):
    ...     p, state, _ = r.update(p, np.array([1.0]), state)
    >>> p
    array([-2.5])
    """
    v = where(k <= 1, u, beta * v + (1 - dampening) * u)
    return (u + beta * v if nesterov else v), v


@rule(slots=("v",))
def average_momentum(u, v, *, beta: Unit = 0.9):
    """Momentum as an average: v ← β v + (1 − β) u, from v = 0; u ← v.

    Not corrected for its start at zero: the first steps are short by 1 − βᵏ.

    Shapes: u, v alike. Units: v those of u. beta in [0, 1). Raises HyperparameterError for a value outside its range.
    Source: the first moment of Kingma & Ba 2015, arXiv:1412.6980, without its correction. Dialect: torch.optim.SGD with
    dampening = β, but for its first v, which is u.

    >>> import numpy as np
    >>> r = chain(average_momentum(beta=0.75), learning_rate(lr=1.0))
    >>> p = np.array([0.0])
    >>> r.update(p, np.array([4.0]), r.init(p))[0]
    array([-1.])
    """
    v = beta * v + (1 - beta) * u
    return v, v


@rule(slots=("v",))
def lookahead_momentum(u, v, *, beta: Unit = 0.9):
    """Nesterov's momentum as he wrote it, with the gradient at the look-ahead point: v ← β v + u; u ← v.

    It stands after the learning rate, so v is a displacement, and the gradient is taken at p − β v, which holds the
    learning rate (forgetting it there makes the method unstable).

    Shapes: u, v, p alike. Units: u and v those of p. beta in [0, 1).
    Raises HyperparameterError for a value outside its range.
    Source: Nesterov 1983; Sutskever et al. 2013, eqs. 3 and 4, with v of opposite sign.

    >>> import numpy as np
    >>> r = chain(learning_rate(lr=1.0), lookahead_momentum(beta=0.5))
    >>> p = np.array([0.0])
    >>> p, state, _ = r.update(p, np.array([4.0]), r.init(p))
    >>> p, r.query(p, state)  # the next gradient is taken half a step ahead
    (array([-4.]), array([-6.]))
    """
    v = beta * v + u
    return v, v


@lookahead_momentum.query
def _look_ahead(p, v, beta):
    return p - beta * v


@method
def sgd(
    lr: float | Schedule,
    *,
    weight_decay: float | Schedule = 0.0,
    decay: Decay = "l2",
    exempt: Exempt = "none",
) -> Rule:
    """Gradient descent: p ← p − lr u.

    Full-batch, mini-batch or single-sample as the oracle gives it.
    lr in (0, ∞); weight_decay in [0, ∞), placed by `decay` but where `exempt`. Dialect: torch.optim.SGD with its
    default momentum of 0. Source: Cauchy 1847; from samples, Robbins & Monro 1951.

    >>> sgd(lr=0.1)
    sgd(lr=0.1, weight_decay=0.0, decay='l2', exempt='none')
    """
    return decayed((), learning_rate(lr=lr), decay, weight_decay, exempt)


@method
def heavy_ball(
    lr: float | Schedule,
    *,
    beta: float | Schedule = 0.9,
    form: Literal["accumulate", "velocity", "average"] = "accumulate",
    weight_decay: float | Schedule = 0.0,
    decay: Decay = "l2",
    exempt: Exempt = "none",
) -> Rule:
    """Heavy-ball momentum, in one of three written forms.

        accumulate:  v ← β v + u,            p ← p − lr v
        velocity:    v ← β v + lr u,         p ← p − v
        average:     v ← β v + (1 − β) u,    p ← p − lr v

    form is one of these. The first two differ only where lr varies; the third has steps 1/(1 − β) times shorter at the
    same lr. lr in (0, ∞); beta in [0, 1); weight_decay in [0, ∞), placed by `decay` but where `exempt`. Source: Polyak
    1964. Dialect: "accumulate" is torch.optim.SGD's.

    >>> heavy_ball(lr=0.1, beta=0.8).hyperparameters()
    {'momentum.beta': 0.8, 'momentum.dampening': 0.0, 'learning_rate.lr': 0.1}
    """
    rate = learning_rate(lr=lr)
    if form == "velocity":
        return chain(decayed((), rate, decay, weight_decay, exempt), momentum(beta=beta))
    if form == "average":
        return decayed((average_momentum(beta=beta),), rate, decay, weight_decay, exempt)
    if form == "accumulate":
        return decayed((momentum(beta=beta),), rate, decay, weight_decay, exempt)
    raise InputError(f"heavy_ball: form must be 'accumulate', 'velocity' or 'average', got {form!r}")


@method
def nesterov(
    lr: float | Schedule,
    *,
    beta: float | Schedule = 0.9,
    form: Literal["sutskever", "lookahead"] = "sutskever",
    weight_decay: float | Schedule = 0.0,
    decay: Decay = "l2",
    exempt: Exempt = "none",
) -> Rule:
    """Nesterov's momentum.

        sutskever:  v ← β v + u,              p ← p − lr (u + β v),   gradient at p
        lookahead:  v ← β v + lr u,           p ← p − v,              gradient at p − β v

    The same method in two parameterizations: for constant lr, the first one's p is the second one's p − β v.
    lr in (0, ∞); beta in [0, 1); weight_decay in [0, ∞), placed by `decay` but where `exempt`.
    Source: Nesterov 1983; Sutskever et al. 2013. Dialect: "sutskever" is torch.optim.SGD(nesterov=True).

    >>> nesterov(lr=0.1, form="lookahead").link_with("query")[0]
    'lookahead_momentum'
    """
    rate = learning_rate(lr=lr)
    if form == "lookahead":
        return chain(decayed((), rate, decay, weight_decay, exempt), lookahead_momentum(beta=beta))
    if form == "sutskever":
        return decayed((momentum(beta=beta, nesterov=True),), rate, decay, weight_decay, exempt)
    raise InputError(f"nesterov: form must be 'sutskever' or 'lookahead', got {form!r}")
