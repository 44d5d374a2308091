"""Sophia: second-order clipped stochastic optimization."""

from __future__ import annotations

from steepest.core.schedule import Schedule
from steepest.formula import Count, Positive, Rule, Unit, maximum, method, minimum, rule, where
from steepest.rules.decay_weights import Decay, Exempt, decayed
from steepest.rules.learning_rate import learning_rate


@rule(slots=("m", "h"), needs=("hessian_diagonal",))
def scale_by_sophia(
    u,
    hessian_diagonal,
    m,
    h,
    t,
    *,
    beta1: Unit = 0.96,
    beta2: Unit = 0.99,
    gamma: Positive = 0.01,
    eps: Positive = 1e-12,
    every: Count = 10,
):
    """Momentum over a running mean of the Hessian's diagonal, each element clipped to [−1, 1], from m = h = 0.

        m ← β₁ m + (1 − β₁) u          h ← β₂ h + (1 − β₂) ĥ, at updates 1, 1 + n, 1 + 2n, …
        u ← clip(m / max(γ h, ε), 1)

    Where the curvature is negative or small the step is the momentum's sign. ĥ is an estimate: z ∘ (H z) with random
    signs z (Sophia-H), or B ĝ ∘ ĝ, with ĝ the mean gradient over B samples whose labels were drawn from the model's own
    predictions (Sophia-G). It is asked for at every n-th update only, and the oracle counts it.

    Shapes: u, ĥ, m, h alike. Units: u comes out a pure number; γ those of p⁻¹, ε those of u.
    beta1, beta2 in [0, 1); gamma = γ in (0, ∞); eps = ε in (0, ∞); every = n in 1, 2, 3, …
    Raises HyperparameterError for a value outside its range, InputTypeError for an update without the diagonal.
    Source: Liu, Li, Hall, Liang & Ma 2024, arXiv:2305.14342, Algorithm 3, its defaults for Sophia-H; for Sophia-G
    γ = 0.05. Dialect: the paper's. pytorch_optimizer.SophiaH clips at its p instead of 1: its lr, p and ε are lr / γ,
    γ and ε / γ here.

    >>> import numpy as np
    >>> from steepest.formula import chain
    >>> r = chain(scale_by_sophia(beta1=0.0, beta2=0.0, gamma=1.0), learning_rate(lr=1.0))
    >>> p = np.array([3.0, 3.0])
    >>> r.update(p, np.array([1.0, 1.0]), r.init(p), hessian_diagonal=np.array([4.0, 0.5]))[0]
    array([2.75, 2.  ])
    """
    m = beta1 * m + (1 - beta1) * u
    h = where((t - 1) % every == 0, beta2 * h + (1 - beta2) * hessian_diagonal, h)
    ratio = m / maximum(gamma * h, eps)
    return maximum(minimum(ratio, 1.0), -1.0), m, h


@method
def sophia(
    lr: float | Schedule,
    *,
    beta1: float | Schedule = 0.96,
    beta2: float | Schedule = 0.99,
    gamma: float | Schedule = 0.01,
    eps: float | Schedule = 1e-12,
    every: int = 10,
    weight_decay: float | Schedule = 0.0,
    decay: Decay = "lr",
    exempt: Exempt = "none",
) -> Rule:
    """Sophia: momentum over the Hessian's diagonal, clipped: see `scale_by_sophia`.

    lr in (0, ∞), the most that an element moves in a step, about that of Lion; the betas in [0, 1); gamma, eps in (0,
    ∞); every in 1, 2, 3, …: updates between two estimates; weight_decay in [0, ∞), placed by `decay` but where
    `exempt`; the paper has 0.2. Needs the Hessian's diagonal: in PyTorch `optimizer.estimate_hessian(loss)`, or
    `step(hessian_diagonal=gauss_newton_bartlett(…))`.
    Source: Liu et al. 2024, arXiv:2305.14342, Algorithm 3.

    >>> [path for path, _ in sophia(lr=0.01).links()]
    ['scale_by_sophia', 'learning_rate']
    """
    scaling = scale_by_sophia(beta1=beta1, beta2=beta2, gamma=gamma, eps=eps, every=every)
    return decayed((scaling,), learning_rate(lr=lr), decay, weight_decay, exempt)
