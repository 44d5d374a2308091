"""The semidefinite programs, written with PEPit: one function a kind of method, in units of L = 1."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Final

from steepest.theory.performance.ask import Ask
from steepest.theory.theorem import Quantity
from steepest.theory.vocabulary import momentum_t


@dataclass(frozen=True)
class Scaling:
    """How large a program's unknowns are: the solver sees them divided by this, so that all are about 1.

    start: ‖x₀ − x*‖. gradients, values: of each point in turn. moves: of points that are unknowns themselves. metric:
    the value of the program.
    """

    start: float = 1.0
    gradients: tuple[float, ...] = ()
    values: tuple[float, ...] = ()
    moves: tuple[float, ...] = ()
    metric: float = 1.0

    def of(self, kind: str, index: int) -> float:
        """Of a "gradient", "value" or "move" in turn; 1 where it is not known."""
        known = {"gradient": self.gradients, "value": self.values, "move": self.moves}[kind]
        return known[index] if index < len(known) else 1.0


@dataclass
class Program:
    """A program that PEPit can solve.

    fun: the function whose worst instance can be shown, None where there are several. start, minimizer: PEPit's points.
    gradients, values, moves: its unknowns in turn, where it can be scaled. metric: what multiplies the solver's
    value.
    """

    pep: Any
    fun: Any = None
    start: Any = None
    minimizer: Any = None
    gradients: list[Any] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)
    moves: list[Any] = field(default_factory=list)
    metric: float = 1.0


def build(ask: Ask, scaling: Scaling | None = None) -> Program:
    """The program of an ask; PEPit keeps its points in class variables, so it must be solved before the next one.

    scaling: of its unknowns, from a first solution; only programs on one function use it.
    """
    pep = _pepit().PEP()
    if ask.kind in SCALED:
        return SCALED[ask.kind](pep, ask, scaling or Scaling())
    return PROGRAMS[ask.kind](pep, ask)


class _OneFunction:
    """A function with its minimizer at 0 and f* = 0, which takes two degrees of freedom from the program."""

    def __init__(self, pep: Any, ask: Ask, scaling: Scaling) -> None:
        self.pep, self.ask, self.scaling = pep, ask, scaling
        self.free = ask.functions == "smooth"
        self.fun = _declared(pep, ask)
        self.zero = _pepit().Point(is_leaf=False, decomposition_dict={})
        self.minimizer = None
        self.program = Program(pep, self.fun, metric=scaling.metric)
        if not self.free:
            self.minimizer = _pepit().Point(is_leaf=False, decomposition_dict={})
            self.minimizer.set_name("x*")
            nothing = _pepit().Expression(is_leaf=False, decomposition_dict={})
            self.fun.add_point((self.minimizer, self.zero, nothing))
        self.start = scaling.start * _pepit().Point(is_leaf=True)
        self.start.set_name("x0")
        self.program.start, self.program.minimizer = self.start, self.minimizer

    def oracle(self, point: Any) -> tuple[Any, Any]:
        """∇f and f there."""
        index = len(self.program.gradients)
        g = self.scaling.of("gradient", index) * _pepit().Point(is_leaf=True)
        f = self.scaling.of("value", index) * _pepit().Expression(is_leaf=True)
        self.fun.add_point((point, g, f))
        self.program.gradients.append(g)
        self.program.values.append(f)
        if self.free:
            self.pep.add_constraint(f >= g**2 / 2)
        return g, f

    def unknown_point(self, name: str) -> Any:
        index = len(self.program.moves)
        point = self.scaling.of("move", index) * _pepit().Point(is_leaf=True)
        point.set_name(name)
        self.program.moves.append(point)
        return point

    def bound_start(self, first: tuple[Any, Any]) -> None:
        g, f = first
        bounds: dict[str, Callable[[], Any]] = {
            "distance": lambda: self.start**2,
            "gap": lambda: f,
            "gradient": lambda: g**2,
            "gap and distance": lambda: f + self.ask.mu / 2 * self.start**2,
        }
        self.pep.set_initial_condition(bounds[self.ask.initial]() <= 1, name="start")

    def measure(self, x: Any, points: list[tuple[Any, Any]]) -> Program:
        """points: ∇f and f at all of them, x the last."""
        g, f = points[-1]
        choices: dict[Quantity, Callable[[], list[Any]]] = {
            Quantity.DISTANCE_SQUARED: lambda: [x**2],
            Quantity.GRADIENT_SQUARED: lambda: [g**2],
            Quantity.BEST_GRADIENT: lambda: [slope**2 for slope, _ in points],
            Quantity.BEST_GAP: lambda: [value for _, value in points],
        }
        for metric in choices.get(self.ask.quantity, lambda: [f])():
            self.pep.set_performance_metric(metric / self.scaling.metric)
        return self.program


def _fixed(pep: Any, ask: Ask, scaling: Scaling) -> Program:
    """A fixed-step method on one function."""
    method = ask.fixed
    assert method is not None
    one = _OneFunction(pep, ask, scaling)
    gradients: list[Any] = []
    points: list[tuple[Any, Any]] = []
    for i, row in enumerate(method.gradients.tolist()):
        point = _combination(one.start, row, gradients)
        _name(point, f"y{i}", one.start)
        points.append(one.oracle(point))
        gradients.append(points[-1][0])
    x = _combination(one.start, method.output.tolist(), gradients)
    _name(x, f"x{method.steps}", one.start)
    points.append(one.oracle(x))
    one.bound_start(points[0])
    return one.measure(x, points)


def _exact_line_search(pep: Any, ask: Ask, scaling: Scaling) -> Program:
    """∇f(x⁺) is orthogonal to the step and to the last gradient."""
    one = _OneFunction(pep, ask, scaling)
    points = [one.oracle(one.start)]
    one.bound_start(points[0])
    x = one.start
    for k in range(ask.steps):
        before, x = x, one.unknown_point(f"x{k + 1}")
        last = points[-1][0]
        points.append(one.oracle(x))
        pep.add_constraint(points[-1][0] * (x - before) == 0)
        pep.add_constraint(points[-1][0] * last == 0)
    return one.measure(x, points)


def _composite(pep: Any, ask: Ask) -> Program:
    """Proximal or projected gradient, with or without momentum, on f + h."""
    smooth = _declared(pep, ask)
    other = pep.declare_function(
        _functions().ConvexIndicatorFunction if ask.kind == "projected-gradient" else _functions().ConvexFunction
    )
    total = smooth + other
    minimizer = total.stationary_point()
    value = total(minimizer)
    x0 = pep.set_initial_point(name="x0")
    pep.set_initial_condition((x0 - minimizer) ** 2 <= 1)
    x = y = x0
    h_x = None
    for k in range(1, ask.steps + 1):
        before = x
        x, _, h_x = _steps().proximal_step(y - ask.step * smooth.gradient(y), other, ask.step)
        y = x + _fista(ask, k) * (x - before)
    if ask.quantity is Quantity.DISTANCE_SQUARED:
        pep.set_performance_metric((x - minimizer) ** 2)
    else:
        pep.set_performance_metric(smooth(x) + (other(x) if h_x is None else h_x) - value)
    return Program(pep)


def _fista(ask: Ask, k: int) -> float:
    if ask.kind != "fista":
        return 0.0
    return (k - 1) / (k + 2) if ask.rule == "(k−1)/(k+2)" else momentum_t(k)


def _frank_wolfe(pep: Any, ask: Ask) -> Program:
    fun = _declared(pep, ask)
    feasible = pep.declare_function(_functions().ConvexIndicatorFunction, D=1.0)
    total = fun + feasible
    minimizer = total.stationary_point()
    value = total(minimizer)
    x = pep.set_initial_point(name="x0")
    _ = fun(x), feasible(x)
    for t in range(ask.steps):
        s, _, _ = _steps().linear_optimization_step(fun.gradient(x), feasible)
        x = (1 - 2 / (t + 2)) * x + 2 / (t + 2) * s
    pep.set_performance_metric(total(x) - value)
    return Program(pep)


def _subgradient(pep: Any, ask: Ask) -> Program:
    fun = pep.declare_function(_functions().ConvexLipschitzFunction, M=1.0)
    minimizer = _minimizer(fun)
    value = fun(minimizer)
    x = x0 = pep.set_initial_point(name="x0")
    pep.set_initial_condition((x0 - minimizer) ** 2 <= 1)
    g, f = fun.oracle(x)
    for _ in range(ask.steps):
        pep.set_performance_metric(f - value)
        x = x - ask.step * g
        g, f = fun.oracle(x)
    pep.set_performance_metric(f - value)
    return Program(pep, fun, x0, minimizer)


def _online(pep: Any, ask: Ask) -> Program:
    losses = [pep.declare_function(_functions().ConvexLipschitzFunction, M=1.0) for _ in range(ask.steps)]
    feasible = pep.declare_function(_functions().ConvexIndicatorFunction, D=1.0)
    reference, _, _ = _steps().proximal_step(pep.set_initial_point(), feasible, 1)
    x, _, _ = _steps().proximal_step(pep.set_initial_point(), feasible, 1)
    regret = sum((-1 * loss(reference) for loss in losses), 0)
    for t, loss in enumerate(losses, start=1):
        rate = ask.step * {"1/√t": t**-0.5, "1/t": 1 / t}.get(ask.rule, 1.0)
        g, f = loss.oracle(x)
        regret = regret + f
        x, _, _ = _steps().proximal_step(x - rate * g, feasible, rate)
    pep.set_performance_metric(regret)
    return Program(pep)


def _stochastic(pep: Any, ask: Ask) -> Program:
    """One step, the term drawn uniformly."""
    n = int(ask.numbers["n"])
    terms = [pep.declare_function(_functions().SmoothStronglyConvexFunction, mu=ask.mu, L=1.0) for _ in range(n)]
    total = sum(terms[1:], terms[0]) / n
    minimizer = total.stationary_point()
    x0 = pep.set_initial_point(name="x0")
    noise = _mean([term.gradient(minimizer) ** 2 for term in terms])
    pep.add_constraint(noise <= ask.numbers["sigma"] ** 2)
    pep.set_initial_condition((x0 - minimizer) ** 2 <= 1)
    pep.set_performance_metric(_mean([(x0 - ask.step * term.gradient(x0) - minimizer) ** 2 for term in terms]))
    return Program(pep)


def _saga(pep: Any, ask: Ask) -> Program:
    """One step from any table of gradients, and the Lyapunov function after it."""
    n, step, mu = int(ask.numbers["n"]), ask.step, ask.mu
    other = pep.declare_function(_functions().ConvexFunction)
    terms = [pep.declare_function(_functions().SmoothStronglyConvexFunction, mu=mu, L=1.0) for _ in range(n)]
    minimizer = (other + sum(terms[1:], terms[0]) / n).stationary_point()
    phi = [pep.set_initial_point() for _ in range(n)]
    x0 = pep.set_initial_point(name="x0")
    weight = 1 / (2 * step * (1 - mu * step) * n)
    table = [term.oracle(point) for term, point in zip(terms, phi, strict=True)]
    at = [term.oracle(minimizer) for term in terms]
    here = [term.oracle(x0) for term in terms]

    def excess(i: int, point: Any, value: Any) -> Any:
        return value - at[i][1] - at[i][0] * (point - minimizer)

    before = _mean([excess(i, phi[i], table[i][1]) for i in range(n)])
    pep.set_initial_condition(before + weight * (x0 - minimizer) ** 2 <= 1)
    after = []
    for i in range(n):
        ahead = x0 - step * (here[i][0] - table[i][0]) - step * _mean([g for g, _ in table])
        x, _, _ = _steps().proximal_step(ahead, other, step)
        rest = [excess(j, phi[j], table[j][1]) if j != i else excess(j, x0, here[j][1]) for j in range(n)]
        after.append(weight * (x - minimizer) ** 2 + _mean(rest))
    pep.set_performance_metric(_mean(after))
    return Program(pep)


SCALED: Final[dict[str, Callable[[Any, Ask, Scaling], Program]]] = {
    "fixed": _fixed,
    "exact-line-search": _exact_line_search,
}
"""By kind: on one function, with unknowns that can be scaled."""
PROGRAMS: Final[dict[str, Callable[[Any, Ask], Program]]] = {
    "proximal-gradient": _composite,
    "projected-gradient": _composite,
    "fista": _composite,
    "frank-wolfe": _frank_wolfe,
    "subgradient": _subgradient,
    "online-gradient-descent": _online,
    "stochastic": _stochastic,
    "saga": _saga,
}
"""By kind."""


def _pepit() -> Any:
    """PEPit, of the extra `theory`."""
    return import_module("PEPit")


def _functions() -> Any:
    return import_module("PEPit.functions")


def _steps() -> Any:
    return import_module("PEPit.primitive_steps")


def _declared(pep: Any, ask: Ask) -> Any:
    if ask.functions == "smooth":
        return pep.declare_function(_functions().SmoothFunction, L=1.0)
    if ask.functions == "PL":
        return pep.declare_function(_functions().SmoothQuadraticLojasiewiczFunctionExpensive, L=1.0, mu=ask.mu)
    if ask.mu:
        return pep.declare_function(_functions().SmoothStronglyConvexFunction, mu=ask.mu, L=1.0)
    return pep.declare_function(_functions().SmoothConvexFunction, L=1.0)


def _combination(x0: Any, weights: list[float], gradients: list[Any]) -> Any:
    point = x0
    for weight, gradient in zip(weights, gradients, strict=False):
        if weight and math.isfinite(weight):
            point = point - weight * gradient
    return point


def _minimizer(fun: Any) -> Any:
    point = fun.stationary_point()
    point.set_name("x*")
    return point


def _name(point: Any, name: str, start: Any) -> None:
    if point is not start:
        point.set_name(name)


def _mean(parts: list[Any]) -> Any:
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total / len(parts)
