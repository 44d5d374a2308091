"""Reduce on plateau: step by step as PyTorch's and optax's, on every engine, and through a resume."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rule_checks import FAST

from steepest.core.errors import HyperparameterError, InputTypeError
from steepest.formula import Rule, chain
from steepest.problems import get
from steepest.rules import learning_rate, sgd
from steepest.rules.reduce_on_plateau import reduce_on_plateau
from steepest.run import run
from steepest.torch import Optimizer

LR = 0.3
SETTINGS = st.fixed_dictionaries({
    "factor": st.floats(0.1, 0.9),
    "patience": st.integers(0, 3),
    "threshold": st.sampled_from([0.0, 1e-4, 0.05, 0.3]),
    "threshold_mode": st.sampled_from(["rel", "abs"]),
    "mode": st.sampled_from(["min", "max"]),
    "cooldown": st.integers(0, 3),
    "min_scale": st.sampled_from([0.0, 0.05]),
})


def noisy(seed: int, count: int = 60) -> list[float]:
    """Values that fall, rise and stay, some equal, one not a number."""
    rng = np.random.default_rng(seed)
    values = np.round(np.abs(np.cumsum(rng.normal(size=count))) + 0.1, 1)
    values[count // 2] = math.nan
    return [float(v) for v in values]


def plateau(**settings: Any) -> Rule:
    return chain(sgd(lr=LR), reduce_on_plateau(**settings))


def scales(rule: Rule, values: Sequence[float]) -> list[float]:
    """By what each update was multiplied, as the pure interface says."""
    p = np.zeros(2)
    state = rule.init(p)
    found = []
    for value in values:
        after, state, _ = rule.update(p, -np.ones(2), state, value=value)
        found.append(float((after - p)[0]) / LR)
        p = np.zeros(2)
    return found


def torchs(values: Sequence[float], **settings: Any) -> list[float]:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=LR)
    least = settings.pop("min_scale", 0.0)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, min_lr=least * LR, eps=0.0, **settings)
    found = []
    for value in values:
        found.append(optimizer.param_groups[0]["lr"] / LR)
        optimizer.step()
        scheduler.step(value)
    return found


@given(setting=SETTINGS, seed=st.integers(0, 2**31))
def test_equal_to_torchs_scheduler(setting: dict[str, Any], seed: int) -> None:
    values = noisy(seed)
    np.testing.assert_allclose(scales(plateau(**setting), values), torchs(values, **setting), rtol=1e-9)


def test_the_defaults_are_torchs() -> None:
    values = [1.0] * 40
    found = scales(plateau(), values)
    np.testing.assert_allclose(found, torchs(values), rtol=1e-12)
    assert len({round(s, 9) for s in found}) == 4


@given(setting=SETTINGS, seed=st.integers(0, 2**31 - 10), every=st.sampled_from([1, 2, 4]))
@settings(max_examples=10)
def test_equal_to_optax(setting: dict[str, Any], seed: int, every: int) -> None:
    """Its patience is one more, it only minimizes, and the scale counts at once; ten runs for each compilation."""
    setting = {**setting, "mode": "min", "threshold": max(setting["threshold"], 1e-3)}
    relative = setting["threshold_mode"] == "rel"
    transformation = optax.contrib.reduce_on_plateau(
        factor=setting["factor"], patience=setting["patience"] + 1, cooldown=setting["cooldown"],
        rtol=setting["threshold"] if relative else 0.0, atol=0.0 if relative else setting["threshold"],
        min_scale=setting["min_scale"], accumulation_size=every,
    )  # fmt: skip

    @partial(jax.jit, compiler_options=FAST)
    @jax.vmap
    def theirs(values: Any) -> Any:
        def step(state: Any, value: Any) -> Any:
            updates, state = transformation.update(jnp.ones(1), state, value=value)
            return state, updates[0]

        return jax.lax.scan(step, transformation.init(jnp.zeros(1)), values)[1]

    drawn = [[v for v in noisy(seed + run, 24) if not math.isnan(v)] for run in range(10)]
    values = np.round(4 * np.asarray(drawn)) / 4  # exact in float32
    found = [scales(plateau(**setting, every=every, applies="now"), list(row)) for row in values]
    np.testing.assert_allclose(found, theirs(jnp.asarray(values)), rtol=1e-5)


def test_several_values_a_look_are_their_mean() -> None:
    values = [4.0, 2.0, 2.0, 4.0, 5.0, 1.0, 9.0, 9.0]
    assert scales(plateau(patience=0, every=2, factor=0.5), values) == pytest.approx([1, 1, 1, 1, 0.5, 0.5, 0.25, 0.25])
    single = scales(plateau(patience=0, factor=0.5), [3.0, 3.0, 3.0, 9.0])
    assert single == pytest.approx([1, 1, 0.5, 0.25])


@pytest.mark.parametrize("applies", ["next", "now"])
def test_when_it_applies(applies: Any) -> None:
    found = scales(plateau(patience=1, factor=0.5, applies=applies), [1.0] * 5)
    assert found == pytest.approx([1, 1, 1, 0.5, 0.5] if applies == "next" else [1, 1, 0.5, 0.5, 0.25])


CHANGES = [
    ("factor", 0.7), ("patience", 3), ("threshold", 0.8), ("threshold_mode", "abs"), ("mode", "max"), ("cooldown", 4),
    ("min_scale", 0.3), ("every", 2), ("applies", "now"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), CHANGES, ids=[name for name, _ in CHANGES])
def test_every_hyperparameter_changes_the_run(name: str, value: object) -> None:
    before = {"factor": 0.5, "patience": 1, "threshold": 0.2}
    values = noisy(3)
    assert {name for name, _ in CHANGES} == reduce_on_plateau.hyperparameters.keys()
    assert scales(plateau(**before), values) != pytest.approx(scales(plateau(**{**before, name: value}), values))


@pytest.mark.parametrize("engine", ["eager", "cpu"])
def test_engines_have_the_bits_of_the_rule(engine: Any) -> None:
    """PyTorch's optimizer on either engine, against the rule on NumPy; and half way through, a new one goes on."""
    rule = plateau(factor=0.6, patience=1, cooldown=1, threshold=0.1, every=2)
    values = noisy(5, 30)
    x, state = {"param_0": np.arange(3, dtype=np.float32)}, None
    p = torch.arange(3.0, requires_grad=True)
    optimizer = Optimizer([p], rule, engine=engine)
    state = rule.init(x)
    for k, value in enumerate(values):
        if k == 15:
            saved = optimizer.state_dict()
            optimizer = Optimizer([p], rule, engine=engine)
            optimizer.load_state_dict(saved)
        gradient = np.sin(np.arange(3, dtype=np.float32) + np.float32(k))
        x, state, _ = rule.update(x, {"param_0": gradient}, state, value=value)
        p.grad = torch.from_numpy(gradient.copy())
        optimizer.step(loss=value)
        np.testing.assert_array_equal(p.detach().numpy(), x["param_0"])
    model = optimizer.state_dict()["steepest"]["model"]
    assert model["reduce_on_plateau.scale"].item() == float(state.slots["reduce_on_plateau.scale"][""]) < 1


