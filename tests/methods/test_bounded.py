"""L-BFGS-B against its definition, SciPy's ends, and the conditions of a solution."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import Bounds, rosen, rosen_der
from scipy.optimize import minimize as scipy_minimize

from steepest import minimize
from steepest.core.errors import InputError
from steepest.core.status import Status
from steepest.methods import BFGS, LBFGSB
from steepest.methods.bounded.cauchy_point import cauchy_point
from steepest.methods.bounded.compact import Compact
from steepest.methods.bounded.subspace import subspace_minimizer
from steepest.methods.directions.lbfgs import empty, remember
from steepest.methods.method import Point


def random_model(seed, n=5, count=3):
    random = np.random.default_rng(seed)
    Q = random.standard_normal((n, n))
    A = Q @ Q.T + np.eye(n)
    memory = empty(4, np.zeros(n), with_SS=True)
    B = np.eye(n)
    for index in range(count):
        s = random.standard_normal(n)
        y = A @ s
        remember(memory, s, y, (s @ y) / (y @ y), with_SS=True)
        B = None if index < count - 1 else np.eye(n) * memory.gamma**-1
    for s, y in zip(*memory.rows, strict=True):
        Bs = B @ s
        B = B - np.outer(Bs, Bs) / (s @ Bs) + np.outer(y, y) / (s @ y)
    low = -random.uniform(0.05, 1, n)
    high = random.uniform(0.05, 1, n)
    x = random.uniform(low, high)
    x[0] = low[0]
    return Compact.of(memory), B, x, random.standard_normal(n), low, high


@pytest.mark.parametrize("seed", range(25))
def test_the_cauchy_point_is_the_first_minimum_along_the_projected_path(seed):
    model, B, x, g, low, high = random_model(seed)
    found = cauchy_point(model, x, g, low, high)
    ts = np.linspace(0, 3, 60001)
    path = np.clip(x - ts[:, None] * g, low, high) - x
    m = path @ g + 0.5 * np.einsum("ij,jk,ik->i", path, B, path)
    rising = np.flatnonzero(np.diff(m) > 1e-13)
    first = rising[0] if rising.size else len(m) - 1
    p = found.x - x
    reached = p @ g + 0.5 * p @ B @ p
    assert m[first] - 1e-5 <= reached <= m[first] + 1e-12  # the grid is 5e-5 wide
    np.testing.assert_allclose(p, path[first], atol=1e-3)
    np.testing.assert_allclose(found.c, model.wide(p), atol=1e-10)


@pytest.mark.parametrize("seed", range(25))
def test_the_subspace_minimizer_solves_the_free_variables(seed):
    model, B, x, g, low, high = random_model(seed)
    corner = cauchy_point(model, x, g, low, high)
    found = subspace_minimizer(model, Point(x, 0.0, g), corner, low, high)
    free = (corner.x > low) & (corner.x < high)
    wanted = corner.x.copy()
    if free.any():
        gradient = g + B @ (corner.x - x)
        d = np.linalg.solve(B[np.ix_(free, free)], -gradient[free])
        wanted[free] = np.clip(corner.x[free] + d, low[free], high[free])
        if g @ (wanted - x) >= 0:
            return
    np.testing.assert_allclose(found, wanted, atol=1e-8)


def solution_gap(x, g, low, high):
    return np.abs(np.clip(x - g, low, high) - x).max()


CASES = {
    "free": (rosen, rosen_der, np.array([-1.2, 1.0]), [(-5, 5), (-5, 5)]),
    "active": (rosen, rosen_der, np.array([-1.2, 0.5]), [(-2, 0.5), (0.3, 2)]),
    "one side": (rosen, rosen_der, np.array([2.0, 3.0, 4.0]), [(1.5, None), (None, 2.0), (None, None)]),
    "fixed": (rosen, rosen_der, np.array([0.0, 0.5, 1.0]), [(None, None), (0.7, 0.7), (None, None)]),
    "corner": (lambda x: float(np.sum((x - 5) ** 2)), lambda x: 2 * (x - 5), np.zeros(4), [(0, 1)] * 4),
}


@pytest.mark.parametrize("case", CASES)
def test_it_ends_where_scipy_s_does_and_the_projected_gradient_is_zero(case):
    f, g, x0, bounds = CASES[case]
    asked = []

    def watched(x):
        asked.append(x.copy())
        return f(x)

    result = minimize(watched, x0, jac=g, bounds=bounds)
    assert result.success, result.message
    assert result.method.startswith("LBFGSB")
    theirs = scipy_minimize(f, x0, jac=g, bounds=bounds, method="L-BFGS-B", options={"ftol": 0, "gtol": 1e-8})
    np.testing.assert_allclose(result.x, theirs.x, atol=1e-4)
    low = np.array([-np.inf if a is None else a for a, _ in bounds])
    high = np.array([np.inf if b is None else b for _, b in bounds])
    assert solution_gap(result.x, g(result.x), low, high) <= 1e-5
    assert all(np.all(x >= low) and np.all(x <= high) for x in asked)


def test_25_variables_with_bounds_as_in_the_paper_s_driver():
    """Problem of L-BFGS-B's driver1: f = 4 (¼ (x₁ − 1)² + Σ (xᵢ − xᵢ₋₁²)²), odd variables in [1, 100]."""
    n = 25

    def f(x):
        return 4 * (0.25 * (x[0] - 1) ** 2 + float(np.sum((x[1:] - x[:-1] ** 2) ** 2)))

    def g(x):
        t = x[1:] - x[:-1] ** 2
        found = np.zeros(n)
        found[0] = 2 * (x[0] - 1)
        found[1:] += 8 * t
        found[:-1] -= 16 * x[:-1] * t
        return found

    low = np.where(np.arange(n) % 2 == 0, 1.0, -100.0)
    result = minimize(f, np.full(n, 3.0), jac=g, bounds=Bounds(low, np.full(n, 100.0)), tol=1e-5)
    assert result.success
    assert result.fun < 1e-8
    assert result.nfev < 60


