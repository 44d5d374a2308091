"""How runs of a sweep end, and what a sweep refuses."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import example_rules as examples
import numba
import numpy as np
import pytest
from sweep_reference import walk

from steepest.core.errors import (
    FormulaError,
    HyperparameterError,
    InputError,
    InputTypeError,
    UnknownNameError,
)
from steepest.core.status import Status
from steepest.engines.sweep import SweepResult, sweep
from steepest.formula import Slot, chain, norm, partition, rule
from steepest.rules import adam, average, heavy_ball, learning_rate, nesterov, sgd
from steepest.schedules import cosine

D = 3


def quartic(x, y, z):
    return 4.0 * x * x * x, 4.0 * y * y * y, 2.0 * z


def quartic_lanes(x, out):
    for lane in range(x.shape[1]):
        out[0, lane] = 4.0 * x[0, lane] * x[0, lane] * x[0, lane]
        out[1, lane] = 4.0 * x[1, lane] * x[1, lane] * x[1, lane]
        out[2, lane] = 2.0 * x[2, lane]


def quartic_value(x, y, z):
    return x**4 + y**4 + z * z


def quartic_value_lanes(x, out):
    for lane in range(x.shape[1]):
        out[lane] = x[0, lane] ** 4 + x[1, lane] ** 4 + x[2, lane] ** 2


FORMS: dict[str, Any] = {"scalars": (quartic, quartic_value), "lanes": (quartic_lanes, quartic_value_lanes)}
each_form = pytest.mark.parametrize("form", FORMS)


def some_starts() -> np.ndarray:
    """Most runs converge with lr 0.05, those from far out diverge, at different steps."""
    starts = np.random.default_rng(0).uniform(-1, 1, (100, D))
    starts[[3, 64, 99], 0] = 4.0, 5.0, 1e5
    return starts


@each_form
@pytest.mark.parametrize("averaged", [False, True])
def test_a_run_ends_at_its_last_finite_point(form: str, averaged: bool) -> None:
    method = chain(heavy_ball(lr=0.05), average(beta=0.5)) if averaged else heavy_ball(lr=0.05)
    gradient, value = FORMS[form]
    found = sweep(method, gradient, some_starts(), steps=60, form=form, value=value, record_every=1)
    gone = np.flatnonzero(found.status == Status.NONFINITE)
    assert gone.tolist() == [3, 64, 99]
    assert len(set(found.steps[gone])) > 1, "they end at different steps"
    assert np.isfinite(found.points).all() and np.isfinite(found.answers).all()
    for run, start in enumerate(some_starts()):
        one = walk(method, lambda _, x: quartic(*x), start, 60)
        assert found.steps[run] == one.steps
        assert found.points[run].tolist() == one.point.tolist()
        assert found.answers[run].tolist() == one.answer.tolist()
        path = np.array(one.path + [one.answer] * (60 - one.steps))
        assert found.trajectories[run].tolist() == path.tolist()
    assert repr(found) == "SweepResult(100 runs in 3 dimensions, {'max_steps': 97, 'nonfinite': 3})"


@each_form
def test_a_run_converges_where_its_gradient_is_small(form: str) -> None:
    starts, method = some_starts()[:50], sgd(lr=0.05)
    starts[7] = 0.0
    found = sweep(method, FORMS[form][0], starts, steps=80, form=form, tolerance=0.3)
    assert (found.status == "converged").sum() > 10
    for run, start in enumerate(starts):
        path = walk(method, lambda _, x: quartic(*x), start, 80).path
        small = [step for step, x in enumerate(path[:-1]) if np.linalg.norm(quartic(*x)) <= 0.3]
        steps = small[0] if small else walk(method, lambda _, x: quartic(*x), start, 80).steps
        assert found.steps[run] == steps
        assert found.points[run].tolist() == path[steps].tolist()
    assert found.steps[7] == 0 and found.status[7] == "converged"


@each_form
def test_a_run_converges_where_its_value_is_low(form: str) -> None:
    starts, method = some_starts()[:50], chain(sgd(lr=0.05), average(beta=0.5))
    gradient, value = FORMS[form]
    found = sweep(method, gradient, starts, steps=80, form=form, value=value, target=0.2)
    assert {"converged", "nonfinite"} <= set(found.status)
    for run, start in enumerate(starts):
        points = walk(sgd(lr=0.05), lambda _, x: quartic(*x), start, 80).path
        low = [step for step, x in enumerate(points[:-1]) if quartic_value(*x) <= 0.2]
        steps = low[0] if low else walk(sgd(lr=0.05), lambda _, x: quartic(*x), start, 80).steps
        assert found.steps[run] == steps, run
        answer = walk(method, lambda _, x: quartic(*x), start, int(steps)).answer
        assert found.answers[run].tolist() == answer.tolist()


def test_the_sweep_ends_when_no_run_goes_on_and_records_to_the_end() -> None:
    found = sweep(sgd(lr=0.05), quartic, np.ones((2, D)), steps=10**9, tolerance=1.0, record_every=10**8)
    assert set(found.status) == {"converged"} and found.steps.max() < 100
    assert found.recorded.tolist() == [k * 10**8 for k in range(11)]
    assert found.trajectories[:, 1:].tolist() == np.repeat(found.points[:, None], 10, axis=1).tolist()


def test_the_callback_hears_and_stops() -> None:
    heard = []

    def stop(step: int, running: int) -> bool:
        heard.append((step, running))
        return step >= 20

    found = sweep(sgd(lr=0.05), quartic, some_starts(), steps=5000, callback=stop, record_every=1)
    assert heard[-1][1] == 97 and all(step < 20 for step, _ in heard[:-1])
    taken = heard[-1][0]
    assert set(found.steps[found.status == "stopped"]) == {taken}
    assert found.recorded.tolist() == list(range(taken + 1))
    assert found.trajectories[0, -1].tolist() == found.points[0].tolist()


def test_stretches_do_not_show() -> None:
    whole = sweep(adam(lr=0.05), quartic, some_starts(), steps=100, record_every=3)
    pieces = []

    def look(step: int, _: int) -> None:
        pieces.append(step)

    for _ in range(3):
        again = sweep(adam(lr=0.05), quartic, some_starts(), steps=100, record_every=3, callback=look)
        assert again.trajectories.tobytes() == whole.trajectories.tobytes()
    assert pieces[-1] == 100


INTERRUPTED = """
import numpy as np, signal, threading
from steepest.engines.sweep import sweep
from steepest.rules import sgd

