"""Bad input and hard cases: each ends with the right status and message."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import rosen, rosen_der, rosen_hess

from steepest import methods, minimize
from steepest.core.errors import InputError, InputTypeError
from steepest.core.status import Status
from steepest.methods import BFGS, LBFGS, SR1, HagerZhang, Newton, NonlinearCG, TrustRegion

START = np.array([-1.2, 1.0])
ALL = [
    BFGS(),
    LBFGS(),
    NonlinearCG(),
    BFGS(HagerZhang()),
    SR1(),
    LBFGS(step_size=TrustRegion("steihaug")),
    methods.LBFGSB(),
    methods.SteepestDescent(),
]
IDS = [f"{m.name}-{getattr(getattr(m, 'step_size', None), 'name', '')}" for m in ALL]


@pytest.mark.parametrize(
    ("x0", "error", "says"),
    [
        ([], InputError, "x0 must hold at least one number"),
        ({}, InputError, "empty structure"),
        ([1.0, math.nan], InputError, r"x0 must be finite, got nan at x\[1\]"),
        ([[1.0, 2.0], [math.inf, 0.0]], InputError, r"got inf at x\[1, 0\]"),
        ("here", InputTypeError, "x0 must hold real numbers"),
        (None, InputTypeError, "x0 must hold real numbers"),
        ([1 + 2j], InputTypeError, "complex"),
        ([[1, 2], [3]], InputTypeError, "x0 must hold real numbers"),
    ],
)
def test_a_start_that_cannot_be_is_refused_before_fun_is_called(x0, error, says):
    def never(x):
        raise AssertionError("called")

    with pytest.raises(error, match=says):
        minimize(never, x0)


def test_integers_become_floats_and_shapes_are_kept():
    result = minimize(lambda x: float(np.sum((x - 0.5) ** 2)), np.array([[1, 2], [3, 4]]))
    assert result.success and result.x.shape == (2, 2) and result.jac.shape == (2, 2)
    np.testing.assert_allclose(result.x, 0.5, atol=1e-6)
    scalar = minimize(lambda x: (x[0] - 2) ** 2, 5)
    assert scalar.x.shape == (1,) and scalar.success


@pytest.mark.parametrize(
    ("fun", "says"),
    [
        (lambda x: x, "must return one real number, got an array of shape"),
        (lambda x: complex(1, 2), "complex number"),
        (lambda x: np.complex128(1), "complex number"),
        (lambda x: None, "NoneType"),
        (lambda x: "one", "one real number"),
    ],
)
def test_a_function_that_returns_no_number(fun, says):
    with pytest.raises(InputTypeError, match=says):
        minimize(fun, [1.0, 2.0])


@pytest.mark.parametrize(
    ("jac", "error", "says"),
    [
        (lambda x: np.ones(3), InputError, r"jac must have shape \(2,\), got \(3,\)"),
        ("4-point", InputError, "jac must be a function, True, None or one of"),
        (3, InputError, "jac must be a function"),
        (True, InputTypeError, r"fun must return \(value, gradient\)"),
    ],
)
def test_a_gradient_that_cannot_be(jac, error, says):
    with pytest.raises(error, match=says):
        minimize(rosen, START, jac=jac)


def test_other_arguments_that_cannot_be():
    with pytest.raises(InputTypeError, match="fun must be a function"):
        minimize(3, START)
    with pytest.raises(InputTypeError, match="callback must be a function"):
        minimize(rosen, START, callback=3)
    with pytest.raises(InputError, match="constraints other than bounds are not supported"):
        minimize(rosen, START, constraints=[{"type": "eq", "fun": rosen}])
    with pytest.raises(InputTypeError, match=r"must be an object, as BFGS\(\), got the class"):
        minimize(rosen, START, method=BFGS)
    with pytest.raises(InputTypeError, match="method must be a name"):
        minimize(rosen, START, method=3)
    with pytest.raises(InputError, match="gtol must be in"):
        minimize(rosen, START, tol=-1)
    with pytest.raises(InputError, match="norm must be one of"):
        minimize(rosen, START, options={"norm": 2})
    with pytest.raises(InputTypeError, match="hess must be a function"):
        minimize(rosen, START, hess=np.eye(2))
    with pytest.raises(InputError, match=r"hess must have shape \(2, 2\)"):
        minimize(rosen, START, jac=rosen_der, hess=lambda x: np.eye(3), method=Newton())


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("method", ALL, ids=IDS)
def test_not_finite_at_the_start(method, bad):
    result = minimize(lambda x: bad, START, method=method)
    assert result.status is Status.NONFINITE_START and not result.success
    assert "f(x0) =" in result.message
    gradient = minimize(rosen, START, jac=lambda x: np.array([1.0, math.nan]), method=method)
    assert gradient.status is Status.NONFINITE_START
    assert "x[1]" in gradient.message


@pytest.mark.parametrize("method", ALL, ids=IDS)
def test_a_log_barrier(method):
    """The minimum of cᵀx − μ Σ log(1 − xᵢ²) is inside; beyond the border f is NaN."""
    c = np.array([5.0, -3.0])

    def f(x):
        return float(c @ x - np.sum(np.log(1 - x**2)))

    result = minimize(f, [0.0, 0.9], jac=lambda x: c + 2 * x / (1 - x**2), method=method, options={"maxiter": 3000})
    assert result.success, result.message
    np.testing.assert_allclose(c + 2 * result.x / (1 - result.x**2), 0.0, atol=1e-4)


@pytest.mark.parametrize("method", ALL, ids=IDS)
def test_what_fun_raises_comes_out_with_the_trace_so_far(method):
    calls = []

    def f(x):
        calls.append(0)
        if len(calls) > 12:
            raise ZeroDivisionError("in the middle")
        return rosen(x)

    with pytest.raises(ZeroDivisionError, match="in the middle") as caught:
        minimize(f, START, jac=rosen_der, method=method, options={"gtol": 0})
    trace = caught.value.trace
    assert trace.steps["value"][0] == rosen(START)
    assert 1 <= len(trace.steps["step"]) <= 13
    assert trace.meta["status"] == "failed"
    assert np.isfinite(caught.value.result.fun)


@pytest.mark.parametrize("method", ALL, ids=IDS)
def test_unbounded_below(method):
    for f, g in (
        (lambda x: -float(x @ x), lambda x: -2 * x),
        (lambda x: float(x[0]) - float(x[1]) ** 3, lambda x: np.array([1.0, -3 * x[1] ** 2])),
    ):
        result = minimize(f, [1.0, 1.0], jac=g, method=method, options={"maxiter": 1000})
        assert result.status in {Status.UNBOUNDED, Status.MAX_STEPS}, result.message
        assert not result.success
        assert np.isfinite(result.fun) and np.all(np.isfinite(result.x))


@pytest.mark.parametrize("method", ALL, ids=IDS)
def test_a_wrong_gradient_is_said_with_its_coordinate(method):
    """The second entry has the wrong sign: along it every search fails."""
    result = minimize(lambda x: float(x @ x), [1.0, 2.0], jac=lambda x: np.array([2 * x[0], -2 * x[1]]), method=method)
    assert result.status is Status.WRONG_GRADIENT, result.message
    assert "along x[1]" in result.message and not result.success


@pytest.mark.parametrize("method", ALL, ids=IDS)
def test_a_kink_at_the_solution(method):
    result = minimize(
        lambda x: abs(x[0]) + x[1] ** 2,
        [1.0, 1.0],
        jac=lambda x: np.array([np.sign(x[0]), 2 * x[1]]),
        method=method,
        options={"maxiter": 2000},
    )
    assert result.status is not Status.WRONG_GRADIENT, result.message
    assert np.isfinite(result.fun) and result.fun < 1.0
    assert not result.success or abs(result.x[0]) < 1e-5


@pytest.mark.parametrize("method", ALL, ids=IDS)
def test_a_jump(method):
    def f(x):
        return float(x @ x) + (3.0 if x[0] > 0.4 else 0.0)

    result = minimize(f, [1.0, 1.0], jac=lambda x: 2 * x, method=method, options={"maxiter": 2000})
    assert result.status is not Status.WRONG_GRADIENT
    assert np.isfinite(result.fun)


def saddle(x):
    return x[0] ** 2 - x[1] ** 2 + 0.25 * x[1] ** 4


def saddle_der(x):
    return np.array([2 * x[0], -2 * x[1] + x[1] ** 3])


@pytest.mark.parametrize("method", ALL, ids=IDS)
def test_a_saddle_as_the_start_is_no_success(method):
    result = minimize(saddle, [0.0, 0.0], jac=saddle_der, method=method)
    assert result.status is Status.SADDLE and not result.success
    assert "curvature along" in result.message
    differences = minimize(saddle, [0.0, 0.0], method=method)
    assert differences.status is Status.SADDLE


def test_a_minimum_as_the_start_is_a_success():
    result = minimize(rosen, [1.0, 1.0], jac=rosen_der)
    assert result.success and result.nit == 0
    assert "no curvature there is negative" in result.message
    flat = minimize(lambda x: 3.0, [1.0, 1.0], jac=lambda x: np.zeros(2))
    assert flat.success


@pytest.mark.parametrize("method", ALL, ids=IDS)
def test_the_limit_of_precision(method):
    """Rounding of 1e10 hides every decrease long before the gradient is 1e-12."""
    result = minimize(
        lambda x: 1e10 + rosen(x), START, jac=rosen_der, method=method, tol=1e-12, options={"maxiter": 3000}
    )
    assert result.status in {Status.PRECISION_LIMIT, Status.CONVERGED, Status.MAX_STEPS, Status.LINE_SEARCH_FAILED}
    assert result.nfev < 60_000
    assert result.fun <= 1e10 + rosen(START)


@pytest.mark.parametrize("method", ALL, ids=IDS)
def test_huge_and_tiny_units(method):
    for scale in (1e-8, 1e8):
        result = minimize(
            lambda x, s=scale: s * float(x @ x),
            [1.0, -2.0],
            jac=lambda x, s=scale: 2 * s * x,
            method=method,
            options={"gtol": 1e-6 * scale, "maxiter": 3000},
        )
        assert result.success, (scale, result.message)
        np.testing.assert_allclose(result.x, 0.0, atol=1e-6)


def test_a_hessian_that_is_not_finite():
    result = minimize(rosen, START, jac=rosen_der, hess=lambda x: np.full((2, 2), np.nan), method=Newton())
    assert result.status is Status.NONFINITE and not result.success


def test_a_function_that_changes_its_argument_and_one_that_reuses_its_gradient():
    buffer = np.empty(2)

    def f(x):
        value = rosen(x)
        x[:] = 99.0
        return value

    def g(x):
        buffer[:] = rosen_der(x)
        x[:] = -99.0
        return buffer

    result = minimize(f, START, jac=g)
    plain = minimize(rosen, START, jac=rosen_der)
    np.testing.assert_array_equal(result.x, plain.x)
    np.testing.assert_array_equal(START, [-1.2, 1.0])


def test_no_method_hands_over_to_another():
    """Where Newton fails, its status says so; the path is not finished by another method."""
    result = minimize(
        lambda x: float(np.sum(np.abs(x) ** 1.5)),
        [1.0, 1.0],
        jac=lambda x: 1.5 * np.sign(x) * np.sqrt(np.abs(x)),
        hess=lambda x: -rosen_hess(x) * math.nan,
        method=Newton(TrustRegion("exact")),
    )
    assert result.status is Status.NONFINITE
    assert result.nit == 0