def test_a_skipped_step_looks_at_nothing() -> None:
    rule = plateau(patience=0)
    p = np.zeros(1)
    state = rule.init(p)
    _, after, _ = rule.update(p, np.array([math.nan]), state, value=1.0, nonfinite="skip")
    assert after == state


def test_it_runs_on_a_problem() -> None:
    trace = run(get("parabola"), chain(reduce_on_plateau(factor=0.5, patience=1), learning_rate(lr=1.0)), steps=40)
    assert trace.last("value") == pytest.approx(1.0)
    stuck = run(get("parabola"), sgd(lr=1.0), steps=40)
    assert stuck.last("value") > 2.0


def test_it_needs_the_value() -> None:
    p = torch.zeros(2, requires_grad=True)
    optimizer = Optimizer([p], plateau())
    p.grad = torch.ones(2)
    with pytest.raises(InputTypeError, match="needs the value"):
        optimizer.step()
    assert optimizer.clock == 0
    with pytest.raises(InputTypeError, match="needs value"):
        plateau().update(np.zeros(1), np.ones(1), plateau().init(np.zeros(1)))


@pytest.mark.parametrize(
    ("name", "value", "accepted"),
    [
        ("factor", 1.0, "(0, 1)"),
        ("patience", -1, "a whole number in [0, inf)"),
        ("threshold", -0.1, "[0, inf)"),
        ("cooldown", 0.5, "a whole number in [0, inf)"),
        ("min_scale", 1.5, "[0, 1]"),
        ("every", 0, "a whole number in [1, inf)"),
    ],
)
def test_out_of_range(name: str, value: float, accepted: str) -> None:
    with pytest.raises(HyperparameterError) as caught:
        reduce_on_plateau(**{name: value})
    kind = accepted if accepted.startswith("a ") else f"in {accepted}"
    assert str(caught.value) == f"reduce_on_plateau: {name} must be {kind}, got {value!r}"
