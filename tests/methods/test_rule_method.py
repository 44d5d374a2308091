"""Every update rule as a method of `minimize`."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import rosen, rosen_der, rosen_hess_prod

from steepest import minimize, rules
from steepest.core.errors import InputError, InputTypeError
from steepest.core.status import Status
from steepest.formula import chain
from steepest.methods import RuleMethod

START = np.array([-1.2, 1.0])


def by_hand(rule, steps):
    """The rule by its pure interface."""
    x, state = START.copy(), rule.init(START)
    for _ in range(steps):
        x, state, _ = rule.update(x, rosen_der(x), state)
    return x


@pytest.mark.parametrize(
    "rule", [rules.sgd(lr=1e-3), rules.heavy_ball(lr=1e-4), rules.adam(lr=0.02), rules.rmsprop(lr=0.01)], ids=str
)
@pytest.mark.parametrize("engine", ["eager", "cpu"])
def test_a_rule_takes_the_steps_of_its_formula(rule, engine):
    result = minimize(rosen, START, jac=rosen_der, method=RuleMethod(rule, engine), options={"maxiter": 25})
    assert result.status is Status.MAX_STEPS
    np.testing.assert_allclose(result.x, by_hand(rule, 25), rtol=1e-12)
    assert (result.nfev, result.njev) == (26, 26)


def test_a_rule_is_given_as_it_is():
    result = minimize(rosen, START, jac=rosen_der, method=rules.adam(lr=0.02), options={"maxiter": 3000}, tol=1e-2)
    assert result.success
    assert "adam" in result.method
    np.testing.assert_allclose(result.x, 1.0, atol=0.1)
    assert result.trace.steps["learning_rate"][1] == 0.02


def test_rules_that_ask_for_more():
    sam = minimize(rosen, START, jac=rosen_der, method=rules.sam(lr=1e-3), options={"maxiter": 10})
    assert sam.nfev == 21
    hessian = minimize(
        rosen,
        START,
        jac=rosen_der,
        hessp=rosen_hess_prod,
        method=rules.adahessian(lr=0.05),
        options={"maxiter": 10},
    )
    assert hessian.nhev == 10
    average = minimize(rosen, START, jac=rosen_der, method=rules.schedule_free_sgd(lr=1e-3), options={"maxiter": 30})
    assert np.isfinite(average.fun)
    assert average.fun == pytest.approx(rosen(average.x))


def test_a_rule_that_diverges_keeps_the_last_finite_point():
    result = minimize(rosen, START, jac=rosen_der, method=rules.sgd(lr=1.0), options={"maxiter": 100})
    assert result.status is Status.NONFINITE
    assert not result.success
    assert np.all(np.isfinite(result.x)) and np.isfinite(result.fun)


def test_what_is_no_rule_is_refused():
    with pytest.raises(InputTypeError, match="must be an update rule"):
        RuleMethod("adam")
    with pytest.raises(InputError, match="sets the step"):
        minimize(rosen, START, method=chain(rules.scale_by_adam()))
