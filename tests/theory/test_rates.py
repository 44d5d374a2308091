"""Which theorems apply, why others do not, with the value that fails, and what is refused."""

from __future__ import annotations

from math import inf, nan, sqrt

import pytest

from steepest import problems, rules, schedules
from steepest.core.errors import InputError, InputTypeError
from steepest.core.facts import MethodFacts, ProblemFacts
from steepest.theory import Quantity, rate
from steepest.theory.reading import family_of

STRONG = ProblemFacts("strongly convex", L=10.0, mu=1.0, R=1.0, f_star=0.0, delta=2.0)
CONVEX = ProblemFacts("convex", L=10.0, R=1.0)


def descent(step):
    return MethodFacts("gradient-descent", step=step)


def reasons(found, name):
    return next(item.reasons for item in found.refused if item.theorem.name == name)


def applied(found):
    return {item.theorem.name for item in found.applies}


@pytest.mark.parametrize(
    ("method", "problem", "theorem", "words"),
    [
        (descent(0.5), ProblemFacts("convex", L=5.0), "gd-convex-long-step", "step 0.5 is above 2/L = 0.4"),
        (descent(0.4), ProblemFacts("convex", L=5.0), "gd-convex-long-step", "step 0.4 is not below 2/L = 0.4"),
        (descent(0.1), ProblemFacts("convex", L=5.0), "gd-convex-long-step", "step 0.1 is below 1/L = 0.2"),
        (descent(0.1), CONVEX, "gd-strongly-convex-gap", "mu is not known; the problem must be strongly convex with mu > 0"),  # noqa: E501
        (descent(0.1), ProblemFacts("quadratic", L=1.0, mu=0.0), "gd-pl", "mu is 0; the problem must be PL with mu > 0"),  # noqa: E501
        (descent(0.1), ProblemFacts("smooth", L=1.0), "gd-convex", "the problem is smooth, not convex"),
        (descent(0.1), ProblemFacts("convex"), "gd-convex", "the Lipschitz constant L of the gradient is not known"),
        (descent(0.1), ProblemFacts(), "gd-convex", "the problem's class is not stated; it must be convex"),
        (descent(0.1), ProblemFacts("convex", L=1.0, R=inf), "gd-convex", "f has no minimizer (R = ∞)"),
        (MethodFacts("sgd"), CONVEX, "gd-convex", "the step is not known"),
        (descent(0.18), STRONG, "gd-strongly-convex-best-step", "step 0.18 is not 2/(L + μ) = 0.181818"),
        (descent(0.18), ProblemFacts("smooth", L=10.0), "gd-smooth", "h = 1.8 is above √3 = 1.73205"),
        (
            descent(0.1),
            ProblemFacts("convex", L=10.0, oracle="stochastic"),
            "gd-convex",
            "the gradients are stochastic; needed: exact gradients",
        ),
        (
            MethodFacts("gradient-descent", step=0.1, projected=True),
            CONVEX,
            "gd-convex",
            "the method projects; needed: no projection",
        ),
        (
            MethodFacts("nesterov", step=0.1, momentum=0.9),
            CONVEX,
            "nesterov-convex",
            "the method's momentum rule is constant; needed: βₖ = (tₖ − 1)/tₖ₊₁",
        ),
        (
            MethodFacts("nesterov", step=0.1, momentum=0.9),
            STRONG,
            "nesterov-strongly-convex",
            "momentum 0.9 is not ρ = 0.519494",
        ),
        (
            MethodFacts("svrg", step=0.1, constants={"inner_steps": 10.0}),
            STRONG,
            "svrg",
            "step 0.1 is above 1/(2 L) = 0.05",
        ),
        (
            MethodFacts("newton"),
            ProblemFacts("strongly convex", mu=1.0, R=0.5, constants={"M": 2.0}),
            "newton-local",
            "R 0.5 is above 2 μ/(3 M) = 0.333333",
        ),
        (
            MethodFacts("online-gradient-descent", step=0.1, projected=True),
            ProblemFacts("convex", D=2.0, G=1.0),
            "online-best-constant",
            "the number of rounds is not known",
        ),
        (
            MethodFacts("online-gradient-descent", step=0.1),
            ProblemFacts("convex", D=2.0, G=1.0),
            "online-constant",
            "the method does not project; needed: projection on a set of diameter D",
        ),
        (
            descent(0.1),
            problems.get("exponential"),
            "gd-convex",
            "L and mu are known on [-2, 2] only, and the run may leave it",
        ),
    ],
)  # fmt: skip
def test_a_refusal_names_the_value(method, problem, theorem, words):
    assert words in reasons(rate(method, problem), theorem)


