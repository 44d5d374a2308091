"""Sweeps against the rule on NumPy, run by run."""

from __future__ import annotations

from typing import Any

import example_rules as examples
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from printed_rules import OPAQUE
from sweep_reference import walk

from steepest.engines.sweep import sweep
from steepest.formula import Rule, chain
from steepest.rules import (
    METHODS,
    adam,
    adamw,
    average,
    clip_norm,
    clip_value,
    heavy_ball,
    learning_rate,
    momentum,
    nesterov,
    polyak_average,
    rmsprop,
    scale_by_adam,
    scale_by_lion,
    sgd,
)
from steepest.schedules import cosine, warmup_cosine

RUNS, STEPS = 70, 120
PICKED = (0, 1, 40, 63, 64, 69)
"""Runs that are held against the reference: ends of blocks and of what is filled up among them."""


def valley(x, y):
    return 2.0 * x + 0.3 * y + np.sin(3.0 * y), 0.3 * x + 8.0 * y + 0.5


def valley_value(x, y):
    return x * x + 4.0 * y * y + 0.3 * x * y + 0.5 * y


def ring(x):
    """∂/∂xᵢ of a quadratic in a ring of coordinates, at one point."""
    out = np.empty_like(x)
    d = len(x)
    for i in range(d):
        out[i] = (1.0 + i / d) * x[i] + 0.2 * x[(i + 1) % d] + 0.05
    return out


def ring_lanes(x, out):
    d, width = x.shape
    for i in range(d):
        for lane in range(width):
            out[i, lane] = (1.0 + i / d) * x[i, lane] + 0.2 * x[(i + 1) % d, lane] + 0.05


def ring_scalars(x, y, z):
    return (
        (1.0 + 0 / 3) * x + 0.2 * y + 0.05,
        (1.0 + 1 / 3) * y + 0.2 * z + 0.05,
        (1.0 + 2 / 3) * z + 0.2 * x + 0.05,
    )


def square(x):
    return np.sum(x * x)


def square_lanes(x, out):
    d, width = x.shape
    for lane in range(width):
        out[lane] = 0.0
    for i in range(d):
        for lane in range(width):
            out[lane] += x[i, lane] * x[i, lane]


def starts(d: int, runs: int = RUNS) -> np.ndarray:
    return np.random.default_rng(d).normal(size=(runs, d))


RULES: dict[str, Rule] = {
    **{name: make(lr=0.02) for name, make in METHODS.items() if name not in OPAQUE and not make(lr=0.02).needs},
    "clip, adam, average": chain(clip_norm(max_norm=1.0), adam(lr=cosine(0.05, steps=STEPS)), average(beta=0.9)),
    "polyak average": chain(adamw(lr=0.02), polyak_average(start=7)),
    "amsgrad": adam(lr=0.02, amsgrad=True),
    "centered": rmsprop(lr=0.01, centered=True, momentum=0.9),
    "clip by value": chain(clip_value(max_value=0.5), sgd(lr=0.05)),
    "exempt": adamw(lr=0.02, exempt="vectors"),
    "look-ahead": nesterov(lr=0.02, form="lookahead"),
    "two gradients": chain(examples.ascend(), sgd(lr=0.02)),
    "slow weights": chain(sgd(lr=0.02), examples.slow_weights()),
    "switch": chain(examples.switch(first=scale_by_adam(), second=scale_by_lion(), after=7), learning_rate(lr=0.01)),
    "grafted": chain(examples.grafted(size=momentum(), direction=scale_by_adam()), learning_rate(lr=0.02)),
    "a number a tensor": chain(examples.normalize_tensor(), learning_rate(lr=1e-3)),
    "a number a model": chain(examples.d_adaptation(growth=1.02), learning_rate(lr=0.5)),
    "first and number": chain(examples.difference(), learning_rate(lr=0.1)),
    "random": chain(examples.noise(scale=0.1), sgd(lr=0.02)),
    "random signs": chain(examples.noise(scale=0.1, kind="rademacher"), sgd(lr=0.02)),
}
SHAPES: dict[str, tuple[int, Any, Any]] = {
    "2 scalars": (2, valley, lambda _, x: valley(*x)),
    "3 scalars": (3, ring_scalars, lambda _, x: ring(x)),
    "3 as a point": (3, ring, lambda _, x: ring(x)),
    "20 in lanes": (20, ring_lanes, lambda _, x: ring(x)),
}


