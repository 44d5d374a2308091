"""The classical first-order methods as fixed steps, in units of L = 1."""

from __future__ import annotations

import math
from typing import Any

from steepest.core.errors import InputError
from steepest.theory.fixed_step import Algorithm, FixedStep
from steepest.theory.vocabulary import momentum_t, theta_before


def fixed_steps(family: str, steps: int, *, h: float, beta: float | None, rule: str, q: float) -> FixedStep:
    """N steps of a family: h = αL, β or the rule of β, q = μ/L. Raises InputError for a family of another kind.

    >>> fixed_steps("gradient-descent", 2, h=0.5, beta=None, rule="constant", q=0.0).output.tolist()
    [0.5, 0.5]
    """
    if family == "gradient-descent":
        return FixedStep.record(_gradient_descent(h), steps, family)
    if family == "heavy-ball":
        return FixedStep.record(_heavy_ball(h, _given(family, beta)), steps, family)
    if family == "nesterov":
        betas = [_beta(rule, k, beta) for k in range(1, steps + 1)]
        return FixedStep.record(_nesterov(h, betas, ahead=False), steps, family)
    if family == "nesterov-secondary":
        betas = [_beta(rule, k, beta) for k in range(1, steps + 1)]
        return FixedStep.record(_nesterov(h, betas, ahead=True), steps, family)
    if family == "optimized-gradient":
        return FixedStep.record(_optimized_gradient, steps, family)
    if family == "triple-momentum":
        return FixedStep.record(_triple_momentum(q), steps, family)
    raise InputError(f"worst_case: {family} has no fixed steps")


def _given(family: str, beta: float | None) -> float:
    if beta is None:
        raise InputError(f"worst_case: momentum must be given for {family}, got None")
    return beta


def _beta(rule: str, k: int, beta: float | None) -> float:
    if rule == "t_k":
        return momentum_t(k)
    return (k - 1) / (k + 2) if rule == "(k−1)/(k+2)" else _given("nesterov", beta)


def _gradient_descent(h: float) -> Algorithm:
    def run(gradient: Any, x0: Any, steps: int) -> Any:
        x = x0
        for _ in range(steps):
            x = x - h * gradient(x)
        return x

    return run


def _heavy_ball(h: float, beta: float) -> Algorithm:
    def run(gradient: Any, x0: Any, steps: int) -> Any:
        x = before = x0
        for _ in range(steps):
            x, before = x - h * gradient(x) + beta * (x - before), x
        return x

    return run


def _nesterov(h: float, betas: list[float], ahead: bool) -> Algorithm:
    def run(gradient: Any, x0: Any, steps: int) -> Any:
        x = y = x0
        for beta in betas:
            x, before = y - h * gradient(y), x
            y = x + beta * (x - before)
        return y if ahead else x

    return run


def _optimized_gradient(gradient: Any, x0: Any, steps: int) -> Any:
    """Kim and Fessler's OGM: θ grows as Nesterov's t, and further at the last step."""
    x = y = x0
    for k in range(steps):
        theta = theta_before(k)
        last = k == steps - 1
        after = (1 + math.sqrt(1 + (8 if last else 4) * theta**2)) / 2
        y, before = x - gradient(x), y
        x = y + (theta - 1) / after * (y - before) + theta / after * (y - x)
    return x


def _triple_momentum(q: float) -> Algorithm:
    def run(gradient: Any, x0: Any, steps: int) -> Any:
        rho = 1 - math.sqrt(q)
        alpha, beta = 1 + rho, rho**2 / (2 - rho)
        gamma, delta = rho**2 / ((1 + rho) * (2 - rho)), rho**2 / (1 - rho**2)
        old = new = y = x = x0
        for _ in range(steps):
            ahead = (1 + beta) * new - beta * old - alpha * gradient(y)
            y = (1 + gamma) * ahead - gamma * new
            x = (1 + delta) * ahead - delta * new
            new, old = ahead, new
        return x

    return run
