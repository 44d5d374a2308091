"""DoG: distance over gradients, for the whole model and layer by layer."""

from __future__ import annotations

from steepest.core.schedule import Schedule
from steepest.formula import Positive, Rule, Slot, dot, maximum, method, norm, rule, sqrt, where
from steepest.rules.decay_weights import Decay, Exempt, decayed
from steepest.rules.learning_rate import learning_rate


@rule(slots=(Slot("p0", init="p"), Slot("distance", like="model"), Slot("squares", like="model")))
def scale_by_dog(u, p, p0, distance, squares, *, reps: Positive = 1e-6, eps: Positive = 1e-8):
    """Distance over gradients: u ← r / √G · u.

        r ← max(r, ‖p − p₀‖), from r = reps (1 + ‖p₀‖)          G ← G + ‖u‖², from G = ε

    Norms are Euclidean, over the model. Evaluate at an average of the iterates, as `polynomial_average`: without one
    the last iterate is noisy, for the step does not decay to 0.

    Shapes: u, p, p₀ alike; r and G one number each. Units: u comes out in those of p, r those of p, ε those of u².
    reps in (0, ∞), the first distance relative to 1 + ‖p₀‖: 1e-6, or 1e-4 with batch normalization; eps = ε in (0, ∞).
    Raises HyperparameterError for a value outside its range.
    Source: Ivgi, Hinder & Carmon 2023, arXiv:2302.12022, eq. 1 and Algorithm 1. Dialect: dog.DoG of the package
    dog-optimizer 1.0, whose reps is relative, as is its lr, which follows here.

    >>> import numpy as np
    >>> from steepest.formula import chain
    >>> r = chain(scale_by_dog(reps=0.1), learning_rate(lr=1.0))
    >>> p = np.array([3.0, 4.0])
    >>> r.update(p, np.array([0.0, 2.0]), r.init(p))[0].round(6)
    array([3. , 3.4])
    """
    rate, distance, squares = _rate(u, p, p0, distance, squares, reps, eps, "model")
    return rate * u, p0, distance, squares


@rule(slots=(Slot("p0", init="p"), Slot("distance", like="tensor"), Slot("squares", like="tensor")))
def scale_by_ldog(u, p, p0, distance, squares, *, reps: Positive = 1e-6, eps: Positive = 1e-8):
    """Layer-wise distance over gradients: `scale_by_dog` for each tensor alone: u ← r / √G · u.

        r ← max(r, ‖p − p₀‖), from r = reps (1 + ‖p₀‖)          G ← G + ‖u‖², from G = ε

    Shapes: u, p, p₀ alike; r and G one number a tensor. Units: u comes out in those of p, ε those of u².
    reps in (0, ∞); eps = ε in (0, ∞). Raises HyperparameterError for a value outside its range.
    Source: Ivgi, Hinder & Carmon 2023, arXiv:2302.12022, §4.1. Dialect: dog.LDoG of the package dog-optimizer 1.0.

    >>> import numpy as np
    >>> from steepest.formula import chain
    >>> r = chain(scale_by_ldog(reps=0.1), learning_rate(lr=1.0))
    >>> params = {"a": np.array([3.0, 4.0]), "b": np.array([1.0])}
    >>> after, _, _ = r.update(params, {"a": np.array([0.0, 2.0]), "b": np.array([5.0])}, r.init(params))
    >>> after["a"].round(6), after["b"].round(6)
    (array([3. , 3.4]), array([0.8]))
    """
    rate, distance, squares = _rate(u, p, p0, distance, squares, reps, eps, "tensor")
    return rate * u, p0, distance, squares


def _rate(u, p, p0, distance, squares, reps, eps, over):
    """The step size, and the two that it is made of."""
    distance = where(squares > 0, maximum(distance, norm(p - p0, over=over)), reps * (1 + norm(p0, over=over)))
    squares = where(squares > 0, squares, eps) + dot(u, u, over=over)
    return distance / sqrt(squares), distance, squares


@method
def dog(
    lr: float | Schedule = 1.0,
    *,
    reps: float | Schedule = 1e-6,
    eps: float | Schedule = 1e-8,
    weight_decay: float | Schedule = 0.0,
    decay: Decay = "l2",
    exempt: Exempt = "none",
) -> Rule:
    """DoG: SGD with the step distance over gradients: see `scale_by_dog`.

    The step is the distance gone over the root of the sum of squared gradients.
    lr in (0, ∞), a factor that is best left at 1; reps, eps in (0, ∞); weight_decay in [0, ∞), placed by `decay` but
    where `exempt`. For its best results put an average behind it: chain(dog(), polynomial_average()).
    Source: Ivgi, Hinder & Carmon 2023, arXiv:2302.12022.

    >>> [path for path, _ in dog().links()]
    ['scale_by_dog', 'learning_rate']
    """
    return decayed((scale_by_dog(reps=reps, eps=eps),), learning_rate(lr=lr), decay, weight_decay, exempt)


@method
def ldog(
    lr: float | Schedule = 1.0,
    *,
    reps: float | Schedule = 1e-6,
    eps: float | Schedule = 1e-8,
    weight_decay: float | Schedule = 0.0,
    decay: Decay = "l2",
    exempt: Exempt = "none",
) -> Rule:
    """Layer-wise DoG: each tensor by its own distance: see `scale_by_ldog`.

    lr in (0, ∞), a factor that is best left at 1; reps, eps in (0, ∞); weight_decay in [0, ∞), placed by `decay` but
    where `exempt`. For its best results put an average behind it: chain(ldog(), polynomial_average()).
    Source: Ivgi, Hinder & Carmon 2023, arXiv:2302.12022, §4.1.

    >>> [path for path, _ in ldog().links()]
    ['scale_by_ldog', 'learning_rate']
    """
    return decayed((scale_by_ldog(reps=reps, eps=eps),), learning_rate(lr=lr), decay, weight_decay, exempt)
