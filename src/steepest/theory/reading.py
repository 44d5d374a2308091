"""Which family of theorems a method belongs to: from its facts, and from its settings where it is a rule."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Final

from steepest.core.errors import InputTypeError
from steepest.core.facts import MethodFacts, ProblemFacts
from steepest.theory.rule_text import settings_in
from steepest.trace import Trace

FAMILIES: Final = {
    "gradient-descent": "x⁺ = x − α∇f(x), with the gradient or an unbiased estimate of it",
    "exact-line-search": "x⁺ = x − α∇f(x), α minimizing f along the ray",
    "backtracking": "x⁺ = x − α∇f(x), α the first of α₀, τα₀, τ²α₀, … with Armijo's condition",
    "heavy-ball": "x⁺ = x − α∇f(x) + β(x − x⁻), x₋₁ = x₀",
    "nesterov": "xₖ = yₖ − α∇f(yₖ), yₖ₊₁ = xₖ + βₖ(xₖ − xₖ₋₁), y₁ = x₀",
    "optimized-gradient": "the optimized gradient method of Kim and Fessler",
    "triple-momentum": "the triple momentum method of Van Scoy, Freeman and Lynch",
    "subgradient": "x⁺ = x − αg, g ∈ ∂f(x), perhaps projected",
    "svrg": "SVRG: snapshots, and gradients corrected by them",
    "saga": "SAGA: a table of gradients",
    "online-gradient-descent": "x_{t+1} = P(x_t − γ_t g_t)",
    "adagrad": "AdaGrad, diagonal, with projection",
    "amsgrad": "AMSGrad with projection and α_t = α/√t",
    "adam": "Adam",
    "newton": "x⁺ = x − ∇²f(x)⁻¹∇f(x)",
    "damped-newton": "x⁺ = x − ∇²f(x)⁻¹∇f(x)/(1 + λ)",
    "newton-backtracking": "Newton's direction with Armijo's backtracking from 1",
    "l-bfgs": "L-BFGS",
    "bfgs": "BFGS",
    "projected-gradient": "x⁺ = P(x − α∇f(x))",
    "proximal-gradient": "x⁺ = prox_{αh}(x − α∇f(x))",
    "fista": "the proximal gradient step with Nesterov's momentum",
    "frank-wolfe": "x⁺ = (1 − γ)x + γs, s minimizing ⟨∇f(x), s⟩ over the set",
    "augmented-lagrangian": "method of multipliers with penalty c",
}
"""The families that theorems speak of, and what they are."""


@dataclass(frozen=True)
class Family:
    """A method as theorems see it.

    name: a key of `FAMILIES`, or what the method calls itself. facts: its constants. reason: why it belongs to none,
    where it does not. point: "y" where the method keeps Nesterov's look-ahead point and not x.
    """

    name: str
    facts: MethodFacts
    reason: str = ""
    point: str = "x"


def family_of(method: object) -> Family:
    """The family of a method: of `MethodFacts`, of anything that has `.facts`, or of a trace.

    Raises InputTypeError for anything else.

    >>> family_of(MethodFacts("sgd", step=0.1)).name
    'gradient-descent'
    """
    facts, settings, text = _asked(method)
    return _special_cases(_read(facts, settings, text))


def problem_facts(problem: object) -> ProblemFacts:
    """The facts of a problem: of `ProblemFacts`, of anything that has `.facts`, or of a trace.

    Of a problem that shows its function and start, Δ = f(x₀) − f* is computed where it is not declared.
    """
    if isinstance(problem, Trace):
        return _local(ProblemFacts.from_dict(_mapping(problem.meta.get("problem_facts"))), None)
    facts = problem if isinstance(problem, ProblemFacts) else getattr(problem, "facts", None)
    if not isinstance(facts, ProblemFacts):
        raise InputTypeError(f"theory: problem must be ProblemFacts or have them as .facts, got {problem!r}")
    facts = _local(facts, getattr(problem, "region", None))
    fun, x0 = getattr(problem, "fun", None), getattr(problem, "x0", None)
    if facts.delta is None and facts.f_star is not None and callable(fun) and x0 is not None:
        return replace(facts, delta=max(0.0, float(fun(x0)) - facts.f_star))
    return facts


def _local(facts: ProblemFacts, region: tuple[float, float] | None) -> ProblemFacts:
    """The facts with the region on which L and μ hold: the problem's own, or what their source says: "L on [−1, 1]"."""
    if facts.region is not None:
        return replace(facts, region=(float(facts.region[0]), float(facts.region[1])))
    told = re.search(r"L.* on \[([^,\]]+), ([^,\]]+)\]", facts.source)
    if region is None and told:
        region = float(told[1].replace("−", "-")), float(told[2].replace("−", "-"))
    return facts if region is None else replace(facts, region=(float(region[0]), float(region[1])))


