"""`worst_case`: from a method and a problem to the program, and back to their units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from steepest.core.errors import InputError
from steepest.core.ranges import Range
from steepest.theory.performance.ask import USED, Ask, Initial
from steepest.theory.performance.asking import ask_of, read_method
from steepest.theory.performance.feasible import expected_seconds, largest
from steepest.theory.performance.result import WorstCase
from steepest.theory.performance.solver import Solved, solve
from steepest.theory.performance.table import stored_value
from steepest.theory.performance.units import in_units, scale_of, unit_of
from steepest.theory.reading import problem_facts
from steepest.theory.registry import get, theorems
from steepest.theory.setting import Setting
from steepest.theory.theorem import Quantity
from steepest.theory.vocabulary import STARTS


def worst_case(
    method: object,
    problem: object,
    steps: int,
    *,
    quantity: Quantity | None = None,
    initial: Initial | None = None,
    stored: bool = False,
    time_limit: float = 10.0,
    tol: float = 1e-9,
) -> WorstCase:
    """The exact worst case of a method after N steps, over all functions with the problem's class and constants.

    method: `MethodFacts` or what has them; a `FixedStep`; or a function (gradient, x0, steps) → x that adds and scales
    points and gradients only. problem: `ProblemFacts` or what has them; of its class and constants, L is needed (G
    for subgradients and online methods), and R, Δ or D are taken as 1 where they are not known. A quadratic counts as
    a convex function. steps: N in [1, inf). quantity: what is bounded: GAP, DISTANCE_SQUARED, GRADIENT_SQUARED,
    BEST_GRADIENT or BEST_GAP, default what the method's theorems bound. initial: from what: "distance", "gap",
    "gradient" or "gap and distance". stored: read the table of worst cases instead of solving. time_limit: seconds in
    (0, inf). tol: the solver's tolerance in (0, 1e-2].

    Raises InputError for impossible constants, where there is no program for the method, and where N is too large for
    the time limit, with the N that is not and the theorem that has the number; MissingExtraError without the extra
    `theory`.

    Source: Drori & Teboulle 2014, Math. Program. 145; Taylor, Hendrickx & Glineur 2017, Math. Program. 161; Goujaud
    et al. 2024, PEPit, Math. Program. Comput. 16.

    >>> from steepest.core.facts import MethodFacts, ProblemFacts
    >>> found = worst_case(MethodFacts("gradient-descent", step=0.1), ProblemFacts("convex", L=10.0), 2, stored=True)
    >>> round(found.value, 6), found.best, round(found.ratio, 6)
    (1.0, 'gd-convex', 2.5)
    """
    count = int(Range(low=1, integer=True).check("worst_case", "steps", steps))
    limit = Range(low=0, open_low=True).check("worst_case", "time_limit", time_limit)
    accuracy = Range(low=0, high=1e-2, open_low=True).check("worst_case", "tol", tol)
    facts = problem_facts(problem)
    own, family = read_method(method, count)
    setting = Setting.of(family, facts)
    ask, values = ask_of(setting, own, count, quantity, initial)
    bounds = {} if own is not None else _bounds(setting, ask, values)
    scale = scale_of(ask, values)
    name = own.name if own is not None else family.name
    if stored:
        value, tolerance = stored_value(ask, name)
        value *= scale
        relaxed = ask.functions == "PL"
        return WorstCase(
            value, value, count, name, ask.quantity, ask.initial, tolerance, bounds, relaxation=relaxed, stored=True
        )
    _check_size(ask, limit, bounds)
    solved = solve(ask, tol=accuracy, time_limit=max(limit, 1.0) * 3)
    return _result(solved, ask, values, scale, name, bounds)


def _bounds(setting: Setting, ask: Ask, values: Mapping[str, float]) -> dict[str, float]:
    """The theorems of that quantity from that start, with their numbers."""
    asked = replace(setting, values=values)
    found = {}
    for theorem in theorems(setting.family.name):
        if theorem.quantity is not ask.quantity or theorem.bound is None or ask.steps < theorem.start:
            continue
        used = frozenset(theorem.bound.symbols()) & STARTS
        if used == USED[ask.initial] and not theorem.failures(asked):
            found[theorem.name] = theorem.value(values, ask.steps)
    return found


def _check_size(ask: Ask, limit: float, bounds: Mapping[str, float]) -> None:
    size = int(ask.numbers["n"]) if ask.kind in ("saga", "stochastic") else ask.steps
    seconds = expected_seconds(ask.kind, size)
    if seconds <= limit:
        return
    closed = min(bounds, key=lambda name: bounds[name], default=None)
    words = "no theorem has a number for it"
    if closed is not None:
        exact = get(closed).tight in ("exact", "numerically exact")
        words = f"{closed} {'is exact for every N' if exact else 'bounds it'}: {bounds[closed]:.6g}"
    what = "n" if size != ask.steps else "steps"
    raise InputError(
        f"worst_case: {what} must be in [1, {largest(ask.kind, limit)}] for time_limit {limit:g} s, got {size}, which "
        f"takes about {seconds:,.0f} s; {words}"
    )


def _result(
    solved: Solved, ask: Ask, values: Mapping[str, float], scale: float, name: str, bounds: Mapping[str, float]
) -> WorstCase:
    unit, L = unit_of(ask, values), values.get("L")
    return WorstCase(
        solved.value * scale,
        solved.lower * scale,
        ask.steps,
        name,
        ask.quantity,
        ask.initial,
        solved.tolerance,
        bounds,
        certificate=solved.certificate,
        functions={name: in_units(function, unit, L) for name, function in solved.functions.items()},
        almost=solved.almost,
        relaxation=ask.functions == "PL",
        seconds=solved.seconds,
        notes=solved.notes,
    )
