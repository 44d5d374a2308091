"""Micro-batches are not steps: `accumulate` by the pure interface, and on live tensors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from steepest.core.errors import FormulaError, HyperparameterError, InputTypeError, NonfiniteError
from steepest.core.oracle import Evaluation
from steepest.engines import RuleStepper
from steepest.formula import Rule, accumulate, chain, partition
from steepest.formula.javascript import javascript
from steepest.rules import adam, adamw, average, clip_norm, learning_rate, nesterov, polyak_step, sam, sgd
from steepest.schedules import cosine

SHAPES = {"weight": (3, 2), "bias": (4,)}
RULE = chain(clip_norm(max_norm=1.0), adamw(lr=cosine(0.1, steps=5), weight_decay=0.1), average(beta=0.5))


def arrays(seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=shape) for name, shape in SHAPES.items()}


def mean_of(step: int, count: int) -> dict[str, Any]:
    parts = [arrays(100 + step * count + i) for i in range(count)]
    return {name: np.mean([part[name] for part in parts], axis=0) for name in SHAPES}


def test_it_is_the_rule_on_the_mean() -> None:
    made = accumulate(RULE, every=3)
    p, state = arrays(0), made.init(arrays(0))
    q, other = arrays(0), RULE.init(arrays(0))
    for step in range(4):
        for i in range(3):
            before = p
            p, state, report = made.update(p, arrays(100 + 3 * step + i), state)
            last = i == 2
            assert (report.applied, report.step, state.step) == (last, step + last, step + last)
            if not last:
                assert all(p[name] is before[name] for name in p)
        q, other, _ = RULE.update(q, mean_of(step, 3), other)
        for name in SHAPES:
            np.testing.assert_allclose(p[name], q[name], rtol=1e-13)
            np.testing.assert_allclose(made.answer(p, state)[name], RULE.answer(q, other)[name], rtol=1e-13)
    assert state.ages == other.ages


@pytest.mark.parametrize("engine", ["eager", "cpu"])
def test_live_tensors_do_the_same(engine: Any) -> None:
    """A tensor without a gradient in one micro-batch has a zero there; without any it takes no part."""
    made = accumulate(RULE, every=2)
    p, state = arrays(0), made.init(arrays(0))
    live = arrays(0)
    stepper = RuleStepper(made, live, engine=engine)
    for step in range(6):
        grads: dict[str, Any] = arrays(step)
        if step in {1, 2, 3}:
            grads["bias"] = None
        p, state, ours = made.update(p, grads, state)
        theirs = stepper.apply(Evaluation(0.0, grads))
        assert (ours.step, ours.applied) == (theirs.step, theirs.applied)
        for name in SHAPES:
            np.testing.assert_allclose(live[name], p[name], rtol=1e-13)
        found = stepper.state
        assert (found.step, found.ages) == (state.step, state.ages)
        assert found.slots.keys() == state.slots.keys()
        for path, tensors in state.slots.items():
            for name, array in tensors.items():
                np.testing.assert_allclose(found.slots[path][name], array, rtol=1e-13, atol=1e-15, err_msg=path)
    assert state.ages == {"weight": 3, "bias": 2}


@pytest.mark.parametrize("engine", ["eager", "cpu"])
def test_going_on_between_micro_batches(engine: Any) -> None:
    """Saved after one micro-batch of two, and gone on with: the same bits."""
    made = accumulate(adam(lr=0.1), every=2)
    whole = arrays(0)
    one = RuleStepper(made, whole, engine=engine)
    for step in range(8):
        one.apply(Evaluation(0.0, arrays(step)))
    begun = arrays(0)
    first = RuleStepper(made, begun, engine=engine)
    for step in range(3):
        first.apply(Evaluation(0.0, arrays(step)))
    kept = {path: {n: np.array(a) for n, a in tensors.items()} for path, tensors in first.state.slots.items()}
    again = {name: np.array(p) for name, p in begun.items()}
    second = RuleStepper(made, again, engine=engine)
    second.restart(type(first.state)(first.state.step, dict(first.state.ages), kept, 0), {})
    for step in range(3, 8):
        second.apply(Evaluation(0.0, arrays(step)))
    for name in SHAPES:
        np.testing.assert_array_equal(again[name], whole[name])


@pytest.mark.parametrize("live", [False, True])
def test_a_micro_batch_that_is_not_finite_does_not_count(live: bool) -> None:
    made = accumulate(sgd(lr=1.0), every=2)
    bad = {**arrays(9), "bias": np.full(4, math.nan)}
    p, state = arrays(0), made.init(arrays(0))
    steppers = {policy: RuleStepper(made, arrays(0), nonfinite=policy) for policy in ("skip", "raise")}  # type: ignore[arg-type]
    for grads in (arrays(1), bad, arrays(2)):
        if live:
            report = steppers["skip"].apply(Evaluation(0.0, grads))
        else:
            p, state, report = made.update(p, grads, state, nonfinite="skip")
        assert report.applied is (grads is not bad and report.step == 1)
    end = steppers["skip"].tensors if live else p
    expected = {name: arrays(0)[name] - (arrays(1)[name] + arrays(2)[name]) / 2 for name in SHAPES}
    for name in SHAPES:
        np.testing.assert_allclose(end[name], expected[name], rtol=1e-13)  # type: ignore[arg-type]
    with pytest.raises(NonfiniteError, match="the gradient of bias is not finite at step"):
        if live:
            steppers["raise"].apply(Evaluation(0.0, bad))
        else:
            made.update(p, bad, state, nonfinite="raise")


def test_its_text_and_settings() -> None:
    made = accumulate(sgd(lr=0.1), every=4)
    assert made.text == "accumulate(chain(learning_rate(lr=0.1)).named('sgd'), every=4)"
    assert made.fingerprint() != accumulate(sgd(lr=0.1), every=5).fingerprint()
    assert made.hyperparameters() == {"learning_rate.lr": 0.1}
    assert (made.facts.step, made.rate_path) == (0.1, "learning_rate.lr")
    assert accumulate(sgd(lr=0.1), every=1).slots() == {}


def test_what_it_refuses() -> None:
    cases: list[tuple[Any, type[Exception], str]] = [
        (lambda: accumulate(sgd(lr=0.1), every=0), HyperparameterError, r"accumulate: every must be a whole number in"),
        (lambda: accumulate(3, every=2), InputTypeError, "accumulate: rule must be a rule, got 3"),  # type: ignore[arg-type]
        (lambda: accumulate(polyak_step(), every=2), FormulaError, "polyak_step needs value"),
        (lambda: accumulate(sam(lr=0.1), every=2), FormulaError, "sam needs a second gradient"),
        (lambda: accumulate(accumulate(sgd(lr=0.1), every=2), every=2), FormulaError, "must not accumulate itself"),
        (lambda: chain(accumulate(sgd(lr=0.1), every=2)), FormulaError, "accumulate must be the outermost rule"),
        (
            lambda: partition(lambda *_: "all", all=accumulate(sgd(lr=0.1), every=2)),
            FormulaError,
            "accumulate must be the outermost rule",
        ),
        (lambda: javascript(accumulate(sgd(lr=0.1), every=2)), FormulaError, "micro-batches"),
    ]
    for make, error, message in cases:
        with pytest.raises(error, match=message):
            make()


def test_a_look_ahead_may_accumulate() -> None:
    """Its query point stays where it is between micro-batches."""
    made: Rule = accumulate(nesterov(lr=0.1, form="lookahead"), every=2)
    live = arrays(0)
    stepper = RuleStepper(made, live)
    for step in range(4):
        before = {name: np.array(p) for name, p in live.items()}
        stepper.apply(Evaluation(0.0, arrays(step)))
        for name in SHAPES:
            assert np.array_equal(live[name], before[name]) is (step % 2 == 0)
    p, inner = arrays(0), nesterov(lr=0.1, form="lookahead")
    state = inner.init(p)
    for step in range(2):
        grads = {name: (arrays(2 * step)[name] + arrays(2 * step + 1)[name]) / 2 for name in SHAPES}
        p, state, _ = inner.update(p, grads, state)
    for name in SHAPES:
        np.testing.assert_allclose(live[name], inner.query(p, state)[name], rtol=1e-13)
    assert learning_rate(lr=0.1).micro_batches == 1
