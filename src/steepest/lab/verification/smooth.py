"""Gradient descent, line searches and momentum on smooth functions, among them those on which bounds are met."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

import numpy as np

from steepest.core.facts import MethodFacts, ProblemFacts
from steepest.formula import Rule
from steepest.lab.verification.case import Case, Vector, along
from steepest.problems.counterexamples.lessard import lessard
from steepest.problems.functions.function import FunctionProblem
from steepest.rules import accelerated_gradient, heavy_ball, sgd
from steepest.run import run
from steepest.theory import FixedStep, get
from steepest.theory.performance.methods import fixed_steps
from steepest.theory.vocabulary import momentum_t
from steepest.trace import Trace

_STEPS: Final = 20
_KAPPA: Final = 10.0
_RHO: Final = (math.sqrt(_KAPPA) - 1) / (math.sqrt(_KAPPA) + 1)


def cases() -> Iterator[Case]:
    """All cases of these families."""
    yield from _gradient_descent()
    yield from _line_searches()
    yield from _momentum()


def huber(radius: float, start: float = 1.0) -> FunctionProblem:
    """½x² for |x| ≤ r, r|x| − ½r² beyond: L = 1, the function on which rates of convex functions are met."""

    def value(x: Vector) -> float:
        size = abs(float(x[0]))
        return size**2 / 2 if size <= radius else radius * size - radius**2 / 2

    facts = ProblemFacts("convex", L=1.0, mu=0.0, f_star=0.0, source="exact")
    return FunctionProblem("huber", value, lambda x: np.clip(x, -radius, radius), [start], minimizer=[0.0], facts=facts)


def ellipse(start: Sequence[float], kappa: float = _KAPPA) -> FunctionProblem:
    """½(κx² + y²): L = κ, μ = 1."""
    spectrum = np.array([kappa, 1.0])
    facts = ProblemFacts("quadratic", L=kappa, mu=1.0, f_star=0.0, source="exact")
    return FunctionProblem(
        "ellipse",
        lambda x: float(spectrum @ (x * x) / 2),
        lambda x: spectrum * x,
        start,
        minimizer=[0.0, 0.0],
        facts=facts,
    )


def wave() -> FunctionProblem:
    """Sin x from 1: L = 1, not convex."""
    facts = ProblemFacts("smooth", L=1.0, f_star=-1.0, source="exact")
    return FunctionProblem("sine", lambda x: math.sin(x[0]), np.cos, [1.0], facts=facts)


def dented() -> FunctionProblem:
    """x² + 3 sin²x from 3: not convex, but PL with μ = 1/32; L = 8. Source: Karimi, Nutini & Schmidt 2016."""
    facts = ProblemFacts("PL", L=8.0, mu=1 / 32, f_star=0.0, source="exact")
    return FunctionProblem(
        "dented",
        lambda x: float(x[0] ** 2 + 3 * math.sin(x[0]) ** 2),
        lambda x: 2 * x + 3 * np.sin(2 * x),
        [3.0],
        minimizer=[0.0],
        facts=facts,
    )


def _gradient_descent() -> Iterator[Case]:
    flat, flatter = huber(1 / (2 * _STEPS + 1)), huber(1 / (_STEPS + 1))
    yield _rule("gd-convex-textbook", "Huber's function", flat, sgd(lr=1.0))
    yield _rule("gd-convex", "Huber's function", flat, sgd(lr=1.0), attained=True)
    yield _rule("gd-convex", "Huber's function, h = 0.5", huber(1 / (_STEPS + 1)), sgd(lr=0.5), attained=True)
    yield _rule("gd-convex-long-step", "½x², h = 1.9", huber(2.0), sgd(lr=1.9), steps=8, attained=True)
    yield _rule("gd-convex-gradient", "Huber's function", flatter, sgd(lr=1.0), attained=True)
    yield _rule("gd-convex-gradient-from-gap", "Huber's function", flatter, sgd(lr=1.0), attained=True)
    slow, steep, both = ellipse((0.0, 1.0)), ellipse((1.0, 0.0)), ellipse((1.0, 1.0))
    for name in ("distance", "gap", "gradient"):
        theorem = f"gd-strongly-convex-{name}"
        yield _rule(theorem, "½(10x² + y²) along μ", slow, sgd(lr=0.1), attained=True)
        yield _rule(theorem, "½(10x² + y²) along L", steep, sgd(lr=0.195), attained=True)
    best = sgd(lr=2 / (_KAPPA + 1))
    yield _rule("gd-strongly-convex-nesterov", "½(10x² + y²)", slow, best, attained=True)
    yield _rule("gd-strongly-convex-best-step", "½(10x² + y²) along L", steep, best, attained=True)
    yield _rule("gd-strongly-convex-mixed", "½(10x² + y²)", both, sgd(lr=0.1))
    for name in ("gd-smooth", "gd-smooth-textbook"):
        yield _rule(name, "sin x", wave(), sgd(lr=1.0))
        yield _rule(name, "x² + 3 sin²x", dented(), sgd(lr=0.1))
    for name in ("gd-pl", "gd-pl-sharper"):
        yield _rule(name, "x² + 3 sin²x", dented(), sgd(lr=1 / 8), steps=60)


def _line_searches() -> Iterator[Case]:
    bent = ellipse((1 / _KAPPA, 1.0))
    method = MethodFacts("exact-line-search")
    searched = partial(_one, partial(_exact, bent, _STEPS))
    yield Case("line-search-strongly-convex", "½(10x² + y²)", method, bent.facts, searched, attained=True)
    radius = math.sqrt(2 * bent.fun(bent.x0))
    level = replace(bent.facts, constants={"D0": radius})
    yield Case("line-search-convex", "½(10x² + y²)", method, level, searched)
    for c in (0.5, 0.1):
        settings = {"armijo": c, "shrink": 0.5, "first_trial": 1.0}
        facts = MethodFacts("backtracking", constants=settings)
        for name, problem, label in (
            ("smooth", wave(), "sin x"),
            ("convex", huber(0.02), "Huber's function"),
            ("pl", ellipse((1.0, 1.0)), "½(10x² + y²)"),
            ("pl", dented(), "x² + 3 sin²x"),
        ):
            if name == "convex" and c < 0.5:
                continue
            runs = partial(_one, partial(_armijo, problem, 40, c))
            yield Case(f"backtracking-{name}", f"{label}, c = {c:g}", facts, problem.facts, runs)


def _momentum() -> Iterator[Case]:
    step = 4 / (math.sqrt(_KAPPA) + 1) ** 2
    polyak = heavy_ball(lr=step, beta=_RHO**2)
    steep, both = ellipse((1.0, 0.0)), ellipse((1.0, 1.0))
    yield _rule("heavy-ball-quadratic", "½(10x² + y²) along L", steep, polyak, attained=True)
    short = MethodFacts("heavy-ball", step=step, momentum=_RHO**2, form="short first step")
    yield Case(
        "heavy-ball-quadratic-short-first-step",
        "½(10x² + y²) along L",
        short,
        steep.facts,
        lambda: [_short_first_step(steep, step, _RHO**2, _STEPS)],
        attained=True,
    )
    safe = heavy_ball(lr=0.02, beta=math.sqrt(0.98 * 0.5))
    yield _rule("heavy-ball-safe", "lessard, L = 25", lessard(), safe, steps=60)
    calm = heavy_ball(lr=0.5 / _KAPPA, beta=math.sqrt(0.95 * 0.5))
    yield _rule("heavy-ball-safe", "½(10x² + y²)", both, calm)
    for sequence, name in (("fista", "nesterov-convex"), ("linear", "nesterov-convex-linear")):
        flat = huber(1 / (2 * _walked(sequence, _STEPS) + 1))
        rule = accelerated_gradient(lr=1.0, sequence=sequence)  # type: ignore[arg-type]
        yield _rule(name, "Huber's function", flat, rule, attained=True)
    flat = huber(1 / (2 * _walked("fista", _STEPS) + 1))
    for name in ("textbook", "sequence"):
        yield _rule(f"nesterov-convex-{name}", "Huber's function", flat, accelerated_gradient(lr=1.0))
    facts = MethodFacts("nesterov", step=1.0, momentum_rule="t_k")
    yield Case("nesterov-convex-secondary", "Huber's function", facts, flat.facts, lambda: [_secondary(flat, _STEPS)])
    rule = accelerated_gradient(lr=1 / _KAPPA, kappa=_KAPPA)
    yield _rule("nesterov-strongly-convex", "½(10x² + y²)", both, rule)
    bent = lessard()
    # At 1/25 the second step lands on the minimizer; 50 is a Lipschitz constant too.
    strong = accelerated_gradient(lr=1 / 50, kappa=50.0)
    case = _rule("nesterov-strongly-convex", "lessard, L taken as 50", bent, strong, steps=40)
    yield replace(case, facts=replace(case.facts, L=50.0))
    optimized = MethodFacts("optimized-gradient", step=1.0)
    parabola = huber(2.0)
    runs = partial(_one, partial(_fixed, "optimized-gradient", parabola, _STEPS))
    yield Case("optimized-gradient", "½x²", optimized, parabola.facts, runs, attained=True)
    yield Case("optimized-gradient-simple", "½x²", optimized, parabola.facts, runs)
    for problem, label in ((both, "½(10x² + y²)"), (bent, "lessard, κ = 25")):
        facts = MethodFacts("triple-momentum")
        runs = partial(_one, partial(_fixed, "triple-momentum", problem, _STEPS))
        yield Case("triple-momentum", label, facts, problem.facts, runs)


def _rule(
    theorem: str, label: str, problem: FunctionProblem, rule: Rule, *, steps: int = _STEPS, attained: bool = False
) -> Case:
    """A rule of the library, run by the library's loop."""
    from steepest.theory.reading import family_of

    def runs() -> list[Trace]:
        # One step more, since a gradient is known only where a step was taken.
        return [_cut(run(problem, rule, steps=steps + 1, evaluate_every=1), steps)]

    family = family_of(rule)
    assert family.name == get(theorem).family, (family, theorem)
    return Case(theorem, label, replace(family.facts, family=family.name), problem.facts, runs, attained)


