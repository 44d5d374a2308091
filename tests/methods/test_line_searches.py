"""Each step size against the conditions that define it."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy.optimize import rosen, rosen_der

from steepest import minimize
from steepest.core.errors import HyperparameterError, InputError, InputTypeError
from steepest.core.status import Status
from steepest.methods import (
    BFGS,
    LBFGS,
    Armijo,
    BarzilaiBorwein,
    Constant,
    Exact,
    HagerZhang,
    NonlinearCG,
    Polyak,
    SteepestDescent,
    StrongWolfe,
    TrustRegion,
)
from steepest.methods.method import Found, Point, Walk
from steepest.methods.oracle import Count, Functions, VectorOracle
from steepest.methods.step_sizes.constant import Scheduled
from steepest.methods.step_sizes.interpolation import cubic_minimizer, quadratic_minimizer
from steepest.methods.step_sizes.line import Line
from steepest.schedules import exponential


def wavy(seed):
    """A random smooth function of one variable, bounded below, that falls at 0."""
    random = np.random.default_rng(seed)
    a, w, p = random.uniform(0.2, 2, 4), random.uniform(0.3, 4, 4), random.uniform(0, 6, 4)
    c = random.uniform(0.01, 0.5)

    def f(x):
        return c * (x - 1.5) ** 2 + float(np.sum(a * np.sin(w * x + p)))

    def df(x):
        return 2 * c * (x - 1.5) + float(np.sum(a * w * np.cos(w * x + p)))

    return (f, df) if df(0.0) < 0 else ((lambda x: f(-x)), (lambda x: -df(-x)))


def line_of(f, df):
    count = Count()
    oracle = VectorOracle(Functions(value=lambda x: f(x[0]), gradient=lambda x, _: np.array([df(x[0])])), count)
    point = Point(np.zeros(1), f(0.0), np.array([df(0.0)]))
    return Line(oracle, point, np.ones(1), df(0.0)), count


WALK = Walk(None, None, None)


@pytest.mark.parametrize("trial", [1e-6, 0.1, 1.0, 30.0, 1e4])
@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("c2", [0.9, 0.1, 0.01])
def test_strong_wolfe_conditions_hold_at_every_accepted_step(seed, trial, c2):
    f, df = wavy(seed)
    line, count = line_of(f, df)
    found = StrongWolfe(c2=c2).search(line, trial, WALK)
    assert isinstance(found, Found)
    a = found.length
    assert f(a) <= f(0.0) + 1e-4 * a * df(0.0)
    assert abs(df(a)) <= c2 * abs(df(0.0))
    assert found.point.f == f(a) and found.point.g[0] == df(a)
    assert count.value <= 40 and count.gradient <= count.value


@pytest.mark.parametrize("trial", [1e-4, 1.0, 1e3])
@pytest.mark.parametrize("seed", range(12))
def test_hager_zhang_conditions_hold_at_every_accepted_step(seed, trial):
    f, df = wavy(seed)
    line, _ = line_of(f, df)
    found = HagerZhang(epsilon=0.0).search(line, trial, WALK)
    assert isinstance(found, Found)
    a = found.length
    first = f(a) - f(0.0) <= 0.1 * a * df(0.0)
    approximate = f(a) <= f(0.0) and df(a) <= (2 * 0.1 - 1) * df(0.0)
    assert df(a) >= 0.9 * df(0.0)
    assert first or approximate


@pytest.mark.parametrize("seed", range(12))
def test_armijo_takes_the_first_of_its_trials_that_decreases_enough(seed):
    f, df = wavy(seed)
    line, _ = line_of(f, df)
    found = Armijo(c=0.2, factor=0.4).search(line, 5.0, WALK)
    trials = [5.0 * 0.4**k for k in range(60)]
    wanted = next(a for a in trials if f(a) <= f(0.0) + 0.2 * a * df(0.0))
    assert found.length == pytest.approx(wanted, rel=1e-14)


@pytest.mark.parametrize("trial", [1e-3, 1.0, 50.0])
@pytest.mark.parametrize("seed", range(12))
def test_exact_ends_at_a_stationary_point_of_the_line_below_the_start(seed, trial):
    f, df = wavy(seed)
    line, _ = line_of(f, df)
    found = Exact(tol=1e-8).search(line, trial, WALK)
    assert isinstance(found, Found)
    assert f(found.length) < f(0.0)
    assert abs(df(found.length)) <= 1e-7 * abs(df(0.0)) + 1e-9


@pytest.mark.parametrize("trial", [0.1, 1.0, 7.0])
def test_exact_takes_two_gradients_on_a_parabola(trial):
    line, count = line_of(lambda x: (x - 3) ** 2, lambda x: 2 * (x - 3))
    found = Exact().search(line, trial, WALK)
    assert found.length == pytest.approx(3.0)
    assert count.gradient <= 2 if trial != 0.1 else count.gradient <= 4


def test_interpolation_finds_the_minimum_of_its_polynomials():
    def p(x):
        return x**3 - 3 * x + 1

    def dp(x):
        return 3 * x**2 - 3

    assert cubic_minimizer(-0.5, p(-0.5), dp(-0.5), 3.0, p(3.0), dp(3.0)) == pytest.approx(1.0)
    assert cubic_minimizer(3.0, p(3.0), dp(3.0), -0.5, p(-0.5), dp(-0.5)) == pytest.approx(1.0)
    assert quadratic_minimizer(1.0, 4.0, -4.0, 2.0, 1.0) == pytest.approx(3.0)
    assert math.isnan(quadratic_minimizer(0.0, 1.0, -1.0, 1.0, -5.0))


def test_barzilai_borwein_steps_are_the_quotients_of_the_last_pair():
    A = np.diag([1.0, 5.0, 20.0])
    for form in ("long", "short", "alternating"):
        points = [np.ones(3)]
        minimize(
            lambda x: 0.5 * x @ A @ x,
            points[0],
            jac=lambda x: A @ x,
            method=SteepestDescent(BarzilaiBorwein(form, memory=None)),
            callback=lambda r, p=points: p.append(r.x),
            options={"maxiter": 6, "gtol": 0},
        )
        for k in range(1, 6):
            s, y = points[k] - points[k - 1], A @ (points[k] - points[k - 1])
            long, short = s @ s / (s @ y), s @ y / (y @ y)
            wanted = {"long": long, "short": short, "alternating": (long, short)[k % 2]}[form]
            np.testing.assert_allclose(points[k + 1], points[k] - wanted * A @ points[k], rtol=1e-9)


def test_barzilai_borwein_never_exceeds_the_largest_of_the_last_values():
    result = minimize(
        rosen, [-1.2, 1.0], jac=rosen_der, method=SteepestDescent(BarzilaiBorwein(memory=5)), options={"maxiter": 300}
    )
    values = result.trace.steps["value"]
    assert all(values[k] <= values[max(0, k - 5) : k].max() for k in range(1, len(values)))
    assert any(np.diff(values) > 0)
    monotone = minimize(
        rosen, [-1.2, 1.0], jac=rosen_der, method=SteepestDescent(BarzilaiBorwein(memory=1)), options={"maxiter": 300}
    )
    assert np.all(np.diff(monotone.trace.steps["value"]) < 0)


def test_polyak_step_is_the_gap_over_the_squared_gradient():
    A = np.diag([1.0, 4.0])
    points = [np.array([2.0, 1.0])]
    minimize(
        lambda x: 0.5 * x @ A @ x + 3,
        points[0],
        jac=lambda x: A @ x,
        method=SteepestDescent(Polyak(3.0)),
        callback=lambda r: points.append(r.x),
        options={"maxiter": 5},
    )
    for before, after in pairwise(points):
        g = A @ before
        np.testing.assert_allclose(after, before - (0.5 * before @ A @ before) / (g @ g) * g)
        assert np.linalg.norm(after) < np.linalg.norm(before)


def test_constant_and_scheduled_steps_are_gradient_descent():
    x = np.array([1.0, -2.0])
    for step, rates in ((Constant(0.1), [0.1] * 4), (Scheduled(exponential(0.1, 0.3)), None)):
        rates = rates or [exponential(0.1, 0.3)(k) for k in range(4)]
        wanted = x.copy()
        for rate in rates:
            wanted = wanted - rate * rosen_der(wanted) / 100
        found = minimize(
            lambda x: rosen(x) / 100,
            x,
            jac=lambda x: rosen_der(x) / 100,
            method=SteepestDescent(step),
            options={"maxiter": 4},
        )
        np.testing.assert_allclose(found.x, wanted, rtol=1e-12)
        np.testing.assert_allclose(found.trace.steps["learning_rate"][1:], rates)


def test_a_step_at_the_limit_of_precision_is_found_by_hager_zhang_alone():
    """f is flat to rounding around its minimum: values say nothing, slopes do."""

    def f(x):
        return 1e8 + float(x @ x)

    start = np.full(3, 1e-5)
    careful = minimize(f, start, jac=lambda x: 2 * x, method=LBFGS(step_size=HagerZhang()), tol=1e-10)
    assert careful.success
    plain = minimize(f, start, jac=lambda x: 2 * x, method=LBFGS(), tol=1e-10)
    assert plain.status in {Status.PRECISION_LIMIT, Status.CONVERGED}
    assert plain.success or "rounding" in plain.message


@pytest.mark.parametrize("step", [StrongWolfe(), Armijo(), HagerZhang(), Exact()], ids=lambda s: s.name)
def test_steps_stay_inside_the_domain_of_a_log_barrier(step):
    def f(x):
        return float(-np.log(1 - x[0]) - np.log(1 + x[0]) - 2 * x[0]) if abs(x[0]) < 1 else math.nan

    def g(x):
        return np.array([1 / (1 - x[0]) - 1 / (1 + x[0]) - 2])

    result = minimize(f, [-0.99], jac=g, method=BFGS(step), tol=1e-8)
    assert result.success, result.message
    assert result.x[0] == pytest.approx((math.sqrt(5) - 1) / 2)


@pytest.mark.parametrize("step", [StrongWolfe(), Armijo(), HagerZhang(), Exact()], ids=lambda s: s.name)
@pytest.mark.parametrize("f", [lambda x: -x[0], lambda x: -(x[0] ** 2), lambda x: -np.exp(x[0])])
def test_a_function_without_a_minimum_ends_the_run(step, f):
    result = minimize(f, [1.0], method=SteepestDescent(step), jac="3-point", options={"maxiter": 300})
    assert result.status in {Status.UNBOUNDED, Status.MAX_STEPS}
    assert not result.success
    assert result.fun < -1


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: NonlinearCG(step_size=Armijo()), "strong Wolfe"),
        (lambda: NonlinearCG("FR", Constant(0.1)), "strong Wolfe"),
        (lambda: BFGS(BarzilaiBorwein()), "negative gradient"),
        (lambda: LBFGS(step_size=Polyak(0.0)), "negative gradient"),
        (lambda: SteepestDescent(TrustRegion()), "no model"),
        (lambda: NonlinearCG(step_size=TrustRegion()), "no model"),
        (lambda: LBFGS(step_size=TrustRegion("exact")), "use 'steihaug'"),
    ],
)
def test_a_senseless_pair_says_why(make, says):
    with pytest.raises(InputError, match=says):
        make()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: StrongWolfe(c1=0.9, c2=0.5), r"c2 must be in \(c1, 1\)"),
        (lambda: Armijo(factor=1.0), r"factor must be in \(0, 1\), got 1.0"),
        (lambda: Armijo(max_trials=0), "max_trials must be a whole number"),
        (lambda: HagerZhang(sigma=0.05), r"sigma must be in \[delta, 1\)"),
        (lambda: Constant(0.0), "lr must be in"),
        (lambda: Polyak(math.inf), "f_star must be in"),
        (lambda: BarzilaiBorwein(memory=0), "memory must be a whole number"),
        (lambda: TrustRegion(radius=2000.0, largest=1000.0), "radius must be at most largest"),
        (lambda: TrustRegion(eta=0.25), "eta must be in"),
    ],
)
def test_settings_are_checked(make, says):
    with pytest.raises(HyperparameterError, match=says):
        make()
    with pytest.raises(InputTypeError):
        Scheduled(0.1)


def lengths(step):
    lines = [line_of(*wavy(seed))[0] for seed in range(60)]
    return [
        step.search(line, trial, WALK).length
        for line, trial in zip(lines, [1e-3, 0.3, 1.0, 2.0, 40.0] * 12, strict=True)
    ]


def test_every_setting_of_a_line_search_changes_the_run():
    for kind, settings, others in (
        (StrongWolfe, {"c1": 0.4, "c2": 0.5}, {}),
        (HagerZhang, {"delta": 0.4, "sigma": 0.2, "rho": 1.5}, {}),
        (HagerZhang, {"gamma": 0.1}, {"delta": 0.49, "sigma": 0.49, "epsilon": 1.0}),
    ):
        plain = lengths(kind(**others))
        for name, value in settings.items():
            assert lengths(kind(**others, **{name: value})) != plain, f"{kind.__name__}.{name} has no effect"
    base = {
        Armijo: {"c": 0.5, "factor": 0.9, "initial": 0.01},
        HagerZhang: {"psi": 0.5},
        BarzilaiBorwein: {"form": "short", "memory": 1, "c": 0.9, "smallest": 0.01, "largest": 0.001},
    }

    def path(step):
        result = minimize(
            lambda x: rosen(x) + np.sin(5 * x).sum(),
            [-1.2, 1.0],
            jac=lambda x: rosen_der(x) + 5 * np.cos(5 * x),
            method=SteepestDescent(step),
            options={"maxiter": 60, "gtol": 0},
        )
        return result.trace.steps["value"].tolist(), result.nfev

    for kind, settings in base.items():
        plain = path(kind())
        for name, value in settings.items():
            assert path(kind(**{name: value})) != plain, f"{kind.__name__}.{name} has no effect"
