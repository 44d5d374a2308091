"""Slow references, coordinate by coordinate, from the definitions: sums over the history, no recurrence."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Literal

import numpy as np
from rule_field import Arrays, Field

History = list[float]
"""What has come in up to now, the newest last."""
Scaling = Callable[[History], float]
Decay = Literal["l2", "lr", "independent"]


def adam(seen: History, *, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8, amsgrad: bool = False) -> float:
    """Both averages as weighted means of all that was seen; amsgrad: the largest uncorrected one so far."""
    squares = [u * u for u in seen]
    second = weighted(squares, beta2)
    if amsgrad:
        missing = 1 - beta2 ** len(seen)
        second = max(decayed_sum(squares[: t + 1], beta2, 1 - beta2) for t in range(len(seen))) / missing
    return weighted(seen, beta1) / (math.sqrt(second) + eps)


def rms(
    seen: History,
    *,
    beta: float = 0.99,
    eps: float = 1e-8,
    centered: bool = False,
    eps_position: str = "outside",
) -> float:
    second = decayed_sum([u * u for u in seen], beta, 1 - beta)
    if centered:
        second -= decayed_sum(seen, beta, 1 - beta) ** 2
    return seen[-1] / (math.sqrt(second + eps) if eps_position == "inside" else math.sqrt(second) + eps)


def adagrad(seen: History, *, initial: float = 0.0, eps: float = 1e-10) -> float:
    return seen[-1] / (math.sqrt(initial + math.fsum(u * u for u in seen)) + eps)


def lion(seen: History, *, beta1: float = 0.9, beta2: float = 0.99) -> float:
    before = decayed_sum(seen[:-1], beta2, 1 - beta2)
    return math.copysign(1.0, mixed) if (mixed := beta1 * before + (1 - beta1) * seen[-1]) else 0.0


def uncorrected_adam(seen: History, *, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-6) -> float:
    second = decayed_sum([u * u for u in seen], beta2, 1 - beta2)
    return decayed_sum(seen, beta1, 1 - beta1) / (math.sqrt(second) + eps)


def radam(
    seen: History,
    *,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    threshold: float = 5.0,
    eps_position: str = "uncorrected",
    unrectified: str = "momentum",
) -> float:
    """The root of a mean square of n normal numbers varies by n / (2 (n − 2) (n − 4)) in its inverse; r makes up."""
    mean = weighted(seen, beta1)
    length = simple_length(beta2, len(seen))
    if not length > threshold:
        return mean if unrectified == "momentum" else 0.0
    second = weighted([u * u for u in seen], beta2)
    missing = (1 - beta2) * math.fsum(beta2**age for age in range(len(seen)))
    if eps_position == "uncorrected":
        eps /= math.sqrt(missing)
    return rectified(beta2, length) * mean / (math.sqrt(second) + eps)


def adabelief(
    seen: History,
    *,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-16,
    eps_root: float | None = None,
    rectify: bool = False,
) -> float:
    """Squares are of what each gradient differs from the average that holds it already; ε₀ enters with every one."""
    strays = [u - decayed_sum(seen[: t + 1], beta1, 1 - beta1) for t, u in enumerate(seen)]
    inside = eps if eps_root is None else eps_root
    second = decayed_sum([d * d for d in strays], beta2, 1 - beta2) + decayed_sum([inside] * len(seen), beta2, 1.0)
    missing = (1 - beta2) * math.fsum(beta2**age for age in range(len(seen)))
    if not rectify:
        return weighted(seen, beta1) / (math.sqrt(second / missing) + eps)
    length = simple_length(beta2, len(seen))
    if not length > 5:
        return weighted(seen, beta1)
    return rectified(beta2, length) * weighted(seen, beta1) * math.sqrt(missing) / (math.sqrt(second) + eps)


def simple_length(beta: float, count: int) -> float:
    """Of the simple average of as many of the last numbers, whose mean age is that of the exponential one's weights."""
    weights = [beta**age for age in range(count)]
    return 1 + 2 * math.fsum(age * w for age, w in enumerate(weights)) / math.fsum(weights)


