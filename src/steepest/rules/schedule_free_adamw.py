"""Schedule-Free AdamW."""

from __future__ import annotations

from typing import Literal

from steepest.core.errors import InputError
from steepest.core.schedule import Schedule
from steepest.formula import Positive, Rule, Slot, Unit, chain, method, rule, sqrt
from steepest.rules.decay_weights import Exempt, decay_weights
from steepest.rules.schedule_free_sgd import schedule_free


@rule(slots=(Slot("v", nonnegative=True),))
def scale_by_corrected_rms(u, v, k, *, beta2: Unit = 0.999, eps: Positive = 1e-8):
    """Adam's denominator alone: v ← β₂ v + (1 − β₂) u²; u ← u / (√(v / (1 − β₂ᵏ)) + ε), from v = 0.

    Shapes: u, v alike. Units: u comes out a pure number; ε those of u. beta2 in [0, 1); eps = ε in (0, ∞), outside
    the root. Raises HyperparameterError for a value outside its range.
    Source: Kingma & Ba 2015, arXiv:1412.6980, Algorithm 1 with β₁ = 0.

    >>> import numpy as np
    >>> r, p = scale_by_corrected_rms(), np.array([0.0])
    >>> chain(r, schedule_free(lr=1.0)).update(p, np.array([3.0]), chain(r, schedule_free(lr=1.0)).init(p))[0].round(6)
    array([-1.])
    """
    v = beta2 * v + (1 - beta2) * u * u
    return u / (sqrt(v / (1 - beta2**k)) + eps), v


@method(schedule_free__lr="lr", schedule_free__beta="beta1")
def schedule_free_adamw(
    lr: float | Schedule = 0.0025,
    *,
    beta1: float | Schedule = 0.9,
    beta2: float | Schedule = 0.999,
    eps: float | Schedule = 1e-8,
    r: float | Schedule = 0.0,
    weight_lr_power: float | Schedule = 2.0,
    weight_decay: float | Schedule = 0.0,
    decay: Literal["l2", "lr"] = "lr",
    exempt: Exempt = "none",
) -> Rule:
    """Schedule-Free AdamW: the mean of its steps is the answer: see `schedule_free`.

    Steps are divided by Adam's denominator: see `scale_by_corrected_rms`.
    lr in (0, ∞), constant or a warmup; beta1 in (0, 1), in the place of momentum; beta2 in [0, 1); eps in (0, ∞); r and
    weight_lr_power in [0, ∞), the weights of the mean; weight_decay in [0, ∞), none where `exempt`, at y: in the
    gradient ("l2") or times the learning rate ("lr"). In PyTorch call optimizer.eval() before an evaluation and
    optimizer.train() after.
    Source: Defazio et al. 2024, arXiv:2405.15682, Algorithm 1. Dialect: schedulefree.AdamWScheduleFree, its
    warmup_steps apart; the decay at y is the package's, the paper's listing the same.

    >>> [path for path, _ in schedule_free_adamw().links()]
    ['scale_by_corrected_rms', 'schedule_free']
    """
    if decay not in {"l2", "lr"}:
        raise InputError(f"decay must be 'l2' or 'lr', got {decay!r}")
    scaling = scale_by_corrected_rms(beta2=beta2, eps=eps)
    step = schedule_free(lr=lr, beta=beta1, r=r, weight_lr_power=weight_lr_power)
    if weight_decay == 0:
        return chain(scaling, step)
    link = decay_weights(weight_decay=weight_decay, exempt=exempt)
    return chain(link, scaling, step) if decay == "l2" else chain(scaling, link, step)
