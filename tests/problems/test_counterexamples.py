"""Each counterexample does to its method what it says."""

from __future__ import annotations

from importlib import import_module
from itertools import pairwise
from math import inf, sqrt

import numpy as np
import pytest

from steepest import rules
from steepest.core.errors import HyperparameterError
from steepest.core.oracle import Oracle
from steepest.problems import FunctionProblem
from steepest.problems.counterexamples import COUNTEREXAMPLES
from steepest.problems.counterexamples.constant_momentum import constant_momentum
from steepest.problems.counterexamples.kink import kink
from steepest.problems.counterexamples.lessard import CYCLE, lessard
from steepest.problems.counterexamples.look_ahead import look_ahead
from steepest.problems.counterexamples.newton_saddle import SADDLE, newton_saddle
from steepest.problems.counterexamples.past_two_over_l import past_two_over_l
from steepest.problems.counterexamples.quartic import quartic
from steepest.problems.counterexamples.reddi import reddi
from steepest.problems.counterexamples.vanishing_slope import vanishing_slope


def made(name):
    entry = COUNTEREXAMPLES[name]
    return getattr(import_module(f"steepest.problems.{entry.module}"), entry.factory)


def descend(problem, step, steps, x=None):
    x = problem.x0 if x is None else x
    for _ in range(steps):
        x = x - step * problem.gradient(x)
    return x


@pytest.mark.parametrize("name", COUNTEREXAMPLES)
def test_contract(name):
    problem = made(name)()
    assert problem.name == name and problem.summary and 0 < len(COUNTEREXAMPLES[name].summary) < 90
    problem.check()
    oracle = Oracle(problem.start(seed=1))
    value, gradients = oracle.value_and_gradient()
    assert value == oracle.value() and gradients.keys() == oracle.tensors.keys()
    assert made(name)().fingerprint() == problem.fingerprint()


@pytest.mark.parametrize("name", [name for name in COUNTEREXAMPLES if name != "reddi"])
def test_derivatives(name):
    problem = made(name)()
    assert isinstance(problem, FunctionProblem)
    low, high = problem.domain
    for x in np.random.default_rng(2).uniform(low, high, (20, len(problem.x0))):
        h = 1e-6
        differences = [(problem.fun(x + h * e) - problem.fun(x - h * e)) / (2 * h) for e in np.eye(len(x))]
        np.testing.assert_allclose(problem.gradient(x), differences, rtol=1e-6, atol=1e-7)
        if problem.hessian is not None:
            rows = [(problem.gradient(x + h * e) - problem.gradient(x - h * e)) / (2 * h) for e in np.eye(len(x))]
            np.testing.assert_allclose(problem.hessian(x), rows, rtol=1e-6, atol=1e-6)
    for minimum in problem.minima:
        if minimum.x is not None:
            assert problem.fun(minimum.x) == minimum.value and np.abs(problem.gradient(minimum.x)).max() == 0


@pytest.mark.parametrize("name", ["lessard", "constant-momentum", "look-ahead", "past-two-over-l"])
def test_declared_constants(name):
    problem = made(name)()
    low, high = problem.domain
    points = np.random.default_rng(3).uniform(low, high, (400, len(problem.x0)))
    gradients = [problem.gradient(x) for x in points]
    L, mu = problem.facts.L, problem.facts.mu
    for (x, g), (y, h) in pairwise(zip(points, gradients, strict=True)):
        assert np.linalg.norm(g - h) <= L * np.linalg.norm(x - y) * (1 + 1e-12)
        assert (g - h) @ (x - y) >= mu * (x - y) @ (x - y) * (1 - 1e-12)


def test_the_heavy_ball_cycles_on_lessards_function():
    problem = lessard()
    before = x = problem.x0
    for _ in range(600):
        x, before = x - problem.gradient(x) / 9 + 4 / 9 * (x - before), x
    seen = []
    for _ in range(6):
        x, before = x - problem.gradient(x) / 9 + 4 / 9 * (x - before), x
        seen.append(x[0])
    np.testing.assert_allclose(sorted(seen[:3]), sorted(CYCLE), rtol=0, atol=1e-12)
    np.testing.assert_allclose(seen[3:], seen[:3], rtol=0, atol=1e-12)
    assert descend(problem, 1 / 25, 400)[0] == pytest.approx(0, abs=1e-6), "gradient descent converges"


