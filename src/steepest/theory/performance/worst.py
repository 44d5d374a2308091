"""`worst_case`: from a method and a problem to the program, and back to their units."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from steepest.core.errors import InputError
from steepest.core.facts import MethodFacts
from steepest.core.ranges import Range
from steepest.theory.fixed_step import Algorithm, FixedStep
from steepest.theory.performance.ask import Ask, FunctionClass, Initial
from steepest.theory.performance.feasible import expected_seconds, largest
from steepest.theory.performance.methods import fixed_steps
from steepest.theory.performance.result import WorstCase
from steepest.theory.performance.solver import Solved, solve
from steepest.theory.performance.table import stored_value
from steepest.theory.performance.worst_function import WorstFunction
from steepest.theory.reading import Family, family_of, problem_facts
from steepest.theory.registry import theorems
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
    own, family = _method(method, count)
    setting = Setting.of(family, facts)
    ask, values = _ask(setting, own, count, quantity, initial)
    bounds = {} if own is not None else _bounds(setting, ask, values)
    scale = _scale(ask, values)
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


def asked(
    method: object,
    problem: object,
    steps: int,
    *,
    quantity: Quantity | None = None,
    initial: Initial | None = None,
) -> Ask:
    """The program that `worst_case` would solve, in units of L = 1."""
    own, family = _method(method, steps)
    return _ask(Setting.of(family, problem_facts(problem)), own, steps, quantity, initial)[0]


def _method(method: object, steps: int) -> tuple[FixedStep | None, Family]:
    if isinstance(method, FixedStep):
        return method, Family("a user's method", MethodFacts("fixed-step"))
    if callable(method) and not hasattr(method, "facts"):
        algorithm: Algorithm = method
        return FixedStep.record(algorithm, steps), Family("a user's method", MethodFacts("fixed-step"))
    family = family_of(method)
    if family.reason:
        raise InputError(f"worst_case: {family.name} is no method of theory: {family.reason}")
    if family.name not in (*_FIXED, *_KINDS):
        known = ", ".join((*_FIXED, *_KINDS))
        raise InputError(f"worst_case: there is no program for {family.name!r}; there is for {known}, and a FixedStep")
    if family.facts.step_rule not in (None, "constant") and family.name != "online-gradient-descent":
        raise InputError(f"worst_case: the step must be constant, got the rule {family.facts.step_rule}")
    return None, family


def _ask(
    setting: Setting, own: FixedStep | None, steps: int, quantity: Quantity | None, initial: Initial | None
) -> tuple[Ask, dict[str, float]]:
    """The program's ask in units of L = 1, and all numbers with 1 for what is not known of the start."""
    family, values = setting.family.name, {"R": 1.0, "D": 1.0, **setting.values, "N": float(steps)}
    if family in _LIPSCHITZ:
        return _lipschitz(setting, values, steps), values
    if "L" not in values:
        raise InputError("worst_case: the problem's L must be known, got None")
    functions = _functions(setting)
    L = values["L"]
    if family == "gradient-descent" and setting.problem.oracle == "stochastic":
        return _one_stochastic_step(setting, values, steps), values
    mu = setting.problem.mu or 0.0
    values["mu"] = mu
    chosen = quantity or _default_quantity(family, functions)
    start = initial or _default_initial(family, functions, chosen)
    if chosen not in _PROGRAMMED:
        raise InputError(f"worst_case: quantity must be one of {', '.join(q.name for q in _PROGRAMMED)}, got {chosen}")
    if functions == "smooth" and start != "gap":
        raise InputError(f"worst_case: initial must be 'gap' for a function that need not be convex, got {start!r}")
    q = mu / L if functions in ("strongly convex", "PL") else 0.0
    if start == "gap and distance":
        values = {"delta": 1.0, **values, **({} if "delta" in setting.values else {"R": 0.0})}
    else:
        values.setdefault("delta", 1.0)
    values.setdefault("g0", 1.0)
    method = setting.family.facts
    h = math.nan if method.step is None else method.step * L
    if own is not None:
        scaled = FixedStep(own.gradients * L, own.output * L, own.name)
        return Ask("fixed", steps, chosen, start, functions, q, fixed=scaled), values
    rule = method.momentum_rule or ("t_k" if family == "fista" else "constant")
    numbers = {} if method.momentum is None else {"momentum": method.momentum}
    if family in _FIXED:
        if family not in _WITHOUT_STEP and math.isnan(h):
            raise InputError(f"worst_case: step must be given for {family}, got None")
        if functions == "strongly convex" or family != "triple-momentum":
            label = f"{family}-secondary" if setting.family.point == "y" or chosen is Quantity.SECONDARY_GAP else family
            fixed = fixed_steps(label, steps, h=h, beta=method.momentum, rule=rule, q=q)
            return Ask("fixed", steps, chosen, start, functions, q, h, fixed, rule, numbers), values
        raise InputError("worst_case: triple-momentum needs a strongly convex problem, got one that is not")
    if family == "saga":
        return _one_saga_step(setting, values, steps, h, q), values
    if family in _STEPPED and math.isnan(h):
        raise InputError(f"worst_case: step must be given for {family}, got None")
    if family == "frank-wolfe":
        start = "set"
    return Ask(_KINDS[family], steps, chosen, start, functions, q, h, None, rule, numbers), values


