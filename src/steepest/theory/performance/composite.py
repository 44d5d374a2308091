"""Programs on f + h: proximal and projected gradient, with and without momentum, and Frank–Wolfe."""

from __future__ import annotations

from typing import Any

from steepest.theory.performance.ask import Ask
from steepest.theory.performance.pepit import (
    Program,
    declared,
    functions,
    named,
    nothing,
    origin,
    steps,
    unknown,
    zero,
)  # fmt: skip
from steepest.theory.theorem import Quantity
from steepest.theory.vocabulary import momentum_t


def proximal(pep: Any, ask: Ask) -> Program:
    """x⁺ = prox(y − α∇f(y)), h convex, or the indicator of a set."""
    projected = ask.kind == "projected-gradient"
    smooth, other, minimizer = _both(pep, ask, {} if projected else None)
    x = y = start = unknown("x0")
    pep.set_initial_condition((start - minimizer) ** 2 <= 1, name="start")
    h = None
    for k in range(1, ask.steps + 1):
        before = x
        x, _, h = steps().proximal_step(y - ask.step * smooth.gradient(y), other, ask.step)
        named(x, f"x{k}")
        y = x + _momentum(ask, k) * (x - before)
        if k < ask.steps:
            named(y, f"y{k}")
    if ask.quantity is Quantity.DISTANCE_SQUARED:
        pep.set_performance_metric((x - minimizer) ** 2)
    else:
        pep.set_performance_metric(smooth(x) + (other(x) if h is None else h))
    return Program(pep, {"f": smooth, "h": other}, start, minimizer)


def frank_wolfe(pep: Any, ask: Ask) -> Program:
    """Step 2/(t + 2), on a set of diameter 1."""
    fun, feasible, minimizer = _both(pep, ask, {"D": 1.0})
    x = start = unknown("x0")
    feasible.add_point((x, zero(), nothing()))
    for t in range(ask.steps):
        s, _, _ = steps().linear_optimization_step(fun.gradient(x), feasible)
        named(s, f"s{t}")
        x = named((1 - 2 / (t + 2)) * x + 2 / (t + 2) * s, f"x{t + 1}")
    pep.set_performance_metric(fun(x))
    return Program(pep, {"f": fun, "h": feasible}, start, minimizer)


def _both(pep: Any, ask: Ask, indicator: dict[str, float] | None) -> tuple[Any, Any, Any]:
    """F and h with f + h minimal at 0, where both are 0."""
    smooth = declared(pep, ask)
    if indicator is None:
        other = pep.declare_function(functions().ConvexFunction)
    else:
        other = pep.declare_function(functions().ConvexIndicatorFunction, **indicator)
    minimizer, slope = origin(), unknown("slope")
    smooth.add_point((minimizer, slope, nothing()))
    other.add_point((minimizer, -slope, nothing()))
    return smooth, other, minimizer


def _momentum(ask: Ask, k: int) -> float:
    if ask.kind != "fista":
        return 0.0
    return (k - 1) / (k + 2) if ask.rule == "(k−1)/(k+2)" else momentum_t(k)
