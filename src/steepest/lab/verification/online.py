"""Online rounds: gradient descent, AdaGrad and AMSGrad against losses that change sides, and Adam's longest step."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

import numpy as np

from steepest.core.facts import MethodFacts, ProblemFacts, StepRule
from steepest.lab.verification.case import Case, Vector, table_of
from steepest.trace import Trace

_ROUNDS: Final = 100
Loss = tuple[Callable[[Vector], float], Callable[[Vector], Vector]]


def cases() -> Iterator[Case]:
    """All cases of these families."""
    facts = ProblemFacts("convex", D=2.0, G=1.0, source="exact")
    online = partial(MethodFacts, "online-gradient-descent", projected=True)
    tuned = 2 / math.sqrt(_ROUNDS)
    steps: tuple[tuple[str, float, StepRule], ...] = (
        ("online-constant", 0.3, "constant"),
        ("online-best-constant", tuned, "constant"),
        ("online-decreasing", 2.0, "1/√t"),
        ("online-decreasing-sharper", math.sqrt(2), "1/√t"),
        ("online-any-decreasing", 0.7, "1/√t"),
        ("online-zinkevich", 1.0, "1/√t"),
    )
    for name, step, rule in steps:
        for label, losses in (("slopes ±1 in blocks", _blocks()), ("random slopes", _random())):
            runs = partial(_one, _online, losses, step, rule)
            yield Case(name, f"{label} on [−1, 1]", online(step=step, step_rule=rule), facts, runs)
    strong = ProblemFacts("strongly convex", L=1.0, mu=1.0, D=2.0, G=2.0, source="exact")
    method = online(step=1.0, step_rule="1/t")
    runs = partial(_one, _online, _parabolas(), 1.0, "1/t")
    yield Case("online-strongly-convex", "½(x − c_t)² on [−1, 1]", method, strong, runs)
    box = ProblemFacts("convex", D=2.0, G=1.0, constants={"D_inf": 2.0}, source="exact")
    scaled = MethodFacts("adagrad", step=math.sqrt(2), projected=True)
    yield Case("adagrad", "random slopes on [−1, 1]", scaled, box, partial(_one, _adagrad, _random(), math.sqrt(2), ""))
    settings = {"beta1": 0.0, "beta2": 0.9}
    amsgrad = MethodFacts("amsgrad", step=0.5, step_rule="1/√t", projected=True, constants=settings)
    yield Case("amsgrad", "random slopes on [−1, 1]", amsgrad, box, partial(_one, _amsgrad, _random(), 0.5, "1/√t"))
    adam = MethodFacts("adam", step=0.1, constants={"beta1": 0.9, "beta2": 0.999})
    anything = ProblemFacts("unknown")
    longest = partial(_adam_steps, 0.1, 0.9, 0.999)
    yield Case("adam-step", "gᵢ ∝ (β₂/β₁)ⁱ", adam, anything, longest)
    yield Case("adam-step-corrected", "gᵢ ∝ (β₂/β₁)ⁱ", adam, anything, longest, attained=True)


def _one(play: Callable[[list[Loss], float, str], Trace], losses: list[Loss], step: float, rule: str) -> list[Trace]:
    return [play(losses, step, rule)]


def _blocks() -> list[Loss]:
    """Slopes that push to one side, then to the other."""
    return [_slope(1.0 if (t // 10) % 2 == 0 else -1.0) for t in range(_ROUNDS)]


def _random() -> list[Loss]:
    return [_slope(float(s)) for s in np.random.default_rng(5).uniform(-1, 1, _ROUNDS)]


def _parabolas() -> list[Loss]:
    centres = np.random.default_rng(6).uniform(-1, 1, _ROUNDS).tolist()
    return [(partial(_parabola, c), partial(_off, c)) for c in centres]


def _slope(s: float) -> Loss:
    return (lambda x: s * float(x[0])), (lambda x: np.array([s]))


def _parabola(c: float, x: Vector) -> float:
    return (float(x[0]) - c) ** 2 / 2


def _off(c: float, x: Vector) -> Vector:
    return x - c


def _rate(step: float, rule: str, t: int) -> float:
    return step * {"1/√t": t**-0.5, "1/t": 1 / t}.get(rule, 1.0)


def _online(losses: list[Loss], step: float, rule: str) -> Trace:
    x, played = np.array([1.0]), []
    for t, (_, gradient) in enumerate(losses, start=1):
        played.append(x)
        x = np.clip(x - _rate(step, rule, t) * gradient(x), -1, 1)
    return table_of(len(losses) + 1, {"regret": _regrets(losses, played)})


def _adagrad(losses: list[Loss], step: float, rule: str) -> Trace:
    x, total, played, norms = np.array([1.0]), np.zeros(1), [], [0.0]
    for _, gradient in losses:
        played.append(x)
        g = gradient(x)
        total = total + g**2
        x = np.clip(x - step * g / np.sqrt(total), -1, 1)
        norms.append(float(np.sqrt(total).sum()))
    return table_of(len(losses) + 1, {"regret": _regrets(losses, played), "coordinate_norms": norms})


def _amsgrad(losses: list[Loss], step: float, rule: str) -> Trace:
    x, v, most, total = np.array([1.0]), np.zeros(1), np.zeros(1), np.zeros(1)
    played, norms, roots = [], [0.0], [0.0]
    for t, (_, gradient) in enumerate(losses, start=1):
        played.append(x)
        g = gradient(x)
        v, total = 0.9 * v + 0.1 * g**2, total + g**2
        most = np.maximum(most, v)
        x = np.clip(x - _rate(step, rule, t) * g / np.sqrt(most), -1, 1)
        norms.append(float(np.sqrt(total).sum()))
        roots.append(float(np.sqrt(most).sum()))
    columns = {"regret": _regrets(losses, played), "coordinate_norms": norms, "root_moments": roots}
    return table_of(len(losses) + 1, columns)


def _regrets(losses: list[Loss], played: list[Vector]) -> list[float]:
    """Regret after 0, 1, …, T rounds, against the best of many fixed points."""
    grid = np.linspace(-1, 1, 2001)
    paid, fixed, found = 0.0, np.zeros_like(grid), [0.0]
    for (loss, _), x in zip(losses, played, strict=True):
        paid += loss(x)
        fixed = fixed + _over(loss, grid)
        found.append(paid - float(fixed.min()))
    return found


def _over(loss: Callable[[Vector], float], grid: Vector) -> Vector:
    """A loss of one variable over a grid: it is at most quadratic, so three values give it."""
    low, middle, high = (loss(np.array([x])) for x in (-1.0, 0.0, 1.0))
    return np.asarray(middle + (high - low) / 2 * grid + ((high + low) / 2 - middle) * grid**2)


def _adam_steps(step: float, beta1: float, beta2: float) -> list[Trace]:
    """The length of step N on the gradients that make it longest, each N with gradients of its own."""
    lengths = [math.nan]
    for count in range(1, 41):
        m = v = 0.0
        for i in range(1, count + 1):
            g = (beta2 / beta1) ** (i - count)
            m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g
        lengths.append(step * (m / (1 - beta1**count)) / math.sqrt(v / (1 - beta2**count)))
    return [table_of(len(lengths), {"step_length": lengths})]