@pytest.mark.parametrize("shape", ["2 scalars", "20 in lanes"])
@pytest.mark.parametrize("name", RULES)
def test_every_rule_equals_itself_on_numpy(name: str, shape: str) -> None:
    d, gradient, slope = SHAPES[shape]
    form = "lanes" if "lanes" in shape else None
    found = sweep(RULES[name], gradient, starts(d), steps=STEPS, form=form)
    assert set(found.status) == {"max_steps"}
    assert found.steps.tolist() == [STEPS] * RUNS
    exact = d == 2 and name != "random"
    for run in PICKED:
        one = walk(RULES[name], slope, starts(d)[run], STEPS)
        tolerance = {"rtol": 0, "atol": 0} if exact else {"rtol": 1e-12, "atol": 1e-13}
        np.testing.assert_allclose(found.points[run], one.point, **tolerance)
        np.testing.assert_allclose(found.answers[run], one.answer, **tolerance)


@pytest.mark.parametrize("shape", SHAPES)
def test_every_form_of_gradient_at_every_dimension(shape: str) -> None:
    d, gradient, slope = SHAPES[shape]
    rule = RULES["clip, adam, average"]
    found = sweep(rule, gradient, starts(d), steps=STEPS, form="lanes" if "lanes" in shape else None)
    for run in PICKED:
        one = walk(rule, slope, starts(d)[run], STEPS)
        np.testing.assert_allclose(found.points[run], one.point, rtol=1e-12, atol=1e-13)


def test_one_dimension() -> None:
    def slope(x):
        return 3.0 * x + 1.0

    found = sweep(adam(lr=0.1), slope, [[1.0], [-2.0]], steps=30)
    for run, start in enumerate(([1.0], [-2.0])):
        assert found.points[run] == walk(adam(lr=0.1), lambda _, x: 3.0 * x + 1.0, start, 30).point


@pytest.mark.parametrize("form", ["scalars", "lanes"])
def test_hyperparameters_of_each_runs_own(form: str) -> None:
    rng = np.random.default_rng(1)
    lr, beta1 = rng.uniform(0.001, 0.1, RUNS), rng.uniform(0.0, 0.99, RUNS)
    beta2, eps = rng.uniform(0.5, 0.9999, RUNS), 10.0 ** rng.uniform(-9, -2, RUNS)
    given = {
        "learning_rate.lr": lr,
        "scale_by_adam.beta1": beta1,
        "scale_by_adam.beta2": beta2,
        "scale_by_adam.eps": eps,
    }
    d, gradient, slope = SHAPES["2 scalars" if form == "scalars" else "20 in lanes"]
    found = sweep(adam(), gradient, starts(d), steps=300, hyperparameters=given, form=form)
    for run in PICKED:
        rule = adam(lr[run], beta1=beta1[run], beta2=beta2[run], eps=eps[run])
        np.testing.assert_allclose(found.points[run], walk(rule, slope, starts(d)[run], 300).point, rtol=1e-12)


number = st.floats(0.05, 0.95)


@settings(max_examples=15)
@given(st.lists(st.tuples(number, number, number, number, number), min_size=1, max_size=20))
def test_any_hyperparameters_equal_numpy(drawn: list[tuple[float, ...]]) -> None:
    lr, beta1, beta2, decay, clip = np.array(drawn).T
    given = {
        "learning_rate.lr": 0.1 * lr,
        "scale_by_adam.beta1": beta1,
        "scale_by_adam.beta2": beta2,
        "decay_weights.weight_decay": decay,
        "clip_norm.max_norm": clip,
    }
    found = sweep(chain(clip_norm(max_norm=1.0), adamw()), valley, [0.7, -0.4], steps=100, hyperparameters=given)
    for run, point in enumerate(found.points):
        method = adamw(0.1 * lr[run], beta1=beta1[run], beta2=beta2[run], weight_decay=decay[run])
        rule = chain(clip_norm(max_norm=clip[run]), method)
        one = walk(rule, lambda _, x: valley(*x), [0.7, -0.4], 100)
        np.testing.assert_allclose(point, one.point, rtol=1e-11, atol=1e-13)


