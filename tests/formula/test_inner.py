"""Inner rules that take part at times only: their slots stand still, and their ages count from their own start."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from steepest.core.errors import FormulaError, InputTypeError
from steepest.core.oracle import Evaluation
from steepest.engines import RuleStepper
from steepest.formula import Rule, chain, rule, where
from steepest.rules import adam, average, heavy_ball, learning_rate, scale_by_adam, scale_by_lion, sgd, switch

SHAPES = {"weight": (3, 2), "bias": (4,), "gain": ()}


def arrays(seed: int, dtype: str = "float64") -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {name: np.asarray(rng.normal(size=shape), dtype=dtype) for name, shape in SHAPES.items()}


def run(made: Rule, steps: range, p: Any, frozen: frozenset[int] = frozenset()) -> tuple[Any, Any]:
    state = made.init(p)
    for step in steps:
        grads: dict[str, Any] = arrays(step + 1)
        if step in frozen:
            grads["bias"] = None
        p, state, _ = made.update(p, grads, state)
    return p, state


def test_the_second_rule_starts_afresh_where_the_first_ended() -> None:
    first, second = heavy_ball(lr=0.1), adam(lr=0.05)
    p, state = run(switch(first, second, at=4), range(9), arrays(0))
    half, before = run(first, range(4), arrays(0))
    end, after = run(second, range(4, 9), half)
    for name in SHAPES:
        np.testing.assert_allclose(p[name], end[name], rtol=1e-14)
        np.testing.assert_array_equal(state.slots["switch.first.momentum.v"][name], before.slots["momentum.v"][name])
        np.testing.assert_allclose(
            state.slots["switch.second.scale_by_adam.v"][name], after.slots["scale_by_adam.v"][name], rtol=1e-14
        )


def test_a_warm_start_would_be_seen() -> None:
    """Planted: a switch that shows the second rule every gradient from the start has another run."""

    @rule
    def warm(u, t, *, first: Rule, second: Rule, at: int = 4):
        return where(t <= at, first(u), second(u))

    ours, _ = run(switch(sgd(lr=0.1), adam(lr=0.05), at=4), range(6), arrays(0))
    theirs, _ = run(warm(sgd(lr=0.1), adam(lr=0.05)), range(6), arrays(0))
    assert np.max(np.abs(ours["weight"] - theirs["weight"])) > 1e-3


def test_a_tensor_that_was_frozen_before_the_switch() -> None:
    """The second rule's age of a tensor is how many updates it had since."""
    made = switch(sgd(lr=0.1), adam(lr=0.05), at=2)
    p, state = run(made, range(6), arrays(0), frozen=frozenset({0, 1, 3}))
    assert {name: float(n) for name, n in state.slots["switch.since"].items()} == {"weight": 4, "bias": 3, "gain": 4}
    alone = adam(lr=0.05)
    q = {"bias": arrays(0)["bias"]}
    other = alone.init(q)
    for step in (2, 4, 5):
        q, other, _ = alone.update(q, {"bias": arrays(step + 1)["bias"]}, other)
    np.testing.assert_allclose(p["bias"], q["bias"], rtol=1e-14)


@pytest.mark.parametrize("at", [0, 2, 50])
@pytest.mark.parametrize("convert", [np.asarray, torch.from_numpy], ids=["numpy", "torch"])
def test_compiled_it_is_the_same_to_the_bit(at: int, convert: Any) -> None:
    made = chain(switch(scale_by_adam(), scale_by_lion(), at=at), learning_rate(lr=0.1))
    p, state = arrays(0, "float32"), made.init(arrays(0, "float32"))
    live = {name: convert(a.copy()) for name, a in p.items()}
    stepper = RuleStepper(made, live, engine="cpu")
    for step in range(5):
        grads = arrays(step + 1, "float32")
        p, state, _ = made.update(p, grads, state)
        stepper.apply(Evaluation(0.0, {name: convert(g) for name, g in grads.items()}))
    for name in SHAPES:
        np.testing.assert_array_equal(np.asarray(live[name]), p[name])
    for path, tensors in stepper.state.slots.items():
        for name, array in tensors.items():
            np.testing.assert_array_equal(np.asarray(array), state.slots[path][name], err_msg=path)


def test_inner_rules_by_position() -> None:
    one = switch(sgd(lr=0.1), adam(lr=0.1), at=3)
    assert one == switch(first=sgd(lr=0.1), second=adam(lr=0.1), at=3)
    assert one.fingerprint() != switch(adam(lr=0.1), sgd(lr=0.1), at=3).fingerprint()
    with pytest.raises(InputTypeError, match="switch: takes 2 by position, got 3"):
        switch(sgd(lr=0.1), adam(lr=0.1), 3)  # type: ignore[arg-type]
    with pytest.raises(InputTypeError, match="switch: first is given twice, by position and by name"):
        switch(sgd(lr=0.1), first=adam(lr=0.1), at=3)
    with pytest.raises(InputTypeError, match=r"learning_rate: takes named hyperparameters only, got 0\.1"):
        learning_rate(0.1)  # type: ignore[arg-type]
    with pytest.raises(FormulaError, match="must be in the outer chain"):
        switch(chain(sgd(lr=0.1), average()), adam(lr=0.1), at=3)
