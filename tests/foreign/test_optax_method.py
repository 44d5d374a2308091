"""Transformations of optax through the Stepper do what optax does, on tensors of PyTorch and NumPy."""

from __future__ import annotations

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import torch

from steepest import rules, schedules
from steepest.core.errors import InputError, InputTypeError, MissingExtraError
from steepest.core.oracle import Evaluation, Objective, Oracle
from steepest.core.stepper import Stepper
from steepest.jax import OptaxMethod
from steepest.problems import get
from steepest.run import Method, run


class Quartic(Objective):
    """Two tensors of one library, and one that takes no part; f = Σ x⁴/4 + Σ y²."""

    def __init__(self, library: str) -> None:
        values = {"x": np.linspace(-1, 2, 6).reshape(2, 3), "y": np.array([0.5, -0.25]), "z": np.ones(1)}
        if library == "torch":
            self._tensors = {k: torch.tensor(v, dtype=torch.float32) for k, v in values.items()}
        else:
            self._tensors = {k: v.astype(library) for k, v in values.items()}

    @property
    def tensors(self):
        return self._tensors

    def value_and_gradient(self) -> Evaluation:
        x, y = self._tensors["x"], self._tensors["y"]
        return Evaluation(float((x**4).sum() / 4 + (y**2).sum()), {"x": x**3, "y": 2 * y, "z": None})


def by_optax(transformation, dtype: str, steps: int) -> dict[str, np.ndarray]:
    with jax.enable_x64(dtype == "float64"):
        start = Quartic("float64").tensors
        params = {k: jnp.asarray(start[k].astype(dtype)) for k in ("x", "y")}
        state = transformation.init(params)
        for _ in range(steps):
            gradients = {"x": params["x"] ** 3, "y": 2 * params["y"]}
            updates, state = transformation.update(gradients, state, params)
            params = optax.apply_updates(params, updates)
        return {k: np.array(v) for k, v in params.items()}


@pytest.mark.parametrize("library", ["torch", "float32", "float64"])
@pytest.mark.parametrize("schedule", [None, schedules.cosine(0.05, 9)])
def test_equal_to_optax_itself(library: str, schedule):
    dtype = "float32" if library == "torch" else library
    objective = Quartic(library)
    tensors = dict(objective.tensors)
    settings = {"learning_rate": 0.05, "b1": 0.8, "weight_decay": 0.1}
    stepper = OptaxMethod(optax.adamw, settings, schedule).start(objective.tensors, seed=0)
    reports = [stepper.step(Oracle(objective)) for _ in range(9)]
    rate = 0.05 if schedule is None else optax.cosine_decay_schedule(0.05, 9)
    expected = by_optax(optax.adamw(rate, b1=0.8, weight_decay=0.1), dtype, 9)
    for name, values in expected.items():
        assert objective.tensors[name] is tensors[name]
        found = np.asarray(objective.tensors[name])
        assert found.dtype == np.dtype(dtype)
        np.testing.assert_allclose(found, values, rtol=3e-6 if dtype == "float32" else 1e-7)
    assert np.array_equal(np.asarray(objective.tensors["z"]), [1.0])
    assert [r.hyperparameters["learning_rate.lr"] for r in reports] == pytest.approx(
        [0.05 if schedule is None else schedule(k) for k in range(9)], rel=1e-12
    )


def test_float64_tensors_are_computed_in_float64():
    ours, theirs = Quartic("float64"), Quartic("float64")
    rule = rules.adamw(lr=0.05, weight_decay=0.1)
    state = rule.init(ours.tensors)
    points = dict(ours.tensors)
    for _ in range(5):
        ours.tensors.update(points)
        points, state, _ = rule.update(ours.tensors, ours.value_and_gradient().gradients, state)
    stepper = OptaxMethod(optax.adamw, {"learning_rate": 0.05, "weight_decay": 0.1}).start(theirs.tensors, seed=0)
    for _ in range(5):
        stepper.step(Oracle(theirs))
    np.testing.assert_allclose(theirs.tensors["x"], points["x"], rtol=1e-13)


def test_a_transformation_that_is_made_and_a_whole_run():
    trace = run(get("digits-mlp"), OptaxMethod(optax.adam(0.01)), steps=60)
    assert trace.last("test_metric") > 0.8 and trace.steps["gradient_calls"][-1] == 60


def test_it_is_a_method_and_a_stepper():
    method = OptaxMethod(optax.adamw, {"learning_rate": 0.1})
    assert isinstance(method, Method) and isinstance(method.start(Quartic("float32").tensors, seed=0), Stepper)
    assert method.name == "optax.adamw" and method.text == "optax.adamw(learning_rate=0.1)"
    assert method.facts.step == 0.1
    scheduled = OptaxMethod(optax.sgd, {"learning_rate": 0.1}, schedules.cosine(0.1, 5))
    assert scheduled.text == "optax.sgd(learning_rate=cosine(peak=0.1, steps=5, final=0.0))" and scheduled.length == 5


def test_text_and_fingerprint_of_a_made_transformation_tell_its_settings_and_are_the_same_in_every_process():
    texts = {OptaxMethod(optax.chain(optax.clip(1.0), optax.sgd(lr))).text for lr in (0.1, 0.2)}
    assert len(texts) == 2
    code = "import optax; from steepest.jax import OptaxMethod; print(OptaxMethod(optax.adam(0.1)).fingerprint())"
    out = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in range(2)]
    assert out[0].stdout == out[1].stdout and len(out[0].stdout.strip()) == 64


def number() -> int:
    return 3


def refusing() -> None:
    raise ValueError("too\nlarge")


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: OptaxMethod(3), InputTypeError, "source must be a transformation or a factory, got int"),
        (
            lambda: OptaxMethod(optax.adam, {"learning_rate": 1.0, "b": 1}),
            InputTypeError,
            "optax.adam: got an unexpected keyword",
        ),
        (lambda: OptaxMethod(optax.adam(0.1), {"b1": 1}), InputTypeError, "pass its factory"),
        (lambda: OptaxMethod(optax.scale_by_adam, {}, schedules.constant(0.1)), InputTypeError, "no learning rate"),
        (lambda: OptaxMethod(dict), InputTypeError, "dict: no signature found"),
        (lambda: OptaxMethod(number).start({}, seed=0), InputTypeError, "must return an optax transformation, got int"),
        (lambda: OptaxMethod(refusing).start({}, seed=0), InputError, "refusing: too large"),
    ],
)
def test_bad_settings_are_one_line(make, error, words):
    with pytest.raises(error, match=words):
        make()


def test_without_optax_the_extra_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "optax", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'steepest\[jax\]'"):
        OptaxMethod(optax.adam)
