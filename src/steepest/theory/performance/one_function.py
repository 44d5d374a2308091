"""Programs on one function: methods of fixed steps, and exact line search."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from steepest.theory.performance.ask import Ask
from steepest.theory.performance.pepit import Program, combination, declared, named, nothing, origin, unknown, zero
from steepest.theory.theorem import Quantity


class OneFunction:
    """A function with its minimizer at 0 and f* = 0; one that need not be convex has f* = 0 as a lower bound only."""

    def __init__(self, pep: Any, ask: Ask) -> None:
        self.pep, self.ask = pep, ask
        self.free = ask.functions == "smooth"
        self.fun = declared(pep, ask)
        self.minimizer = None if self.free else origin()
        if self.minimizer is not None:
            self.fun.add_point((self.minimizer, zero(), nothing()))
        self.start = unknown("x0")

    def oracle(self, point: Any) -> tuple[Any, Any]:
        """∇f and f there."""
        g, f = self.fun.oracle(point)
        if self.free:
            self.pep.add_constraint(f >= g**2 / 2)
        return g, f

    def bound_start(self, first: tuple[Any, Any]) -> None:
        """first: ∇f and f at x₀."""
        g, f = first
        bounds: dict[str, Callable[[], Any]] = {
            "distance": lambda: self.start**2,
            "gap": lambda: f,
            "gradient": lambda: g**2,
            "gap and distance": lambda: f + self.ask.mu / 2 * self.start**2,
        }
        self.pep.set_initial_condition(bounds[self.ask.initial]() <= 1, name="start")

    def measured(self, x: Any, points: list[tuple[Any, Any]]) -> Program:
        """points: ∇f and f at all of them, x the last."""
        g, f = points[-1]
        choices: dict[Quantity, Callable[[], list[Any]]] = {
            Quantity.DISTANCE_SQUARED: lambda: [x**2],
            Quantity.GRADIENT_SQUARED: lambda: [g**2],
            Quantity.BEST_GRADIENT: lambda: [slope**2 for slope, _ in points],
            Quantity.BEST_GAP: lambda: [value for _, value in points],
        }
        for metric in choices.get(self.ask.quantity, lambda: [f])():
            self.pep.set_performance_metric(metric)
        return Program(self.pep, {"f": self.fun}, self.start, self.minimizer)


def fixed(pep: Any, ask: Ask) -> Program:
    """A fixed-step method."""
    method = ask.fixed
    assert method is not None
    one = OneFunction(pep, ask)
    gradients: list[Any] = []
    points: list[tuple[Any, Any]] = []
    for i, row in enumerate(method.gradients.tolist()):
        points.append(one.oracle(named(combination(one.start, row, gradients), f"y{i}")))
        gradients.append(points[-1][0])
    x = named(combination(one.start, method.output.tolist(), gradients), f"x{method.steps}")
    points.append(one.oracle(x))
    one.bound_start(points[0])
    return one.measured(x, points)


def exact_line_search(pep: Any, ask: Ask) -> Program:
    """∇f(x⁺) is orthogonal to the step and to the last gradient."""
    one = OneFunction(pep, ask)
    points = [one.oracle(one.start)]
    one.bound_start(points[0])
    x = one.start
    for k in range(ask.steps):
        before, x = x, unknown(f"x{k + 1}")
        last = points[-1][0]
        points.append(one.oracle(x))
        pep.add_constraint(points[-1][0] * (x - before) == 0)
        pep.add_constraint(points[-1][0] * last == 0)
    return one.measured(x, points)
