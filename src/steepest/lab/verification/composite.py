"""Composite and constrained problems: proximal and projected gradient, FISTA, Frank–Wolfe, method of multipliers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

import numpy as np

from steepest.core.facts import MethodFacts, ProblemFacts
from steepest.lab.verification.case import Case, Vector, along, table_of
from steepest.theory.vocabulary import momentum_t
from steepest.trace import Trace

_STEPS: Final = 40


def cases() -> Iterator[Case]:
    """All cases of these families."""
    flat, strong = _facts(0.0), _facts(0.25)
    for family, prox, label in (
        ("proximal-gradient", _shrink, "a lasso in 6 variables"),
        ("projected-gradient", _clip, "least squares on a box"),
    ):
        prefix = family.partition("-")[0]
        method = MethodFacts(family, step=1.0)
        for name in ("convex-textbook", "convex"):
            runs = lambda prox=prox: [_proximal(prox, 0.0, momentum=None)]  # noqa: E731
            yield Case(f"{prefix}-{name}", label, method, _from(prox, 0.0, flat), runs)
        runs = lambda prox=prox: [_proximal(prox, 0.25, momentum=None)]  # noqa: E731
        yield Case(f"{prefix}-strongly-convex", label, method, _from(prox, 0.25, strong), runs)
    rules: tuple[tuple[str, Callable[[int], float], str], ...] = (
        ("fista-textbook", momentum_t, "t_k"),
        ("fista", momentum_t, "t_k"),
        ("fista-linear", lambda k: (k - 1) / (k + 2), "(k−1)/(k+2)"),
    )
    for name, momentum, rule in rules:
        method = MethodFacts("fista", step=1.0, momentum_rule=rule)  # type: ignore[arg-type]
        runs = lambda momentum=momentum: [_proximal(_shrink, 0.0, momentum=momentum)]  # noqa: E731
        yield Case(name, "a lasso in 6 variables", method, _from(_shrink, 0.0, flat), runs)
    simplex = ProblemFacts("convex", L=1.0, f_star=1 / 10, D=2**0.5, source="exact")
    yield Case("frank-wolfe", "½‖x‖² on a simplex", MethodFacts("frank-wolfe"), simplex, lambda: [_frank_wolfe()])
    for penalty in (1.0, 10.0):
        method = MethodFacts("augmented-lagrangian", constants={"penalty": penalty})
        facts = ProblemFacts("quadratic", L=2.0, mu=2.0, constants={"sigma_min": 1.0})
        runs = lambda penalty=penalty: [_multipliers(penalty)]  # noqa: E731
        label = f"x² + y² with x + y = 1, c = {penalty:g}"
        yield Case("augmented-lagrangian-quadratic", label, method, facts, runs, attained=True)


def _matrix(mu: float) -> tuple[Vector, Vector]:
    """A positive semidefinite matrix with spectrum in [μ, 1], and a right-hand side."""
    random = np.random.default_rng(3)
    basis, _ = np.linalg.qr(random.standard_normal((6, 6)))
    spectrum = np.array([mu, mu, 0.3, 0.5, 0.8, 1.0])
    return np.asarray((basis * spectrum) @ basis.T), np.asarray((basis * spectrum) @ random.standard_normal(6))


def _shrink(x: Vector, step: float) -> Vector:
    return np.asarray(np.sign(x) * np.maximum(np.abs(x) - 0.05 * step, 0.0))


def _clip(x: Vector, step: float) -> Vector:
    return np.clip(x, -0.6, 0.6)


def _other(prox: Callable[[Vector, float], Vector], x: Vector) -> float:
    return 0.05 * float(np.abs(x).sum()) if prox is _shrink else 0.0


def _facts(mu: float) -> ProblemFacts:
    return ProblemFacts("strongly convex" if mu else "convex", L=1.0, mu=mu, source="exact")


def _from(prox: Callable[[Vector, float], Vector], mu: float, facts: ProblemFacts) -> ProblemFacts:
    """The facts with f*, from many steps."""
    A, b = _matrix(mu)
    return replace(facts, f_star=_value(prox, A, b, _solution(prox, A, b)))


def _value(prox: Callable[[Vector, float], Vector], A: Vector, b: Vector, x: Vector) -> float:
    return float(x @ A @ x / 2 - b @ x) + _other(prox, x)


def _solution(prox: Callable[[Vector, float], Vector], A: Vector, b: Vector) -> Vector:
    x = np.zeros(6)
    for _ in range(20_000):
        x = prox(x - (A @ x - b), 1.0)
    return x


def _proximal(prox: Callable[[Vector, float], Vector], mu: float, *, momentum: Callable[[int], float] | None) -> Trace:
    A, b = _matrix(mu)
    x = y = prox(np.full(6, 0.3), 0.0)
    points = [x]
    for k in range(1, _STEPS + 1):
        x, before = prox(y - (A @ y - b), 1.0), x
        y = x if momentum is None else x + momentum(k) * (x - before)
        points.append(x)
    return along(points, lambda x: _value(prox, A, b, x), minimizer=_solution(prox, A, b))


def _frank_wolfe() -> Trace:
    x = np.eye(10)[0]
    points = [x]
    for t in range(_STEPS):
        vertex = np.eye(10)[int(np.argmin(x))]
        x = x + 2 / (t + 2) * (vertex - x)
        points.append(x)
    return along(points, lambda x: float(x @ x / 2) + 1 / 20)


def _multipliers(penalty: float) -> Trace:
    """Minimize x² + y² with x + y = 1: both are (c − λ)/(2 (1 + c)) at the multiplier λ, whose limit is −1."""
    multiplier, away = 0.0, [1.0]
    for _ in range(8):
        x = (penalty - multiplier) / (2 * (1 + penalty))
        multiplier += penalty * (2 * x - 1)
        away.append(abs(multiplier + 1))
    return table_of(len(away), {"multiplier_distance": away})
