"""AdEMAMix."""

from __future__ import annotations

from steepest.core.schedule import Schedule
from steepest.formula import Count, NonNegative, Positive, Rule, Slot, Unit, exp, log, method, minimum, rule, sqrt
from steepest.rules.decay_weights import Decay, Exempt, decayed
from steepest.rules.learning_rate import learning_rate


@rule(slots=("m", "slow", Slot("v", nonnegative=True)))
def scale_by_ademamix(
    u,
    m,
    slow,
    v,
    k,
    *,
    beta1: Unit = 0.9,
    beta2: Unit = 0.999,
    beta3: Unit = 0.9999,
    alpha: NonNegative = 5.0,
    eps: Positive = 1e-8,
    warmup: Count | None = None,
):
    """AdEMAMix: Adam with a second, much slower average of gradients added to the first.

    Elementwise, for k = 1, 2, …, from m = s = v = 0, with incoming update u:

        m ← β₁ m + (1 − β₁) u          s ← β₃ s + (1 − β₃) u          v ← β₂ v + (1 − β₂) u²
        u ← (m / (1 − β₁ᵏ) + α s) / (√(v / (1 − β₂ᵏ)) + ε)

    s is not corrected for its start at zero: it comes in slowly. warmup = T, over which both new numbers come in, with
    x = min(k / T, 1): αₖ = x α, and β₃ₖ = min(β₃, exp(1 / ((1 − x) / log β₁ + x / log β₃))), by which the time
    −1 / log β₃ₖ that s remembers grows linearly, from that of m. Without it (None) α and β₃ are constant.

    Shapes: u, m, slow, v alike. Units: u comes out a pure number, up to 1 + α long; eps those of the gradient.
    beta1, beta2, beta3 in [0, 1); alpha in [0, ∞); eps in (0, ∞), outside the root; warmup in 1, 2, 3, … or None.
    Raises HyperparameterError for a value outside its range.
    Source: Pagliardini, Ablin & Grangier 2024, arXiv:2409.03137, Algorithm 1 and eqs. α- and β₃-scheduler.
    Dialect: the paper's; equal to pytorch_optimizer.AdEMAMix (warmup is its t_alpha_beta3), and without warmup to
    optax.contrib.ademamix.

    >>> import numpy as np
    >>> from steepest.formula import chain
    >>> r = chain(scale_by_ademamix(beta3=0.5, alpha=2.0), learning_rate(lr=0.1))
    >>> p = np.zeros(2)
    >>> r.update(p, np.array([5.0, -0.01]), r.init(p))[0].round(6)  # 1 + 2 · 0.5
    array([-0.2,  0.2])
    """
    share, beta_slow = alpha, beta3
    if warmup is not None:
        x = minimum(k / warmup, 1.0)
        share = x * alpha
        beta_slow = minimum(exp(1 / ((1 - x) / log(beta1) + x / log(beta3))), beta3)
    m = beta1 * m + (1 - beta1) * u
    slow = beta_slow * slow + (1 - beta_slow) * u
    v = beta2 * v + (1 - beta2) * u * u
    m_hat, v_hat = m / (1 - beta1**k), v / (1 - beta2**k)
    return (m_hat + share * slow) / (sqrt(v_hat) + eps), m, slow, v


@method
def ademamix(
    lr: float | Schedule = 0.001,
    *,
    beta1: float | Schedule = 0.9,
    beta2: float | Schedule = 0.999,
    beta3: float | Schedule = 0.9999,
    alpha: float | Schedule = 5.0,
    eps: float | Schedule = 1e-8,
    warmup: int | Schedule | None = None,
    weight_decay: float | Schedule = 0.0,
    decay: Decay = "lr",
    exempt: Exempt = "none",
) -> Rule:
    """AdEMAMix with a learning rate and decoupled weight decay: see `scale_by_ademamix`.

    lr in (0, ∞); beta1, beta2, beta3 in [0, 1); alpha in [0, ∞), in the paper 4 to 10; eps in (0, ∞); warmup in 1, 2,
    3, … or None, in the paper the whole number of steps; weight_decay in [0, ∞), placed by `decay` but where `exempt`.
    Dialect: the paper's; pytorch_optimizer.AdEMAMix, its defaults, which places weight decay in the gradient unless
    told weight_decouple=True.

    >>> ademamix().slots().keys()
    dict_keys(['scale_by_ademamix.m', 'scale_by_ademamix.slow', 'scale_by_ademamix.v'])
    """
    scaling = scale_by_ademamix(beta1=beta1, beta2=beta2, beta3=beta3, alpha=alpha, eps=eps, warmup=warmup)
    return decayed((scaling,), learning_rate(lr=lr), decay, weight_decay, exempt)