def test_constant_momentum_is_slow_on_its_quadratic():
    def value_after(k):
        problem = constant_momentum(steps=k)
        x = y = problem.x0
        for _ in range(k):
            x, before = y - problem.gradient(y), x
            y = x + 0.9 * (x - before)
        return problem.fun(x)

    scaled = [k * value_after(k) for k in (100, 1000, 10_000)]
    np.testing.assert_allclose(scaled[2], 0.0092, atol=5e-5)
    assert abs(scaled[2] - scaled[1]) < 1e-3 < 100 * value_after(100)
    assert 1000 * scaled[2] > 2, "k² f(x_k) passes any bound 2LR²"


def test_a_look_ahead_without_the_learning_rate_diverges():
    def after(ahead, eta, steps, curvature=3.0):
        problem = look_ahead(curvature)
        x, v = problem.x0, np.zeros(2)
        for _ in range(steps):
            v = 0.9 * v + problem.gradient(x - ahead * 0.9 * v)
            x = x - eta * v
        return problem.fun(x)

    for eta in (0.1, 0.01, 0.001):
        assert after(1.0, eta, 200) > 1e10
        assert after(eta, eta, int(40 / eta)) < 1e-10, "the right one converges"
    assert after(1.0, 0.01, 3000, curvature=2.0) < 1.0 < after(1.0, 0.01, 3000, curvature=2.2)


def test_rosenbrock_tells_the_two_look_aheads_apart():
    from steepest.problems.functions.rosenbrock import rosenbrock

    def path(scale, steps):
        problem = rosenbrock(start=(-1.0, 0.5))
        x, v = problem.x0, np.zeros(2)
        for k in range(steps):
            with np.errstate(over="ignore", invalid="ignore"):
                v = 0.9 * v + problem.gradient(x - scale * 0.9 * v)
                x = x - 0.001 * v
            if not np.isfinite(x).all():
                return k + 1
        return problem.fun(x)

    assert path(1.0, 10) == 6
    assert path(0.001, 200) == pytest.approx(0.0361876, abs=5e-8)


def test_steps_about_two_over_l():
    problem = past_two_over_l(L=4.0)
    assert abs(descend(problem, 0.49, 400)[0]) < 1e-3, "beyond 1/L it still converges"
    assert abs(descend(problem, 0.5, 7)[0]) == 1.0, "at 2/L it cycles"
    assert abs(descend(problem, 0.51, 400)[0]) > 1e3


def test_constant_steps_cycle_at_a_kink():
    for step in (0.25, 0.04):
        tail = [descend(kink(), step, k)[0] for k in range(40, 44)]
        assert tail[0] == pytest.approx(tail[2]) and tail[1] == pytest.approx(tail[3])
        assert tail[0] * tail[1] < 0 and abs(tail[0] - tail[1]) == pytest.approx(step)


def test_a_function_without_a_minimizer():
    problem = vanishing_slope()
    path = [descend(problem, 1.0, k)[0] for k in (0, 10, 100, 1000)]
    assert path == sorted(path, reverse=True) and path[-1] < -6.9
    assert problem.facts.R == inf and problem.minimizer is None and problem.facts.L == 1.0
    assert vanishing_slope(start=1.0).facts.L == pytest.approx(np.e)


def test_no_step_is_short_enough_for_a_quartic():
    for step in (0.1, 0.001):
        edge = 1 / sqrt(2 * step)
        assert abs(descend(quartic(), step, 3, np.array([1.01 * edge]))[0]) > 1.01 * edge
        assert abs(descend(quartic(), step, 2000, np.array([0.99 * edge]))[0]) < 0.3 * edge
    assert quartic().facts.L is None