def slope(x, y):
    return x, 2.0 * y

sweep(sgd(lr=1e-6), slope, np.ones((64, 2)), steps=20)
threading.Timer(0.5, signal.raise_signal, [signal.SIGINT]).start()
try:
    sweep(sgd(lr=1e-6), slope, np.ones((64, 2)), steps=10**10)
except KeyboardInterrupt as interrupt:
    found = interrupt.result
    steps = set(found.steps.tolist())
    assert len(steps) == 1 and 0 < min(steps) < 10**10, steps
    expected = (1 - 1e-6) ** float(min(steps))
    assert abs(found.points[0, 0] / expected - 1) < 1e-6
    print("interrupted", set(found.status.tolist()))
"""


@pytest.mark.skipif(not hasattr(signal, "SIGINT") or sys.platform == "win32", reason="signals as on POSIX")
def test_ctrl_c_goes_on_to_the_caller_with_the_runs_so_far() -> None:
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, timeout=120)
    assert done.stdout == "interrupted {'stopped'}\n", done.stderr


@rule(slots=(Slot("rows", like=lambda shape: shape[:1]),))
def shaped(u, rows):
    return u, rows


@rule(slots=(Slot("m", dtype="float32"),), sets_step=True)
def narrow(u, m):
    return u, m + u


@rule(slots=(Slot("m"),), last=True)
def corrected(u, p, m, *, beta: float = 0.9):
    return u, beta * m + (1 - beta) * (p - u)


@corrected.answer
def _corrected(m, k, beta):
    return m / (1 - beta**k)


@rule(slots=(Slot("a", like="tensor", init=1.0), Slot("b", like="tensor"), Slot("c", like="tensor")))
def shifting(u, a, b, c):
    """New values that are other slots' old ones."""
    return u / (1.0 + b + 0.5 * c), norm(u), a, a


@shifting.answer
def _shifted(p, a, b, c):
    return p + b - 0.5 * c + 0.25 * a