def rectified(beta: float, length: float) -> float:
    """How much wider the inverse root varies now than in the limit, as a factor for the step."""

    def variance(n: float) -> float:
        return n / (2 * (n - 2) * (n - 4))

    return math.sqrt(variance(1 + 2 * beta / (1 - beta)) / variance(length))


def momentum(seen: History, *, beta: float = 0.9, dampening: float = 0.0, nesterov: bool = False) -> float:
    """The first update enters undamped, every later one times 1 − τ."""
    first, *later = seen
    v = beta ** len(later) * first + decayed_sum(later, beta, 1 - dampening)
    return seen[-1] + beta * v if nesterov else v


def average_momentum(seen: History, *, beta: float = 0.9) -> float:
    return decayed_sum(seen, beta, 1 - beta)


def accumulated(seen: History, *, beta: float = 0.9) -> float:
    return decayed_sum(seen, beta, 1.0)


def clip_value(seen: History, *, max_value: float) -> float:
    return sorted((-max_value, seen[-1], max_value))[1]


def identity(seen: History) -> float:
    return seen[-1]


def weighted(values: History, beta: float) -> float:
    """The mean with weights βᵃᵍᵉ."""
    return decayed_sum(values, beta, 1.0) / math.fsum(beta**age for age in range(len(values)))


def decayed_sum(values: History, beta: float, factor: float) -> float:
    """Σ factor · βᵃᵍᵉ · value."""
    return math.fsum(factor * beta**age * x for age, x in enumerate(reversed(values)))


def descend(
    field: Field,
    scaling: Scaling = identity,
    *,
    lr: float,
    after: Scaling = identity,
    look_ahead: float | None = None,
    weight_decay: float = 0.0,
    decay: Decay = "l2",
    exempt: str = "none",
) -> list[Arrays]:
    """Every iterate, coordinate by coordinate.

    scaling: of the history before the learning rate. after: of the history after it. look_ahead: β, where the
    gradient is taken at p − β v and v is the last step.
    """
    path: list[Arrays] = [{} for _ in range(field.steps + 1)]
    for name, start in field.start.items():
        share = 0.0 if exempt == "vectors" and start.ndim < 2 else weight_decay
        iterates = [np.empty_like(start) for _ in path]
        for index in np.ndindex(start.shape):
            slope = float(field.slope[name][index])
            p, step, seen, steps = float(start[index]), 0.0, [], []
            iterates[0][index] = p
            for k in range(field.steps):
                where = p if look_ahead is None else p - look_ahead * step
                u = float(field.noise[k][name][index]) + slope * where
                seen.append(u + share * p if decay == "l2" else u)
                u = lr * (scaling(seen) + (share * p if decay == "lr" else 0.0))
                steps.append(u + share * p if decay == "independent" else u)
                step = after(steps)
                p -= step
                iterates[k + 1][index] = p
        for k, iterate in enumerate(iterates):
            path[k][name] = iterate
    return path


Direction = Callable[[list[History], list[float], bool], list[float]]
"""Of each coordinate's history, the tensor's coordinates, and whether it is exempt."""


def by_tensor(
    field: Field,
    direction: Direction,
    after: Scaling = identity,
    *,
    l2: float = 0.0,
    independent: float = 0.0,
    exempt: str = "none",
) -> list[Arrays]:
    """Every iterate, tensor by tensor.

    A step is `after` of each coordinate's history of what `direction` gave. l2: the share of p in the gradients that
    it has seen. independent: the share of p that is lost besides.
    """
    path: list[Arrays] = [{} for _ in range(field.steps + 1)]
    for name, start in field.start.items():
        p, slopes = start.ravel().tolist(), field.slope[name].ravel().tolist()
        spared = exempt == "vectors" and start.ndim < 2
        seen: list[History] = [[] for _ in p]
        given: list[History] = [[] for _ in p]
        path[0][name] = np.array(start)
        for k in range(field.steps):
            noise = field.noise[k][name].ravel().tolist()
            for i, x in enumerate(p):
                seen[i].append(noise[i] + slopes[i] * x + (0.0 if spared else l2) * x)
            for history, x in zip(given, direction(seen, p, spared), strict=True):
                history.append(x)
            lost = 0.0 if spared else independent
            p = [x - after(history) - lost * x for x, history in zip(p, given, strict=True)]
            path[k + 1][name] = np.reshape(p, start.shape)
    return path