def test_what_applies_to_gradient_descent():
    found = rate(descent(0.1), STRONG)
    assert {"gd-convex", "gd-convex-gradient", "gd-strongly-convex-gap", "gd-smooth", "gd-pl"} <= applied(found)
    assert not {"gd-convex-long-step", "gd-strongly-convex-best-step", "sgd-one-step"} & applied(found)
    assert applied(rate(descent(0.19), CONVEX)) == {"gd-convex-long-step", "gd-smooth-textbook"}
    assert applied(rate(descent(0.1), ProblemFacts("PL", L=10.0, mu=1.0))) == {
        "gd-pl", "gd-pl-sharper", "gd-smooth", "gd-smooth-textbook",
    }  # fmt: skip


def test_the_best_bound_depends_on_the_number_of_steps():
    found = rate(descent(0.1), ProblemFacts("strongly convex", L=10.0, mu=1e-4, R=1.0, delta=100.0))
    assert found.best(steps=10).theorem.name == "gd-strongly-convex-mixed"
    convex = rate(descent(0.1), CONVEX)
    assert convex.best(steps=10).theorem.name == "gd-convex"
    assert convex.best(steps=10).bound(10) == pytest.approx(10 / 42)
    assert convex.best(Quantity.GRADIENT_SQUARED, 3).bound(3) == pytest.approx(100 / 16)
    assert convex.best(Quantity.REGRET) is None


def test_numbers_that_a_start_decides_may_be_missing():
    found = rate(descent(0.1), ProblemFacts("strongly convex", L=10.0, mu=1.0))
    item = next(item for item in found.applies if item.theorem.name == "gd-strongly-convex-gradient")
    assert item.missing == ("‖∇f(x₀)‖",)
    with pytest.raises(InputError, match="needs ‖∇f"):
        item.bound(3)
    assert "gd-convex: f(x_N) − f* ≤ L R²/(4 N h + 2); needs distance R" in str(found)


def test_a_horizon_is_given_as_steps():
    problem = ProblemFacts("convex", G=2.0, R=3.0)
    method = MethodFacts("subgradient", step=3 / (2 * sqrt(17)))
    assert applied(rate(method, problem, steps=16)) == {"subgradient-best"}
    assert "step 0.363803 is not R/(G √(N + 1)) = 0.5" in str(rate(method, problem, steps=8))
    with pytest.raises(InputError, match=r"steps must be a whole number in \[0, inf\), got -1"):
        rate(method, problem, steps=-1)


@pytest.mark.parametrize(
    ("rule", "family", "facts"),
    [
        (rules.sgd(lr=0.2), "gradient-descent", {"step": 0.2}),
        (rules.heavy_ball(lr=0.2, beta=0.5), "heavy-ball", {"step": 0.2, "momentum": 0.5}),
        (rules.heavy_ball(lr=0.2, beta=0.5, form="velocity"), "heavy-ball", {"step": 0.2, "momentum": 0.5}),
        (rules.heavy_ball(lr=0.2, beta=0.5, form="average"), "heavy-ball", {"step": 0.1, "momentum": 0.5}),
        (rules.heavy_ball(lr=0.2, beta=0.0), "gradient-descent", {"step": 0.2}),
        (rules.nesterov(lr=0.2, form="lookahead"), "nesterov", {"momentum": 0.9, "form": "lookahead"}),
        (rules.nesterov(lr=0.2), "nesterov", {"momentum": 0.9, "form": "sutskever"}),
        (rules.accelerated_gradient(lr=0.2), "nesterov", {"momentum_rule": "t_k"}),
        (rules.accelerated_gradient(lr=0.2, sequence="linear"), "nesterov", {"momentum_rule": "(k−1)/(k+2)"}),
        (rules.accelerated_gradient(lr=0.2, kappa=4.0), "nesterov", {"momentum": 1 / 3, "momentum_rule": "constant"}),
        (rules.amsgrad(lr=0.2, beta1=0.0), "amsgrad", {"step": 0.2}),
        (rules.adam(lr=0.2), "adam", {"step": 0.2}),
    ],
)
def test_rules_are_read_as_what_their_links_do(rule, family, facts):
    found = family_of(rule)
    assert (found.name, found.reason) == (family, "")
    assert {name: getattr(found.facts, name) for name in facts} == pytest.approx(facts)
    assert found.point == ("y" if facts.get("form") == "sutskever" else "x")


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (rules.sgd(lr=0.1, weight_decay=0.1), "it has decay_weights, of which no theorem speaks"),
        (rules.sgd(lr=schedules.cosine(0.1, 10)), "its step follows cosine"),
        (rules.lion(lr=0.1), "no theorem speaks of 'lion'"),
    ],
)
def test_what_no_theorem_speaks_of(rule, words):
    found = rate(rule, STRONG)
    assert not found.applies and words in found.none and words in str(found)


