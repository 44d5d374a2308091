"""`minimize`: its signature, its result, its counts, and its ends beside SciPy's."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
import scipy.optimize
from scipy.optimize import rosen, rosen_der, rosen_hess, rosen_hess_prod

import steepest
from steepest import minimize
from steepest.core.errors import InputError, UnknownNameError
from steepest.core.status import Status
from steepest.methods import BFGS, LBFGS, Newton, NewtonCG, NonlinearCG
from steepest.run.scipy_names import METHODS, NOT_HERE

START = np.array([-1.2, 1.0])


def beale(x):
    a, b = x
    return (1.5 - a + a * b) ** 2 + (2.25 - a + a * b**2) ** 2 + (2.625 - a + a * b**3) ** 2


def beale_der(x):
    a, b = x
    r = (1.5 - a + a * b, 2.25 - a + a * b**2, 2.625 - a + a * b**3)
    return np.array([
        2 * (r[0] * (b - 1) + r[1] * (b**2 - 1) + r[2] * (b**3 - 1)),
        2 * a * (r[0] + 2 * b * r[1] + 3 * b**2 * r[2]),
    ])


def powell(x):
    return (x[0] + 10 * x[1]) ** 2 + 5 * (x[2] - x[3]) ** 2 + (x[1] - 2 * x[2]) ** 4 + 10 * (x[0] - x[3]) ** 4


def powell_der(x):
    p, q, r, s = x[0] + 10 * x[1], x[2] - x[3], x[1] - 2 * x[2], x[0] - x[3]
    return np.array([2 * p + 40 * s**3, 20 * p + 4 * r**3, 10 * q - 8 * r**3, -10 * q - 40 * s**3])


FUNCTIONS = {
    "rosenbrock": (rosen, rosen_der, START),
    "rosenbrock-10": (rosen, rosen_der, np.resize(START, 10)),
    "beale": (beale, beale_der, np.array([1.0, 1.0])),
    "powell": (powell, powell_der, np.array([3.0, -1.0, 0.0, 1.0])),
}


@pytest.mark.parametrize("method", ["BFGS", "L-BFGS-B", "CG", "Newton-CG"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_it_ends_where_scipy_does(name, method):
    f, g, x0 = FUNCTIONS[name]
    ours = minimize(f, x0, jac=g, method=method, tol=1e-8, options={"maxiter": 5000})
    theirs = scipy.optimize.minimize(f, x0, jac=g, method=method, options={"gtol": 1e-9} if "N" not in method else {})
    assert ours.success, ours.message
    assert ours.fun <= theirs.fun + 1e-8
    if theirs.fun <= ours.fun + 1e-6:  # SciPy's BFGS ends at the local minimum of Rosenbrock's in 10 variables
        np.testing.assert_allclose(ours.x, theirs.x, atol=2e-2 if name == "powell" else 1e-3)
    assert ours.fun == f(ours.x)
    np.testing.assert_allclose(ours.jac, g(ours.x))


def test_signature_is_scipy_s():
    ours = list(inspect.signature(minimize).parameters)
    theirs = [name for name in inspect.signature(scipy.optimize.minimize).parameters]
    assert ours[: len(theirs)] == theirs
    result = minimize(lambda x, a, b: (x[0] - a) ** 2 + b, 0.0, (3.0, 2.0), "BFGS")
    assert result.x[0] == pytest.approx(3.0, abs=1e-4)
    assert minimize(lambda x, a: (x[0] - a) ** 2, 0.0, 3.0).success


def test_result_has_scipy_s_fields():
    result = minimize(rosen, START, jac=rosen_der)
    for name in ("x", "fun", "jac", "success", "status", "message", "nit", "nfev", "njev", "nhev"):
        assert hasattr(result, name)
    assert result.status is Status.CONVERGED and result.success
    assert "is at most 1e-05" in result.message
    assert "BFGS" in repr(result) and "jac given" in repr(result)
    assert "<table>" in result._repr_html_()


@pytest.mark.parametrize(
    ("method", "calls"),
    [(BFGS(), (38, 48, 41, 0)), (LBFGS(), (38, 50, 41, 0)), (NonlinearCG(), None), (Newton(), None)],
)
def test_every_call_is_counted(method, calls):
    seen = {"f": 0, "g": 0, "h": 0}

    def counted(name, function):
        def call(x):
            seen[name] += 1
            return function(x)

        return call

    given = {"jac": counted("g", rosen_der), "hess": counted("h", rosen_hess), "method": method}
    looking = minimize(counted("f", rosen), START, **given)  # for negative curvature at the end
    assert (looking.nfev, looking.njev, looking.nhev) == (seen["f"], seen["g"], seen["h"])
    seen.update(f=0, g=0, h=0)
    result = minimize(counted("f", rosen), START, **given, options={"curvature": False})
    assert (result.nfev, result.njev, result.nhev) == (seen["f"], seen["g"], seen["h"])
    assert result.njev < looking.njev <= result.njev + 4 and looking.nfev == result.nfev
    np.testing.assert_array_equal(result.x, looking.x)
    if calls is not None:
        assert (result.nit, result.nfev, result.njev, result.nhev) == calls
    steps = result.trace.steps
    assert steps["value_calls"][-1] == result.nfev
    assert steps["gradient_calls"][-1] == result.njev


def test_calls_of_differences_are_counted():
    for scheme, per in (("2-point", 2), ("3-point", 4), ("cs", 2)):
        calls = []

        def f(x, calls=calls):
            calls.append(0)
            return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2

        result = minimize(f, START, jac=scheme)
        assert result.success, result.message
        assert result.nfev == len(calls)
        assert scheme in result.derivatives["jac"]
        values = result.nfev - per * result.njev
        assert result.nit < values < 3 * result.nit


def test_the_default_method_follows_the_problem():
    assert minimize(rosen, START, jac=rosen_der).method.startswith("BFGS")
    large = minimize(lambda x: float(x @ x), np.ones(300), jac=lambda x: 2 * x)
    assert large.method.startswith("LBFGS(")
    assert minimize(rosen, START, jac=rosen_der, bounds=[(-2, 2)] * 2).method.startswith("LBFGSB")


def test_jac_true_evaluates_both_at_once():
    calls = []

    def both(x):
        calls.append(0)
        return rosen(x), rosen_der(x)

    result = minimize(both, START, jac=True)
    assert result.success
    assert result.nfev == result.njev == len(calls)
    assert result.derivatives["jac"] == "given, with fun"


def test_hessians_come_from_where_the_result_says():
    given = minimize(rosen, START, jac=rosen_der, hess=rosen_hess, method=Newton())
    products = minimize(rosen, START, jac=rosen_der, hessp=rosen_hess_prod, method=NewtonCG())
    from_hess = minimize(rosen, START, jac=rosen_der, hess=rosen_hess, method=NewtonCG())
    gradients = minimize(rosen, START, jac=rosen_der, method=Newton())
    values = minimize(rosen, START, method=Newton(), tol=1e-3)
    by_hessp = minimize(rosen, START, jac=rosen_der, hessp=rosen_hess_prod, method=Newton())
    words = ["given", "given", "the given hess", "differences of gradients", "second differences", "n products hessp"]
    for result, key, word in zip(
        (given, products, from_hess, gradients, values, by_hessp),
        ("hess", "hessp", "hessp", "hess", "hess", "hess"),
        words,
        strict=True,
    ):
        assert result.success, result.message
        assert word in result.derivatives[key]
        np.testing.assert_allclose(result.x, 1.0, atol=1e-3)


@pytest.mark.parametrize("name", METHODS)
def test_every_name_makes_a_method_that_solves(name):
    if name in {"lm", "gauss-newton"}:
        result = minimize(lambda x: [10 * (x[1] - x[0] ** 2), 1 - x[0]], START, method=name)
    else:
        result = minimize(
            rosen, START, jac=rosen_der, hess=rosen_hess, method=name.upper(), options={"maxiter": 50_000, "gtol": 1e-4}
        )
    assert result.success, result.message
    np.testing.assert_allclose(result.x, 1.0, atol=1e-2)


def test_options_of_names_reach_the_method():
    result = minimize(rosen, START, jac=rosen_der, method="L-BFGS-B", options={"maxcor": 3, "maxls": 7})
    assert "memory=3" in result.method and "max_trials=7" in result.method
    region = minimize(
        rosen, START, jac=rosen_der, hess=rosen_hess, method="trust-exact", options={"initial_trust_radius": 0.5}
    )
    assert "radius=0.5" in region.method
    wolfe = minimize(rosen, START, jac=rosen_der, method="CG", options={"c1": 1e-3, "c2": 0.2})
    assert "c1=0.001, c2=0.2" in wolfe.method


@pytest.mark.parametrize("name", NOT_HERE)
def test_names_that_are_not_here_say_so(name):
    with pytest.raises(InputError, match="is not here; known: bfgs"):
        minimize(rosen, START, method=name)


def test_misspelt_names_and_options_are_errors_with_the_nearest():
    with pytest.raises(UnknownNameError, match=r"unknown method 'BFGSS'"):
        minimize(rosen, START, method="BFGSS")
    with pytest.raises(UnknownNameError, match="unknown option 'maxitr'; did you mean maxiter"):
        minimize(rosen, START, options={"maxitr": 3})
    with pytest.raises(UnknownNameError, match="unknown option 'maxcor'"):
        minimize(rosen, START, method="BFGS", options={"maxcor": 3})
    with pytest.raises(InputError, match="disp must be False"):
        minimize(rosen, START, options={"disp": True})
    assert minimize(rosen, START, jac=rosen_der, options={"disp": False}).success


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"maxiter": 3}, Status.MAX_STEPS),
        ({"maxiter": 0}, Status.MAX_STEPS),
        ({"maxfun": 9}, Status.MAX_CALLS),
        ({"gtol": 0.0, "ftol": 1e-3}, Status.CONVERGED),
        ({"gtol": 0.0, "xtol": 1e-3}, Status.CONVERGED),
    ],
)
def test_limits_and_tolerances_end_the_run(options, status):
    result = minimize(rosen, START, jac=rosen_der, options=options)
    assert result.status is status
    assert result.success == (status is Status.CONVERGED)
    if "maxiter" in options:
        assert result.nit == options["maxiter"]
    if "maxfun" in options:
        assert 9 <= result.nfev < 15


def test_norms_of_the_stopping_test():
    n = 100
    f, g = (lambda x: 0.5 * float(x @ x)), (lambda x: x)
    for norm in ("max", "euclidean"):
        result = minimize(f, np.ones(n), jac=g, options={"gtol": 1.0, "norm": norm})
        assert (result.nit == 0) == (norm == "max")


def test_callback_sees_the_result_so_far_and_may_stop():
    seen = []

    def callback(result):
        seen.append((result.nit, result.fun, result.x.copy(), str(result.status)))
        return result.nit == 4

    result = minimize(rosen, START, jac=rosen_der, callback=callback)
    assert result.status is Status.STOPPED and not result.success
    assert [row[0] for row in seen] == [1, 2, 3, 4]
    assert all(row[1] == rosen(row[2]) for row in seen)
    assert seen[0][3] == "running"

    def stop(result):
        raise StopIteration

    assert minimize(rosen, START, jac=rosen_der, callback=stop).nit == 1


def test_the_trace_has_a_row_a_step():
    result = minimize(rosen, START, jac=rosen_der)
    steps = result.trace.steps
    assert steps["step"].tolist() == list(range(result.nit + 1))
    assert steps["value"][0] == rosen(START) and steps["value"][-1] == result.fun
    assert steps["gradient_norm"][0] == pytest.approx(np.linalg.norm(rosen_der(START)))
    np.testing.assert_array_equal([steps["x[0]"][-1], steps["x[1]"][-1]], result.x)
    assert np.isnan(steps["learning_rate"][0]) and np.all(steps["learning_rate"][1:] > 0)
    assert np.all(np.diff(steps["seconds"]) >= 0)
    assert result.trace.meta["status"] == "converged"


def test_the_public_face_is_lazy():
    assert steepest.minimize is minimize
    assert set(dir(steepest.methods)) >= {"BFGS", "LBFGS", "TrustRegion"}
    with pytest.raises(AttributeError):
        steepest.methods.Nothing  # noqa: B018


def test_check_gradient_names_the_coordinate():
    good = steepest.check_gradient(rosen, START, rosen_der)
    assert good and "agrees" in str(good)
    wrong = steepest.check_gradient(rosen, START, lambda x: rosen_der(x) + np.array([0.0, 1.0]))
    assert not wrong
    assert (wrong.coordinate, wrong.name) == (1, "x[1]")
    assert wrong.given == pytest.approx(-87.0) and wrong.expected == pytest.approx(-88.0)
    assert wrong.error == pytest.approx(1.0)
    subtle = steepest.check_gradient(rosen, START, lambda x: rosen_der(x) * (1 + 1e-4))
    assert not subtle
    named = steepest.check_gradient(
        lambda p: float(p["a"] @ p["a"] + p["b"][0]),
        {"a": np.ones(2), "b": np.ones(1)},
        lambda p: {"a": p["a"], "b": p["b"]},
    )
    assert named.name in {"x['a'][0]", "x['a'][1]"}


def test_check_gradient_at_a_kink_is_no_error_of_the_gradient():
    check = steepest.check_gradient(lambda x: abs(x[0]), [0.0], lambda x: [1.0])
    assert check and not check.smooth
