"""LARS."""

from __future__ import annotations

from typing import Literal

from steepest.core.errors import InputError
from steepest.core.schedule import Schedule
from steepest.formula import NonNegative, Positive, Rule, chain, method, ndim, norm, rule, where
from steepest.rules.decay_weights import Decay, Exempt, decayed
from steepest.rules.learning_rate import learning_rate
from steepest.rules.momentum import momentum
from steepest.rules.trust_ratio import scale_by_trust_ratio

Denominator = Literal["sum", "norm"]
Form = Literal["velocity", "accumulate"]


@rule
def scale_by_lars(
    u,
    p,
    *,
    trust_coefficient: Positive = 0.001,
    weight_decay: NonNegative = 0.0,
    exempt: Literal["none", "vectors"] = "none",
):
    """LARS's local learning rate, with its weight decay: u ← η ‖p‖ / (‖u‖ + λ ‖p‖) · (u + λ p).

    Norms are Euclidean, of each tensor alone. Without decay an update has the length η ‖p‖, whatever the gradient's.
    Where ‖p‖ or the denominator is 0 the ratio is 1. exempt="vectors": tensors with fewer than two dimensions, biases
    and gains, have neither ratio nor decay.

    Shapes: u, p alike. Units: u comes out in those of p; λ has those of u over those of p.
    trust_coefficient = η in (0, ∞); weight_decay = λ in [0, ∞). The norms are summed in float64.
    Raises HyperparameterError for a value outside its range.
    Source: You, Gitman & Ginsburg 2017, arXiv:1708.03888, eq. 6 and Algorithm 1. Dialect: the paper's sum of norms;
    optax takes the norm of the sum, ‖u + λ p‖: `decay_weights` before `scale_by_trust_ratio`.

    >>> import numpy as np
    >>> r = chain(scale_by_lars(trust_coefficient=0.1, weight_decay=0.5), learning_rate(lr=1.0))
    >>> p = np.array([4.0])
    >>> r.update(p, np.array([2.0]), r.init(p))[0]  # 4 − 0.1 · 4 / (2 + 0.5 · 4) · (2 + 0.5 · 4)
    array([3.6])
    """
    size = norm(p)
    denominator = norm(u) + weight_decay * size
    ratio = where((size == 0) | (denominator == 0), 1.0, trust_coefficient * size / denominator)
    lambda_p = weight_decay
    if exempt == "vectors":
        ratio = where(ndim(p) <= 1, 1.0, ratio)
        lambda_p = where(ndim(p) <= 1, 0.0, weight_decay)
    return ratio * (u + lambda_p * p)


@method(momentum__beta="beta")
def lars(
    lr: float | Schedule = 1.0,
    *,
    beta: float | Schedule = 0.9,
    trust_coefficient: float | Schedule = 0.001,
    denominator: Denominator = "sum",
    form: Form = "velocity",
    nesterov: bool = False,
    weight_decay: float | Schedule = 0.0,
    decay: Decay = "l2",
    exempt: Exempt = "none",
) -> Rule:
    """LARS: momentum of gradients scaled to each tensor: see `scale_by_lars`.

        u ← η ‖p‖ / (‖g‖ + λ ‖p‖) · (g + λ p)
        velocity:    v ← β v + lr u,    p ← p − v          accumulate:  v ← β v + u,    p ← p − lr v

    The forms differ only where lr varies. denominator="norm": ‖g + λ p‖ in place of the sum. nesterov: the step is
    that of `momentum`.

    lr in (0, ∞), a pure number: lr · η is the share of its own length by which a gradient moves a tensor; beta in
    [0, 1); trust_coefficient = η in (0, ∞); weight_decay = λ in [0, ∞), placed by `decay`: "l2" is the paper's, "lr"
    puts it after the ratio and before lr and momentum, "independent" after both. exempt="vectors" spares biases and
    gains both the decay and the ratio.
    Source: You, Gitman & Ginsburg 2017, arXiv:1708.03888, Algorithm 1. Dialect: the paper's. optax.lars is
    denominator="norm"; pytorch_optimizer.LARS is form="accumulate", exempt="vectors".

    >>> [path for path, _ in lars().links()]
    ['scale_by_lars', 'learning_rate', 'momentum']
    """
    return lars_chain(lr, beta, trust_coefficient, denominator, form, nesterov, weight_decay, decay, exempt)


def lars_chain(
    lr: float | Schedule,
    beta: float | Schedule,
    trust_coefficient: float | Schedule,
    denominator: Denominator,
    form: Form,
    nesterov: bool,
    weight_decay: float | Schedule,
    decay: Decay,
    exempt: Exempt,
    always: bool = False,
) -> Rule:
    """The rule of `lars`; `always`: with a link of weight decay though it be 0."""
    if denominator not in {"sum", "norm"}:
        raise InputError(f"lars: denominator must be 'sum' or 'norm', got {denominator!r}")
    if form not in {"velocity", "accumulate"}:
        raise InputError(f"lars: form must be 'velocity' or 'accumulate', got {form!r}")
    rate, buffer = learning_rate(lr=lr), momentum(beta=beta, nesterov=nesterov)
    step = chain(rate, buffer) if form == "velocity" else chain(buffer, rate)
    if denominator == "sum" and decay == "l2":
        paper = scale_by_lars(trust_coefficient=trust_coefficient, weight_decay=weight_decay, exempt=exempt)
        return chain(paper, step)
    ratio = scale_by_trust_ratio(trust_coefficient=trust_coefficient, exempt=exempt)
    return decayed((ratio,), step, decay, weight_decay, exempt, always)