def _lipschitz(setting: Setting, values: dict[str, float], steps: int) -> Ask:
    if "G" not in values:
        raise InputError(f"worst_case: the problem's G must be known for {setting.family.name}, got None")
    size = values["R"] if setting.family.name == "subgradient" else values["D"]
    step = setting.family.facts.step
    if step is None:
        raise InputError(f"worst_case: step must be given for {setting.family.name}, got None")
    rule = setting.family.facts.step_rule or "constant"
    if setting.family.name == "subgradient":
        relative = step * values["G"] / size
        return Ask("subgradient", steps, Quantity.BEST_GAP, "distance", "Lipschitz", step=relative, rule=rule)
    relative = step * values["G"] / size
    return Ask("online-gradient-descent", steps, Quantity.REGRET, "set", "Lipschitz", step=relative, rule=rule)


def _one_stochastic_step(setting: Setting, values: dict[str, float], steps: int) -> Ask:
    step = setting.family.facts.step
    if not setting.problem.mu or step is None or "sigma" not in values:
        raise InputError("worst_case: mu, sigma and the step must be known for stochastic gradient descent")
    _only_one(setting, steps)
    L = values["L"]
    numbers = {"n": values.get("n", 2.0), "sigma": values["sigma"] / (L * values["R"])}
    mu = setting.problem.mu / L
    return Ask("stochastic", 1, Quantity.DISTANCE_SQUARED, "distance", "strongly convex", mu, step * L, numbers=numbers)


def _one_saga_step(setting: Setting, values: dict[str, float], steps: int, h: float, q: float) -> Ask:
    if not q or math.isnan(h) or "n" not in values:
        raise InputError("worst_case: mu, n and the step must be known for saga")
    _only_one(setting, steps)
    values.setdefault("lyapunov0", 1.0)
    return Ask("saga", 1, Quantity.LYAPUNOV, "Lyapunov", "strongly convex", q, h, numbers={"n": values["n"]})


def _only_one(setting: Setting, steps: int) -> None:
    if steps != 1:
        raise InputError(f"worst_case: steps must be 1 for {setting.family.name} on a sum of terms, got {steps}")


def _functions(setting: Setting) -> FunctionClass:
    if setting.has("strongly convex"):
        return "strongly convex"
    if setting.has("convex"):
        return "convex"
    if setting.has("PL"):
        return "PL"
    if setting.has("smooth"):
        return "smooth"
    raise InputError(
        f"worst_case: the problem's class must be smooth, PL, convex or strongly convex, "
        f"got {setting.problem.problem_class!r}"
    )


def _default_quantity(family: str, functions: FunctionClass) -> Quantity:
    if functions == "smooth":
        return Quantity.BEST_GRADIENT
    distances = ("gradient-descent", "heavy-ball", "projected-gradient", "proximal-gradient")
    if functions == "strongly convex" and family in distances:
        return Quantity.DISTANCE_SQUARED
    return Quantity.GAP


def _default_initial(family: str, functions: FunctionClass, quantity: Quantity) -> Initial:
    if functions in ("smooth", "PL") or family == "exact-line-search":
        return "gap"
    if family == "nesterov" and functions == "strongly convex" and quantity is Quantity.GAP:
        return "gap and distance"
    return "distance"


def _bounds(setting: Setting, ask: Ask, values: Mapping[str, float]) -> dict[str, float]:
    """The theorems of that quantity from that start, with their numbers."""
    asked = replace(setting, values=values)
    found = {}
    for theorem in theorems(setting.family.name):
        if theorem.quantity is not ask.quantity or theorem.bound is None or ask.steps < theorem.start:
            continue
        used = frozenset(theorem.bound.symbols()) & STARTS
        if used == _USED[ask.initial] and not theorem.failures(asked):
            found[theorem.name] = theorem.value(values, ask.steps)
    return found


