"""What each schedule is, step after step: loops that count, where the library has closed forms."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

Values = list[float]


def constant(n: int, value: float) -> Values:
    return [value for _ in range(n)]


def step_decay(n: int, peak: float, every: int, factor: float) -> Values:
    return multi_step(n, peak, [m for m in range(1, n + 1) if m % every == 0], factor)


def multi_step(n: int, peak: float, milestones: Sequence[int], factor: float) -> Values:
    values, value = [], peak
    for k in range(n):
        if k in milestones:
            value *= factor
        values.append(value)
    return values


def exponential(n: int, peak: float, rate: float) -> Values:
    values, value = [], peak
    for _ in range(n):
        values.append(value)
        value *= math.exp(-rate)
    return values


def geometric(n: int, peak: float, steps: int, final: float) -> Values:
    values, value = [], peak
    for k in range(n):
        values.append(final if k >= steps else value)
        value *= (final / peak) ** (1 / steps)
    return values


def inverse_time(n: int, peak: float, rate: float) -> Values:
    values, denominator = [], 1.0
    for _ in range(n):
        values.append(peak / denominator)
        denominator += rate
    return values


def inverse_sqrt(n: int, peak: float, warmup: int) -> Values:
    return [peak * min(t / warmup, (warmup / t) ** 0.5) for t in range(1, n + 1)]


def noam(n: int, width: int, warmup: int, factor: float) -> Values:
    return [
        factor / math.sqrt(width) * min(1 / math.sqrt(t), t / (warmup * math.sqrt(warmup))) for t in range(1, n + 1)
    ]


def polynomial(n: int, peak: float, steps: int, power: float, final: float) -> Values:
    return [final + (peak - final) * math.pow((steps - min(k, steps)) / steps, power) for k in range(n)]


def linear(n: int, peak: float, steps: int, final: float) -> Values:
    values, value = [], peak
    for k in range(n):
        values.append(final if k >= steps else value)
        value += (final - peak) / steps
    return values


def cosine(n: int, peak: float, steps: int, final: float) -> Values:
    return [final + (peak - final) * math.cos(math.pi * min(k, steps) / steps / 2) ** 2 for k in range(n)]


def cosine_restarts(n: int, peak: float, period: int, growth: int, final: float) -> Values:
    values: Values = []
    while len(values) < n:
        values += cosine(period, peak, period, final)
        period *= growth
    return values[:n]


def linear_warmup(n: int, peak: float, warmup: int) -> Values:
    values, value = [], 0.0
    for k in range(n):
        value = peak if k >= warmup - 1 else value + peak / warmup
        values.append(value)
    return values


def _warm(n: int, peak: float, warmup: int, rest: Callable[[int], Values]) -> Values:
    return (linear_warmup(warmup, peak, warmup) + rest(n))[:n]


def warmup_cosine(n: int, peak: float, steps: int, warmup: int, final: float) -> Values:
    return _warm(n, peak, warmup, lambda m: cosine(m, peak, steps - warmup, final))


def warmup_linear(n: int, peak: float, steps: int, warmup: int, final: float) -> Values:
    return _warm(n, peak, warmup, lambda m: linear(m, peak, steps - warmup, final))


def warmup_stable_decay(n: int, peak: float, steps: int, warmup: int, decay: int, final: float, shape: str) -> Values:
    left = {
        "linear": lambda x: 1 - x,
        "sqrt": lambda x: 1 - math.sqrt(x),
        "cosine": lambda x: math.cos(math.pi * x / 2) ** 2,
        "square": lambda x: (1 - x) * (1 + x),
    }[shape]
    stable = [peak] * (steps - decay - warmup)
    falling = [final + (peak - final) * left(j / decay) for j in range(decay)]
    return _warm(n, peak, warmup, lambda m: stable + falling + [final] * m)


def one_cycle(
    n: int, peak: float, steps: int, warmup: int, initial: float, final: float, shape: str, phases: int
) -> Values:
    places = [0, warmup - 1, steps - 1] if phases == 2 else [0, warmup - 1, 2 * (warmup - 1), steps - 1]
    targets = [initial, peak, final] if phases == 2 else [initial, peak, initial, final]
    values = []
    for k in range(n):
        value = final
        for i in range(len(places) - 1):
            if places[i] <= k <= places[i + 1]:
                x = (k - places[i]) / (places[i + 1] - places[i])
                rise = math.sin(math.pi * x / 2) ** 2 if shape == "cosine" else x
                value = (1 - rise) * targets[i] + rise * targets[i + 1]
        values.append(value)
    return values


def cyclic(n: int, peak: float, initial: float, up: int, down: int, shape: str, factor: float) -> Values:
    values: Values = []
    amplitude = 1.0
    while len(values) < n:
        heights = [j / up for j in range(up)] + [1 - j / down for j in range(down)]
        values += [initial + (peak - initial) * h * amplitude for h in heights]
        amplitude *= 0.5 if shape == "triangular2" else 1.0
    if shape == "exp_range":
        return [initial + (v - initial) * math.prod([factor] * k) for k, v in enumerate(values[:n])]
    return values[:n]


def join(n: int, parts: Sequence[Any], at: Sequence[int]) -> Values:
    values: Values = []
    for part, begin, end in zip(parts, [0, *at], [*at, n], strict=True):
        values += [part(j) for j in range(end - begin)]
    return values[:n]


def scale(n: int, schedule: Any, factor: Any) -> Values:
    return [schedule(k) * (factor(k) if callable(factor) else factor) for k in range(n)]


def clip(n: int, schedule: Any, low: float | None, high: float | None) -> Values:
    low, high = -math.inf if low is None else low, math.inf if high is None else high
    return [sorted([low, schedule(k), high])[1] for k in range(n)]
