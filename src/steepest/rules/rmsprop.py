"""RMSprop, plain or centered, with or without momentum."""

from __future__ import annotations

from typing import Literal

from steepest.core.errors import InputError
from steepest.core.schedule import Schedule
from steepest.formula import Positive, Rule, Slot, Unit, method, rule, sqrt
from steepest.rules.decay_weights import Decay, Exempt, decayed
from steepest.rules.learning_rate import learning_rate
from steepest.rules.momentum import momentum as momentum_rule


@rule(slots=(Slot("v", nonnegative=True), Slot("m", when="centered")))
def scale_by_rms(
    u,
    v,
    m,
    *,
    beta: Unit = 0.99,
    eps: Positive = 1e-8,
    centered: bool = False,
    eps_position: Literal["outside", "inside"] = "outside",
):
    """RMSprop: divide by a running root mean square.

    Elementwise, from v = m = 0:

        v ← β v + (1 − β) u²          u ← u / (√v + ε)

    centered: m ← β m + (1 − β) u, and v − m² (a variance) stands under the root. eps_position="inside": √(v + ε),
    whose floor is √ε. No bias correction: the first step is 1/√(1 − β) times longer.

    Shapes: u, v, m alike. Units: u comes out a pure number; eps those of u, or of u² inside.
    beta in [0, 1); eps in (0, ∞). Raises HyperparameterError for a value outside its range.
    Source: Tieleman & Hinton 2012, lecture 6.5; centered: Graves 2013, arXiv:1308.0850. Dialect: torch.optim.RMSprop
    (alpha = β); TensorFlow's and optax's default is "inside".

    >>> import numpy as np
    >>> from steepest.formula import chain
    >>> r = chain(scale_by_rms(beta=0.75), learning_rate(lr=1.0))
    >>> p = np.zeros(1)
    >>> r.update(p, np.array([3.0]), r.init(p))[0].round(6)
    array([-2.])
    """
    v = beta * v + (1 - beta) * u * u
    variance = v
    if centered:
        m = beta * m + (1 - beta) * u
        variance = v - m * m
    scale = sqrt(variance + eps) if eps_position == "inside" else sqrt(variance) + eps
    return u / scale, v, m


@method(momentum__beta="momentum")
def rmsprop(
    lr: float | Schedule = 0.01,
    *,
    beta: float | Schedule = 0.99,
    eps: float | Schedule = 1e-8,
    momentum: float | Schedule = 0.0,
    centered: bool = False,
    eps_position: Literal["outside", "inside"] = "outside",
    weight_decay: float | Schedule = 0.0,
    decay: Decay = "l2",
    exempt: Exempt = "none",
) -> Rule:
    """RMSprop with a learning rate: see `scale_by_rms`.

    With momentum > 0, heavy-ball momentum of the scaled gradient.
    lr in (0, ∞); beta and momentum in [0, 1); eps in (0, ∞); weight_decay in [0, ∞), placed by `decay` but where
    `exempt`. Dialect: torch.optim.RMSprop, its defaults.

    >>> rmsprop(centered=True).slots().keys()
    dict_keys(['scale_by_rms.v', 'scale_by_rms.m'])
    """
    if eps_position not in {"outside", "inside"}:
        raise InputError(f"rmsprop: eps_position must be 'outside' or 'inside', got {eps_position!r}")
    scaling: tuple[Rule, ...] = (scale_by_rms(beta=beta, eps=eps, centered=centered, eps_position=eps_position),)
    if momentum != 0.0:
        scaling = (*scaling, momentum_rule(beta=momentum))
    return decayed(scaling, learning_rate(lr=lr), decay, weight_decay, exempt)
