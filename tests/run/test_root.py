"""Roots, many starts, annealed restarts."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from steepest import annealed_restarts, multi_start, root
from steepest.core.errors import HyperparameterError, InputError, InputTypeError
from steepest.core.status import Status
from steepest.methods import BFGS, Constant
from steepest.methods.newton_root import NewtonRoot


def circle(x):
    return np.array([x[0] ** 2 + x[1] ** 2 - 1, x[0] - x[1]])


def circle_jacobian(x):
    return np.array([[2 * x[0], 2 * x[1]], [1.0, -1.0]])


@pytest.mark.parametrize("jac", [None, "3-point", "cs", circle_jacobian])
def test_newton_finds_a_root(jac):
    result = root(circle, [1.0, 0.5], jac=jac)
    assert result.success, result.message
    np.testing.assert_allclose(result.x, math.sqrt(0.5), atol=1e-10)
    assert np.abs(result.residuals).max() <= 1e-10
    assert "the residual" in result.message


def test_pure_newton_doubles_the_digits_and_takes_newton_s_steps():
    points = [np.array([1.0, 0.5])]
    root(
        circle,
        points[0],
        jac=circle_jacobian,
        method=NewtonRoot(Constant(1.0)),
        callback=lambda r: points.append(r.x),
        tol=1e-14,
    )
    for before, after in pairwise(points):
        wanted = before - np.linalg.solve(circle_jacobian(before), circle(before))
        np.testing.assert_allclose(after, wanted, rtol=1e-12)
    assert len(points) <= 8


def test_backtracking_keeps_newton_from_running_away():
    damped = root(lambda x: np.arctan(x), [3.0], jac=lambda x: [[1 / (1 + x[0] ** 2)]])
    pure = root(lambda x: np.arctan(x), [3.0], jac=lambda x: [[1 / (1 + x[0] ** 2)]], method=NewtonRoot(Constant(1.0)))
    assert damped.success and abs(damped.x[0]) < 1e-9
    assert not pure.success


def test_what_has_no_root_is_no_success():
    no_root = root(lambda x: np.array([x[0] ** 2 + 1]), [2.0], jac=lambda x: [[2 * x[0]]])
    assert not no_root.success
    assert no_root.status in {Status.LINE_SEARCH_FAILED, Status.SINGULAR, Status.PRECISION_LIMIT, Status.MAX_STEPS}
    singular = root(lambda x: np.array([x[0] + x[1], x[0] + x[1] + 1]), [1.0, 1.0], jac=lambda x: np.ones((2, 2)))
    assert singular.status is Status.SINGULAR


def test_root_checks_its_arguments():
    with pytest.raises(InputError, match="as many residuals as x has numbers, 2, got 3"):
        root(lambda x: np.ones(3), [1.0, 2.0])
    with pytest.raises(InputTypeError, match="method must be a NewtonRoot"):
        root(circle, [1.0, 2.0], method=BFGS())


def wells(x):
    return float(x[0] ** 2 / 20 - math.cos(3 * x[0]) + x[1] ** 2)


def test_many_starts_find_the_lowest_well_and_one_does_not():
    one = multi_start(wells, [6.0, 1.0], starts=1)
    many = multi_start(wells, [6.0, 1.0], starts=40, spread=1.0, seed=1)
    assert one.best.fun > -0.9
    assert many.best.fun == pytest.approx(-1.0)
    assert len(many.runs) == 40 and many.nfev == sum(r.nfev for r in many.runs)
    assert many.best.fun == min(r.fun for r in many.runs)
    np.testing.assert_array_equal(many.runs[0].x, one.best.x)
    assert "best of 40 runs" in repr(many)


def test_starts_fill_a_box_and_are_the_same_for_a_seed():
    box = [(-7, 7), (-2, 2)]
    a, b, c = (multi_start(wells, [6.0, 1.0], starts=32, seed=s, bounds=box) for s in (0, 0, 1))
    first = [r.trace.steps["x[0]"][0] for r in a.runs]
    assert first == [r.trace.steps["x[0]"][0] for r in b.runs]
    assert first != [r.trace.steps["x[0]"][0] for r in c.runs]
    assert min(first) < -2 and max(first) > 2
    assert a.best.fun == pytest.approx(-1.0)


def test_annealed_restarts():
    found = annealed_restarts(wells, [6.0, 1.0], restarts=25, spread=0.5, seed=0)
    assert found.best.fun == pytest.approx(-1.0)
    assert len(found.runs) == 26
    cold = annealed_restarts(wells, [6.0, 1.0], restarts=10, spread=0.5, temperature=0.0, seed=3)
    hot = annealed_restarts(wells, [6.0, 1.0], restarts=10, spread=0.5, temperature=100.0, cooling=1.0, seed=3)
    assert [r.fun for r in cold.runs] != [r.fun for r in hot.runs]
    assert annealed_restarts(wells, [6.0, 1.0], restarts=0).best.nit > 0


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: multi_start(wells, [0.0, 0.0], starts=0), "starts must be a whole number"),
        (lambda: multi_start(wells, [0.0, 0.0], spread=0), "spread must be in"),
        (lambda: annealed_restarts(wells, [0.0, 0.0], cooling=1.5), "cooling must be in"),
        (lambda: annealed_restarts(wells, [0.0, 0.0], temperature=-1), "temperature must be in"),
    ],
)
def test_settings_are_checked(call, says):
    with pytest.raises(HyperparameterError, match=says):
        call()
    with pytest.raises(TypeError, match="unexpected keyword"):
        multi_start(wells, [0.0, 0.0], stars=3)