def test_a_start_outside_is_projected_and_differences_stay_inside():
    asked = []

    def f(x):
        asked.append(x.copy())
        return float(np.sum(np.log(x)) + np.sum(1 / x))

    result = minimize(f, [-3.0, 0.5], bounds=[(0.1, 0.9), (0.1, 2.0)])
    assert result.success
    np.testing.assert_allclose(result.x, [0.9, 1.0], atol=1e-4)
    assert all(np.all(x >= 0.1) and np.all(x <= [0.9, 2.0]) for x in asked)


def test_equal_bounds_everywhere_leave_one_point():
    result = minimize(lambda x: float(x @ x), [5.0, 5.0], jac=lambda x: 2 * x, bounds=[(1, 1), (2, 2)])
    assert result.success and result.nit == 0
    np.testing.assert_array_equal(result.x, [1.0, 2.0])


def test_without_bounds_it_is_unconstrained():
    result = minimize(rosen, [-1.2, 1.0], jac=rosen_der, method=LBFGSB())
    assert result.success
    np.testing.assert_allclose(result.x, 1.0, atol=1e-4)


@pytest.mark.parametrize(
    ("bounds", "says"),
    [
        ([(0, 1), (2, 1)], r"bounds of x\[1\] must be low ≤ high, got \(2, 1\)"),
        ([(0, 1)], "bounds must have 2 pairs, as x0 has numbers, got 1"),
        ([(0, float("nan")), (0, 1)], r"bounds of x\[0\]"),
        ([(0, 1), (float("inf"), None)], "leave no finite number"),
        (Bounds([0, 1, 2], [3, 4, 5]), "bounds must have 2 entries"),
    ],
)
def test_contradictory_bounds_are_refused_before_fun_is_called(bounds, says):
    def never(x):
        raise AssertionError("called")

    with pytest.raises(InputError, match=says):
        minimize(never, [0.0, 0.0], bounds=bounds)


def test_another_method_refuses_bounds():
    with pytest.raises(InputError, match="BFGS takes no bounds; use LBFGSB"):
        minimize(rosen, [0.0, 0.0], method=BFGS(), bounds=[(0, 1)] * 2)


def test_an_unbounded_function_with_one_bound():
    result = minimize(lambda x: float(-x[0]), [0.0], jac=lambda x: np.array([-1.0]), bounds=[(0, None)])
    assert result.status is Status.UNBOUNDED
    assert not result.success
