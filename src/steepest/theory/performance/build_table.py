"""Compute the stored table of worst cases: `python -m steepest.theory.performance.build_table [FILE]`.

A row for each method, class, quantity and start of the literature's tables, each N up to 20 or as far as a program
takes a minute and its proof is good to `GOOD_ENOUGH`. Needs the extra `theory`.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

from steepest.core.errors import InputError
from steepest.core.facts import MethodFacts, ProblemFacts
from steepest.theory.performance.ask import Initial
from steepest.theory.performance.asking import asked
from steepest.theory.performance.solver import solve
from steepest.theory.performance.table import FILE, key_of
from steepest.theory.theorem import Quantity

GOOD_ENOUGH: Final = 1e-4
"""The largest relative tolerance of a value that is stored."""
_GAP, _DISTANCE, _GRADIENT = Quantity.GAP, Quantity.DISTANCE_SQUARED, Quantity.GRADIENT_SQUARED
_CONVEX: Final = ProblemFacts("convex", L=1.0)


class Series(NamedTuple):
    """A row to be computed: at every N from 1 to `last`."""

    name: str
    method: MethodFacts
    problem: ProblemFacts
    last: int
    quantity: Quantity | None = None
    initial: Initial | None = None
    steps_of: str = ""


def series() -> Iterator[Series]:
    """All rows, those that need no explanation first."""
    gd = "gradient-descent"
    for h in (1.0, 0.5, 1.5, 1.8):
        yield Series(f"{gd}, convex, gap from distance, h = {h:g}", MethodFacts(gd, step=h), _CONVEX, 20)
    yield Series(f"{gd}, convex, gradient from distance", MethodFacts(gd, step=1.0), _CONVEX, 20, _GRADIENT)
    yield Series(f"{gd}, convex, gradient from gap", MethodFacts(gd, step=1.0), _CONVEX, 20, _GRADIENT, "gap")
    for kappa in (10, 100):
        strong = _strong(kappa)
        for label, h in (("h = 1", 1.0), ("h = 2/(1 + q)", 2 / (1 + 1 / kappa))):
            method = MethodFacts(gd, step=h)
            for quantity, initial in _STRONG_PAIRS:
                name = f"{gd}, κ = {kappa}, {_WORDS[quantity]} from {initial}, {label}"
                yield Series(name, method, strong, 20, quantity, initial)
    for h in (1.0, 0.5, 1.5):
        yield Series(f"{gd}, smooth, h = {h:g}", MethodFacts(gd, step=h), ProblemFacts("smooth", L=1.0), 20)
    yield Series(f"{gd}, PL, q = 0.1", MethodFacts(gd, step=1.0), ProblemFacts("PL", L=1.0, mu=0.1), 10)
    yield Series("exact line search, κ = 10", MethodFacts("exact-line-search"), _strong(10), 20)
    for kappa in (10, 25, 100):
        rho = (math.sqrt(kappa) - 1) / (math.sqrt(kappa) + 1)
        step = 4 / (1 + math.sqrt(1 / kappa)) ** 2
        method = MethodFacts("heavy-ball", step=step, momentum=rho**2)
        yield Series(f"heavy ball, Polyak's constants, κ = {kappa}", method, _strong(kappa), 20)
    safe = MethodFacts("heavy-ball", step=0.5, momentum=math.sqrt(0.95 * 0.5))
    yield Series("heavy ball, safe constants, κ = 10", safe, _strong(10), 20, _GAP, "gap")
    nesterov = MethodFacts("nesterov", step=1.0, momentum_rule="t_k")
    yield Series("Nesterov, t_k", nesterov, _CONVEX, 20)
    yield Series("Nesterov, t_k, look-ahead point", nesterov, _CONVEX, 20, Quantity.SECONDARY_GAP)
    linear = MethodFacts("nesterov", step=1.0, momentum_rule="(k−1)/(k+2)")
    yield Series("Nesterov, (k − 1)/(k + 2)", linear, _CONVEX, 20)
    yield Series("Nesterov, β = 0.9", MethodFacts("nesterov", step=1.0, momentum=0.9), _CONVEX, 20)
    for kappa in (10, 100):
        rho = (math.sqrt(kappa) - 1) / (math.sqrt(kappa) + 1)
        yield Series(f"Nesterov, κ = {kappa}", MethodFacts("nesterov", step=1.0, momentum=rho), _strong(kappa), 20)
    yield Series("optimized gradient", MethodFacts("optimized-gradient", step=1.0), _CONVEX, 20)
    yield Series("triple momentum, κ = 10", MethodFacts("triple-momentum"), _strong(10), 16, _GAP, "distance")
    for name in ("proximal-gradient", "projected-gradient"):
        yield Series(name, MethodFacts(name, step=1.0), _CONVEX, 20)
        yield Series(f"{name}, κ = 10", MethodFacts(name, step=1.0), _strong(10), 20)
    yield Series("FISTA, t_k", MethodFacts("fista", step=1.0, momentum_rule="t_k"), _CONVEX, 20)
    yield Series("FISTA, (k − 1)/(k + 2)", MethodFacts("fista", step=1.0, momentum_rule="(k−1)/(k+2)"), _CONVEX, 20)
    yield Series("Frank–Wolfe", MethodFacts("frank-wolfe"), ProblemFacts("convex", L=1.0, D=1.0), 20)
    lipschitz = ProblemFacts("convex", G=1.0, D=1.0)
    yield Series("subgradient, R/(G√(N + 1))", MethodFacts("subgradient"), lipschitz, 20, steps_of="subgradient")
    online = "online-gradient-descent"
    yield Series("online, D/(G√T)", MethodFacts(online), lipschitz, 12, steps_of="online")
    yield Series("online, D/(G√t)", MethodFacts(online, step=1.0, step_rule="1/√t"), lipschitz, 12)
    yield Series("online, D/(G√(2t))", MethodFacts(online, step=math.sqrt(0.5), step_rule="1/√t"), lipschitz, 12)
    noisy = ProblemFacts("strongly convex", L=1.0, mu=0.1, n=5, sigma=0.5, oracle="stochastic")
    yield Series("SGD, one step", MethodFacts(gd, step=0.7), noisy, 1)
    yield Series("SGD, one step, no noise", MethodFacts(gd, step=0.7), replace(noisy, sigma=0.0), 1)
    terms = ProblemFacts("strongly convex", L=1.0, mu=0.1, n=5)
    yield Series("SAGA, one step", MethodFacts("saga", step=1 / 3), terms, 1)


_WORDS: Final = {_GAP: "gap", _DISTANCE: "squared distance", _GRADIENT: "squared gradient"}
_STRONG_PAIRS: Final[tuple[tuple[Quantity, Initial], ...]] = (
    (_DISTANCE, "distance"),
    (_GAP, "gap"),
    (_GRADIENT, "gradient"),
    (_GAP, "distance"),
)


def at(line: Series, steps: int) -> MethodFacts:
    """The method of a row at N steps: its step may depend on N."""
    if line.steps_of == "subgradient":
        return MethodFacts(line.method.family, step=1 / math.sqrt(steps + 1))
    if line.steps_of == "online":
        return MethodFacts(line.method.family, step=1 / math.sqrt(steps))
    return line.method


def _strong(kappa: float) -> ProblemFacts:
    return ProblemFacts("strongly convex", L=1.0, mu=1 / kappa)


def _rows() -> Iterator[dict[str, object]]:
    for line in series():
        groups: dict[str, dict[str, object]] = {}
        for steps in range(1, line.last + 1):
            method = at(line, steps)
            ask = asked(method, line.problem, steps, quantity=line.quantity, initial=line.initial)
            try:
                solved = solve(ask, tol=1e-9, time_limit=120.0)
            except InputError as error:
                sys.stderr.write(f"{line.name} ends before N = {steps}: {error}\n")
                break
            if solved.tolerance > GOOD_ENOUGH:
                sys.stderr.write(f"{line.name} ends before N = {steps}: good to {solved.tolerance:.1g} only\n")
                break
            name = f"{line.name}, N = {steps}" if line.steps_of else line.name
            row = groups.setdefault(key_of(ask, method.family), {"name": name, "values": {}, "tolerances": {}})
            row["values"][str(steps)] = float(f"{solved.value:.12g}")  # type: ignore[index]
            if solved.tolerance > 1e-6:
                row["tolerances"][str(steps)] = float(f"{solved.tolerance:.2g}")  # type: ignore[index]
            sys.stderr.write(f"{line.name}, N = {steps}: {solved.value:.9g} ({solved.seconds:.2f} s)\n")
        yield from ({"key": key, **row} for key, row in groups.items())


def main() -> None:
    """Write the table beside this module, or to the file that is named."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name(FILE)
    text = json.dumps({"units": "L = 1, and 1 for what bounds the start", "rows": list(_rows())}, indent=1)
    path.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
