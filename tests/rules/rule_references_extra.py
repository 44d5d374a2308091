"""Slow references of rules that ask for more: over all coordinates in one list, from the definitions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from rule_case import Outcome
from rule_field import Arrays, Field
from rule_references import decayed_sum, momentum, weighted

Vector = np.ndarray
Decayed = Callable[[Vector, Vector], Vector]


class Flat:
    """A field with all tensors in one vector, one after another."""

    def __init__(self, field: Field) -> None:
        self.field = field
        self.names = list(field.start)
        self.shapes = {name: field.start[name].shape for name in self.names}
        self.start = self.join(field.start)
        self.tensor = np.concatenate([np.full(field.start[n].size, i) for i, n in enumerate(self.names)])
        self.vectors = np.concatenate([np.full(field.start[n].size, field.start[n].ndim < 2) for n in self.names])

    @property
    def steps(self) -> range:
        return range(self.field.steps)

    def join(self, arrays: Any) -> Vector:
        return np.concatenate([np.ravel(arrays[name]) for name in self.names])

    def split(self, x: Vector) -> Arrays:
        ends = np.cumsum([math.prod(self.shapes[name]) for name in self.names])[:-1]
        return {n: np.reshape(part, self.shapes[n]) for n, part in zip(self.names, np.split(x, ends), strict=True)}

    def gradient(self, k: int, x: Vector) -> Vector:
        return self.join(self.field.at(k, self.split(x)))

    def value(self, k: int, x: Vector) -> float:
        return self.field.value(k, self.split(x))

    def diagonal(self, k: int) -> Vector:
        return self.join(self.field.diagonal(k))

    def share(self, weight_decay: float, exempt: str) -> Vector:
        """The share of p that is lost, by coordinate."""
        return np.where(self.vectors & (exempt == "vectors"), 0.0, weight_decay)

    def outcome(self, points: Vector, answers: Vector | None = None) -> Outcome:
        return Outcome(self.split(points), None if answers is None else self.split(answers))


def history(values: list[Vector], scaling: Callable[..., float], **settings: Any) -> Vector:
    """A scaling of each coordinate's history."""
    return np.array([scaling([float(v[i]) for v in values], **settings) for i in range(len(values[0]))])


def _norm(x: Vector) -> float:
    return math.sqrt(math.fsum(float(v) ** 2 for v in x))


def sharpness(
    field: Field,
    *,
    lr: float,
    rho: float,
    eta: float | None = None,
    eps: float = 1e-12,
    fixed: str = "none",
    beta: float = 0.0,
    nesterov: bool = False,
    weight_decay: float = 0.0,
    decay: str = "l2",
    exempt: str = "none",
) -> Outcome:
    """SAM, and ASAM where there is an eta: momentum by gradients at the worst point nearby."""
    flat = Flat(field)
    p, seen, share = flat.start, [], flat.share(weight_decay, exempt)
    for k in flat.steps:
        g = flat.gradient(k, p)
        scale = np.ones_like(p) if eta is None else np.abs(p) + eta
        if eta is not None and fixed == "vectors":
            scale = np.where(flat.vectors, 1.0, scale)
        worst = p + rho * scale**2 * g / (_norm(scale * g) + eps)
        seen.append(flat.gradient(k, worst) + (share * p if decay == "l2" else 0.0))
        u = history(seen, momentum, beta=beta, nesterov=nesterov) if beta or nesterov else seen[-1]
        u = lr * (u + (share * p if decay == "lr" else 0.0)) + (share * p if decay == "independent" else 0.0)
        p = p - u
    return flat.outcome(p)


def accelerated(
    field: Field,
    *,
    lr: float,
    kappa: float | None = None,
    sequence: str = "fista",
    weight_decay: float = 0.0,
    decay: str = "l2",
    exempt: str = "none",
) -> Outcome:
    """x and y as textbooks have them: y = x + β (x − the x before), x after = y − lr ∇f(y)."""
    flat = Flat(field)
    share = flat.share(weight_decay, exempt)
    xs, theta = [flat.start, flat.start], 0.0
    for k in flat.steps:
        after = (1 + math.sqrt(1 + 4 * theta**2)) / 2
        beta = (theta - 1) / after
        if sequence == "linear":
            beta = (k - 1) / (k + 2)
        if kappa is not None:
            beta = (math.sqrt(kappa) - 1) / (math.sqrt(kappa) + 1)
        theta = after
        x = xs[-1]
        y = x + beta * (x - xs[-2])
        lost = (share if decay == "independent" else lr * share) * x
        xs.append(y - lr * flat.gradient(k, y) - lost)
    return flat.outcome(xs[-1])


