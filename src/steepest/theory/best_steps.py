"""The best constants that are proved, a function a family."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from steepest.core.errors import InputError
from steepest.theory.advice import Advice, advised, must_be, need
from steepest.theory.setting import Setting


def _gradient_descent(setting: Setting, steps: int | None) -> Advice:
    if setting.problem.oracle == "stochastic":
        return _stochastic(setting, steps)
    (L,) = need(setting, "L")
    if setting.has("strongly convex"):
        mu = setting.values["mu"]
        factor = (L - mu) / (L + mu)
        reason = f"the smallest factor a step, (κ − 1)/(κ + 1) = {factor:.6g}"
        return advised(setting, "gd-strongly-convex-distance", 2 / (L + mu), reason)
    if setting.has("convex"):
        if steps is None:
            return advised(setting, "gd-convex", 1 / L, "proved for every N, LR²/(4N + 2)")
        h = _balanced(steps)
        return advised(setting, "gd-convex-long-step", h / L, f"the smallest bound after {steps} steps, h = {h:.6g}")
    if setting.has("PL"):
        return advised(setting, "gd-pl-sharper", 1 / L, "the step of its theorem")
    must_be(setting, "smooth")
    reason = "the smallest bound of the least gradient, h = 2/√3"
    return advised(setting, "gd-smooth", 2 / (math.sqrt(3) * L), reason)


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
        return advised(
            setting, "sgd-strongly-convex-weighted", 2 / mu, reason, step_rule="1/(t+1)", averaging="weights t"
        )
    must_be(setting, "convex")
    if steps is not None and "R" in setting.values:
        R, G = need(setting, "R", "G")
        step = R / (G * math.sqrt(steps))
        reason = f"RG/√N after {steps} steps of the uniform average"
        return advised(setting, "sgd-convex-constant", step, reason, averaging="uniform")
    D, G = need(setting, "D", "G")
    reason = "√2 DG/√N of the uniform average"
    return advised(
        setting, "sgd-convex-decreasing", D / (math.sqrt(2) * G), reason, step_rule="1/√t", averaging="uniform"
    )


def _heavy_ball(setting: Setting, steps: int | None) -> Advice:
    must_be(setting, "strongly convex")
    L, mu = need(setting, "L", "mu")
    if setting.has("quadratic"):
        rho = (math.sqrt(L) - math.sqrt(mu)) / (math.sqrt(L) + math.sqrt(mu))
        return advised(
            setting,
            "heavy-ball-quadratic",
            4 / (math.sqrt(L) + math.sqrt(mu)) ** 2,
            f"the smallest factor a step on quadratics, ρ = {rho:.6g}",
            momentum=rho**2,
            warning="on functions that are no quadratics it may cycle for ever",
        )
    step = 1 / (2 * L)
    return advised(
        setting,
        "heavy-ball-safe",
        step,
        f"safe beyond quadratics, a factor {1 - step * mu:.6g} a step",
        momentum=math.sqrt((1 - step * mu) * (1 - step * L)),
        warning="nesterov is proved faster",
    )


def _nesterov(setting: Setting, steps: int | None) -> Advice:
    must_be(setting, "convex")
    (L,) = need(setting, "L")
    if setting.has("strongly convex"):
        root = math.sqrt(L / setting.values["mu"])
        reason = f"a factor 1 − 1/√κ = {1 - 1 / root:.6g} a step"
        beta = (root - 1) / (root + 1)
        return advised(setting, "nesterov-strongly-convex", 1 / L, reason, momentum=beta, momentum_rule="constant")
    return advised(setting, "nesterov-convex", 1 / L, "O(1/N²), which constant momentum has not", momentum_rule="t_k")


def _one_over_l(name: str, reason: str, kind: str = "convex") -> Callable[[Setting, int | None], Advice]:
    def advise(setting: Setting, steps: int | None) -> Advice:
        must_be(setting, kind)
        (L,) = need(setting, "L")
        return advised(setting, name, 1 / L, reason)

    return advise


def _composite(prefix: str) -> Callable[[Setting, int | None], Advice]:
    def advise(setting: Setting, steps: int | None) -> Advice:
        must_be(setting, "convex")
        (L,) = need(setting, "L")
        if setting.has("strongly convex"):
            mu = setting.values["mu"]
            reason = f"the smallest factor a step, (κ − 1)/(κ + 1) = {(L - mu) / (L + mu):.6g}"
            return advised(setting, f"{prefix}-strongly-convex", 2 / (L + mu), reason)
        return advised(setting, f"{prefix}-convex", 1 / L, "LR²/(4N)")

    return advise


def _subgradient(setting: Setting, steps: int | None) -> Advice:
    must_be(setting, "convex")
    R, G = need(setting, "R", "G")
    if steps is None:
        raise InputError("step_size: steps must be given for subgradient, whose best step depends on it, got None")
    return advised(setting, "subgradient-best", R / (G * math.sqrt(steps + 1)), f"RG/√(N + 1) after {steps} steps")


def _online(setting: Setting, steps: int | None) -> Advice:
    must_be(setting, "convex")
    if setting.has("strongly convex"):
        return advised(
            setting,
            "online-strongly-convex",
            1 / setting.values["mu"],
            "a regret of order log T",
            step_rule="1/t",
        )
    D, G = need(setting, "D", "G")
    if steps is not None:
        return advised(setting, "online-best-constant", D / (G * math.sqrt(steps)), f"DG√T after {steps} rounds")
    return advised(setting, "online-decreasing-sharper", D / (G * math.sqrt(2)), "√2 DG√T", step_rule="1/√t")


def _svrg(setting: Setting, steps: int | None) -> Advice:
    must_be(setting, "strongly convex")
    L, mu = need(setting, "L", "mu")
    inner = math.ceil(50 * L / mu)
    return advised(setting, "svrg", 1 / (10 * L), "half the gap a stage", inner_steps=float(inner))


def _saga(setting: Setting, steps: int | None) -> Advice:
    must_be(setting, "convex")
    (L,) = need(setting, "L")
    if setting.has("strongly convex"):
        mu, n = need(setting, "mu", "n")
        step = 1 / (2 * (mu * n + L))
        return advised(setting, "saga-strongly-convex", step, f"a factor {1 - step * mu:.6g} a step")
    return advised(setting, "saga-convex", 1 / (3 * L), "O(n/N) of the uniform average", averaging="uniform")


def _adagrad(setting: Setting, steps: int | None) -> Advice:
    must_be(setting, "convex")
    (width,) = need(setting, "D_inf")
    return advised(setting, "adagrad", width / math.sqrt(2), "√2 D∞ Σᵢ‖g₁:T,ᵢ‖₂")


ADVICE: Final[dict[str, Callable[[Setting, int | None], Advice]]] = {
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
