"""Polyak's step size."""

from __future__ import annotations

from steepest.core.schedule import Schedule
from steepest.formula import NonNegative, Positive, Real, Rule, dot, maximum, method, minimum, rule, where
from steepest.rules.decay_weights import Decay, Exempt, decayed
from steepest.rules.learning_rate import learning_rate


@rule(needs=("value",))
def scale_by_polyak_step(u, value, *, lower: Real = 0.0, max_step: Positive | None = None, eps: NonNegative = 0.0):
    """Polyak's step: u ← min(max(f − f*, 0) / (‖u‖² + ε), γ) · u, with f the value where the gradient was taken.

    ‖u‖ is the Euclidean norm over the model. Where f is at or below `lower`, and where ‖u‖² + ε is 0, the step is 0.

    Shapes: u any; f one number. Units: u comes out in those of p. lower = f*, the minimum or a bound below it, a real
    number; max_step = γ in (0, ∞), or None for no bound; eps = ε in [0, ∞), in units of ‖u‖².
    Needs the value: `step(loss=…)` or `step(closure)` in PyTorch. It must be the value of the function whose gradient
    u is: weight decay before this rule is not part of it.
    Raises InputTypeError for an update without a value.
    Source: Polyak 1987, Introduction to Optimization, §5.3. Dialect: with lr = 1/c after it, SPS_max of Loizou et al.
    2021, arXiv:2002.10542, with c γ for its bound (there γ bounds the whole step, here what lr multiplies); with
    max_step = η, ALI-G of Berrada, Zisserman & Kumar 2020, arXiv:1906.05661, eq. 4. Equal to optax's scale_by_polyak,
    variant "sps+", but for its step of 0 where ‖u‖² is below the rounding unit.

    >>> import numpy as np
    >>> from steepest.formula import chain
    >>> r = chain(scale_by_polyak_step(), learning_rate(lr=1.0))
    >>> p = np.array([3.0])
    >>> r.update(p, 2 * p, r.init(p), value=9.0)[0]
    array([1.5])
    """
    square = dot(u, u, over="model") + eps
    step = where(square > 0, maximum(value - lower, 0.0) / square, 0.0)
    return (step if max_step is None else minimum(step, max_step)) * u


@method
def polyak_step(
    lr: float | Schedule = 1.0,
    *,
    lower: float | Schedule = 0.0,
    max_step: float | Schedule | None = None,
    eps: float | Schedule = 0.0,
    weight_decay: float | Schedule = 0.0,
    decay: Decay = "lr",
    exempt: Exempt = "none",
) -> Rule:
    """Gradient descent with Polyak's step: p ← p − lr · min((f − f*) / (‖g‖² + ε), γ) g: see `scale_by_polyak_step`.

    lr in (0, ∞), a pure number: 1 for Polyak's own, 1/c of SPS (c = ½ for convex f gives lr = 2); lower = f* or a bound
    below it, a real number; max_step = γ in (0, ∞) or None; eps = ε in [0, ∞); weight_decay in [0, ∞), placed by
    `decay` but where `exempt`. Needs the value.
    Source: Polyak 1987; Loizou, Vaswani, Laradji & Lacoste-Julien 2021, arXiv:2002.10542.

    >>> polyak_step(max_step=1.0).hyperparameters()["learning_rate.lr"]
    1.0
    """
    scaling = scale_by_polyak_step(lower=lower, max_step=max_step, eps=eps)
    return decayed((scaling,), learning_rate(lr=lr), decay, weight_decay, exempt)
