"""Slow references of elementwise adaptive, sign and layer-wise rules: from the definitions, over whole histories."""

from __future__ import annotations

import math
from functools import partial
from itertools import pairwise

import numpy as np
from rule_field import Arrays, Field
from rule_references import History, Scaling, by_tensor, decayed_sum, descend, mean_after, momentum, weighted


def adadelta(seen: History, *, rho: float = 0.9, eps: float = 1e-6) -> float:
    """Every update needs the mean square of all before it."""
    updates: History = []
    for t in range(len(seen)):
        gradients = decayed_sum([u * u for u in seen[: t + 1]], rho, 1 - rho)
        before = decayed_sum([u * u for u in updates], rho, 1 - rho)
        updates.append(math.sqrt(before + eps) / math.sqrt(gradients + eps) * seen[t])
    return updates[-1]


def adamax(seen: History, *, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8) -> float:
    """The largest of all gradients, each faded by its age."""
    return weighted(seen, beta1) / max(beta2**age * (abs(u) + eps) for age, u in enumerate(reversed(seen)))


def amsgrad(
    seen: History,
    *,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    maximum_of: str = "uncorrected",
) -> float:
    squares = [u * u for u in seen]
    heads = [squares[: t + 1] for t in range(len(seen))]
    if maximum_of == "corrected":
        second = max(weighted(head, beta2) for head in heads)
    else:
        second = max(decayed_sum(head, beta2, 1 - beta2) for head in heads) / (1 - beta2 ** len(seen))
    return weighted(seen, beta1) / (math.sqrt(second) + eps)


def nadam(
    seen: History,
    *,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    momentum_decay: float = 0.004,
    momentum: str = "warmed",
) -> float:
    """Of a momentum that warms up, all factors up to the next step are multiplied."""
    count = len(seen)
    factors = [beta1] * (count + 1)
    if momentum == "warmed":
        factors = [beta1 - beta1 * 0.96 ** (momentum_decay * k) / 2 for k in range(1, count + 2)]
    ahead = factors[-1] * decayed_sum(seen, beta1, 1 - beta1) / (1 - math.prod(factors))
    here = (1 - factors[-2]) * seen[-1] / (1 - math.prod(factors[:-1]))
    return (ahead + here) / (math.sqrt(weighted([u * u for u in seen], beta2)) + eps)


def adabound(
    seen: History,
    *,
    final_ratio: float = 100.0,
    gamma: float = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    amsbound: bool = False,
) -> float:
    """The median of a rate and its two bounds."""
    squares, k = [u * u for u in seen], len(seen)
    first = 0 if amsbound else k - 1
    second = max(decayed_sum(squares[: t + 1], beta2, 1 - beta2) for t in range(first, k))
    missing = [(1 - beta) * math.fsum(beta**age for age in range(k)) for beta in (beta1, beta2)]
    rate = math.sqrt(missing[1]) / missing[0] / (math.sqrt(second) + eps)
    bounds = (final_ratio * gamma * k / (gamma * k + 1), final_ratio * (gamma * k + 1) / (gamma * k))
    return sorted((rate, *bounds))[1] * decayed_sum(seen, beta1, 1 - beta1)


def yogi(
    seen: History,
    *,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-3,
    initial: float = 0.0,
    bias_correction: bool = False,
) -> float:
    """Each square is added or taken away, by whether it is above what there is."""
    k = len(seen)
    first = initial * beta1**k + decayed_sum(seen, beta1, 1 - beta1)
    second = initial
    for u in seen:
        second += (1 - beta2) * (u * u if u * u > second else -u * u)
    if bias_correction:
        first, second = (x / ((1 - b) * math.fsum(b**age for age in range(k)))
                         for x, b in ((first, beta1), (second, beta2)))  # fmt: skip
    return first / (math.sqrt(second) + eps)


def adan(seen: History, *, beta1: float = 0.98, beta2: float = 0.92, beta3: float = 0.99, eps: float = 1e-8) -> float:
    changes = [0.0, *(new - old for old, new in pairwise(seen))]
    squares = [(u + beta2 * change) ** 2 for u, change in zip(seen, changes, strict=True)]
    return (weighted(seen, beta1) + beta2 * weighted(changes, beta2)) / (math.sqrt(weighted(squares, beta3)) + eps)


def ademamix(
    seen: History,
    *,
    beta1: float = 0.9,
    beta2: float = 0.999,
    beta3: float = 0.9999,
    alpha: float = 5.0,
    eps: float = 1e-8,
    warmup: int | None = None,
) -> float:
    """The weight of a gradient in the slow average is what all factors after it have left of it."""
    memories = [beta3] * len(seen)
    if warmup is not None:
        memories = [min(_warmed(beta1, beta3, k / warmup), beta3) if k < warmup else beta3
                    for k in range(1, len(seen) + 1)]  # fmt: skip
        alpha *= min(len(seen) / warmup, 1.0)
    slow = math.fsum(math.prod(memories[t + 1 :]) * (1 - memories[t]) * u for t, u in enumerate(seen))
    return (weighted(seen, beta1) + alpha * slow) / (math.sqrt(weighted([u * u for u in seen], beta2)) + eps)


def _warmed(beta1: float, beta3: float, x: float) -> float:
    """The factor whose time constant lies between that of β₁ and that of β₃; a factor of 0 has the time 0."""
    times = [-1 / math.log(beta) if beta else 0.0 for beta in (beta1, beta3)]
    return math.exp(-1 / time) if (time := (1 - x) * times[0] + x * times[1]) else 0.0


def sign(seen: History) -> float:
    return math.copysign(1.0, seen[-1]) if seen[-1] else 0.0


