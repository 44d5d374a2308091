"""Weight decay: one law, its position in the chain decides which."""

from __future__ import annotations

from typing import Literal

from steepest.core.errors import InputError
from steepest.core.schedule import Schedule
from steepest.formula import NonNegative, Rule, chain, ndim, rule, where

Decay = Literal["l2", "lr", "independent"]
Exempt = Literal["none", "vectors"]


@rule
def decay_weights(u, p, *, weight_decay: NonNegative, exempt: Exempt = "none"):
    """Weight decay: u ← u + λ p.

    Where it stands in a chain decides what it is. Before the scaling: L2 regularization, the gradient of λ‖p‖²/2.
    Between the scaling and the learning rate: decoupled, times the learning rate (PyTorch's AdamW). After the
    learning rate: fully decoupled, p loses the share λ each step whatever the rate.

    Shapes: any. Units: λ those of u over those of p. weight_decay = λ in [0, ∞). exempt="vectors" leaves out tensors
    with fewer than two dimensions: biases and the gains of normalization layers.
    Raises HyperparameterError for a value outside its range.
    Source: Loshchilov & Hutter 2019, arXiv:1711.05101; their λ is PyTorch's times the initial learning rate.

    >>> import numpy as np
    >>> from steepest.rules import learning_rate
    >>> r = chain(learning_rate(lr=0.5), decay_weights(weight_decay=0.1))
    >>> p = np.array([10.0])
    >>> r.update(p, np.array([2.0]), r.init(p))[0]
    array([8.])
    """
    lambda_p = where(ndim(p) <= 1, 0.0, weight_decay) if exempt == "vectors" else weight_decay
    return u + lambda_p * p


def decayed(
    scaling: tuple[Rule, ...],
    lr: Rule,
    decay: Decay,
    weight_decay: float | Schedule,
    exempt: Exempt,
    always: bool = False,
) -> Rule:
    """The chain of a scaling, a learning rate, and weight decay in the position that `decay` names.

    Without decay (0) the chain has no such link, so nothing is computed for it, unless it is wanted `always`.
    """
    if decay not in {"l2", "lr", "independent"}:
        raise InputError(f"decay must be 'l2', 'lr' or 'independent', got {decay!r}")
    link = decay_weights(weight_decay=weight_decay, exempt=exempt)
    if weight_decay == 0 and not always:
        return chain(*scaling, lr)
    orders = {"l2": (link, *scaling, lr), "lr": (*scaling, link, lr), "independent": (*scaling, lr, link)}
    return chain(*orders[decay])