def _one(made: Callable[[], Trace]) -> list[Trace]:
    return [made()]


def _cut(trace: Trace, last: int) -> Trace:
    """The trace up to a step."""
    tables = [
        {name: column[table["step"] <= last] for name, column in table.items()}
        for table in (trace.steps, trace.evaluations)
    ]
    return replace(trace, steps=tables[0], evaluations=tables[1])


def _of(problem: FunctionProblem, points: list[Vector], **columns: list[float]) -> Trace:
    return along(points, problem.fun, problem.gradient, problem.minimizer, **columns)


def _exact(problem: FunctionProblem, steps: int) -> Trace:
    """Exact line search on a quadratic: α = gᵀg/gᵀHg."""
    x, points = problem.x0, [problem.x0]
    for _ in range(steps):
        g = problem.gradient(x)
        curvature = float(g @ problem.gradient(g))
        x = x - (float(g @ g) / curvature if curvature else 0.0) * g
        points.append(x)
    return _of(problem, points)


def _armijo(problem: FunctionProblem, steps: int, c: float) -> Trace:
    x, points = problem.x0, [problem.x0]
    for _ in range(steps):
        g, a = problem.gradient(x), 1.0
        while problem.fun(x - a * g) > problem.fun(x) - c * a * float(g @ g):
            a *= 0.5
        x = x - a * g
        points.append(x)
    return _of(problem, points)


