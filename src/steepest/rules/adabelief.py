"""AdaBelief."""

from __future__ import annotations

from steepest.core.schedule import Schedule
from steepest.formula import NonNegative, Positive, Rule, Slot, Unit, method, rule, sqrt, where
from steepest.rules.decay_weights import Decay, Exempt, decayed
from steepest.rules.learning_rate import learning_rate
from steepest.rules.radam import rectification


@rule(slots=("m", Slot("s", nonnegative=True)))
def scale_by_adabelief(
    u,
    m,
    s,
    k,
    *,
    beta1: Unit = 0.9,
    beta2: Unit = 0.999,
    eps: Positive = 1e-16,
    eps_root: NonNegative | None = None,
    rectify: bool = False,
):
    """AdaBelief: Adam that divides by how far gradients stray from their average, not by how large they are.

    Elementwise, for k = 1, 2, …, from m = s = 0, with incoming update u:

        m ← β₁ m + (1 − β₁) u          s ← β₂ s + (1 − β₂) (u − m)² + ε₀
        u ← (m / (1 − β₁ᵏ)) / (√(s / (1 − β₂ᵏ)) + ε)

    ε₀ = eps_root is added to s at every update, so it grows to ε₀ / (1 − β₂); None: ε₀ = ε, one number for both.
    rectify: the step of `scale_by_radam` with s in place of v: r m̂ √(1 − β₂ᵏ) / (√s + ε) where ρ > 5, else m̂.

    Shapes: u, m, s alike. Units: u comes out a pure number (if not rectified); eps those of the gradient, eps_root
    those of its square. beta1, beta2 in [0, 1); eps in (0, ∞), outside the root; eps_root in [0, ∞) or None.
    Raises HyperparameterError for a value outside its range.
    Source: Zhuang et al. 2020, arXiv:2010.07468, Algorithm 2. Dialect: the paper's, with the ε of the authors' code
    (adabelief-pytorch since 0.1, which also rectifies by default; ε = 1e-8 is what they advise where SGD does better
    than Adam). optax.adabelief has eps and eps_root. An ε of 1e-16 is 0 in float16.

    >>> import numpy as np
    >>> from steepest.formula import chain
    >>> r = chain(scale_by_adabelief(), learning_rate(lr=0.09))
    >>> p = np.zeros(2)
    >>> r.update(p, np.array([5.0, -0.01]), r.init(p))[0].round(6)  # 1 / β₁ times Adam's
    array([-0.1,  0.1])
    """
    m = beta1 * m + (1 - beta1) * u
    s = beta2 * s + (1 - beta2) * (u - m) * (u - m) + (eps if eps_root is None else eps_root)
    m_hat = m / (1 - beta1**k)
    if not rectify:
        s_hat = s / (1 - beta2**k)
        return m_hat / (sqrt(s_hat) + eps), m, s
    rho_inf = 2 / (1 - beta2) - 1
    rho = rho_inf - 2 * k * beta2**k / (1 - beta2**k)
    r = rectification(rho, rho_inf)
    return where(rho > 5, r * sqrt(1 - beta2**k) * m_hat / (sqrt(s) + eps), m_hat), m, s


@method
def adabelief(
    lr: float | Schedule = 0.001,
    *,
    beta1: float | Schedule = 0.9,
    beta2: float | Schedule = 0.999,
    eps: float | Schedule = 1e-16,
    eps_root: float | Schedule | None = None,
    rectify: bool = False,
    weight_decay: float | Schedule = 0.0,
    decay: Decay = "lr",
    exempt: Exempt = "none",
) -> Rule:
    """AdaBelief with a learning rate and decoupled weight decay: see `scale_by_adabelief`.

    lr in (0, ∞); beta1, beta2 in [0, 1); eps in (0, ∞); eps_root in [0, ∞), None for eps; weight_decay in [0, ∞),
    placed by `decay` but where `exempt`. Dialect: adabelief-pytorch with rectify=False; its fixed_decay is
    decay="independent".

    >>> adabelief(lr=3e-4).slots().keys()
    dict_keys(['scale_by_adabelief.m', 'scale_by_adabelief.s'])
    """
    scaling = scale_by_adabelief(beta1=beta1, beta2=beta2, eps=eps, eps_root=eps_root, rectify=rectify)
    return decayed((scaling,), learning_rate(lr=lr), decay, weight_decay, exempt)