def test_newton_goes_to_the_saddle_and_gradient_descent_does_not():
    problem = newton_saddle()
    x = problem.x0
    for _ in range(8):
        x = x - np.linalg.solve(problem.hessian(x), problem.gradient(x))
    np.testing.assert_allclose(x, SADDLE, atol=1e-15)
    assert np.linalg.eigvalsh(problem.hessian(SADDLE)).tolist() == [-1.0, 1.0]
    assert problem.fun(descend(problem, 0.3, 300)) == pytest.approx(-0.25)


def play(rule, problem, rounds):
    """x₁ … x_{T+1} and the regret after T rounds, for an update rule of the paper's form, with projection."""
    objective = problem.start(seed=0)
    x = objective.tensors["x"]
    points, state = [x[0]], {}
    for t in range(1, rounds + 1):
        objective.advance()
        gradient = objective.value_and_gradient().gradients["x"]
        x[:] = x - rule(t, gradient, state)
        points.append(objective.measure()["x"])
    return points, objective.measure()["regret"]


def adam(alpha, beta1, beta2, amsgrad=False):
    def step(t, g, state):
        state["m"] = beta1 * state.get("m", 0) + (1 - beta1) * g
        state["v"] = beta2 * state.get("v", 0) + (1 - beta2) * g**2
        state["most"] = np.maximum(state.get("most", 0), state["v"])
        return alpha / sqrt(t) * state["m"] / np.sqrt(state["most"] if amsgrad else state["v"])

    return step


def test_adam_goes_to_the_worst_point_and_amsgrad_does_not():
    settings = (0.9 * sqrt(0.9), 0.0, 0.1)
    points, regret = play(adam(*settings), reddi(), 3000)
    assert all(x == 1.0 for x in points[::3])
    np.testing.assert_allclose(points[1:7], [0.1, 0.5616902584, 1, 0.5529458193, 0.8440342338, 1], rtol=0, atol=5e-11)
    assert regret == pytest.approx(2041.767, abs=5e-4)
    assert play(adam(*settings), reddi(), 300)[1] == pytest.approx(213.354920, abs=5e-7)
    saved, regret = play(adam(*settings, amsgrad=True), reddi(), 3000)
    assert saved[-1] == pytest.approx(-0.98912, abs=5e-6) and regret == pytest.approx(69.79, abs=5e-3)


def test_adam_with_momentum_fails_on_a_longer_period():
    points, _ = play(adam(0.1, 0.9, 0.99), reddi(C=101.0, period=101), 20_200)
    assert points[-1] > 0.9, "the best point is -1"


def test_the_objective_of_reddi():
    problem = reddi(C=4.0)
    objective = problem.start(seed=0)
    assert problem.facts.f_star == pytest.approx(-2 / 3) and objective.measure()["value"] == pytest.approx(2 / 3)
    slopes = []
    for _ in range(6):
        objective.advance()
        slopes.append(float(objective.value_and_gradient().gradients["x"][0]))
    assert slopes == [4.0, -1.0, -1.0, 4.0, -1.0, -1.0]
    assert objective.measure()["regret"] == pytest.approx(4 + 4), "at 1 each period costs 2, at -1 it gives 2"
    objective.tensors["x"][:] = 5.0
    assert objective.measure()["x"] == 1.0
    objective.advance()
    assert objective.tensors["x"].tolist() == [1.0]
    with pytest.raises(HyperparameterError, match=r"reddi: C must be in \(2, inf\), got 2"):
        reddi(C=2)
    with pytest.raises(HyperparameterError, match="period must be a whole number"):
        reddi(period=1)
    assert reddi(C=5.0).fingerprint() != problem.fingerprint()


def test_the_library_runs_on_them():
    from steepest.run import run

    trace = run(reddi(), rules.amsgrad(lr=0.3, beta1=0.0, beta2=0.1, eps=1e-12), steps=300, evaluate_every=1)
    assert trace.last("x") < -0.5 and trace.evaluations["regret"].size == 301
