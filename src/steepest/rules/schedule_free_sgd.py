"""Schedule-Free SGD, and the average that makes an optimizer schedule-free."""

from __future__ import annotations

from typing import Annotated

from steepest.core.ranges import Range
from steepest.core.schedule import Schedule
from steepest.formula import LearningRate, NonNegative, Rule, Slot, chain, maximum, method, rule, where
from steepest.rules.decay_weights import Exempt, decay_weights

Between = Annotated[float, Range(low=0, high=1, open_low=True, open_high=True)]
"""(0, 1)."""


@rule(
    slots=(Slot("z", init="p"), Slot("lr_max", like="tensor"), Slot("weight_sum", like="tensor")),
    sets_step=True,
)
def schedule_free(
    u,
    p,
    z,
    lr_max,
    weight_sum,
    k,
    *,
    lr: LearningRate,
    beta: Between = 0.9,
    r: NonNegative = 0.0,
    weight_lr_power: NonNegative = 2.0,
):
    """Schedule-Free averaging: p is y, where gradients are taken; z takes the steps; x, the answer, is their mean.

    For k = 1, 2, …, from x = y = z, with the largest learning rate so far γ ← max(γ, lr):

        w = kʳ γᵠ             W ← W + w             c = w / W
        z ← z − lr u          x ← (1 − c) x + c z          y ← (1 − β) z + β x

    x is not stored: x = y + (1 − 1/β) (z − y). It replaces the learning rate at the end of a chain, and warmup is a
    schedule of lr. Weight decay before it is taken at y.

    Shapes: u, p, z alike; γ and W one number a tensor. Units: lr those of p over u. lr in (0, ∞), a schedule may reach
    0; beta = β in (0, 1); r in [0, ∞); weight_lr_power = φ in [0, ∞).
    Raises HyperparameterError for a value outside its range.
    Source: Defazio, Yang, Mehta, Mishchenko, Khaled & Cutkosky 2024, arXiv:2405.15682, eqs. 3–5 and §2.3. Dialect: the
    package schedulefree 1.4, by whose recurrence for y, without x, it is computed.

    >>> import numpy as np
    >>> step = schedule_free(lr=1.0, beta=0.5)
    >>> p, state = np.array([4.0]), step.init(np.array([4.0]))
    >>> for _ in range(2):  # z = 3, 2, so x = 3, 2.5 and y = 3, 2.25
    ...     p, state, _ = step.update(p, np.array([1.0]), state)
    >>> p, step.answer(p, state)
    (array([2.25]), array([2.5]))
    """
    lr_max = maximum(lr, lr_max)
    weight = k**r * lr_max**weight_lr_power
    weight_sum = weight_sum + weight
    c = where(weight_sum > 0, weight / weight_sum, 0.0)
    u = lr * u
    return c * (p - z) + (1 - beta * (1 - c)) * u, z - u, lr_max, weight_sum


@schedule_free.answer
def _averaged(p, z, beta):
    return p + (1 - 1 / beta) * (z - p)


@method(schedule_free__lr="lr")
def schedule_free_sgd(
    lr: float | Schedule = 1.0,
    *,
    beta: float | Schedule = 0.9,
    r: float | Schedule = 0.0,
    weight_lr_power: float | Schedule = 2.0,
    weight_decay: float | Schedule = 0.0,
    exempt: Exempt = "none",
) -> Rule:
    """Schedule-Free SGD: the mean of its steps is the answer: see `schedule_free`.

    lr in (0, ∞), constant or a warmup; beta in (0, 1), in the place of momentum; r and weight_lr_power in [0, ∞), the
    weights of the mean; weight_decay in [0, ∞), none where `exempt`, L2 at y. In PyTorch call optimizer.eval() before
    an evaluation and optimizer.train() after it.
    Source: Defazio et al. 2024, arXiv:2405.15682. Dialect: schedulefree.SGDScheduleFree, its warmup_steps apart.

    >>> schedule_free_sgd().link_with("answer")[0]
    'schedule_free'
    """
    step = schedule_free(lr=lr, beta=beta, r=r, weight_lr_power=weight_lr_power)
    return step if weight_decay == 0 else chain(decay_weights(weight_decay=weight_decay, exempt=exempt), step)
