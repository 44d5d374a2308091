"""Programs on a sum of terms: one step of SGD, and one of SAGA from any table of gradients."""

from __future__ import annotations

from typing import Any

from steepest.theory.performance.ask import Ask
from steepest.theory.performance.pepit import (
    Program,
    functions,
    mean,
    named,
    nothing,
    origin,
    steps,
    unknown,
    zero,
)  # fmt: skip


def stochastic(pep: Any, ask: Ask) -> Program:
    """One step, the term drawn uniformly."""
    terms = _terms(pep, ask)
    minimizer, slopes = origin(), _balanced(len(terms), zero())
    for term, slope in zip(terms, slopes, strict=True):
        term.add_point((minimizer, slope, nothing()))
    x0 = unknown("x0")
    pep.add_constraint(mean([slope**2 for slope in slopes]) <= ask.numbers["sigma"] ** 2, name="noise")
    pep.set_initial_condition(x0**2 <= 1, name="start")
    pep.set_performance_metric(mean([(x0 - ask.step * term.gradient(x0)) ** 2 for term in terms]))
    return Program(pep, {f"f{i}": term for i, term in enumerate(terms, start=1)}, x0, minimizer)


def saga(pep: Any, ask: Ask) -> Program:
    """V after one step, at most 1 before it."""
    step = ask.step
    other = pep.declare_function(functions().ConvexFunction)
    terms = _terms(pep, ask)
    n = len(terms)
    minimizer, pull = origin(), unknown("slope")
    other.add_point((minimizer, -pull, nothing()))
    slopes = _balanced(n, n * pull)
    for term, slope in zip(terms, slopes, strict=True):
        term.add_point((minimizer, slope, nothing()))
    phi = [unknown(f"phi{i}") for i in range(1, n + 1)]
    x0 = unknown("x0")
    weight = 1 / (2 * step * (1 - ask.mu * step) * n)
    table = [term.oracle(point) for term, point in zip(terms, phi, strict=True)]
    here = [term.oracle(x0) for term in terms]

    def excess(i: int, point: Any, value: Any) -> Any:
        return value - slopes[i] * point

    before = mean([excess(i, phi[i], table[i][1]) for i in range(n)])
    pep.set_initial_condition(before + weight * x0**2 <= 1, name="start")
    after = []
    for i in range(n):
        ahead = x0 - step * (here[i][0] - table[i][0]) - step * mean([g for g, _ in table])
        x, _, _ = steps().proximal_step(ahead, other, step)
        named(x, f"x1 of term {i + 1}")
        rest = [excess(j, phi[j], table[j][1]) if j != i else excess(j, x0, here[j][1]) for j in range(n)]
        after.append(weight * x**2 + mean(rest))
    pep.set_performance_metric(mean(after))
    return Program(pep, {**{f"f{i}": term for i, term in enumerate(terms, start=1)}, "h": other}, x0, minimizer)


def _terms(pep: Any, ask: Ask) -> list[Any]:
    count = int(ask.numbers["n"])
    return [pep.declare_function(functions().SmoothStronglyConvexFunction, mu=ask.mu, L=1.0) for _ in range(count)]


def _balanced(count: int, total: Any) -> list[Any]:
    """Gradients of the terms at the minimizer: all but one unknown, their sum `total`."""
    slopes = [unknown(f"slope {i}") for i in range(1, count)]
    last = total
    for slope in slopes:
        last = last - slope
    return [*slopes, last]
