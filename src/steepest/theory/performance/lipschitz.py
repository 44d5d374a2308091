"""Programs on functions with bounded subgradients: the subgradient method, and online gradient descent."""

from __future__ import annotations

from typing import Any

from steepest.theory.performance.ask import Ask
from steepest.theory.performance.pepit import Program, functions, named, nothing, origin, steps, unknown, zero


def subgradient(pep: Any, ask: Ask) -> Program:
    """The best iterate, f with subgradients up to 1."""
    fun = pep.declare_function(functions().ConvexLipschitzFunction, M=1.0)
    minimizer = origin()
    fun.add_point((minimizer, zero(), nothing()))
    x = start = unknown("x0")
    pep.set_initial_condition(start**2 <= 1, name="start")
    g, f = fun.oracle(x)
    for k in range(ask.steps):
        pep.set_performance_metric(f)
        x = named(x - ask.step * g, f"x{k + 1}")
        g, f = fun.oracle(x)
    pep.set_performance_metric(f)
    return Program(pep, {"f": fun}, start, minimizer)


def online(pep: Any, ask: Ask) -> Program:
    """Regret against a fixed point, on a set of diameter 1; at that point every loss is 0."""
    losses = [pep.declare_function(functions().ConvexLipschitzFunction, M=1.0) for _ in range(ask.steps)]
    feasible = pep.declare_function(functions().ConvexIndicatorFunction, D=1.0)
    reference = origin()
    feasible.add_point((reference, zero(), nothing()))
    x = start = unknown("x1")
    feasible.add_point((x, zero(), nothing()))
    regret = nothing()
    for t, loss in enumerate(losses, start=1):
        loss.add_point((reference, unknown(f"slope {t}"), nothing()))
        rate = ask.step * {"1/√t": t**-0.5, "1/t": 1 / t}.get(ask.rule, 1.0)
        g, f = loss.oracle(x)
        regret = regret + f
        x, _, _ = steps().proximal_step(x - rate * g, feasible, rate)
        named(x, f"x{t + 1}")
    pep.set_performance_metric(regret)
    shown = {f"loss {t}": loss for t, loss in enumerate(losses, start=1)}
    return Program(pep, {**shown, "set": feasible}, start, reference)
