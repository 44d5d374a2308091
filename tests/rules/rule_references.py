"""Slow references, coordinate by coordinate, from the definitions: sums over the history, no recurrence."""

from __future__ import annotations

import math
from collections.abc import Callable
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