def length(values: list[float]) -> float:
    return math.sqrt(math.fsum(x * x for x in values))


def trust_ratio(
    field: Field,
    scaling: Scaling = identity,
    *,
    lr: float,
    trust_coefficient: float = 1.0,
    ratio_eps: float = 0.0,
    max_norm: float = math.inf,
    weight_decay: float = 0.0,
    decay: Decay = "lr",
    exempt: str = "none",
) -> list[Arrays]:
    """A scaling and the tensor's own length; weight decay before the scaling, within the norm, or beside it."""

    def direction(seen: list[History], p: list[float], spared: bool) -> list[float]:
        share = weight_decay if decay == "lr" and not spared else 0.0
        u = [scaling(history) + share * x for history, x in zip(seen, p, strict=True)]
        size = min(length(p), max_norm)
        ratio = 1.0 if spared or 0 in {size, length(u)} else trust_coefficient * size / (length(u) + ratio_eps)
        return [lr * ratio * x for x in u]

    l2, independent = (weight_decay if decay == place else 0.0 for place in ("l2", "independent"))
    return by_tensor(field, direction, l2=l2, independent=independent, exempt=exempt)


def lars(
    field: Field,
    *,
    lr: float,
    beta: float = 0.9,
    trust_coefficient: float = 0.001,
    denominator: str = "sum",
    form: str = "velocity",
    nesterov: bool = False,
    weight_decay: float = 0.0,
    decay: Decay = "l2",
    exempt: str = "none",
) -> list[Arrays]:
    """Sums over the history of each tensor's scaled gradients; for constant lr the two forms are one."""
    assert form in {"velocity", "accumulate"}

    def direction(seen: list[History], p: list[float], spared: bool) -> list[float]:
        g = [history[-1] for history in seen]
        share = 0.0 if spared else weight_decay
        inside, beside = share if decay == "l2" else 0.0, share if decay == "lr" else 0.0
        u = [x + inside * y for x, y in zip(g, p, strict=True)]
        below = length(g) + inside * length(p) if denominator == "sum" else length(u)
        ratio = 1.0 if spared or 0 in {length(p), below} else trust_coefficient * length(p) / below
        return [lr * (ratio * x + beside * y) for x, y in zip(u, p, strict=True)]

    after = partial(momentum, beta=beta, nesterov=nesterov)
    independent = weight_decay if decay == "independent" else 0.0
    return by_tensor(field, direction, after, independent=independent, exempt=exempt)


def clip_norm(field: Field, *, lr: float, max_norm: float, over: str = "model") -> list[Arrays]:
    """Every iterate of clipped gradient descent."""
    path = [field.start]
    for k in range(field.steps):
        grads = field.at(k, path[-1])
        squares = {name: math.fsum(x * x for x in np.ravel(g).tolist()) for name, g in grads.items()}
        whole = math.sqrt(math.fsum(squares.values()))
        norms = {name: whole if over == "model" else math.sqrt(square) for name, square in squares.items()}
        shrink = {name: min(1.0, max_norm / (norms[name] + 1e-6)) for name in grads}
        path.append({name: p - lr * (shrink[name] * grads[name]) for name, p in path[-1].items()})
    return path


def exponential_average(path: list[Arrays], beta: float) -> Arrays:
    """βᵏ p₀ + Σ (1 − β) βᵃᵍᵉ p, over all iterates."""
    start, *later = path
    return {
        name: beta ** len(later) * p
        + sum((1 - beta) * beta**age * iterate[name] for age, iterate in enumerate(reversed(later)))
        for name, p in start.items()
    }


def mean_after(path: list[Arrays], start: int) -> Arrays:
    """The mean of the iterates after update start + 1, and the last one where there are none."""
    chosen = path[start + 1 :] or path[-1:]
    return {name: np.mean([iterate[name] for iterate in chosen], axis=0) for name in path[0]}