def test_schedules_of_all_and_of_each() -> None:
    slope = SHAPES["2 scalars"][2]
    rates = [warmup_cosine(0.1 * (run + 1) / RUNS, steps=STEPS, warmup=10) for run in range(RUNS)]
    shared = sweep(heavy_ball(lr=rates[9]), valley, starts(2), steps=STEPS)
    apart = sweep(heavy_ball(lr=1.0), valley, starts(2), steps=STEPS, hyperparameters={"learning_rate.lr": rates})
    table = np.array([[rate(step) for step in range(STEPS)] for rate in rates])
    listed = sweep(heavy_ball(lr=1.0), valley, starts(2), steps=STEPS, hyperparameters={"learning_rate.lr": table})
    given = {"learning_rate.lr": table[9:10], "momentum.beta": 0.9}
    row = sweep(heavy_ball(lr=1.0), valley, starts(2), steps=STEPS, hyperparameters=given)
    for run in PICKED:
        first = walk(heavy_ball(lr=rates[9]), slope, starts(2)[run], STEPS).point
        own = walk(heavy_ball(lr=rates[run]), slope, starts(2)[run], STEPS).point
        for found, expected in ((shared, first), (row, first), (apart, own), (listed, own)):
            assert found.points[run].tolist() == expected.tolist()


@pytest.mark.parametrize("name", ["adamw", "lamb", "momentum", "clip, adam, average"])
@pytest.mark.parametrize("form", ["scalars", "lanes"])
def test_float32_equals_numpys_float32(name: str, form: str) -> None:
    def slope(x, y, z):
        return x + y * z, y + y - x, z * z * z + x

    def slope_lanes(x, out):
        for lane in range(x.shape[1]):
            out[0, lane] = x[0, lane] + x[1, lane] * x[2, lane]
            out[1, lane] = x[1, lane] + x[1, lane] - x[0, lane]
            out[2, lane] = x[2, lane] * x[2, lane] * x[2, lane] + x[0, lane]

    rule = RULES.get(name, heavy_ball(lr=0.05))
    given: Any = slope if form == "scalars" else slope_lanes
    found = sweep(rule, given, starts(3), steps=STEPS, dtype="float32", form=form)
    assert found.points.dtype == np.float32
    for run in PICKED:
        one = walk(rule, lambda _, x: slope(*x), starts(3)[run].astype(np.float32), STEPS, dtype="float32")
        assert found.points[run].tolist() == one.point.tolist()
        assert found.answers[run].tolist() == one.answer.tolist()