def polyak(
    field: Field,
    *,
    lr: float,
    lower: float = 0.0,
    max_step: float | None = None,
    eps: float = 0.0,
    weight_decay: float = 0.0,
    decay: str = "lr",
    exempt: str = "none",
) -> Outcome:
    flat = Flat(field)
    p, share = flat.start, flat.share(weight_decay, exempt)
    for k in flat.steps:
        g = flat.gradient(k, p) + (share * p if decay == "l2" else 0.0)
        below = _norm(g) ** 2 + eps
        step = 0.0 if below == 0 else max(flat.value(k, p) - lower, 0.0) / below
        step = step if max_step is None else min(step, max_step)
        lost = {"l2": 0.0, "lr": lr, "independent": 1.0}[decay] * share * p
        p = p - lr * step * g - lost
    return flat.outcome(p)


def lookahead(field: Field, *, lr: float, every: int = 5, alpha: float = 0.5) -> Outcome:
    flat = Flat(field)
    slow = fast = flat.start
    for k in flat.steps:
        fast = fast - lr * flat.gradient(k, fast)
        if (k + 1) % every == 0:
            fast = slow = (1 - alpha) * slow + alpha * fast
    return flat.outcome(fast, slow)


def averaged(field: Field, *, lr: float, weights: Callable[[int], list[float]]) -> Outcome:
    """Gradient descent with the answer Σ w p, by the weights of all points, the start first."""
    flat = Flat(field)
    path = [flat.start]
    for k in flat.steps:
        path.append(path[-1] - lr * flat.gradient(k, path[-1]))
    shares = weights(len(path))
    return flat.outcome(path[-1], np.sum([w * p for w, p in zip(shares, path, strict=True)], axis=0))


def swa(field: Field, *, lr: float, start: int = 0, every: int = 1) -> Outcome:
    def weights(count: int) -> list[float]:
        chosen = list(range(start, count, every)) or [count - 1]
        return [1 / len(chosen) if i in chosen else 0.0 for i in range(count)]

    return averaged(field, lr=lr, weights=weights)


def polynomial_average(field: Field, *, lr: float, gamma: float = 8.0) -> Outcome:
    def weights(count: int) -> list[float]:
        taken = [1.0, *((gamma + 1) / (gamma + k) for k in range(1, count))]
        return [a * math.prod(1 - b for b in taken[i + 1 :]) for i, a in enumerate(taken)]

    return averaged(field, lr=lr, weights=weights)


def schedule_free(
    field: Field,
    *,
    lr: float,
    beta: float = 0.9,
    r: float = 0.0,
    weight_lr_power: float = 2.0,
    beta2: float | None = None,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    decay: str = "lr",
    exempt: str = "none",
) -> Outcome:
    """x is the weighted mean of all z, and y lies between the two; with beta2, steps are divided as Adam's."""
    flat = Flat(field)
    share = flat.share(weight_decay, exempt)
    x = y = z = flat.start
    zs, gradients = [], []
    for k in flat.steps:
        g = flat.gradient(k, y) + (share * y if decay == "l2" else 0.0)
        gradients.append(g)
        u = g if beta2 is None else g / (np.sqrt(history([v * v for v in gradients], weighted, beta=beta2)) + eps)
        z = z - lr * (u + (share * y if decay == "lr" else 0.0))
        zs.append(z)
        weights = [(i + 1) ** r * lr**weight_lr_power for i in range(k + 1)]
        x = np.sum([w / math.fsum(weights) * v for w, v in zip(weights, zs, strict=True)], axis=0)
        y = (1 - beta) * z + beta * x
    return flat.outcome(y, x)


def corrected_rms(seen: list[float], *, beta2: float = 0.999, eps: float = 1e-8) -> float:
    return seen[-1] / (math.sqrt(weighted([u * u for u in seen], beta2)) + eps)


def dadapt_sgd(
    field: Field,
    *,
    lr: float,
    beta: float = 0.0,
    d0: float = 1e-6,
    growth: float | None = None,
    weight_decay: float = 0.0,
    exempt: str = "none",
) -> Outcome:
    flat = Flat(field)
    p, share, d = flat.start, flat.share(weight_decay, exempt), d0
    terms, products = [np.zeros_like(p)], []
    for k in flat.steps:
        g = flat.gradient(k, p) + share * p
        if k == 0:
            first = _norm(g)
        rate = d * lr / first
        products.append(rate * math.fsum(g * np.sum(terms, axis=0)))
        terms.append(rate * g)
        s = np.sum(terms, axis=0)
        estimate = 2 * math.fsum(products) / _norm(s)
        d = max(d, estimate if growth is None else min(estimate, growth * d))
        p = beta * p + (1 - beta) * (flat.start - s)
    return flat.outcome(p)