def _scale(ask: Ask, values: Mapping[str, float]) -> float:
    """What the program's value is multiplied by."""
    unit = _unit(ask, values)
    L = values.get("L", 1.0)
    if ask.quantity is Quantity.DISTANCE_SQUARED:
        return unit / L
    if ask.quantity in (Quantity.GRADIENT_SQUARED, Quantity.BEST_GRADIENT):
        return unit * L
    return unit


def _unit(ask: Ask, values: Mapping[str, float]) -> float:
    """The unit of f."""
    if ask.functions == "Lipschitz":
        return values["G"] * (values["R"] if ask.kind == "subgradient" else values["D"])
    if ask.initial == "Lyapunov":
        return values["lyapunov0"]
    if ask.initial == "gap":
        return values["delta"]
    if ask.initial == "gradient":
        return values["g0"] ** 2 / values["L"]
    if ask.initial == "gap and distance":
        return values["delta"] + values["mu"] * values["R"] ** 2 / 2
    return values["L"] * (values["D"] if ask.initial == "set" else values["R"]) ** 2


def _check_size(ask: Ask, limit: float, bounds: Mapping[str, float]) -> None:
    size = int(ask.numbers["n"]) if ask.kind in ("saga", "stochastic") else ask.steps
    seconds = expected_seconds(ask.kind, size)
    if seconds <= limit:
        return
    closed = min(bounds, key=lambda name: bounds[name], default=None)
    words = "no theorem has a number for it" if closed is None else f"{closed} bounds it by {bounds[closed]:.6g}"
    what = "n" if size != ask.steps else "steps"
    raise InputError(
        f"worst_case: {what} must be in [1, {largest(ask.kind, limit)}] for time_limit {limit:g} s, got {size}, which "
        f"takes about {seconds:.3g} s; {words}"
    )


def _result(
    solved: Solved, ask: Ask, values: Mapping[str, float], scale: float, name: str, bounds: Mapping[str, float]
) -> WorstCase:
    function = None if solved.function is None else _in_units(solved.function, _unit(ask, values), values.get("L"))
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
        function=function,
        almost=solved.almost,
        relaxation=ask.functions == "PL",
        seconds=solved.seconds,
        notes=solved.notes,
    )


def _in_units(function: WorstFunction, unit: float, L: float | None) -> WorstFunction:
    """The function found for L = 1 in the problem's units; for Lipschitz ones f and x share theirs."""
    curvature = 1.0 if L is None else L
    length = unit if L is None else math.sqrt(unit / curvature)
    slope = unit / length if length else 0.0
    return replace(
        function,
        points=function.points * length,
        gradients=function.gradients * slope,
        values=function.values * unit,
        start=function.start * length,
        minimizer=None if function.minimizer is None else np.asarray(function.minimizer * length),
        L=None if function.L is None else curvature,
        mu=function.mu * curvature,
    )


_FIXED: Final = ("gradient-descent", "heavy-ball", "nesterov", "optimized-gradient", "triple-momentum")
_WITHOUT_STEP: Final = ("optimized-gradient", "triple-momentum")
_KINDS: Final = {
    "exact-line-search": "exact-line-search",
    "proximal-gradient": "proximal-gradient",
    "projected-gradient": "projected-gradient",
    "fista": "fista",
    "frank-wolfe": "frank-wolfe",
    "subgradient": "subgradient",
    "online-gradient-descent": "online-gradient-descent",
    "saga": "saga",
}
_STEPPED: Final = ("proximal-gradient", "projected-gradient", "fista")
_LIPSCHITZ: Final = ("subgradient", "online-gradient-descent")
_PROGRAMMED: Final = (
    Quantity.GAP,
    Quantity.DISTANCE_SQUARED,
    Quantity.GRADIENT_SQUARED,
    Quantity.BEST_GRADIENT,
    Quantity.BEST_GAP,
    Quantity.SECONDARY_GAP,
)
_USED: Final[Mapping[Initial, frozenset[str]]] = {
    "distance": frozenset({"R"}),
    "gap": frozenset({"delta"}),
    "gradient": frozenset({"g0"}),
    "gap and distance": frozenset({"delta", "R"}),
    "Lyapunov": frozenset({"lyapunov0"}),
    "set": frozenset(),
}