@pytest.mark.parametrize("form", ["scalars", "point", "lanes"])
def test_what_is_recorded_are_the_answer_points_on_the_way(form: str) -> None:
    rule = chain(adam(lr=0.05), average(beta=0.8))
    gradient, value, d = {
        "scalars": (valley, valley_value, 2),
        "point": (ring, square, 5),
        "lanes": (ring_lanes, square_lanes, 5),
    }[form]
    slope = (lambda _, x: valley(*x)) if form == "scalars" else (lambda _, x: ring(x))
    measure = (lambda x: valley_value(*x)) if form == "scalars" else square
    found = sweep(rule, gradient, starts(d), steps=50, value=value, record_every=7, form=form)
    assert found.recorded.tolist() == [0, 7, 14, 21, 28, 35, 42, 49, 50]
    assert found.trajectories.shape == (RUNS, 9, d)
    for run in PICKED:
        one = walk(rule, slope, starts(d)[run], 50)
        path = np.array([one.path[step] for step in found.recorded])
        np.testing.assert_allclose(found.trajectories[run], path, rtol=1e-13, atol=1e-15)
        values = [measure(x) for x in path]
        np.testing.assert_allclose(found.trajectory_values[run], values, rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(found.values[run], values[-1], rtol=1e-12)
    every = sweep(rule, gradient, starts(d), steps=50, form=form, record_every=1)
    assert every.trajectories[:, ::7].tolist() == found.trajectories[:, :-1].tolist()
    assert every.trajectories[:, -1].tolist() == every.answers.tolist()


@pytest.mark.parametrize("form", ["scalars", "point", "lanes"])
def test_a_rule_that_needs_the_value(form: str) -> None:
    rule = chain(examples.polyak_step(lowest=-2.0))
    gradient, value, d = {
        "scalars": (valley, valley_value, 2),
        "point": (ring, square, 4),
        "lanes": (ring_lanes, square_lanes, 4),
    }[form]
    slope = (lambda _, x: valley(*x)) if form == "scalars" else (lambda _, x: ring(x))
    measure = (lambda x: valley_value(*x)) if form == "scalars" else square
    found = sweep(rule, gradient, starts(d), steps=6, value=value, form=form)
    for run in PICKED:
        one = walk(rule, slope, starts(d)[run], 6, value=measure)
        np.testing.assert_allclose(found.points[run], one.point, rtol=1e-9)


def test_data_step_and_run_reach_the_functions() -> None:
    rng = np.random.default_rng(3)
    noise, weights = rng.normal(size=(40, 3, 2)), np.array([2, 5], dtype=np.int64)

    def noisy(x, y, run, data, step):
        noise, weights = data
        return weights[0] * x + noise[step, run, 0], weights[1] * y + noise[step, run, 1]

    def noisy_point(x, step, data, run):
        noise, weights = data
        return weights * x + noise[step, run]

    def noisy_lanes(x, out, data, step, run):
        for i in range(2):
            for lane in range(x.shape[1]):
                out[i, lane] = data[1][i] * x[i, lane] + data[0][step, min(run + lane, 2), i]

    for function, form in ((noisy, None), (noisy_point, None), (noisy_lanes, "lanes")):
        if function is noisy_lanes:
            found = sweep(sgd(lr=0.1), function, starts(2, 3), steps=40, data=(noise, weights), form="lanes")
        else:
            found = sweep(sgd(lr=0.1), function, starts(2, 3), steps=40, data=(noise, weights), form=form)
        for run in range(3):
            one = walk(sgd(lr=0.1), lambda k, x, run=run: weights * x + noise[k, run], starts(2, 3)[run], 40)
            np.testing.assert_allclose(found.points[run], one.point, rtol=1e-13)


def test_one_array_of_data_is_given_bare() -> None:
    matrix = np.array([[2.0, 0.5], [0.5, 1.0]])

    def slope(x, data):
        return data @ x

    found = sweep(sgd(lr=0.1), slope, starts(2, 3), steps=20, data=matrix)
    for run in range(3):
        one = walk(sgd(lr=0.1), lambda _, x: matrix @ x, starts(2, 3)[run], 20)
        np.testing.assert_allclose(found.points[run], one.point, rtol=1e-13)


def test_seeds_of_each_runs_own() -> None:
    rule = chain(examples.noise(scale=0.5, kind="uniform"), sgd(lr=0.02))
    apart = sweep(rule, valley, [1.0, 1.0], steps=30, seed=[3, 4, 3])
    shared = sweep(rule, valley, np.ones((3, 2)), steps=30, seed=4)
    for found, seeds in ((apart, (3, 4, 3)), (shared, (4, 4, 4))):
        for run, seed in enumerate(seeds):
            one = walk(rule, lambda _, x: valley(*x), [1.0, 1.0], 30, seed=seed)
            assert found.points[run].tolist() == one.point.tolist()


def test_runs_do_not_depend_on_threads_or_company() -> None:
    rule = RULES["clip, adam, average"]
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = sweep(rule, valley, starts(2, 400), steps=STEPS, record_every=10)
        torch.set_num_threads(2)
        two = sweep(rule, valley, starts(2, 400), steps=STEPS, record_every=10)
    finally:
        torch.set_num_threads(before)
    assert one.points.tobytes() == two.points.tobytes()
    assert one.trajectories.tobytes() == two.trajectories.tobytes()
    alone = sweep(rule, valley, starts(2, 400)[317:318], steps=STEPS)
    assert alone.points[0].tolist() == one.points[317].tolist()