def nearest(name: str) -> tuple[str, ...]:
    """The families whose names are nearest."""
    known = {**{key: key for key in FAMILIES}, **{alias.replace("_", "-"): made for alias, made in _ALIASES.items()}}
    near = get_close_matches(name.replace("_", "-").lower(), known, n=3, cutoff=0.4)
    return tuple(dict.fromkeys(known[key] for key in near)) or ("gradient-descent",)


def _asked(method: object) -> tuple[MethodFacts, Mapping[str, object] | None, str]:
    if isinstance(method, MethodFacts):
        return method, None, ""
    if isinstance(method, Trace):
        meta = method.meta
        facts = _mapping(meta.get("method_facts"))
        if "family" not in facts:
            return MethodFacts("not stated"), None, ""
        text = str(meta.get("method", ""))
        settings = _mapping(meta.get("hyperparameters")) or settings_in(text)
        return MethodFacts.from_dict(facts), settings if _is_rule(text) else None, text
    method = getattr(method, "rule", method)  # a method of `minimize` that runs an update rule
    found = getattr(method, "facts", None)
    if not isinstance(found, MethodFacts):
        raise InputTypeError(f"theory: method must be MethodFacts or have them as .facts, got {method!r}")
    ask: Callable[[], Mapping[str, object]] | None = getattr(method, "hyperparameters", None)
    text = str(getattr(method, "text", ""))
    return found, ask() if callable(ask) else None, text


def _is_rule(text: str) -> bool:
    return "learning_rate(" in text


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _read(facts: MethodFacts, settings: Mapping[str, object] | None, text: str) -> Family:
    name = facts.family
    if facts.schedule is not None and facts.step_rule is None:
        return Family(name, facts, f"its step follows {facts.schedule}, of which no theorem speaks")
    if settings is not None and name in _RULES:
        return _rule(name, facts, settings, text)
    if name in FAMILIES:
        return Family(name, facts)
    if name == "SteepestDescent":
        return _steepest_descent(facts, text)
    if name == "Newton" and "step_size=" in text:
        return _newton(facts, text)
    if name in _ALIASES:
        return Family(_ALIASES[name], facts)
    return Family(name, facts, "")


def _rule(name: str, facts: MethodFacts, settings: Mapping[str, object], text: str) -> Family:
    """A rule of the library is what its links make of it: a name says little of weight decay, or of a form."""
    expected = _RULES[name]
    extra = sorted({path.rpartition(".")[0] for path in settings} - expected)
    if extra:
        return Family(name, facts, f"it has {', '.join(extra)}, of which no theorem speaks")
    if any(isinstance(value, str) for value in settings.values()):
        return Family(name, facts, "a setting of it follows a schedule, of which no theorem speaks")
    paths = {path: float(value) for path, value in settings.items() if isinstance(value, int | float)}
    if paths.get("momentum.dampening"):
        return Family(name, facts, f"its momentum is damped by {paths['momentum.dampening']:g}")
    if name == "heavy_ball" and "average_momentum.beta" in paths and facts.step is not None:
        shorter = facts.step * (1 - paths["average_momentum.beta"])
        return Family("heavy-ball", replace(facts, step=shorter))
    if name == "nesterov":
        ahead = "momentum.beta" in paths
        found = replace(facts, momentum_rule="constant", form="sutskever" if ahead else "lookahead")
        return Family("nesterov", found, point="y" if ahead else "x")
    if name == "accelerated_gradient":
        return Family("nesterov", _accelerated(facts, paths, text))
    constants = {path.rpartition(".")[2]: value for path, value in paths.items()}
    return Family(_ALIASES[name], replace(facts, constants={**constants, **facts.constants}))