def signum(seen: History, *, beta: float = 0.9) -> float:
    return sign([decayed_sum(seen, beta, 1.0)])


def rprop(
    seen: History,
    *,
    eta_minus: float = 0.5,
    eta_plus: float = 1.2,
    min_ratio: float = 1e-4,
    max_ratio: float = 5e3,
) -> float:
    """Signs fall into runs; a turn ends one, is itself not followed, and the size after it waits for one more step."""
    size, followed = 1.0, [0.0]
    for u in seen:
        turned, kept = followed[-1] * u < 0, followed[-1] * u > 0
        size *= eta_minus if turned else eta_plus if kept else 1.0
        size = sorted((min_ratio, size, max_ratio))[1] if min_ratio <= max_ratio else max_ratio
        followed.append(0.0 if turned else sign([u]))
    return size * followed[-1]


def proximal(
    field: Field, scaling: Scaling, *, lr: float, weight_decay: float = 0.0, exempt: str = "none"
) -> list[Arrays]:
    """The point is divided by 1 + lr λ after the step."""

    def direction(seen: list[History], p: list[float], spared: bool) -> list[float]:
        share = 0.0 if spared else weight_decay
        return [x - (x - lr * scaling(history)) / (1 + lr * share) for history, x in zip(seen, p, strict=True)]

    return by_tensor(field, direction, exempt=exempt)


def adan_path(field: Field, *, decay: str = "proximal", **settings: float) -> list[Arrays]:
    own = {name: settings.pop(name) for name in ("beta1", "beta2", "beta3", "eps") if name in settings}
    if decay == "proximal":
        return proximal(field, partial(adan, **own), **settings)  # type: ignore[arg-type]
    return descend(field, partial(adan, **own), decay=decay, **settings)  # type: ignore[arg-type]


def sparse_adam(
    seen: History,
    *,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    zeros: str = "absent",
) -> float:
    """The averages are over what was not zero, the bias corrections over all."""
    there = [u for u in seen if u != 0 or zeros == "present"]
    if zeros == "absent" and seen[-1] == 0:
        return 0.0
    first = decayed_sum(there, beta1, 1 - beta1) / (1 - beta1 ** len(seen))
    second = decayed_sum([u * u for u in there], beta2, 1 - beta2)
    return math.sqrt(1 - beta2 ** len(seen)) * first / (math.sqrt(second) + eps)


def thresholded(
    field: Field,
    scaling: Scaling,
    *,
    lr: float,
    below: float,
    weight_decay: float = 0.0,
    decay: str = "lr",
    exempt: str = "none",
) -> list[Arrays]:
    """Gradients that are smaller than `below` are zero, before an L2 term is added."""
    path = [field.start]
    seen: dict[tuple[str, tuple[int, ...]], History] = {}
    for k in range(field.steps):
        grads, after = field.at(k, path[-1]), {}
        for name, p in path[-1].items():
            share = 0.0 if exempt == "vectors" and p.ndim < 2 else weight_decay
            l2, lr_share, alone = (share if decay == place else 0.0 for place in ("l2", "lr", "independent"))
            after[name] = np.empty_like(p)
            for index in np.ndindex(p.shape):
                g, x = float(grads[name][index]), float(p[index])
                history = seen.setdefault((name, index), [])
                history.append((0.0 if abs(g) < below else g) + l2 * x)
                after[name][index] = x - lr * (scaling(history) + lr_share * x) - alone * x
        path.append(after)
    return path


def novograd(
    field: Field,
    *,
    lr: float,
    beta1: float = 0.0,
    beta2: float = 0.98,
    eps: float = 1e-8,
    gradient_averaging: bool = False,
    weight_decay: float = 0.0,
    decay: str = "lr",
    exempt: str = "none",
) -> list[Arrays]:
    """The first squared norm has the weight that the later ones have left over."""

    def direction(seen: list[History], p: list[float], spared: bool) -> list[float]:
        share = weight_decay if decay == "lr" and not spared else 0.0
        count = len(seen[0]) if seen else 0
        first, *later = [math.fsum(history[t] ** 2 for history in seen) for t in range(count)] or [0.0]
        second = beta2 ** len(later) * first + decayed_sum(later, beta2, 1 - beta2)
        scale = math.sqrt(second) + eps
        return [history[-1] / scale + share * x for history, x in zip(seen, p, strict=True)]

    def after(given: History) -> float:
        return lr * momentum(given, beta=beta1, dampening=beta1 if gradient_averaging else 0.0)

    l2, independent = (weight_decay if decay == place else 0.0 for place in ("l2", "independent"))
    return by_tensor(field, direction, after, l2=l2, independent=independent, exempt=exempt)


def asgd(
    field: Field,
    *,
    lr: float,
    lambd: float = 1e-4,
    alpha: float = 0.75,
    weight_decay: float = 0.0,
    decay: str = "l2",
    exempt: str = "none",
) -> list[Arrays]:
    """The rate is lr at the first update."""

    def direction(seen: list[History], p: list[float], spared: bool) -> list[float]:
        eta = lr * (1 + lambd * lr * (len(seen[0]) - 1)) ** -alpha
        share = 0.0 if spared or decay == "independent" else weight_decay
        return [eta * (history[-1] + (lambd + share) * x) for history, x in zip(seen, p, strict=True)]

    return by_tensor(field, direction, independent=weight_decay if decay == "independent" else 0.0, exempt=exempt)


def asgd_mean(path: list[Arrays], t0: int) -> Arrays:
    """Of the iterates after update t₀ + 2, t₀ + 3, …"""
    return mean_after(path, t0 + 1)