@each_form
def test_slots_of_one_number_a_run_take_each_others_values(form: str) -> None:
    method = chain(shifting(), sgd(lr=0.05))
    found = sweep(method, FORMS[form][0], some_starts(), steps=40, form=form)
    assert "nonfinite" in found.status
    for run, start in enumerate(some_starts()):
        one = walk(method, lambda _, x: quartic(*x), start, 40)
        assert found.steps[run] == one.steps
        assert found.points[run].tolist() == one.point.tolist()
        assert found.answers[run].tolist() == one.answer.tolist()


def test_an_answer_point_that_reads_the_age() -> None:
    method = chain(sgd(lr=0.05), corrected(beta=0.7))
    found = sweep(method, quartic, some_starts(), steps=60)
    assert "nonfinite" in found.status
    for run, start in enumerate(some_starts()):
        one = walk(method, lambda _, x: quartic(*x), start, 60)
        np.testing.assert_allclose(found.answers[run], one.answer, rtol=1e-12)
    with pytest.raises(InputError, match=r"answer point reads corrected.beta, which must then be a number"):
        sweep(chain(sgd(lr=0.05), corrected(beta=cosine(0.5, steps=60))), quartic, some_starts(), steps=60)


def one_number(x, y, z):
    return x + y + z


def takes_two(x, y):
    return x, y


def no_data(x, y, z, data):
    return x, y, z


def odd_order(x, data, y, z):
    return x, y, z


def many(*x):
    return x


def calls_python(x, y, z):
    return takes_two(x, y)[0], y, z


OK: dict[str, Any] = {"rule": sgd(lr=0.1), "gradient": quartic, "starts": np.ones((4, D)), "steps": 5}
BAD: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"rule": quartic}, InputTypeError, "rule must be a rule"),
    ({"rule": examples.difference()}, InputError, "no rule in the chain sets the step"),
    ({"rule": chain(examples.whiten(), sgd(lr=0.1))}, FormulaError, "whiten is opaque"),
    ({"rule": partition(lambda name, shape: "a", a=sgd(lr=0.1))}, FormulaError, "partition"),
    ({"rule": chain(shaped(), sgd(lr=0.1))}, FormulaError, "shaped.rows has a shape of its own"),
    ({"rule": narrow()}, FormulaError, r"narrow.m must be kept in float64, got float32"),
    ({"rule": chain(examples.precondition(), sgd(lr=0.1))}, FormulaError, "needs hessian_diagonal"),
    ({"rule": chain(examples.polyak_step())}, InputTypeError, "polyak_step|needs the objective, give value="),
    ({"rule": sgd(lr=cosine(0.1, steps=4))}, InputError, "has 4 steps, shorter than the sweep's 5"),
    ({"steps": 0}, HyperparameterError, r"steps must be a whole number in \[1, inf\), got 0"),
    ({"starts": np.ones((2, 2, 2))}, InputError, r"starts must have shape \[runs, d\] or \[d\], none of them 0, got"),
    ({"starts": np.ones((0, 3))}, InputError, "none of them 0"),
    ({"starts": [[1.0, np.nan, 2.0]]}, InputError, r"starts must be finite, got \[1.0, nan, 2.0\] for run 0"),
    ({"starts": np.ones((4, 3), complex)}, InputTypeError, "starts must be real numbers"),
    ({"starts": [["a", "b", "c"]]}, InputTypeError, "starts must be real numbers .*dtype <U1"),
    ({"starts": [[1.0], [1.0, 2.0]]}, InputError, "rows of different lengths"),
    ({"starts": np.ones((4, 5))}, InputError, "gradient must take 5 numbers or one vector"),
    ({"gradient": takes_two}, InputError, "gradient must take 3 numbers or one vector"),
    ({"gradient": takes_two, "form": "point"}, InputError, r"must take one vector \(form 'point'\), got 2"),
    ({"gradient": quartic, "form": "rows"}, InputError, "form must be None or of"),
    ({"gradient": one_number}, InputError, "Numba cannot compile gradient or value"),
    ({"gradient": calls_python}, InputError, "Numba cannot compile gradient or value .*takes_two"),
    ({"gradient": many}, InputTypeError, "must have named arguments only"),
    ({"gradient": np.sin}, InputTypeError, "must be a Python or @njit function.*ufunc"),
    ({"gradient": no_data}, InputTypeError, "gradient takes data, got none"),
    ({"gradient": odd_order}, InputError, "must take its coordinates before step, run and data, got y after"),
    ({"gradient": no_data, "data": [1.0]}, InputTypeError, "data must be arrays of float64"),
    ({"gradient": no_data, "data": np.ones(3, complex)}, InputTypeError, "data must be arrays.*complex128"),
    ({"target": 1.0}, InputTypeError, "target needs the objective"),
    ({"tolerance": -1.0}, HyperparameterError, r"tolerance must be in \[0, inf\), got -1.0"),
    ({"record_every": 0}, HyperparameterError, "record_every must be a whole number"),
    ({"dtype": "float16"}, InputError, "dtype must be 'float64' or 'float32', got 'float16'"),
    ({"seed": [1, 2]}, InputError, "seed must be one number or one for each of 4 runs, got 2"),
    ({"seed": -1}, HyperparameterError, "seed must be a whole number in"),
]


