"""The compiled engine on live tensors: groups, frozen tensors, policies, options; as the eager engine does it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from live import SHAPES, assert_same_bits, both, everything, go, grads_like, numpy_params, torch_params
from live_rules import FULL, RULES
from logging_arrays import Log
from uncompiled import run_uncompiled

from steepest.core.errors import InputError
from steepest.core.oracle import Evaluation
from steepest.engines import RuleStepper
from steepest.formula import Rule, Slot, chain, norm, rule
from steepest.formula.values import ByGroup
from steepest.rules import (
    adamw,
    lamb,
    learning_rate,
    scale_by_trust_ratio,
    sgd,
)

each_rule = pytest.mark.parametrize("name", RULES)


@each_rule
def test_equals_eager_to_the_bit(name: str) -> None:
    assert_same_bits(*both(RULES[name]))


@each_rule
def test_frozen_and_late_tensors(name: str) -> None:
    """A tensor that takes part late begins at age 1; others come and go."""
    plan = [{"bias"}, {"bias", "gain"}, set(), {"weight"}, {"bias"}, set()]

    def change(step: int, grads: dict[str, Any]) -> dict[str, Any]:
        missing: set[str] = plan[step]
        return {n: None if n == "gain" else g for n, g in grads.items() if n not in missing or n == "gain"}

    compiled, eager = both(RULES[name], steps=6, change=change)
    assert_same_bits(compiled, eager)
    assert compiled.state.ages == {"weight": 5, "bias": 3, "gain": 0, "none": 6}


def test_steps_without_any_gradient_advance_the_clock_only() -> None:
    compiled, eager = both(FULL, steps=2)
    before = everything(compiled)
    for stepper in (compiled, eager):
        report = stepper.apply(Evaluation(1.5, {"weight": None}))
        assert (report.step, report.applied, report.value) == (3, True, 1.5)
    assert everything(compiled) == {**before, "clock": 3}
    for stepper in (compiled, eager):
        go(stepper, 2)
    assert_same_bits(compiled, eager)


GROUPS = {"weight": 0, "bias": 1, "gain": 0, "none": 1}


@pytest.mark.parametrize("kind", ["group", "name"])
@pytest.mark.parametrize("name", ["adamw", "full", "lamb"])
def test_groups(kind: str, name: str) -> None:
    """Hyperparameters by group or by tensor: scheduled, and with groups that change on the way."""
    made = RULES[name]
    path = next(path for path in made.hyperparameters() if path.endswith(".lr"))

    def values(clock: int) -> Any:
        rates = (0.1 / (1 + clock), 0.01 * (1 + clock))
        groups = GROUPS if clock < 3 else {**GROUPS, "gain": 1}
        by = ByGroup(groups, rates) if kind == "group" else {n: rates[g] for n, g in groups.items()}
        return {**made.values(clock), path: by}

    compiled, eager = both(made, steps=5, values=values)
    assert_same_bits(compiled, eager)
    alone = RuleStepper(made, numpy_params())
    go(alone, 5)
    assert not np.array_equal(alone.tensors["weight"], compiled.tensors["weight"])


def test_two_hyperparameters_by_group_and_frozen_tensors() -> None:
    made = adamw(lr=0.1)

    def values(clock: int) -> Any:
        return {
            **made.values(clock),
            "learning_rate.lr": ByGroup(GROUPS, (0.1, 0.2)),
            "decay_weights.weight_decay": {"weight": 0.1, "bias": 0.0, "gain": 0.3, "none": 0.0},
        }

    def change(step: int, grads: dict[str, Any]) -> dict[str, Any]:
        return {n: g for n, g in grads.items() if (step, n) not in {(0, "gain"), (2, "weight")}}

    assert_same_bits(*both(made, steps=4, values=values, change=change))


def test_numbers_become_groups_and_back() -> None:
    made = adamw(lr=0.1)

    def values(clock: int) -> Any:
        by: Any = ByGroup(GROUPS, (0.1, 0.2)) if clock in {1, 2} else 0.05
        return {**made.values(clock), "learning_rate.lr": by}

    assert_same_bits(*both(made, steps=5, values=values))


# States


@each_rule
def test_states_go_from_engine_to_engine(name: str) -> None:
    whole, _ = both(RULES[name], steps=6)
    for one, other in (("cpu", "eager"), ("eager", "cpu"), ("cpu", "cpu")):
        first = RuleStepper(RULES[name], numpy_params(), engine=one)  # type: ignore[arg-type]
        go(first, 3)
        second = RuleStepper(RULES[name], {n: p.copy() for n, p in first.tensors.items()}, engine=other)  # type: ignore[arg-type]
        second.restart(first.state, {})
        if other == "cpu":
            go(first, 1, first=3)  # goes its own way: arrays are not shared
        go(second, 3, first=3)
        assert_same_bits(second, whole)


def test_the_state_is_live() -> None:
    stepper = RuleStepper(adamw(), numpy_params(), engine="cpu")
    state = stepper.state
    m = state.slots["scale_by_adam.m"]["weight"]
    go(stepper, 2)
    assert np.any(m) and m is stepper.state.slots["scale_by_adam.m"]["weight"]
    assert set(stepper.state.ages.values()) == {2} and set(state.ages.values()) == {0}


# Kernel calls


@pytest.mark.parametrize(("made", "passes"), [(adamw(), 1), (FULL, 2), (lamb(lr=0.1), 2)])
def test_many_small_tensors_are_one_call_a_pass(made: Rule, passes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    shapes: dict[str, tuple[int, ...]] = {f"t{n}": (n % 7,) for n in range(70)}
    log = Log()
    with run_uncompiled(monkeypatch, log) as raise_errors:
        stepper = RuleStepper(made, numpy_params(shapes=shapes), engine="cpu")
        go(stepper, 2)
        raise_errors()
    assert log.calls == 2 * [(index, 0, 60) for index in range(passes)], "60 tensors have elements, one chunk each"


# What is refused


def test_rules_that_cannot_be_compiled_run_eagerly_and_say_why() -> None:
    @rule(opaque=True, slots=(Slot("count", like="tensor"),))
    def counted(u, count):
        return u, count + 1

    @rule
    def of_numbers(u):
        return u / (1 + norm(norm(u)))

    for made, why in (
        (counted(), "plan: counted.count is one number, of a formula that computes with whole arrays"),
        (of_numbers(), "plan: norm of a value that is one number a tensor"),
    ):
        whole = chain(made, sgd(lr=0.1))
        stepper = RuleStepper(whole, numpy_params(shapes={"w": (3, 5)}))
        assert (stepper.engine.name, stepper.why_eager) == ("eager", why)
        go(stepper, 1)
        with pytest.raises(InputError, match=f"engine 'cpu' cannot run here: {why}"):
            RuleStepper(whole, numpy_params(shapes={"w": (3, 5)}), engine="cpu")
    assert RuleStepper(adamw(), numpy_params()).why_eager == ""


def test_bad_gradients_change_nothing() -> None:
    stepper = RuleStepper(FULL, numpy_params(), engine="cpu")
    go(stepper, 1)
    before = everything(stepper)
    good = grads_like(stepper.tensors, 0)
    for grads, message in (
        ({**good, "other": np.ones(2)}, "gradients must have the names of params, got 'other'"),
        ({**good, "bias": np.ones(4, "float32")}, r"gradient of bias must have shape \(5,\), got \(4,\)"),
    ):
        with pytest.raises(InputError, match=message):
            stepper.apply(Evaluation(0.0, grads))
    assert everything(stepper) == before


def test_mixed_widths_in_one_model() -> None:
    """float32 and float64 tensors: norms over both, each computed in its own width."""
    steppers = []
    for engine in ("cpu", "eager"):
        params = {**numpy_params("float32"), "wide": numpy_params("float64")["weight"]}
        steppers.append(RuleStepper(RULES["lamb"], params, engine=engine))  # type: ignore[arg-type]
        go(steppers[-1], 4)
    for name, p in steppers[0].tensors.items():
        assert p.dtype == steppers[1].tensors[name].dtype
        np.testing.assert_allclose(p, steppers[1].tensors[name], rtol=1e-6 if p.dtype == "float32" else 1e-12)


def test_tensors_without_elements() -> None:
    for made in (RULES["adamw"], RULES["lamb"], RULES["number of a tensor"]):
        assert_same_bits(*both(made, shapes={"one": (0,), "two": (3, 0)}))


def test_zero_dimensional_and_empty_models_of_torch() -> None:
    stepper = RuleStepper(FULL, torch_params(shapes={"a": (), "b": (1,), "c": (0,)}), engine="cpu")
    go(stepper, 2)
    assert torch.isfinite(stepper.tensors["a"])
    with pytest.raises(InputError, match="params must hold at least one array, got none"):
        RuleStepper(FULL, {})


def test_exempt_tensors_by_their_dimensions() -> None:
    made = chain(scale_by_trust_ratio(exempt="vectors"), learning_rate(lr=0.1))
    assert_same_bits(*both(made, shapes={**SHAPES, "kernel": (2, 3, 2), "row": (1, 4)}))
