"""Stochastic gradients, subgradients, SVRG and SAGA: least squares in a few variables, drawn with fixed seeds."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np

from steepest.core.facts import Averaging, MethodFacts, ProblemFacts, StepRule
from steepest.lab.verification.case import Case, Vector, along, table_of
from steepest.trace import Trace

_SEEDS: Final = range(40)
_ROUNDS: Final = 200


@dataclass(frozen=True)
class Terms:
    """f = mean of fᵢ(x) = ½ aᵢ (x − cᵢ)² + …, separable, so that everything is known in closed form."""

    curvatures: Vector
    centres: Vector

    @property
    def n(self) -> int:
        return len(self.curvatures)

    @property
    def minimizer(self) -> Vector:
        return np.asarray((self.curvatures * self.centres).sum(axis=0) / self.curvatures.sum(axis=0))

    def value(self, x: Vector) -> float:
        return float((self.curvatures * (x - self.centres) ** 2).sum() / (2 * self.n))

    def term(self, i: int, x: Vector) -> float:
        return float((self.curvatures[i] * (x - self.centres[i]) ** 2).sum() / 2)

    def gradient(self, i: int, x: Vector) -> Vector:
        return np.asarray(self.curvatures[i] * (x - self.centres[i]))

    def full(self, x: Vector) -> Vector:
        return np.asarray((self.curvatures * (x - self.centres)).mean(axis=0))

    def facts(self, start: Vector, radius: float) -> ProblemFacts:
        """Constants; G bounds gradients within `radius` of the minimizer."""
        x = self.minimizer
        noise = math.sqrt(np.mean([np.sum(self.gradient(i, x) ** 2) for i in range(self.n)]))
        steepest = max(float(np.linalg.norm(self.gradient(i, x))) for i in range(self.n))
        L, mu = float(self.curvatures.max()), float(self.curvatures.min())
        return ProblemFacts(
            "strongly convex",
            L=L,
            mu=mu,
            R=float(np.linalg.norm(start - x)),
            f_star=self.value(x),
            D=2 * radius,
            G=steepest + L * radius,
            sigma=noise,
            n=self.n,
            oracle="stochastic",
            source="exact",
        )


def cases() -> Iterator[Case]:
    """All cases of these families."""
    terms, start, radius = _terms(spread=1.0), np.array([1.0, -1.0]), 2.0
    facts = terms.facts(start, radius)
    sgd = MethodFacts("gradient-descent", projected=True)
    G, mu, L = facts.G or 1.0, facts.mu or 1.0, facts.L or 1.0
    steps: tuple[tuple[str, float, StepRule, Averaging], ...] = (
        ("sgd-convex-constant", 0.1, "constant", "uniform"),
        ("sgd-convex-decreasing", 2 * radius / (math.sqrt(2) * G), "1/√t", "uniform"),
        ("sgd-strongly-convex-distance", 1 / mu, "1/t", "none"),
        ("sgd-strongly-convex-average", 1 / mu, "1/t", "uniform"),
        ("sgd-strongly-convex-weighted", 2 / mu, "1/(t+1)", "weights t"),
        ("sgd-smooth-constant", 0.5 / L, "constant", "none"),
        ("sgd-one-step", 0.5 / L, "constant", "none"),
    )
    for name, step, rule, averaging in steps:
        method = replace(sgd, step=step, step_rule=rule, averaging=averaging)
        # The theorems on smooth functions are stated without a projection.
        ball = math.inf if name in ("sgd-smooth-constant", "sgd-one-step") else radius
        runs = partial(_seeds, partial(_sgd, terms, start, step, rule, averaging, ball))
        yield Case(name, "40 seeds of least squares", method, facts, runs)
    calm = _terms(spread=0.0)
    method = MethodFacts("gradient-descent", step=0.5 / L)
    runs = partial(_seeds, partial(_sgd, calm, start, 0.5 / L, "constant", "none", math.inf))
    yield Case("sgd-interpolation", "terms with one minimizer", method, calm.facts(start, radius), runs)
    count = 20
    kink = ProblemFacts("convex", f_star=0.0, G=1.0, R=1.0, source="exact")
    subgradient = MethodFacts("subgradient", step=1 / math.sqrt(count + 1))
    yield Case("subgradient-best", "max |xᵢ|", subgradient, kink, lambda: [_subgradient(count)], attained=True)
    inner = math.ceil(50 * L / mu)
    svrg = MethodFacts("svrg", step=1 / (10 * L), constants={"inner_steps": float(inner)})
    yield Case(
        "svrg",
        "40 seeds of least squares",
        svrg,
        facts,
        partial(_seeds, partial(_svrg, terms, start, 1 / (10 * L), inner)),
    )
    step = 1 / (2 * (mu * terms.n + L))
    saga = MethodFacts("saga", step=step)
    yield Case(
        "saga-strongly-convex",
        "40 seeds of least squares",
        saga,
        facts,
        partial(_seeds, partial(_saga, terms, start, step, mu)),
    )
    gap = terms.value(start) - terms.value(terms.minimizer)
    known = replace(facts, constants={"saga0": gap})
    runs = partial(_seeds, partial(_saga, terms, start, 1 / (3 * L), 0.0))
    averaged = MethodFacts("saga", step=1 / (3 * L), averaging="uniform")
    yield Case("saga-convex", "40 seeds of least squares", averaged, known, runs)


def _terms(spread: float) -> Terms:
    random = np.random.default_rng(7)
    return Terms(random.uniform(1.0, 4.0, (5, 2)), spread * random.uniform(-0.5, 0.5, (5, 2)))


def _seeds(made: Callable[[np.random.Generator], Trace]) -> Sequence[Trace]:
    return [made(np.random.default_rng(seed)) for seed in _SEEDS]


def _sgd(
    terms: Terms, x: Vector, step: float, rule: str, averaging: str, radius: float, random: np.random.Generator
) -> Trace:
    """T rounds; `average_value` at T is f of the average of x₁ … x_T, where x₁ is the start."""
    points, values = [x], [terms.value(x)]
    total, weight = np.zeros_like(x), 0.0
    for t in range(1, _ROUNDS + 1):
        share = float(t) if averaging == "weights t" else 1.0
        total, weight = total + share * x, weight + share
        rate = step * {"1/√t": t**-0.5, "1/t": 1 / t, "1/(t+1)": 1 / (t + 1)}.get(rule, 1.0)
        x = x - rate * terms.gradient(int(random.integers(terms.n)), x)
        away = float(np.linalg.norm(x - terms.minimizer))
        if away > radius:
            x = terms.minimizer + (x - terms.minimizer) * (radius / away)
        points.append(x)
        values.append(terms.value(total / weight))
    if averaging == "none":
        return along(points, terms.value, minimizer=terms.minimizer)
    return table_of(len(values), {"value": values})


def _subgradient(steps: int) -> Trace:
    """On max |xᵢ| in N + 1 variables from a point with equal coordinates, where each step lowers one of them."""
    n = steps + 1
    x = np.full(n, 1 / math.sqrt(n))
    points = [x]
    for k in range(steps):
        x = x.copy()
        x[k] -= 1 / math.sqrt(n)
        points.append(x)
    return along(points, lambda x: float(np.abs(x).max()), minimizer=np.zeros(n))


def _svrg(terms: Terms, x: Vector, step: float, inner: int, random: np.random.Generator) -> Trace:
    """Stages, each from its snapshot, which a random inner iterate becomes."""
    points = [x]
    for _ in range(6):
        snapshot, mean = x, terms.full(x)
        path = []
        for i in random.integers(terms.n, size=inner).tolist():
            path.append(x)
            x = x - step * (terms.gradient(i, x) - terms.gradient(i, snapshot) + mean)
        x = path[int(random.integers(inner))]
        points.append(x)
    return along(points, terms.value, minimizer=terms.minimizer)


def _saga(terms: Terms, x: Vector, step: float, mu: float, random: np.random.Generator) -> Trace:
    """With V = mean of fᵢ(φᵢ) − fᵢ(x*) − ⟨∇fᵢ(x*), φᵢ − x*⟩, plus ‖x − x*‖²/(2α(1 − αμ)n)."""
    best = terms.minimizer
    table = [x] * terms.n
    weight = 1 / (2 * step * (1 - step * mu) * terms.n)

    def lyapunov() -> float:
        excess = [
            terms.term(i, phi) - terms.term(i, best) - float(terms.gradient(i, best) @ (phi - best))
            for i, phi in enumerate(table)
        ]
        return sum(excess) / terms.n + weight * float((x - best) @ (x - best))

    points, energies, means = [x], [lyapunov()], [terms.value(x)]
    total = np.zeros_like(x)
    for k in range(1, _ROUNDS + 1):
        i = int(random.integers(terms.n))
        mean = sum((terms.gradient(j, phi) for j, phi in enumerate(table)), np.zeros_like(x)) / terms.n
        x, table[i] = x - step * (terms.gradient(i, x) - terms.gradient(i, table[i]) + mean), x
        total = total + x
        points.append(x)
        energies.append(lyapunov())
        means.append(terms.value(total / k))
    if mu:
        return along(points, terms.value, minimizer=best, lyapunov=energies)
    away = [float(np.linalg.norm(p - best)) for p in points]
    return table_of(len(points), {"value": means, "distance": away})