@pytest.mark.parametrize(("change", "error", "text"), BAD, ids=range(len(BAD)))
def test_refused(change: dict[str, Any], error: type[Exception], text: str) -> None:
    given = {**OK, **change}
    method, gradient, starts = (given.pop(name) for name in ("rule", "gradient", "starts"))
    with pytest.raises(error, match=text) as caught:
        sweep(method, gradient, starts, **given)
    assert "\n" not in str(caught.value)


HYPERPARAMETERS: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"learning_rate.rl": 0.1}, UnknownNameError, r"unknown hyperparameter 'learning_rate.rl'; did you mean"),
    ({"scale_by_adam.amsgrad": True}, InputTypeError, "scale_by_adam.amsgrad is a fixed choice"),
    ({"scale_by_adam.beta1": [0.5, 0.9, 1.0, 0.1]}, HyperparameterError, r"beta1 must be in \[0, 1\), got 1.0"),
    ({"scale_by_adam.beta1": [0.5, np.nan, 0.3, 0.1]}, HyperparameterError, r"beta1 must be in \[0, 1\), got nan"),
    ({"learning_rate.lr": [0.1, 0.1, 0.0, 0.1]}, HyperparameterError, r"lr must be in \(0, inf\), got 0.0"),
    ({"learning_rate.lr": -1.0}, HyperparameterError, r"lr must be in \(0, inf\), got -1.0"),
    ({"learning_rate.lr": cosine(-0.1, steps=5)}, HyperparameterError, "at every step of its schedule, got -0.1"),
    ({"learning_rate.lr": np.full((4, 5), -0.1)}, HyperparameterError, "at every step of its schedule, got -0.1"),
    ({"learning_rate.lr": np.ones(3)}, InputError, r"learning_rate.lr must be a number, \[4\] for the runs, or"),
    ({"learning_rate.lr": np.ones((5, 4))}, InputError, r"got shape \(5, 4\)"),
    ({"learning_rate.lr": "fast"}, InputTypeError, "learning_rate.lr must be numbers or a schedule, got 'fast'"),
    ({"learning_rate.lr": [cosine(0.1, steps=5)] * 3}, InputError, "a schedule for each of 4 runs, got 3"),
    ({"learning_rate.lr": [cosine(0.1, steps=4)] * 4}, InputError, "has 4 steps, shorter than the sweep's 5"),
    ({"learning_rate.lr": [*[cosine(0.1, steps=5)] * 3, 0.1]}, InputTypeError, "got 0.1 among schedules"),
]


