"""Certificates of what `minimize` gives: as a user asks for them."""

from __future__ import annotations

import numpy as np
import pytest

from steepest import methods, minimize, problems, rules, theory
from steepest.core.errors import InputError
from steepest.theory import ProblemFacts, certify
from steepest.theory.reading import family_of
from steepest.trace import Trace

SPECTRUM = np.array([10.0, 1.0])
TRUE = ProblemFacts("quadratic", L=10.0, mu=1.0, f_star=0.0)


def run(method, start=(0.0, 1.0), steps=40):
    return minimize(
        lambda x: float(SPECTRUM @ (x * x) / 2),
        np.array(start),
        jac=lambda x: SPECTRUM * x,
        hess=lambda x: np.diag(SPECTRUM),
        method=method,
        options={"maxiter": steps},
    )


def test_a_run_along_the_flattest_direction_meets_the_rate():
    found = run(rules.sgd(lr=0.1)).certify(TRUE, minimizer=[0.0, 0.0])
    assert found.held and not found.broken
    for name in ("distance", "gap", "gradient"):
        assert found[f"gd-strongly-convex-{name}"].slack == pytest.approx(1.0, rel=1e-9)
    assert found["gd-convex"].held, "R is the distance at the start"
    assert "gd-strongly-convex-distance: held at 41 recorded steps, k = 0 … 40; attained" in str(found)


def test_a_wrong_mu_is_broken_with_both_numbers():
    found = run(rules.sgd(lr=0.1)).certify(ProblemFacts("quadratic", L=10.0, mu=2.0, f_star=0.0), minimizer=[0, 0])
    assert not found.held
    broken = found["gd-strongly-convex-distance"]
    assert (broken.verdict, broken.broken_at) == ("broken", 1)
    assert "gd-strongly-convex-distance: broken at k = 1: 0.81 > 0.64" in str(found)


def test_a_step_that_is_too_long_applies_to_nothing_and_breaks_what_is_forced():
    result = run(rules.sgd(lr=0.21), start=(1.0, 1.0))
    found = result.certify(TRUE)
    assert not found.applied and not found.held
    assert "no theorem was held against this run" in str(found) and "step 0.21 is above 2/L = 0.2" in str(found)
    forced = result.certify(TRUE, force=True)
    assert {item.theorem.name for item in forced.broken} >= {"gd-pl", "gd-smooth", "gd-convex-gradient-from-gap"}


def test_without_a_class_nothing_applies_and_the_reason_comes_once():
    text = str(run(rules.sgd(lr=0.1)).certify())
    assert text.count("the problem's class is not stated; it must be convex") == 1
    assert text.splitlines()[0] == "no theorem was held against this run"


def test_every_line_can_be_had():
    found = run(rules.sgd(lr=0.1)).certify(TRUE)
    assert len(list(found.lines(every=True))) == len(found.items) == len(theory.theorems("gradient-descent"))
    assert len(list(found.lines())) < len(found.items)


def test_what_is_estimated_is_said():
    found = run(rules.sgd(lr=0.05), start=(1.0, 1.0)).certify(ProblemFacts("quadratic"))
    assert found["gd-strongly-convex-gradient"].estimated == ("L", "mu")
    assert "held with estimated L, μ at" in str(found)
    given = run(rules.sgd(lr=0.05)).certify(ProblemFacts("quadratic"), estimate=False)
    assert "the Lipschitz constant L of the gradient is not known" in str(given)


def test_one_theorem():
    found = run(rules.sgd(lr=0.1)).certify(TRUE, theorem="gd-pl")
    assert [item.theorem.name for item in found.items] == ["gd-pl"] and found.held


def test_a_problem_of_the_library_brings_its_minimizer():
    problem = problems.get("bowl")
    result = minimize(problem.fun, problem.x0, jac=problem.gradient, method=rules.sgd(lr=0.5 / problem.facts.L))
    found = result.certify(problem)
    assert found.held and found["gd-strongly-convex-distance"].held


@pytest.mark.parametrize(
    ("method", "family", "reason"),
    [
        (methods.SteepestDescent(step_size=methods.Exact()), "exact-line-search", ""),
        (methods.SteepestDescent(step_size=methods.Constant(0.1)), "gradient-descent", ""),
        (methods.SteepestDescent(step_size=methods.Armijo(initial=1.0)), "backtracking", ""),
        (methods.SteepestDescent(), "SteepestDescent", "its step size has no theorem"),
        (methods.Newton(step_size=methods.Constant(1.0)), "newton", ""),
        (methods.Newton(step_size=methods.Armijo()), "newton-backtracking", ""),
        (methods.Newton(), "Newton", "its step size has no theorem; Constant(1.0) and Armijo have"),
        (methods.Newton(step_size=methods.Constant(0.5)), "Newton", "its step size has no theorem"),
        (methods.BFGS(), "bfgs", ""),
        (methods.LBFGS(), "l-bfgs", ""),
        (rules.sgd(lr=0.1, weight_decay=0.1), "sgd", "it has decay_weights, of which no theorem speaks"),
        (rules.heavy_ball(lr=0.1, beta=0.5), "heavy-ball", ""),
    ],
)
def test_methods_are_read_as_what_they_do(method, family, reason):
    """From the method itself and from its trace alone."""
    result = run(method, steps=3)
    direct = family_of(result.trace)
    assert direct.name == family and direct.reason.startswith(reason) and bool(direct.reason) == bool(reason)
    if not reason:
        assert not result.certify(TRUE).none
    else:
        assert reason in result.certify(TRUE).none


def test_exact_line_search_is_held_and_attained():
    found = run(methods.SteepestDescent(step_size=methods.Exact()), start=(0.1, 1.0)).certify(TRUE)
    assert found["line-search-strongly-convex"].slack == pytest.approx(1.0, abs=1e-6)


def test_backtracking_is_held():
    result = run(methods.SteepestDescent(step_size=methods.Armijo(c=0.5, initial=1.0)), start=(1.0, 1.0))
    found = result.certify(TRUE, minimizer=[0.0, 0.0])
    assert {item.theorem.name for item in found.items if item.held} == {
        "backtracking-smooth", "backtracking-convex", "backtracking-pl",
    }  # fmt: skip


def test_a_look_ahead_run_is_not_held_against_bounds_at_x():
    """Its trace has f where the gradient is taken: the theorem's x is another point."""
    result = run(rules.accelerated_gradient(lr=0.1), start=(1.0, 1.0))
    found = result.certify(ProblemFacts("convex", L=10.0, R=2**0.5, f_star=0.0), theorem="nesterov-convex")
    assert found.items[0].verdict == "not measured" and "where gradients are taken only" in found.items[0].reasons[0]


def test_a_minimizer_of_another_size_is_refused():
    trace = Trace({"step": [0, 1], "value": [0.5, 0.1], "x[0]": [1.0, 0.5], "x[1]": [0.0, 0.0]})
    method = theory.MethodFacts("gradient-descent", step=0.1)
    with pytest.raises(InputError, match="minimizer must have 2 numbers as x has, got 3"):
        certify(trace, method=method, problem=TRUE, minimizer=[0.0, 0.0, 0.0])
    with pytest.raises(InputError, match="minimizer must be finite"):
        certify(trace, method=method, problem=TRUE, minimizer=[0.0, np.nan])
    found = certify(trace, method=method, problem=TRUE, minimizer=[0.0, 0.0])["gd-strongly-convex-distance"]
    np.testing.assert_allclose(found.measured, [1.0, 0.25])
