"""Step sizes that theorems prove best, with the theorem's name."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from steepest.core.errors import InputError, UnknownNameError
from steepest.core.facts import Averaging, MethodFacts, Momentum, StepRule
from steepest.core.ranges import Range
from steepest.theory.reading import FAMILIES, Family, family_of, problem_facts
from steepest.theory.registry import get
from steepest.theory.setting import Setting, problem_values
from steepest.theory.theorem import Theorem


@dataclass(frozen=True)
class Advice:
    """Constants for a method, and the theorem that proves them.

    facts: the method with these constants, for `rate` and `worst_case`. reason: what they are best for. warning: what
    they are not good for, "" where there is nothing.
    """

    facts: MethodFacts
    theorem: Theorem
    reason: str
    warning: str = ""

    @property
    def step(self) -> float:
        """α; with a step rule the factor before 1/√t, 1/t or 1/(t + 1)."""
        assert self.facts.step is not None
        return self.facts.step

    @property
    def momentum(self) -> float | None:
        """β, where it is one number."""
        return self.facts.momentum

    def __str__(self) -> str:
        rule = {"1/√t": "/√t", "1/t": "/t", "1/(t+1)": "/(t + 1)"}.get(self.facts.step_rule or "", "")
        beta = ""
        if self.facts.momentum is not None:
            beta = f", momentum {self.facts.momentum:.6g}"
        elif self.facts.momentum_rule is not None:
            beta = f", momentum {self.facts.momentum_rule}"
        rest = "".join(f", {key.replace('_', ' ')} {value:g}" for key, value in self.facts.constants.items())
        warning = f"; {self.warning}" if self.warning else ""
        return f"step {self.step:.6g}{rule}{beta}{rest}: {self.reason} ({self.theorem.name}){warning}"


def step_size(method: object, problem: object, *, steps: int | None = None) -> Advice:
    """The best constants that are proved for a method on a problem.

    method: a family's name as "gradient-descent" or "nesterov", or anything that has `.facts`. problem:
    `ProblemFacts`, or anything that has them. steps: N, a whole number from 1, where the best step depends on it:
    gradient descent on convex functions, subgradients, online rounds; left out, gradient descent gets a step that is
    good for every N.

    Raises InputError where the problem's class or a constant that it takes is not known, and says which; for a family
    without such a theorem; and for impossible constants.

    >>> from steepest.core.facts import ProblemFacts
    >>> str(step_size("gradient-descent", ProblemFacts("strongly convex", L=10.0, mu=1.0)))
    'step 0.181818: the smallest factor a step, (κ − 1)/(κ + 1) = 0.818182 (gd-strongly-convex-distance)'
    """
    family = _family(method)
    facts = problem_facts(problem)
    values = problem_values(facts)
    count = None if steps is None else int(Range(low=1, integer=True).check("step_size", "steps", steps))
    setting = Setting(family, facts, values)
    if family.reason or family.name not in _ADVICE:
        known = ", ".join(_ADVICE)
        raise InputError(f"step_size: no theorem names a best step for {family.name!r}; it does for {known}")
    return _ADVICE[family.name](setting, count)


def _family(method: object) -> Family:
    if not isinstance(method, str):
        return family_of(method)
    name = method.replace("_", "-").lower()
    if name not in FAMILIES:
        found = family_of(MethodFacts(method))
        if found.name not in FAMILIES:
            raise UnknownNameError("family", method, FAMILIES)
        return found
    return Family(name, MethodFacts(name))


def _need(setting: Setting, *keys: str) -> tuple[float, ...]:
    for key in keys:
        if key not in setting.values or (key == "mu" and not setting.values[key]):
            raise InputError(f"step_size: the problem's {key} must be known for {setting.family.name}, got None")
    return tuple(setting.values[key] for key in keys)


def _class(setting: Setting, kind: str) -> None:
    if not setting.has(kind):
        declared = setting.problem.problem_class
        raise InputError(f"step_size: the problem must be {kind} for {setting.family.name}, got {declared!r}")


def _advice(
    setting: Setting,
    name: str,
    step: float,
    reason: str,
    *,
    momentum: float | None = None,
    momentum_rule: Momentum | None = None,
    step_rule: StepRule | None = None,
    averaging: Averaging | None = None,
    warning: str = "",
    **constants: float,
) -> Advice:
    facts = replace(
        setting.family.facts,
        family=setting.family.name,
        step=step,
        momentum=momentum,
        momentum_rule=momentum_rule,
        step_rule=step_rule,
        averaging=averaging,
        projected=(averaging is not None and step_rule == "1/√t") or setting.family.name == "online-gradient-descent",
        constants=constants,
    )
    return Advice(facts, get(name), reason, warning)


def _gradient_descent(setting: Setting, steps: int | None) -> Advice:
    if setting.problem.oracle == "stochastic":
        return _stochastic(setting, steps)
    (L,) = _need(setting, "L")
    if setting.has("strongly convex"):
        mu = setting.values["mu"]
        factor = (L - mu) / (L + mu)
        reason = f"the smallest factor a step, (κ − 1)/(κ + 1) = {factor:.6g}"
        return _advice(setting, "gd-strongly-convex-distance", 2 / (L + mu), reason)
    if setting.has("convex"):
        if steps is None:
            return _advice(setting, "gd-convex", 1 / L, "proved for every N, LR²/(4N + 2)")
        h = _balanced(steps)
        return _advice(setting, "gd-convex-long-step", h / L, f"the smallest bound after {steps} steps, h = {h:.6g}")
    if setting.has("PL"):
        return _advice(setting, "gd-pl-sharper", 1 / L, "the step of its theorem")
    _class(setting, "smooth")
    reason = "the smallest bound of the least gradient, h = 2/√3"
    return _advice(setting, "gd-smooth", 2 / (math.sqrt(3) * L), reason)


def _balanced(steps: int) -> float:
    """The h in (1, 2) where 1/(2Nh + 1) = (1 − h)^{2N}: the larger of them is least there."""
    low, high = 1.0, 2.0
    for _ in range(200):
        h = (low + high) / 2
        if 1 / (2 * steps * h + 1) > (h - 1) ** (2 * steps):
            low = h
        else:
            high = h
    return low


def _stochastic(setting: Setting, steps: int | None) -> Advice:
    if setting.has("strongly convex"):
        mu = setting.values["mu"]
        reason = "2G²/(μ(N + 1)) of the average with weights t"
        return _advice(
            setting, "sgd-strongly-convex-weighted", 2 / mu, reason, step_rule="1/(t+1)", averaging="weights t"
        )
    _class(setting, "convex")
    if steps is not None and "R" in setting.values:
        R, G = _need(setting, "R", "G")
        step = R / (G * math.sqrt(steps))
        reason = f"RG/√N after {steps} steps of the uniform average"
        return _advice(setting, "sgd-convex-constant", step, reason, averaging="uniform")
    D, G = _need(setting, "D", "G")
    reason = "√2 DG/√N of the uniform average"
    return _advice(
        setting, "sgd-convex-decreasing", D / (math.sqrt(2) * G), reason, step_rule="1/√t", averaging="uniform"
    )


def _heavy_ball(setting: Setting, steps: int | None) -> Advice:
    _class(setting, "strongly convex")
    L, mu = _need(setting, "L", "mu")
    if setting.has("quadratic"):
        rho = (math.sqrt(L) - math.sqrt(mu)) / (math.sqrt(L) + math.sqrt(mu))
        return _advice(
            setting,
            "heavy-ball-quadratic",
            4 / (math.sqrt(L) + math.sqrt(mu)) ** 2,
            f"the smallest factor a step on quadratics, ρ = {rho:.6g}",
            momentum=rho**2,
            warning="on functions that are no quadratics it may cycle for ever",
        )
    step = 1 / (2 * L)
    return _advice(
        setting,
        "heavy-ball-safe",
        step,
        f"safe beyond quadratics, a factor {1 - step * mu:.6g} a step",
        momentum=math.sqrt((1 - step * mu) * (1 - step * L)),
        warning="nesterov is proved faster",
    )


def _nesterov(setting: Setting, steps: int | None) -> Advice:
    _class(setting, "convex")
    (L,) = _need(setting, "L")
    if setting.has("strongly convex"):
        root = math.sqrt(L / setting.values["mu"])
        reason = f"a factor 1 − 1/√κ = {1 - 1 / root:.6g} a step"
        beta = (root - 1) / (root + 1)
        return _advice(setting, "nesterov-strongly-convex", 1 / L, reason, momentum=beta, momentum_rule="constant")
    return _advice(setting, "nesterov-convex", 1 / L, "O(1/N²), which constant momentum has not", momentum_rule="t_k")


def _one_over_l(name: str, reason: str, kind: str = "convex") -> Callable[[Setting, int | None], Advice]:
    def advise(setting: Setting, steps: int | None) -> Advice:
        _class(setting, kind)
        (L,) = _need(setting, "L")
        return _advice(setting, name, 1 / L, reason)

    return advise


def _composite(prefix: str) -> Callable[[Setting, int | None], Advice]:
    def advise(setting: Setting, steps: int | None) -> Advice:
        _class(setting, "convex")
        (L,) = _need(setting, "L")
        if setting.has("strongly convex"):
            mu = setting.values["mu"]
            reason = f"the smallest factor a step, (κ − 1)/(κ + 1) = {(L - mu) / (L + mu):.6g}"
            return _advice(setting, f"{prefix}-strongly-convex", 2 / (L + mu), reason)
        return _advice(setting, f"{prefix}-convex", 1 / L, "LR²/(4N)")

    return advise


def _subgradient(setting: Setting, steps: int | None) -> Advice:
    _class(setting, "convex")
    R, G = _need(setting, "R", "G")
    if steps is None:
        raise InputError("step_size: steps must be given for subgradient, whose best step depends on it, got None")
    return _advice(setting, "subgradient-best", R / (G * math.sqrt(steps + 1)), f"RG/√(N + 1) after {steps} steps")


def _online(setting: Setting, steps: int | None) -> Advice:
    _class(setting, "convex")
    if setting.has("strongly convex"):
        return _advice(
            setting,
            "online-strongly-convex",
            1 / setting.values["mu"],
            "a regret of order log T",
            step_rule="1/t",
        )
    D, G = _need(setting, "D", "G")
    if steps is not None:
        return _advice(setting, "online-best-constant", D / (G * math.sqrt(steps)), f"DG√T after {steps} rounds")
    return _advice(setting, "online-decreasing-sharper", D / (G * math.sqrt(2)), "√2 DG√T", step_rule="1/√t")


def _svrg(setting: Setting, steps: int | None) -> Advice:
    _class(setting, "strongly convex")
    L, mu = _need(setting, "L", "mu")
    inner = math.ceil(50 * L / mu)
    return _advice(setting, "svrg", 1 / (10 * L), "half the gap a stage", inner_steps=float(inner))


def _saga(setting: Setting, steps: int | None) -> Advice:
    _class(setting, "convex")
    (L,) = _need(setting, "L")
    if setting.has("strongly convex"):
        mu, n = _need(setting, "mu", "n")
        step = 1 / (2 * (mu * n + L))
        return _advice(setting, "saga-strongly-convex", step, f"a factor {1 - step * mu:.6g} a step")
    return _advice(setting, "saga-convex", 1 / (3 * L), "O(n/N) of the uniform average", averaging="uniform")


def _adagrad(setting: Setting, steps: int | None) -> Advice:
    _class(setting, "convex")
    (width,) = _need(setting, "D_inf")
    return _advice(setting, "adagrad", width / math.sqrt(2), "√2 D∞ Σᵢ‖g₁:T,ᵢ‖₂")


_ADVICE: Final[dict[str, Callable[[Setting, int | None], Advice]]] = {
    "gradient-descent": _gradient_descent,
    "heavy-ball": _heavy_ball,
    "nesterov": _nesterov,
    "optimized-gradient": _one_over_l("optimized-gradient", "no first-order method has a better worst case"),
    "projected-gradient": _composite("projected"),
    "proximal-gradient": _composite("proximal"),
    "fista": _one_over_l("fista", "O(1/N²)"),
    "subgradient": _subgradient,
    "online-gradient-descent": _online,
    "svrg": _svrg,
    "saga": _saga,
    "adagrad": _adagrad,
}
