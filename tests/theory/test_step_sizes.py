"""Advised steps are those at which the named theorem's bound is least, and the theorem applies to them."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt

import numpy as np
import pytest

from steepest import rules
from steepest.core.errors import InputError, UnknownNameError
from steepest.core.facts import MethodFacts, ProblemFacts
from steepest.theory import get, rate, step_size

STRONG = ProblemFacts("strongly convex", L=10.0, mu=1.0, R=2.0, n=5, delta=1.0, f_star=0.0)
QUADRATIC = replace(STRONG, problem_class="quadratic")
CONVEX = ProblemFacts("convex", L=10.0, R=2.0, D=3.0, G=1.5, n=5, constants={"D_inf": 2.0})
NOISY = replace(CONVEX, oracle="stochastic")


@pytest.mark.parametrize(
    ("family", "problem", "steps", "theorem", "step"),
    [
        ("gradient-descent", STRONG, None, "gd-strongly-convex-distance", 2 / 11),
        ("gradient-descent", CONVEX, None, "gd-convex", 0.1),
        ("gradient-descent", ProblemFacts("smooth", L=10.0), None, "gd-smooth", 2 / (sqrt(3) * 10)),
        ("gradient-descent", ProblemFacts("PL", L=10.0, mu=1.0), None, "gd-pl-sharper", 0.1),
        ("gradient-descent", NOISY, None, "sgd-convex-decreasing", 3 / (sqrt(2) * 1.5)),
        ("gradient-descent", NOISY, 25, "sgd-convex-constant", 2 / (1.5 * 5)),
        ("gradient-descent", replace(STRONG, oracle="stochastic", G=1.0), None, "sgd-strongly-convex-weighted", 2.0),
        ("heavy-ball", QUADRATIC, None, "heavy-ball-quadratic", 4 / (1 + 10**0.5) ** 2),
        ("heavy-ball", STRONG, None, "heavy-ball-safe", 0.05),
        ("nesterov", STRONG, None, "nesterov-strongly-convex", 0.1),
        ("nesterov", CONVEX, None, "nesterov-convex", 0.1),
        ("optimized-gradient", CONVEX, None, "optimized-gradient", 0.1),
        ("proximal-gradient", CONVEX, None, "proximal-convex", 0.1),
        ("projected-gradient", STRONG, None, "projected-strongly-convex", 2 / 11),
        ("fista", CONVEX, None, "fista", 0.1),
        ("subgradient", CONVEX, 8, "subgradient-best", 2 / (1.5 * 3)),
        ("online-gradient-descent", CONVEX, 16, "online-best-constant", 3 / (1.5 * 4)),
        ("online-gradient-descent", CONVEX, None, "online-decreasing-sharper", 3 / (1.5 * sqrt(2))),
        ("online-gradient-descent", replace(STRONG, G=1.0, D=1.0), None, "online-strongly-convex", 1.0),
        ("svrg", STRONG, None, "svrg", 0.01),
        ("saga", STRONG, None, "saga-strongly-convex", 1 / 30),
        ("saga", CONVEX, None, "saga-convex", 1 / 30),
        ("adagrad", CONVEX, None, "adagrad", sqrt(2)),
    ],
)  # fmt: skip
def test_advice(family, problem, steps, theorem, step):
    advice = step_size(family, problem, steps=steps)
    assert advice.theorem.name == theorem and advice.step == pytest.approx(step, rel=1e-12)
    assert theorem in str(advice) and f"{advice.step:.6g}" in str(advice)
    if family not in ("gradient-descent", "saga", "adagrad") or problem.oracle is None:
        if family == "adagrad":
            advice = replace(advice, facts=replace(advice.facts, projected=True))
        facts = problem if family != "saga" or problem is STRONG else replace(problem, constants={"saga0": 1.0})
        found = rate(advice.facts, facts, steps=steps)
        assert theorem in {item.theorem.name for item in found.applies}, found


@pytest.mark.parametrize(
    ("name", "problem", "steps"),
    [
        ("gd-strongly-convex-distance", STRONG, 7),
        ("gd-strongly-convex-gap", STRONG, 7),
        ("gd-convex-long-step", CONVEX, 5),
        ("gd-convex-long-step", CONVEX, 40),
        ("gd-smooth", ProblemFacts("smooth", L=10.0, delta=1.0), 5),
        ("sgd-convex-constant", NOISY, 25),
        ("online-constant", CONVEX, 16),
        ("adagrad", CONVEX, 3),
    ],
)
def test_no_other_step_has_a_smaller_bound(name, problem, steps):
    family = get(name).family
    advised = step_size(family, problem, steps=steps)
    values = {"coordinate_norms": 1.0, **rate(advised.facts, problem).setting.values}
    best = get(name).value(values, steps)
    limit = 2 / problem.L if name.startswith("gd") else 10 * advised.step
    grid = [get(name).value({**values, "step": step}, steps) for step in np.linspace(0, limit, 4001)[1:-1]]
    assert best <= min(grid) * (1 + 1e-9) and min(grid) <= best * 1.001


def test_svrg_halves_the_gap_and_says_how_many_inner_steps():
    advice = step_size("svrg", STRONG)
    assert advice.facts.constants == {"inner_steps": 500.0}
    values = {**advice.facts.constants, "L": 10.0, "mu": 1.0, "step": advice.step, "delta": 1.0}
    assert get("svrg").value(values, 1) == pytest.approx(0.5)


def test_momentum():
    assert step_size("nesterov", STRONG).momentum == pytest.approx((sqrt(10) - 1) / (sqrt(10) + 1))
    assert step_size("nesterov", CONVEX).facts.momentum_rule == "t_k"
    polyak = step_size("heavy-ball", replace(STRONG, problem_class="quadratic"))
    assert polyak.momentum == pytest.approx(((sqrt(10) - 1) / (sqrt(10) + 1)) ** 2)
    assert "cycle for ever" in polyak.warning and "cycle" in str(polyak)


def test_rules_and_names_of_rules_are_methods_too():
    assert step_size(rules.sgd(lr=9.0), STRONG) == step_size("gradient-descent", STRONG)
    assert step_size("sgd", STRONG).theorem is step_size("gradient-descent", STRONG).theorem
    assert step_size("heavy_ball", STRONG).step == 0.05


@pytest.mark.parametrize(
    ("family", "problem", "words"),
    [
        ("gradient-descent", ProblemFacts("convex"), "the problem's L must be known for gradient-descent"),
        ("gradient-descent", ProblemFacts(L=1.0), "the problem must be smooth for gradient-descent, got 'unknown'"),
        ("heavy-ball", CONVEX, "must be strongly convex for heavy-ball, got 'convex'"),
        ("saga", replace(STRONG, n=None), "the problem's n must be known for saga"),
        ("subgradient", CONVEX, "steps must be given for subgradient, whose best step depends on it, got None"),
        ("newton", STRONG, "no theorem names a best step for 'newton'; it does for gradient-descent"),
        (rules.sgd(lr=0.1, weight_decay=0.1), STRONG, "no theorem names a best step for 'sgd'"),
        ("gradient-descent", ProblemFacts("convex", L=1.0, mu=2.0), r"mu must be in \[0, L\]"),
        ("gradient-descent", ProblemFacts("convex", L=-1.0), r"L must be in \(0, inf\), got -1"),
    ],
)
def test_what_is_missing_is_named(family, problem, words):
    with pytest.raises(InputError, match=words):
        step_size(family, problem)


def test_bad_names_and_steps():
    with pytest.raises(UnknownNameError, match="unknown family 'gradint-descent'; did you mean gradient-descent"):
        step_size("gradint-descent", STRONG)
    with pytest.raises(InputError, match=r"steps must be a whole number in \[1, inf\), got 0"):
        step_size("subgradient", CONVEX, steps=0)


def test_advice_is_for_facts_of_any_kind():
    from steepest import problems

    assert step_size(MethodFacts("sgd"), problems.get("bowl")).step == pytest.approx(1 / 3)
