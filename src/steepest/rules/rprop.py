"""Rprop: resilient backpropagation."""

from __future__ import annotations

from typing import Annotated

from steepest.core.ranges import Range
from steepest.core.schedule import Schedule
from steepest.formula import Positive, Rule, Slot, maximum, method, minimum, rule, sign, where
from steepest.rules.decay_weights import Decay, Exempt, decayed
from steepest.rules.learning_rate import learning_rate

Shrink = Annotated[float, Range(low=0, high=1, open_low=True, open_high=True)]
Grow = Annotated[float, Range(low=1, open_low=True)]


@rule(slots=("before", Slot("size", init=1.0, nonnegative=True)))
def scale_by_rprop(
    u,
    before,
    size,
    *,
    eta_minus: Shrink = 0.5,
    eta_plus: Grow = 1.2,
    min_ratio: Positive = 1e-4,
    max_ratio: Positive = 5e3,
):
    """Rprop: for every coordinate a step size that grows while the gradient keeps its sign and shrinks where it turns.

    Elementwise, from s₋ = 0 and a size Δ = 1, with incoming update u:

        agree = s₋ sign(u)
        Δ ← min(max(η Δ, low), high),   η = η⁺ where agree > 0, η⁻ where agree < 0, else 1
        s ← sign(u), but 0 where agree < 0          u ← Δ s          s₋ ← s

    Where the sign has turned nothing moves, and the next sign counts as the first. Only signs of gradients are used,
    so it is for full batches: the signs of mini-batch gradients turn by noise, and all sizes shrink.

    Shapes: u, before, size alike. Units: u comes out a pure number, the size in multiples of the learning rate.
    eta_minus = η⁻ in (0, 1); eta_plus = η⁺ in (1, ∞); min_ratio = low and max_ratio = high in (0, ∞).
    Raises HyperparameterError for a value outside its range.
    Source: Riedmiller & Braun 1993; Igel & Hüsken 2000, as iRprop⁻, without backtracking. Dialect: torch.optim.Rprop
    (etas, step_sizes / lr). Kept is a sign, not the gradient, so two tiny gradients whose product is rounded to zero
    still agree. optax.rprop 0.2.8 moves by the update of the step before, so its first one is 0.

    >>> import numpy as np
    >>> from steepest.formula import chain
    >>> r = chain(scale_by_rprop(), learning_rate(lr=0.1))
    >>> p, state = np.zeros(2), r.init(np.zeros(2))
    >>> for g in ([1.0, 9.0], [2.0, -9.0], [3.0, -9.0]):
    ...     p, state, _ = r.update(p, np.array(g), state)
    >>> p.round(6)  # 1 + 1.2 + 1.44 tenths, and 1 + 0 − 0.5 tenths
    array([-0.364, -0.05 ])
    """
    agree = before * sign(u)
    factor = where(agree > 0, eta_plus, where(agree < 0, eta_minus, 1.0))
    size = minimum(maximum(factor * size, min_ratio), max_ratio)
    direction = where(agree < 0, 0.0, sign(u))
    return size * direction, direction, size


@method
def rprop(
    lr: float | Schedule = 0.01,
    *,
    eta_minus: float | Schedule = 0.5,
    eta_plus: float | Schedule = 1.2,
    min_ratio: float | Schedule = 1e-4,
    max_ratio: float | Schedule = 5e3,
    weight_decay: float | Schedule = 0.0,
    decay: Decay = "lr",
    exempt: Exempt = "none",
) -> Rule:
    """Rprop with the learning rate as the first step: see `scale_by_rprop`. It is the unit of all later steps, too.

    lr in (0, ∞), in the units of p; eta_minus in (0, 1); eta_plus in (1, ∞); min_ratio and max_ratio in (0, ∞), the
    least and the largest step in multiples of lr; weight_decay in [0, ∞), placed by `decay` but where `exempt`.
    Dialect: torch.optim.Rprop, its defaults: step_sizes of 1e-6 and 50 at lr = 0.01. PyTorch reads lr at the first step
    only; here a schedule of lr scales all steps.

    >>> rprop().slots().keys()
    dict_keys(['scale_by_rprop.before', 'scale_by_rprop.size'])
    """
    scaling = scale_by_rprop(eta_minus=eta_minus, eta_plus=eta_plus, min_ratio=min_ratio, max_ratio=max_ratio)
    return decayed((scaling,), learning_rate(lr=lr), decay, weight_decay, exempt)