def _accelerated(facts: MethodFacts, settings: Mapping[str, float], text: str) -> MethodFacts:
    kappa = settings.get("accelerated_momentum.kappa")
    if kappa is not None:
        return replace(facts, momentum=(kappa**0.5 - 1) / (kappa**0.5 + 1), momentum_rule="constant")
    return replace(facts, momentum_rule="(k−1)/(k+2)" if "sequence='linear'" in text else "t_k")


def _steepest_descent(facts: MethodFacts, text: str) -> Family:
    if "preconditioner=" in text and "preconditioner=None" not in text:
        return Family(facts.family, facts, "it has a preconditioner, of which no theorem speaks")
    if facts.step is not None:
        return Family("gradient-descent", facts)
    if "Exact(" in text:
        return Family("exact-line-search", facts)
    found = re.search(r"Armijo\(c=([^,]+), factor=([^,]+), initial=([^,]+)", text)
    if found and found[3] != "None":
        c, factor, first = map(float, found.groups())
        return Family("backtracking", replace(facts, constants={"armijo": c, "shrink": factor, "first_trial": first}))
    return Family(facts.family, facts, "its step size has no theorem; Armijo(initial=…), Exact and constants have")


def _newton(facts: MethodFacts, text: str) -> Family:
    if facts.step == 1:
        return Family("newton", facts)
    found = re.search(r"Armijo\(c=([^,]+), factor=([^,]+), initial=([^,]+)", text)
    if found and found[3] in ("None", "1.0"):
        constants = {"armijo": float(found[1]), "shrink": float(found[2])}
        return Family("newton-backtracking", replace(facts, constants=constants))
    return Family(facts.family, facts, "its step size has no theorem; Constant(1.0) and Armijo have")


def _special_cases(family: Family) -> Family:
    """Momentum 0 is no momentum."""
    constant = family.facts.momentum_rule in (None, "constant")
    if family.name in ("heavy-ball", "nesterov") and family.facts.momentum == 0 and constant:
        return Family("gradient-descent", family.facts)
    return family


_ALIASES: Final = {
    "sgd": "gradient-descent",
    "gradient_descent": "gradient-descent",
    "GradientDescent": "gradient-descent",
    "heavy_ball": "heavy-ball",
    "nesterov": "nesterov",
    "accelerated_gradient": "nesterov",
    "adagrad": "adagrad",
    "amsgrad": "amsgrad",
    "adam": "adam",
    "adamw": "adam",
    "Newton": "newton",
    "BFGS": "bfgs",
    "LBFGS": "l-bfgs",
    "FrankWolfe": "frank-wolfe",
    "ProjectedGradient": "projected-gradient",
    "ProximalGradient": "proximal-gradient",
    "FISTA": "fista",
    "SVRG": "svrg",
    "SAGA": "saga",
    "AugmentedLagrangian": "augmented-lagrangian",
    "OGM": "optimized-gradient",
    "TripleMomentum": "triple-momentum",
}
_RULES: Final[Mapping[str, frozenset[str]]] = {
    "sgd": frozenset({"learning_rate"}),
    "heavy_ball": frozenset({"learning_rate", "momentum", "average_momentum"}),
    "nesterov": frozenset({"learning_rate", "momentum", "lookahead_momentum"}),
    "accelerated_gradient": frozenset({"learning_rate", "accelerated_momentum"}),
    "adagrad": frozenset({"learning_rate", "scale_by_adagrad"}),
    "amsgrad": frozenset({"learning_rate", "scale_by_amsgrad"}),
    "adam": frozenset({"learning_rate", "scale_by_adam"}),
}
