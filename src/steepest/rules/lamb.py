"""LAMB."""

from __future__ import annotations

from steepest.core.errors import InputError
from steepest.core.schedule import Schedule
from steepest.formula import Positive, Rule, Slot, Unit, chain, method, rule, sqrt
from steepest.rules.adam import scale_by_adam
from steepest.rules.decay_weights import Decay, Exempt, decayed
from steepest.rules.learning_rate import learning_rate
from steepest.rules.trust_ratio import scale_by_trust_ratio


@rule(slots=("m", Slot("v", nonnegative=True)))
def scale_by_uncorrected_adam(u, m, v, *, beta1: Unit = 0.9, beta2: Unit = 0.999, eps: Positive = 1e-6):
    """Adam without bias correction: averages that start at zero are taken as they are.

    Elementwise, from m = v = 0:

        m ← β₁ m + (1 − β₁) u          v ← β₂ v + (1 − β₂) u²          u ← m / (√v + ε)

    Beside Adam's the first steps are longer, (1 − β₁ᵏ) / √(1 − β₂ᵏ) times: 3.16 at k = 1, 6.57 at k = 12 with the
    default β. Before a trust ratio, which sets the length, only their direction counts.

    Shapes: u, m, v alike. Units: u comes out a pure number; eps those of the gradient.
    beta1, beta2 in [0, 1); eps in (0, ∞), outside the root.
    Raises HyperparameterError for a value outside its range.
    Source: You et al., arXiv:1904.00962, Algorithm 2 of its first three versions.

    >>> import numpy as np
    >>> r = chain(scale_by_uncorrected_adam(), learning_rate(lr=0.1))
    >>> p = np.zeros(1)
    >>> r.update(p, np.array([5.0]), r.init(p))[0].round(4)
    array([-0.3162])
    """
    m = beta1 * m + (1 - beta1) * u
    v = beta2 * v + (1 - beta2) * u * u
    return m / (sqrt(v) + eps), m, v


@method(scale_by_trust_ratio__eps="ratio_eps")
def lamb(
    lr: float | Schedule = 0.001,
    *,
    beta1: float | Schedule = 0.9,
    beta2: float | Schedule = 0.999,
    eps: float | Schedule = 1e-6,
    bias_correction: bool = True,
    max_norm: float | Schedule | None = None,
    ratio_eps: float | Schedule = 0.0,
    weight_decay: float | Schedule = 0.0,
    decay: Decay = "lr",
    exempt: Exempt = "none",
) -> Rule:
    """LAMB: Adam's update, each tensor's scaled to its length.

    For every tensor, weight decay included, û the update of `scale_by_adam`:

        u ← û + λ p          p ← p − lr (φ(‖p‖) / ‖u‖) u

    so lr is the share of its own length by which a tensor moves. Where φ(‖p‖) or ‖u‖ is 0 the ratio is 1.

    lr in (0, ∞); beta1, beta2 in [0, 1); eps in (0, ∞); weight_decay = λ in [0, ∞), placed by `decay`: "lr" is the
    paper's, inside the norm; "independent" is outside of it. max_norm = c in (0, ∞): φ(z) = min(z, c), else the
    identity. ratio_eps in [0, ∞) is added to ‖u‖. bias_correction=False takes the averages as they are.
    exempt="vectors" spares biases and gains both the decay and the ratio.
    Source: You et al. 2020, arXiv:1904.00962, Algorithm 2. Dialect: the paper's last version; optax.lamb.
    pytorch_optimizer.Lamb has no bias correction of v, max_norm 10 and ratio_eps = eps.

    >>> [path for path, _ in lamb(weight_decay=0.01).links()]
    ['scale_by_adam', 'decay_weights', 'scale_by_trust_ratio', 'learning_rate']
    """
    return lamb_chain(lr, beta1, beta2, eps, bias_correction, max_norm, ratio_eps, weight_decay, decay, exempt)


def lamb_chain(
    lr: float | Schedule,
    beta1: float | Schedule,
    beta2: float | Schedule,
    eps: float | Schedule,
    bias_correction: bool,
    max_norm: float | Schedule | None,
    ratio_eps: float | Schedule,
    weight_decay: float | Schedule,
    decay: Decay,
    exempt: Exempt,
    always: bool = False,
) -> Rule:
    """The rule of `lamb`; `always`: with a link of weight decay though it be 0."""
    if bias_correction not in {True, False}:
        raise InputError(f"lamb: bias_correction must be True or False, a fixed choice, got {bias_correction!r}")
    moments: Rule = scale_by_adam(beta1=beta1, beta2=beta2, eps=eps)
    if not bias_correction:  # the state has the same names either way
        moments = scale_by_uncorrected_adam(beta1=beta1, beta2=beta2, eps=eps).named(moments.name)
    ratio = scale_by_trust_ratio(eps=ratio_eps, max_norm=max_norm, exempt=exempt)
    return decayed((moments,), chain(ratio, learning_rate(lr=lr)), decay, weight_decay, exempt, always)
