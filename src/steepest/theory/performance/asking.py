"""From a method and a problem to the program that is to be solved, in units of L = 1."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

from steepest.core.errors import InputError
from steepest.core.facts import MethodFacts
from steepest.theory.fixed_step import Algorithm, FixedStep
from steepest.theory.performance.ask import Ask, FunctionClass, Initial
from steepest.theory.performance.methods import fixed_steps
from steepest.theory.reading import Family, family_of, problem_facts
from steepest.theory.setting import Setting
from steepest.theory.theorem import Quantity


def asked(
    method: object,
    problem: object,
    steps: int,
    *,
    quantity: Quantity | None = None,
    initial: Initial | None = None,
) -> Ask:
    """The program that `worst_case` would solve, in units of L = 1."""
    own, family = read_method(method, steps)
    return ask_of(Setting.of(family, problem_facts(problem)), own, steps, quantity, initial)[0]


def read_method(method: object, steps: int) -> tuple[FixedStep | None, Family]:
    """A method of fixed steps that a user wrote, or else None; and its family."""
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
    if family.name == "online-gradient-descent":
        family = replace(family, facts=replace(family.facts, projected=True))
    return None, family


def ask_of(
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
    if family == "optimized-gradient":
        h = _one(h)
        values["step"] = 1 / L
    if own is not None:
        scaled = FixedStep(own.gradients * L, own.output * L, own.name)
        return Ask("fixed", steps, chosen, start, functions, q, fixed=scaled), values
    rule = method.momentum_rule or ("t_k" if family == "fista" else "constant")
    numbers = {} if method.momentum is None else {"momentum": method.momentum}
    if family in _FIXED:
        if family != "triple-momentum" and math.isnan(h):
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
    return Ask(family, steps, chosen, start, functions, q, h, None, rule, numbers), values


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


def _one(h: float) -> float:
    """αL of the optimized gradient method, which has no other step."""
    if not math.isnan(h) and abs(h - 1) > 1e-9:
        raise InputError(f"worst_case: step must be 1/L for optimized-gradient, got {h:.6g}/L")
    return 1.0


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


_FIXED: Final = ("gradient-descent", "heavy-ball", "nesterov", "optimized-gradient", "triple-momentum")
_KINDS: Final = (
    "exact-line-search",
    "proximal-gradient",
    "projected-gradient",
    "fista",
    "frank-wolfe",
    "subgradient",
    "online-gradient-descent",
    "saga",
)
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