def test_a_name_that_is_no_family_gets_the_nearest():
    assert rate(MethodFacts("heavyball"), STRONG).none.endswith("the nearest are of heavy-ball")
    assert "gradient-descent" in rate(MethodFacts("zzz"), STRONG).none


@pytest.mark.parametrize(
    ("method", "problem", "words"),
    [
        (descent(0.1), ProblemFacts("convex", L=1.0, mu=2.0), r"mu must be in \[0, L\] = \[0, 1\], got 2"),
        (descent(0.1), ProblemFacts("convex", L=0.0), r"theory: L must be in \(0, inf\), got 0.0"),
        (descent(0.1), ProblemFacts("convex", L=-1.0), r"theory: L must be in \(0, inf\), got -1.0"),
        (descent(0.1), ProblemFacts("convex", L=nan), r"theory: L must be in \(0, inf\), got nan"),
        (descent(0.1), ProblemFacts("convex", L=1.0, mu=-1.0), r"theory: mu must be in \[0, inf\), got -1.0"),
        (descent(-0.1), CONVEX, r"theory: step must be in \(0, inf\), got -0.1"),
        (descent(0.0), CONVEX, r"theory: step must be in \(0, inf\), got 0.0"),
        (descent(0.1), ProblemFacts("convex", L=1.0, n=0), r"n must be a whole number in \[1, inf\), got 0"),
    ],
)
def test_impossible_constants_are_refused(method, problem, words):
    with pytest.raises(InputError, match=words):
        rate(method, problem)


def test_what_has_no_facts_is_refused():
    with pytest.raises(InputTypeError, match=r"method must be MethodFacts or have them as .facts, got 3"):
        rate(3, STRONG)
    with pytest.raises(InputTypeError, match=r"problem must be ProblemFacts or have them as .facts, got 'bowl'"):
        rate(descent(0.1), "bowl")


def test_problems_give_their_own_gap():
    found = rate(descent(0.1), problems.get("bowl"))
    assert found.setting.values["delta"] == 27.0 and found.setting.values["R"] == pytest.approx(sqrt(18))


def test_warnings_stand_where_a_guarantee_is_missing():
    polyak = MethodFacts("heavy-ball", step=4 / (1 + sqrt(10)) ** 2, momentum=((sqrt(10) - 1) / (sqrt(10) + 1)) ** 2)
    found = rate(polyak, STRONG)
    assert applied(found) == {"heavy-ball-cycles"} and "warning: heavy-ball-cycles" in str(found)
    quadratic = ProblemFacts("quadratic", L=10.0, mu=1.0)
    assert applied(rate(polyak, quadratic)) == {"heavy-ball-quadratic", "heavy-ball-quadratic-stable"}
    assert applied(rate(MethodFacts("nesterov", step=0.1, momentum=0.9), CONVEX)) == {"nesterov-constant-convex"}
    assert "adam" in applied(rate(rules.adam(), CONVEX))


def test_facts_travel_through_json():
    import json

    method = MethodFacts("gradient-descent", step=0.1, step_rule="1/t", projected=True, constants={"beta1": 0.5})
    problem = ProblemFacts("convex", L=1.0, delta=0.0, region=(-1.0, 1.0), constants={"M": 2.0})
    assert MethodFacts.from_dict(json.loads(json.dumps(method.to_dict()))) == method
    again = ProblemFacts.from_dict(json.loads(json.dumps(problem.to_dict())))
    assert (again.delta, tuple(again.region), again.constants) == (0.0, (-1.0, 1.0), {"M": 2.0})
    assert set(MethodFacts("sgd").to_dict()) == {"family", "step", "momentum", "schedule"}
    assert MethodFacts.from_dict({"family": "sgd", "unknown": 1}) == MethodFacts("sgd")