def dadapt_adam(
    field: Field,
    *,
    lr: float,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    bias_correction: bool = False,
    d0: float = 1e-6,
    growth: float | None = None,
    weight_decay: float = 0.0,
    decay: str = "l2",
    exempt: str = "none",
) -> Outcome:
    flat = Flat(field)
    p, share, d = flat.start, flat.share(weight_decay, exempt), d0
    root = math.sqrt(beta2)
    gradients, steps, products = [], [], []
    for k in flat.steps:
        g = flat.gradient(k, p) + (share * p if decay == "l2" else 0.0)
        rate = d * lr * (math.sqrt(1 - beta2 ** (k + 1)) / (1 - beta1 ** (k + 1)) if bias_correction else 1.0)
        before = history([v * v for v in gradients], decayed_sum, beta=beta2, factor=1 - beta2) if k else 0 * p
        s = history(steps, decayed_sum, beta=root, factor=1 - root) if k else 0 * p
        products.append(rate * math.fsum(g * s / (np.sqrt(before) + eps)))
        gradients.append(g)
        steps.append(rate * g)
        size = math.fsum(np.abs(history(steps, decayed_sum, beta=root, factor=1 - root)))
        estimate = decayed_sum(products, root, 1 - root) / ((1 - root) * size) if size else 0.0
        d = max(d, estimate if growth is None else min(estimate, growth * d))
        second = history([v * v for v in gradients], decayed_sum, beta=beta2, factor=1 - beta2)
        lost = {"l2": 0.0, "lr": rate, "independent": 1.0}[decay] * share * p
        p = p - history(steps, decayed_sum, beta=beta1, factor=1 - beta1) / (np.sqrt(second) + eps) - lost
    return flat.outcome(p)


def dadapt_adagrad(
    field: Field,
    *,
    lr: float,
    beta: float = 0.0,
    eps: float = 1e-8,
    d0: float = 1e-6,
    growth: float | None = None,
    weight_decay: float = 0.0,
    exempt: str = "none",
) -> Outcome:
    flat = Flat(field)
    p, share, d = flat.start, flat.share(weight_decay, exempt), d0
    gradients, terms, products = [], [], []
    for k in flat.steps:
        g = flat.gradient(k, p) + share * p
        gradients.append(g)
        below = np.sqrt(1e-6 + np.sum([v * v for v in gradients], axis=0)) + eps
        terms.append(d * lr * g)
        products.append((d * lr) ** 2 * math.fsum(g * g / below))
        s = np.sum(terms, axis=0)
        size = math.fsum(np.abs(s))
        estimate = (math.fsum(s * s / below) - math.fsum(products)) / size
        d = max(d, estimate if growth is None else min(estimate, growth * d))
        p = beta * p + (1 - beta) * (flat.start - s / below)
    return flat.outcome(p)


def prodigy(
    field: Field,
    *,
    lr: float,
    beta1: float = 0.9,
    beta2: float = 0.999,
    beta3: float | None = None,
    eps: float = 1e-8,
    bias_correction: bool = False,
    safeguard_warmup: bool = False,
    d0: float = 1e-6,
    d_coef: float = 1.0,
    growth: float | None = None,
    weight_decay: float = 0.0,
    decay: str = "lr",
    exempt: str = "none",
) -> Outcome:
    flat = Flat(field)
    p, share = flat.start, flat.share(weight_decay, exempt)
    d, estimates = d0, [d0]
    beta3 = math.sqrt(beta2) if beta3 is None else beta3
    first, second, sums, products = [], [], [], []
    for k in flat.steps:
        g = flat.gradient(k, p) + (share * p if decay == "l2" else 0.0)
        rate = d * lr * (math.sqrt(1 - beta2 ** (k + 1)) / (1 - beta1 ** (k + 1)) if bias_correction else 1.0)
        products.append(d / d0 * rate * math.fsum(g * (flat.start - p)))
        first.append(d * g)
        second.append((d * g) ** 2)
        sums.append(d / d0 * (d if safeguard_warmup else rate) * g)
        size = math.fsum(np.abs(history(sums, decayed_sum, beta=beta3, factor=1.0)))
        estimate = d_coef * decayed_sum(products, beta3, 1.0) / size
        if d == d0:
            d = max(d, estimate)
        estimates.append(estimate)
        d = max(estimates) if growth is None else min(max(estimates), d * growth)
        m = history(first, decayed_sum, beta=beta1, factor=1 - beta1)
        v = history(second, decayed_sum, beta=beta2, factor=1 - beta2)
        lost = {"l2": 0.0, "lr": rate, "independent": 1.0}[decay] * share * p
        p = p - rate * m / (np.sqrt(v) + d * eps) - lost
    return flat.outcome(p)


