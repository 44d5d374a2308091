"""Levenberg–Marquardt and Gauss–Newton on residuals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import least_squares

from steepest import minimize
from steepest.core.errors import InputError, InputTypeError
from steepest.core.status import Status
from steepest.methods import GaussNewton, LevenbergMarquardt, TrustRegion
from steepest.methods.levenberg_marquardt import _damped


def rosenbrock(x):
    return np.array([10 * (x[1] - x[0] ** 2), 1 - x[0]])


def rosenbrock_jacobian(x):
    return np.array([[-20 * x[0], 10.0], [-1.0, 0.0]])


T = np.linspace(0, 3, 20)
DATA = 2.5 * np.exp(-1.3 * T) + 0.05 * np.sin(37 * T)


def decay(x):
    return x[0] * np.exp(-x[1] * T) - DATA


@pytest.mark.parametrize(
    "method", [LevenbergMarquardt(), LevenbergMarquardt(scaled=False), GaussNewton(), GaussNewton(TrustRegion("exact"))]
)
def test_they_solve_rosenbrock_and_a_fit(method):
    result = minimize(rosenbrock, [-1.2, 1.0], jac=rosenbrock_jacobian, method=method, tol=1e-8)
    assert result.success, result.message
    np.testing.assert_allclose(result.x, 1.0, atol=1e-6)
    fit = minimize(decay, [1.0, 1.0], method=method, tol=1e-6)
    np.testing.assert_allclose(fit.x, least_squares(decay, [1.0, 1.0]).x, atol=1e-5)
    assert fit.fun == pytest.approx(0.5 * np.sum(fit.residuals**2))


@pytest.mark.parametrize("before", [0.0, 1e-3, 1e4])
@pytest.mark.parametrize("radius", [1e-3, 0.1, 1.0, 10.0])
@pytest.mark.parametrize("seed", range(6))
def test_the_damped_step_minimizes_the_linear_model_in_its_ball(seed, radius, before):
    random = np.random.default_rng(seed)
    values, Ur = np.sort(np.exp(random.uniform(-3, 2, 4)))[::-1], random.standard_normal(4)
    q, lam = _damped(values, Ur, radius, before)
    if lam == 0.0:
        assert np.linalg.norm(q) <= 1.1 * radius
        np.testing.assert_allclose(q, -Ur / values)
    else:
        assert np.linalg.norm(q) == pytest.approx(radius, rel=0.1 + 1e-9)
        np.testing.assert_allclose((values**2 + lam) * q, -values * Ur, rtol=1e-9)


@pytest.mark.parametrize("method", [LevenbergMarquardt(), GaussNewton(), GaussNewton(TrustRegion("exact"))])
def test_a_jacobian_without_full_rank_is_no_obstacle(method):
    """r depends on x₀ + x₁ alone, and x₂ on nothing."""
    result = minimize(
        lambda x: np.array([np.exp(x[0] + x[1]) - 2, x[0] + x[1] - 1, 0.5 * (x[0] + x[1])]),
        [1.0, 1.0, 5.0],
        method=method,
        jac="3-point",
        tol=1e-7,
    )
    assert result.success, result.message
    assert np.all(np.isfinite(result.x))
    assert result.x[2] == pytest.approx(5.0)


def test_a_jacobian_of_zeros_says_so():
    result = minimize(
        lambda x: np.array([x[0] ** 2 + 1, 1.0]), [0.0], jac=lambda x: np.zeros((2, 1)), method=GaussNewton()
    )
    assert result.status in {Status.CONVERGED, Status.SINGULAR}
    assert result.nit == 0


def test_scaled_steps_do_not_depend_on_units():
    """With variables in other units the scaled method visits the same points in those units."""
    units = np.array([1e-3, 1e4])
    runs = []
    for scale in (np.ones(2), units):
        points = []
        minimize(
            lambda y, s=scale: decay(y * s),
            np.array([1.0, 1.0]) / scale,
            jac=lambda y, s=scale: (
                np.stack([np.exp(-y[1] * s[1] * T), -y[0] * s[0] * T * np.exp(-y[1] * s[1] * T)]).T * s
            ),
            method=LevenbergMarquardt(),
            callback=lambda r, s=scale, p=points: p.append(r.x * s),
            options={"maxiter": 6, "gtol": 0},
        )
        runs.append(points)
    for plain, scaled in zip(*runs, strict=False):
        np.testing.assert_allclose(plain, scaled, rtol=1e-6)


def test_steps_where_the_residuals_are_not_finite_are_refused():
    result = minimize(lambda x: np.array([np.log(x[0]), x[0] - 1]), [5.0], method="lm")
    assert result.success
    assert result.x[0] == pytest.approx(1.0, abs=1e-5)


def test_least_squares_counts_and_input():
    calls = {"r": 0, "J": 0}

    def r(x):
        calls["r"] += 1
        return rosenbrock(x)

    def J(x):
        calls["J"] += 1
        return rosenbrock_jacobian(x)

    result = minimize(r, [-1.2, 1.0], jac=J, method=LevenbergMarquardt())
    assert (result.nfev, result.njev) == (calls["r"], calls["J"])
    assert result.njev == result.nit + 1
    with pytest.raises(InputTypeError, match="vector of real residuals"):
        minimize(lambda x: np.ones((2, 2)), [1.0], method="lm")
    with pytest.raises(InputError, match=r"jac must have shape \(2, 2\)"):
        minimize(rosenbrock, [1.0, 2.0], jac=lambda x: np.ones(3), method="lm")
    with pytest.raises(InputTypeError, match="method='lm'"):
        minimize(rosenbrock, [1.0, 2.0])


def test_every_setting_changes_the_run():
    def path(method):
        return minimize(decay, [10.0, 0.01], method=method, options={"maxiter": 8}).trace.steps["value"].tolist()

    assert path(LevenbergMarquardt(factor=0.1)) != path(LevenbergMarquardt())
    assert path(LevenbergMarquardt(scaled=False)) != path(LevenbergMarquardt())
