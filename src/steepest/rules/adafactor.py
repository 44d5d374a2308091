"""Adafactor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

from steepest.core.arrays import namespace
from steepest.core.errors import InputError
from steepest.core.ranges import Range
from steepest.core.schedule import Schedule
from steepest.formula import (
    LearningRate,
    NonNegative,
    Positive,
    Rule,
    Slot,
    chain,
    maximum,
    method,
    minimum,
    ndim,
    norm,
    partition,
    rule,
    size,
    sqrt,
    where,
)
from steepest.rules.decay_weights import Decay, Exempt, decay_weights
from steepest.rules.momentum import average_momentum

Floor = Literal["floor", "inside"]
EPS = 2.0**-23
"""Machine epsilon of float32, PyTorch's default there."""


def _rows(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (*shape[:-1], 1)


def _columns(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (*shape[:-2], 1, shape[-1])


def _fits(shape: tuple[int, ...], **others: object) -> str:
    return "" if len(shape) >= 2 else f"must have at least two dimensions to be factored, got shape {shape}"


@rule(slots=(Slot("r", like=_rows), Slot("c", like=_columns)), opaque=True, batched=True, fits=_fits)
def scale_by_factored_rms(u, r, c, k, *, exponent: Positive = 0.8, eps: Positive = EPS, eps_position: Floor = "floor"):
    """Adafactor's division by a factored root of second moments.

    With s = k^(−exponent), for each matrix of the last two dimensions, from r = c = 0:

        r ← r + s (mean of u² along rows − r)          c ← c + s (mean of u² along columns − c)
        u ← u / max(√(r c / max(mean r, ε)), ε)

    Only r and c are kept: one number a row and one a column. eps_position="inside": ε is added to u² before the means,
    and nothing has a floor: u ← u / √(r c / mean r). s starts at 1, so the first means are those of the first update.

    Shapes: u of two or more dimensions; r has length 1 in the last, c in the last but one. Units: u comes out a pure
    number. exponent in (0, ∞); eps in (0, ∞), of the units of u (floor; also of u² under the mean) or u² (inside).
    Raises InputError for a vector, by name: see `scale_by_decaying_rms`.
    Source: Shazeer & Stern 2018, arXiv:1804.04235, Algorithm 4. Dialect: "floor" is torch.optim.Adafactor's, for
    float32, as its ε is the machine epsilon of the parameter's dtype; "inside" is the paper's, optax's and Hugging
    Face's, with ε of 1e-30.

    >>> import numpy as np
    >>> from steepest.rules import learning_rate
    >>> step = chain(scale_by_factored_rms(), learning_rate(lr=1.0))
    >>> p, g = np.zeros((2, 2)), np.outer([3.0, 1.0], [5.0, -7.0])
    >>> step.update(p, g, step.init(p))[0]  # of rank one, so the factors are exact
    array([[-1.,  1.],
           [-1.,  1.]])
    """
    xp = namespace(u)
    if 0 in u.shape:
        return u, r, c
    share = float(k) ** -exponent
    squares = u * u + eps if eps_position == "inside" else u * u
    r = r + share * (xp.mean(squares, axis=-1, keepdims=True) - r)
    c = c + share * (xp.mean(squares, axis=-2, keepdims=True) - c)
    mean = xp.mean(r, axis=-2, keepdims=True)
    if eps_position == "inside":
        return u / xp.sqrt(r / mean) / xp.sqrt(c), r, c
    second = r * c / xp.clip(mean, eps, None)
    return u / xp.sqrt(xp.clip(second, eps * eps, None)), r, c


@rule(slots=(Slot("v", nonnegative=True),))
def scale_by_decaying_rms(u, v, k, *, exponent: Positive = 0.8, eps: Positive = EPS, eps_position: Floor = "floor"):
    """What Adafactor is for tensors that are not factored: v ← v + k^(−exponent) (u² − v); u ← u / max(√v, ε).

    eps_position="inside": ε is added to u², and nothing has a floor.

    Shapes: u, v alike. Units: u comes out a pure number. exponent, eps in (0, ∞).
    Raises HyperparameterError for a value outside its range.
    Source: Shazeer & Stern 2018, arXiv:1804.04235, Algorithm 5. Dialect: torch.optim.Adafactor's for vectors.

    >>> import numpy as np
    >>> from steepest.rules import learning_rate
    >>> step = chain(scale_by_decaying_rms(), learning_rate(lr=1.0))
    >>> step.update(np.zeros(2), np.array([3.0, -0.1]), step.init(np.zeros(2)))[0]
    array([-1.,  1.])
    """
    squares = u * u + eps if eps_position == "inside" else u * u
    v = v + k**-exponent * (squares - v)
    return u / (sqrt(v) if eps_position == "inside" else maximum(sqrt(v), eps)), v


@rule
def clip_rms(u, *, threshold: Positive = 1.0):
    """Clipping by the root mean square of each tensor: u ← u / max(1, RMS(u) / d).

    Shapes: any. Units: d those of u. threshold = d in (0, ∞). An empty tensor stays as it is.
    Raises HyperparameterError for a value outside its range.
    Source: Shazeer & Stern 2018, arXiv:1804.04235, §6. Dialect: torch.optim.Adafactor's.

    >>> import numpy as np
    >>> from steepest.rules import learning_rate
    >>> step = chain(clip_rms(threshold=0.5), learning_rate(lr=1.0))
    >>> step.update(np.zeros(2), np.array([1.0, -1.0]), step.init(np.zeros(2)))[0]
    array([-0.5,  0.5])
    """
    return u / maximum(1.0, norm(u) / (sqrt(maximum(size(u), 1)) * threshold))


@rule(sets_step=True)
def relative_step(
    u,
    p,
    k,
    *,
    lr: LearningRate = 0.01,
    eps: NonNegative = 1e-3,
    relative: bool = True,
    scale_parameter: bool = True,
):
    """Adafactor's step: u ← max(ε, RMS(p)) ρ u, with ρ = min(lr, 1/√k).

    The step is a share of the tensor's own size. relative=False: ρ = lr. scale_parameter=False: without max(ε, RMS(p)).

    Shapes: u, p alike. Units: ρ is a pure number. lr in (0, ∞); eps in [0, ∞), of the units of p.
    Raises HyperparameterError for a value outside its range.
    Source: Shazeer & Stern 2018, arXiv:1804.04235, §8. Dialect: torch.optim.Adafactor's.

    >>> import numpy as np
    >>> step = relative_step(lr=0.5)
    >>> step.update(np.array([2.0]), np.array([1.0]), step.init(np.array([2.0])))[0]
    array([1.])
    """
    rho = minimum(lr, 1 / sqrt(k)) if relative else lr
    return (maximum(eps, norm(p) / sqrt(maximum(size(p), 1))) * rho if scale_parameter else rho) * u


@rule
def decay_by_rate(u, p, *, lr: LearningRate, weight_decay: NonNegative = 0.0, exempt: Exempt = "none"):
    """Weight decay times a learning rate that the update does not have: u ← u + lr λ p.

    It stands at the end of a chain whose step is not lr itself. exempt="vectors" spares tensors with fewer than two
    dimensions.

    Shapes: u, p alike. Units: lr λ a pure number. lr in (0, ∞), a schedule may reach 0; weight_decay = λ in [0, ∞).
    Raises HyperparameterError for a value outside its range.
    Source: Loshchilov & Hutter 2019, arXiv:1711.05101. Dialect: torch.optim.Adafactor's.

    >>> import numpy as np
    >>> step = chain(relative_step(lr=0.5), decay_by_rate(lr=0.5, weight_decay=0.1))
    >>> step.update(np.array([2.0]), np.array([1.0]), step.init(np.array([2.0])))[0]
    array([0.9])
    """
    lambda_p = where(ndim(p) <= 1, 0.0, weight_decay) if exempt == "vectors" else weight_decay
    return u + lr * lambda_p * p


@method(relative_step__eps="eps2", scale_by_factored_rms__eps="eps1", scale_by_decaying_rms__eps="eps1",
        clip_rms__threshold="threshold", average_momentum__beta="momentum")  # fmt: skip
def adafactor(
    lr: float | Schedule = 0.01,
    *,
    exponent: float | Schedule = 0.8,
    eps1: float | Schedule = EPS,
    eps2: float | Schedule = 1e-3,
    eps_position: Floor = "floor",
    threshold: float | Schedule = 1.0,
    relative: bool = True,
    scale_parameter: bool = True,
    momentum: float | Schedule = 0.0,
    min_size: int = 1,
    weight_decay: float | Schedule = 0.0,
    decay: Decay = "lr",
    exempt: Exempt = "none",
) -> Rule:
    """Adafactor: second moments in a row and a column.

        factored (or, for vectors, plain) root of second moments, whose average forgets as k^(−exponent);
        u ← u / max(1, RMS(u) / threshold);    p ← p − max(ε₂, RMS(p)) min(lr, 1/√k) u − lr λ p

    See `scale_by_factored_rms`, `clip_rms`, `relative_step`. momentum: where it is not 0, an average of the steps
    follows, not corrected for its start. min_size: tensors are factored in their last two dimensions where both have at
    least so many elements.

    lr in (0, ∞), a pure number where scale_parameter; exponent, eps1, threshold in (0, ∞); eps2 in [0, ∞); momentum in
    [0, 1); min_size in {1, 2, …}; weight_decay = λ in [0, ∞), placed by `decay` but where `exempt` ("lr": times lr, and
    p is that before the step; momentum does not average it).
    Source: Shazeer & Stern 2018, arXiv:1804.04235. Dialect: torch.optim.Adafactor, its defaults, for float32 (for
    another dtype give its machine epsilon as eps1). optax.adafactor is eps1=1e-30, eps_position="inside",
    relative=False, min_size=128, decay="independent", and factors the two longest dimensions; transformers.Adafactor is
    eps1=1e-30, eps_position="inside", lr=0.01.

    >>> r = adafactor()
    >>> r.part_of("weight", (3, 2)), r.part_of("bias", (3,))
    ('moments.factored', 'moments.elementwise')
    """
    if decay not in {"l2", "lr", "independent"}:
        raise InputError(f"decay must be 'l2', 'lr' or 'independent', got {decay!r}")
    least = int(Range(low=1, integer=True).check("adafactor", "min_size", min_size))
    moments = partition(
        IsFactored(least),
        factored=scale_by_factored_rms(exponent=exponent, eps=eps1, eps_position=eps_position),
        elementwise=scale_by_decaying_rms(exponent=exponent, eps=eps1, eps_position=eps_position),
    ).named("moments")
    step = relative_step(lr=lr, eps=eps2, relative=relative, scale_parameter=scale_parameter)
    averaged = () if momentum == 0.0 else (average_momentum(beta=momentum),)
    core = (moments, clip_rms(threshold=threshold), step, *averaged)
    plain = decay_weights(weight_decay=weight_decay, exempt=exempt)
    if weight_decay == 0:
        return chain(*core)
    if decay == "lr":
        return chain(*core, decay_by_rate(lr=lr, weight_decay=weight_decay, exempt=exempt))
    return chain(plain, *core) if decay == "l2" else chain(*core, plain)


@final
@dataclass(frozen=True)
class IsFactored:
    """Whether a tensor's second moments are factored: "factored", else "elementwise"."""

    min_size: int

    def __call__(self, name: str, shape: tuple[int, ...]) -> str:
        return "factored" if len(shape) >= 2 and min(shape[-2:]) >= self.min_size else "elementwise"