def dog(
    field: Field,
    *,
    lr: float,
    reps: float = 1e-6,
    eps: float = 1e-8,
    layers: bool = False,
    weight_decay: float = 0.0,
    decay: str = "l2",
    exempt: str = "none",
) -> Outcome:
    """Each step by the whole path so far; layers: every tensor by itself."""
    flat = Flat(field)
    share = flat.share(weight_decay, exempt)
    parts = [flat.tensor == i for i in range(len(flat.names))] if layers else [np.full(flat.start.shape, True)]
    path, gradients = [flat.start], []
    for k in flat.steps:
        p = path[-1]
        gradients.append(flat.gradient(k, p) + (share * p if decay == "l2" else 0.0))
        after = p - {"l2": 0.0, "lr": lr, "independent": 1.0}[decay] * share * p
        for part in parts:
            far = max(reps * (1 + _norm(flat.start[part])), *(_norm((q - flat.start)[part]) for q in path))
            total = eps + math.fsum(_norm(g[part]) ** 2 for g in gradients)
            after = after - np.where(part, lr * far / math.sqrt(total) * gradients[-1], 0.0)
        path.append(after)
    return flat.outcome(path[-1])


def adahessian(
    field: Field,
    *,
    lr: float,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    power: float | None = None,
    every: int = 1,
    spatial: bool = False,
    weight_decay: float = 0.0,
    decay: str = "lr",
    exempt: str = "none",
) -> Outcome:
    flat = Flat(field)
    p, share = flat.start, flat.share(weight_decay, exempt)
    gradients, squares = [], []
    for k in flat.steps:
        gradients.append(flat.gradient(k, p) + (share * p if decay == "l2" else 0.0))
        if k % every == 0:
            h = flat.split(flat.diagonal(k))
            if spatial:
                for name, part in h.items():
                    if part.ndim > 2:
                        kernels = np.abs(part).reshape(*part.shape[:2], -1)
                        means = np.repeat(kernels.mean(axis=2), kernels.shape[2], axis=1)
                        h[name] = means.reshape(part.shape)
            squares.append(flat.join(h) ** 2)
        second = history(squares, weighted, beta=beta2)
        lost = {"l2": 0.0, "lr": lr, "independent": 1.0}[decay] * share * p
        p = p - lr * history(gradients, weighted, beta=beta1) / (second ** ((power or 1) / 2) + eps) - lost
    return flat.outcome(p)


def sophia(
    field: Field,
    *,
    lr: float,
    beta1: float = 0.96,
    beta2: float = 0.99,
    gamma: float = 0.01,
    eps: float = 1e-12,
    every: int = 10,
    weight_decay: float = 0.0,
    decay: str = "lr",
    exempt: str = "none",
) -> Outcome:
    flat = Flat(field)
    p, share = flat.start, flat.share(weight_decay, exempt)
    gradients, diagonals = [], []
    for k in flat.steps:
        gradients.append(flat.gradient(k, p) + (share * p if decay == "l2" else 0.0))
        if k % every == 0:
            diagonals.append(flat.diagonal(k))
        h = history(diagonals, decayed_sum, beta=beta2, factor=1 - beta2)
        m = history(gradients, decayed_sum, beta=beta1, factor=1 - beta1)
        step = np.clip(m / np.maximum(gamma * h, eps), -1, 1)
        lost = {"l2": 0.0, "lr": lr, "independent": 1.0}[decay] * share * p
        p = p - lr * step - lost
    return flat.outcome(p)


def by_unit(field: Field, *, lr: float, change: Callable[[Vector, Vector], Vector]) -> Outcome:
    """Gradient descent with gradients that are changed unit by unit: a row of what has rows, else the whole."""
    points = {name: np.array(p) for name, p in field.start.items()}
    for k in range(field.steps):
        for name, g in field.at(k, points).items():
            p = points[name]
            if p.ndim < 2:
                points[name] = p - lr * change(np.ravel(g), np.ravel(p)).reshape(p.shape)
            else:
                rows = [change(a.ravel(), b.ravel()).reshape(b.shape) for a, b in zip(g, p, strict=True)]
                points[name] = p - lr * np.array(rows).reshape(p.shape)
    return Outcome(points)


def agc(field: Field, *, lr: float, clipping: float = 0.01, eps: float = 1e-3) -> Outcome:
    def change(g: Vector, p: Vector) -> Vector:
        longest = clipping * max(_norm(p), eps)
        return g * (longest / _norm(g)) if _norm(g) > longest else g

    return by_unit(field, lr=lr, change=change)


def centralize(field: Field, *, lr: float) -> Outcome:
    flat = Flat(field)
    p = flat.start
    for k in flat.steps:
        parts = flat.split(flat.gradient(k, p))
        for name, g in parts.items():
            if g.ndim > 1:
                parts[name] = np.array([row - math.fsum(row.ravel()) / row.size for row in g])
        p = p - lr * flat.join(parts)
    return flat.outcome(p)
