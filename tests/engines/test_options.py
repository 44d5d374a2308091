"""What a step may be told: policies for what is not finite, ascent, a loss scale, zeroing, other inputs and points."""

from __future__ import annotations

import math
from typing import Any

import example_rules as examples
import numpy as np
import pytest
from live import assert_same_bits, both, everything, go, grads_like, numpy_params, torch_params
from live_rules import FULL, RULES

from steepest.core.errors import HyperparameterError, InputError, InputTypeError, NonfiniteError
from steepest.core.oracle import Evaluation
from steepest.engines import RuleStepper
from steepest.formula import chain
from steepest.rules import (
    adamw,
    heavy_ball,
    learning_rate,
    nesterov,
)

each_rule = pytest.mark.parametrize("name", RULES)


# What is not finite


def poison(step: int, at: int, value: float, name: str = "weight") -> Any:
    def change(now: int, grads: dict[str, Any]) -> dict[str, Any]:
        if now == step:
            grads[name].reshape(-1)[at] = value
        return grads

    return change


@pytest.mark.parametrize("library", [numpy_params, torch_params])
@pytest.mark.parametrize("policy", ["skip", "raise"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", ["adamw", "full", "lamb", "number of a tensor", "number of the model"])
def test_a_refused_step_changes_nothing(name: str, value: float, policy: Any, library: Any) -> None:
    stepper = RuleStepper(RULES[name], library(), engine="cpu", nonfinite=policy)
    clean = RuleStepper(RULES[name], library(), engine="cpu")
    go(stepper, 3)
    before = everything(stepper)
    if policy == "raise":
        with pytest.raises(NonfiniteError, match="the gradient of bias is not finite at step 4"):
            go(stepper, 1, first=3, change=poison(3, -1, value, "bias"))
    else:
        (report,) = go(stepper, 1, first=3, change=poison(3, -1, value, "bias"))
        assert (report.applied, report.finite, report.step, report.seen) == (False, False, 3, {})
    assert everything(stepper) == before
    go(stepper, 2, first=4)
    go(clean, 3)
    go(clean, 2, first=4)
    assert everything(stepper) == everything(clean)


def test_applied_steps_say_whether_they_saw_finite_gradients() -> None:
    stepper = RuleStepper(FULL, numpy_params(), engine="cpu")
    (good,) = go(stepper, 1)
    grads = grads_like(stepper.tensors, 0)
    total = math.sqrt(sum(float((g.astype("float64") ** 2).sum()) for g in grads.values()))
    assert good.seen == {"clip_norm.norm": pytest.approx(total, rel=1e-12)} and good.finite
    assert good.hyperparameters["learning_rate.lr"] == 0.1 and good.value == 0.0
    (bad,) = go(stepper, 1, first=1, change=poison(1, 0, math.nan))
    assert bad.applied and bad.finite is False
    assert np.isnan(stepper.tensors["bias"]).all(), "as PyTorch does"
    (blind,) = go(RuleStepper(adamw(), numpy_params(), engine="cpu"), 1)
    assert blind.finite is None
    (seen,) = go(RuleStepper(adamw(), numpy_params(), engine="cpu", nonfinite="skip"), 1)
    assert seen.finite is True


@pytest.mark.parametrize("name", ["adamw", "number of a tensor", "full"])
def test_finite_gradients_whose_squares_overflow_are_no_alarm(name: str) -> None:
    huge = {"change": lambda step, grads: {n: g * (1e200 if step == 1 else 1) for n, g in grads.items()}}
    compiled, eager = both(RULES[name], "float64", 3, nonfinite="skip", **huge)
    assert compiled.state.step == eager.state.step == 3
    for n, p in compiled.tensors.items():
        np.testing.assert_allclose(p, eager.tensors[n], rtol=1e-12)


# Options


@each_rule
def test_maximizing_is_minimizing_the_negative(name: str) -> None:
    up, eager = both(RULES[name], maximize=True)
    assert_same_bits(up, eager)
    down = RuleStepper(RULES[name], numpy_params(), engine="cpu")
    go(down, 4, change=lambda step, grads: {n: -g for n, g in grads.items()})
    if name != "random":
        assert_same_bits(up, down)


@each_rule
def test_a_loss_scale_is_taken_out(name: str) -> None:
    """Equal to the eager engine's to the bit, and of a power of two nothing is left."""
    assert_same_bits(*both(RULES[name], inputs={"scale": 3.0}, maximize=True))
    scaled, plain = (RuleStepper(RULES[name], numpy_params(), engine="cpu") for _ in range(2))
    go(scaled, 4, inputs={"scale": 1024.0}, change=lambda step, grads: {n: 1024 * g for n, g in grads.items()})
    go(plain, 4)
    assert_same_bits(scaled, plain)


def test_a_scale_may_come_and_go() -> None:
    steppers = [RuleStepper(FULL, numpy_params(), engine=engine) for engine in ("cpu", "eager")]
    for stepper in steppers:
        for step, scale in enumerate([None, 3.0, None, 5.0, 7.0]):
            go(stepper, 1, first=step, inputs=None if scale is None else {"scale": scale})
    assert_same_bits(*steppers)


@pytest.mark.parametrize("scale", [0.0, -1.0, math.inf, math.nan])
def test_a_scale_out_of_range_changes_nothing(scale: float) -> None:
    stepper = RuleStepper(FULL, numpy_params(), engine="cpu")
    go(stepper, 1)
    before = everything(stepper)
    with pytest.raises(HyperparameterError, match="scale must be in"):
        go(stepper, 1, inputs={"scale": scale})
    assert everything(stepper) == before


@pytest.mark.parametrize("policy", ["apply", "skip"])
@pytest.mark.parametrize("engine", ["cpu", "eager"])
@pytest.mark.parametrize("library", [numpy_params, torch_params])
def test_gradients_are_zero_afterwards(library: Any, engine: Any, policy: Any) -> None:
    """Of every step, a skipped one too; a gradient in another memory order or dtype too."""
    stepper = RuleStepper(FULL, library(), engine=engine, zero_gradients=True, nonfinite=policy)
    plain = RuleStepper(FULL, library(), engine=engine, nonfinite=policy)
    for step in range(4):
        grads = [grads_like(s.tensors, step) for s in (stepper, plain)]
        for each in grads:
            if step == 2:
                each["bias"][1] = math.nan
            if step == 1:
                each["weight"] = (
                    each["weight"].T.copy().T if library is numpy_params else each["weight"].t().clone().t()
                )
                each["bias"] = each["bias"].astype("float64") if library is numpy_params else each["bias"].double()
        stepper.apply(Evaluation(0.0, grads[0]))
        plain.apply(Evaluation(0.0, grads[1]))
        assert all(not bool((g != 0).any()) for g in grads[0].values())
    assert stepper.state.step == (3 if policy == "skip" else 4)
    for name, p in plain.tensors.items():
        np.testing.assert_array_equal(np.asarray(stepper.tensors[name]), np.asarray(p))


def test_what_a_rule_needs_besides_the_gradient() -> None:
    """The value, and a diagonal that is given like the gradient, in any memory order and dtype."""
    assert_same_bits(*both(chain(examples.polyak_step(eps=1.0)), inputs={"value": 3.5}))
    made = chain(examples.precondition(), learning_rate(lr=0.1))
    diagonal = {n: np.abs(p) + 0.5 for n, p in numpy_params(seed=7).items()}
    assert_same_bits(*both(made, inputs={"hessian_diagonal": diagonal}))
    turned = {**diagonal, "weight": diagonal["weight"].T.copy().T}
    assert_same_bits(*both(made, inputs={"hessian_diagonal": turned}))
    stepper = RuleStepper(made, numpy_params(), engine="cpu")
    with pytest.raises(InputTypeError, match="needs hessian_diagonal, got none"):
        go(stepper, 1)
    with pytest.raises(InputError, match=r"hessian_diagonal of weight must have shape \(3, 5\), got \(2,\)"):
        go(stepper, 1, inputs={"hessian_diagonal": {**diagonal, "weight": np.ones(2)}})


@pytest.mark.parametrize("name", ["look-ahead", "sam"])
def test_points_other_than_p(name: str) -> None:
    made = {
        "look-ahead": nesterov(lr=0.1, form="lookahead"),
        "sam": chain(examples.ascend(), heavy_ball(lr=0.1)),
    }[name]
    ends = []
    for engine in ("cpu", "eager"):
        stepper = RuleStepper(made, numpy_params(), engine=engine)  # type: ignore[arg-type]
        for step in range(4):
            again = [grads_like(stepper.tensors, 10 + step)]
            stepper.apply(
                Evaluation(0.0, grads_like(stepper.tensors, step)), again=lambda a=again: Evaluation(0.0, a[0])
            )  # type: ignore[misc]
        ends.append(stepper)
    assert_same_bits(*ends)
    for n, p in ends[0].points.items():
        np.testing.assert_array_equal(p, ends[1].points[n])
