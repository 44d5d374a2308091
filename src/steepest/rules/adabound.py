"""AdaBound and AMSBound."""

from __future__ import annotations

from steepest.core.schedule import Schedule
from steepest.formula import Positive, Rule, Slot, Unit, maximum, method, minimum, rule, sqrt
from steepest.rules.decay_weights import Decay, Exempt, decayed
from steepest.rules.learning_rate import learning_rate


@rule(slots=("m", Slot("v", nonnegative=True), Slot("v_max", when="amsbound", nonnegative=True)))
def scale_by_adabound(
    u,
    m,
    v,
    v_max,
    k,
    *,
    final_ratio: Positive = 100.0,
    gamma: Positive = 0.001,
    beta1: Unit = 0.9,
    beta2: Unit = 0.999,
    eps: Positive = 1e-8,
    amsbound: bool = False,
):
    """AdaBound: Adam whose rates are clipped between bounds that close in on one rate, that of plain momentum.

    Elementwise, for k = 1, 2, …, from m = v = 0, with incoming update u and the limit r of all rates:

        m ← β₁ m + (1 − β₁) u          v ← β₂ v + (1 − β₂) u²
        rate = √(1 − β₂ᵏ) / (1 − β₁ᵏ) / (√v + ε)
        u ← min(max(rate, r (1 − 1 / (γ k + 1))), r (1 + 1 / (γ k))) · m

    amsbound: the largest v so far stands in place of v under the root.

    Shapes: u, m, v alike. Units: rates, and so r, have the inverse units of the gradient; u comes out a pure number;
    eps those of the gradient. final_ratio = r in (0, ∞): the last rate in multiples of the learning rate; gamma = γ in
    (0, ∞): after 1/γ steps the bounds are r/2 and 2 r; beta1, beta2 in [0, 1); eps in (0, ∞), outside the root.
    Raises HyperparameterError for a value outside its range.
    Source: Luo, Xiong, Liu & Sun 2019, arXiv:1902.09843, Algorithms 2 and 3. Dialect: the authors' package adabound,
    with bias correction and without the paper's factor 1/√k; its final_lr is r · lr, and follows a schedule of lr in
    the same way. pytorch_optimizer.AdaBound adds 1e-15 under the root besides.

    >>> import numpy as np
    >>> from steepest.formula import chain
    >>> r = chain(scale_by_adabound(final_ratio=0.5, gamma=1.0), learning_rate(lr=1.0))
    >>> p = np.zeros(2)
    >>> r.update(p, np.array([5.0, 0.01]), r.init(p))[0].round(6)  # Adam's rates, 2 and 1,000, become 1
    array([-0.5  , -0.001])
    """
    m = beta1 * m + (1 - beta1) * u
    v = beta2 * v + (1 - beta2) * u * u
    if amsbound:
        v_max = maximum(v_max, v)
    rate = sqrt(1 - beta2**k) / (1 - beta1**k) / (sqrt(v_max if amsbound else v) + eps)
    lower = final_ratio * (1 - 1 / (gamma * k + 1))
    upper = final_ratio * (1 + 1 / (gamma * k))
    return minimum(maximum(rate, lower), upper) * m, m, v, v_max


@method
def adabound(
    lr: float | Schedule = 0.001,
    *,
    final_ratio: float | Schedule = 100.0,
    gamma: float | Schedule = 0.001,
    beta1: float | Schedule = 0.9,
    beta2: float | Schedule = 0.999,
    eps: float | Schedule = 1e-8,
    amsbound: bool = False,
    weight_decay: float | Schedule = 0.0,
    decay: Decay = "l2",
    exempt: Exempt = "none",
) -> Rule:
    """AdaBound with a learning rate: see `scale_by_adabound`. Weight decay is L2 unless `decay` says otherwise.

    lr in (0, ∞), the rate of Adam at the start; final_ratio in (0, ∞), so many times lr is the rate of momentum at the
    end; gamma in (0, ∞); beta1, beta2 in [0, 1); eps in (0, ∞); weight_decay in [0, ∞), placed by `decay` but where
    `exempt`. amsbound=True is AMSBound. Dialect: the authors' package adabound, its defaults: final_lr = 0.1 at lr =
    0.001.

    >>> adabound(amsbound=True).slots().keys()
    dict_keys(['scale_by_adabound.m', 'scale_by_adabound.v', 'scale_by_adabound.v_max'])
    """
    scaling = scale_by_adabound(
        final_ratio=final_ratio, gamma=gamma, beta1=beta1, beta2=beta2, eps=eps, amsbound=amsbound
    )
    return decayed((scaling,), learning_rate(lr=lr), decay, weight_decay, exempt)