def _short_first_step(problem: FunctionProblem, step: float, beta: float, steps: int) -> Trace:
    before, x = problem.x0, problem.x0 - step / (1 + beta) * problem.gradient(problem.x0)
    points = [before, x]
    for _ in range(steps - 1):
        x, before = x - step * problem.gradient(x) + beta * (x - before), x
        points.append(x)
    return _of(problem, points)


def _walked(sequence: str, steps: int) -> float:
    """How far Nesterov's method goes on a constant gradient, in units of its step."""
    beta: Callable[[int], float] = momentum_t if sequence == "fista" else lambda k: (k - 1) / (k + 2)
    total, last = 0.0, 0.0
    for k in range(steps):
        last = 1 + (beta(k) * last if k else 0.0)
        total += last
    return total


def _secondary(problem: FunctionProblem, steps: int) -> Trace:
    x = y = problem.x0
    points, ahead = [x], [problem.fun(y)]
    for k in range(1, steps + 1):
        x, before = y - problem.gradient(y), x
        y = x + momentum_t(k) * (x - before)
        points.append(x)
        ahead.append(problem.fun(y))
    return _of(problem, points, secondary_value=ahead)


def _fixed(family: str, problem: FunctionProblem, steps: int) -> Trace:
    """The points that N = 0, 1, …, `steps` steps return: each N is a method of its own."""
    L, mu = problem.facts.L or 1.0, problem.facts.mu or 0.0
    points = [problem.x0]
    for count in range(1, steps + 1):
        unit = fixed_steps(family, count, h=1.0, beta=None, rule="constant", q=mu / L)
        *_, last = FixedStep(unit.gradients / L, unit.output / L).run(problem.gradient, problem.x0)
        points.append(last)
    return _of(problem, points)