@pytest.mark.parametrize(("given", "error", "text"), HYPERPARAMETERS, ids=range(len(HYPERPARAMETERS)))
def test_refused_hyperparameters(given: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        sweep(adam(), quartic, np.ones((4, D)), steps=5, hyperparameters=given)


def test_a_whole_number_stays_one() -> None:
    method = chain(sgd(lr=0.1), examples.slow_weights())
    found = sweep(method, quartic, np.ones((2, D)), steps=7, hyperparameters={"slow_weights.every": [2, 3]})
    for run, every in enumerate((2, 3)):
        single = chain(sgd(lr=0.1), examples.slow_weights(every=every))
        assert found.points[run].tolist() == walk(single, lambda _, x: quartic(*x), np.ones(D), 7).point.tolist()
    with pytest.raises(HyperparameterError, match="every must be a whole number"):
        sweep(method, quartic, np.ones((2, D)), steps=7, hyperparameters={"slow_weights.every": [2, 2.5]})


def test_the_number_of_runs_is_that_of_the_hyperparameters_where_one_start_is_given() -> None:
    found = sweep(sgd(lr=0.1), quartic, np.ones(D), steps=5, hyperparameters={"learning_rate.lr": [0.1, 0.2]})
    assert found.points.shape == (2, D)
    given = {"learning_rate.lr": [0.1, 0.2], "momentum.beta": [0.1, 0.2, 0.3]}
    with pytest.raises(InputError, match=r"as many runs, got \[2, 3\]"):
        sweep(heavy_ball(lr=0.1), quartic, np.ones(D), steps=5, hyperparameters=given)
    assert sweep(sgd(lr=0.1), quartic, np.ones(D), steps=5).points.shape == (1, D)


def compute(a: float) -> SweepResult:
    def scaled(x, y, z):
        return a * x, y, z

    return sweep(sgd(lr=0.1), scaled, np.ones((1, D)), steps=1)


FACTOR = 2.0


def global_factor(x, y, z):
    return FACTOR * x, y, z


@numba.njit
def compiled_helper(x):
    return FACTOR * x


def calls_helper(x, y, z):
    return compiled_helper(x), y, z


def test_functions_that_differ_by_what_they_reach_are_different(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [compute(a).points[0, 0] for a in (1.0, 2.0, 1.0)] == [0.9, 0.8, 0.9]
    assert sweep(sgd(lr=0.1), global_factor, np.ones((1, D)), steps=1).points[0, 0] == 0.8
    assert sweep(sgd(lr=0.1), calls_helper, np.ones((1, D)), steps=1).points[0, 0] == 0.8
    monkeypatch.setitem(global_factor.__globals__, "FACTOR", 5.0)
    assert sweep(sgd(lr=0.1), global_factor, np.ones((1, D)), steps=1).points[0, 0] == 0.5


def test_a_compiled_function_and_a_function_with_arrays_inside() -> None:
    hessian = np.array([[2.0, 0.5, 0.0], [0.5, 1.0, 0.0], [0.0, 0.0, 3.0]])

    @numba.njit
    def slope(x):
        return hessian @ (x - 1.0)

    def plain(_: int, x: np.ndarray) -> np.ndarray:
        return hessian @ (x - 1.0)

    for function, scale in ((slope.py_func, 1.0), (slope, 2.0)):
        hessian *= scale
        found = sweep(nesterov(lr=0.05), function, np.zeros((2, D)), steps=30)
        expected = walk(nesterov(lr=0.05), plain, np.zeros(D), 30)
        np.testing.assert_allclose(found.points[0], expected.point, rtol=1e-12)


def test_nothing_is_kept_on_disk_of_functions_whose_meaning_has_no_text(tmp_path: Path) -> None:
    script = """
import operator
from steepest.engines.cpu.cache import folder
from steepest.engines.sweep import sweep
from steepest.rules import sgd
def kept(x, y):
    return x + 0.0, y
def unkept(x, y):
    return operator.add(x, 0.0), y
for function in (kept, unkept):
    before = len(list(folder().glob("sweep*.nbi")))
    sweep(sgd(lr=0.1), function, [1.0, 2.0], steps=1)
    print(len(list(folder().glob("sweep*.nbi"))) - before)
"""
    environment = {"XDG_CACHE_HOME": str(tmp_path), "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=120, env=environment, check=False
    )
    assert done.stdout.split() == ["1", "0"], done.stderr


def test_what_was_given_is_not_changed() -> None:
    starts, lr = np.ones((4, D)), np.full(4, 0.1)
    sweep(heavy_ball(lr=1.0), quartic, starts, steps=5, hyperparameters={"learning_rate.lr": lr})
    assert (starts == 1).all() and (lr == 0.1).all()


def test_learning_rate_is_a_rule_of_its_own() -> None:
    found = sweep(learning_rate(lr=0.1), quartic, np.ones((2, D)), steps=3)
    assert found.points[0].tolist() == walk(sgd(lr=0.1), lambda _, x: quartic(*x), np.ones(D), 3).point.tolist()
