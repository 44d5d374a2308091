"""Tensors of one shape are computed at once where a formula says it can, with the results of one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from live import assert_same_bits, both, go, numpy_params, torch_params

from steepest.core.errors import FormulaError
from steepest.engines import RuleStepper
from steepest.formula import Rule, Slot, chain, rule, stacking
from steepest.rules import (
    adafactor,
    agc,
    centralize,
    learning_rate,
    muon,
    muon_adamw,
    scale_by_shampoo,
    shampoo,
    soap,
)

SAME: dict[str, tuple[int, ...]] = {
    **dict.fromkeys("abcd", (4, 3)),
    "wide": (3, 4),
    "kernel": (2, 3, 2),
    "x": (7,),
    "y": (7,),
}
RATE = learning_rate(lr=0.1)
METHODS: dict[str, Rule] = {
    "muon": muon_adamw(lr=0.05, precision="same"),
    "shampoo": shampoo(lr=0.1, eps=0.1, every=2, block_size=3, graft="rms"),
    "shampoo, sums": shampoo(lr=0.1, eps=0.1, graft="adagrad"),
    "soap": soap(lr=0.1, every=2, normalize=True),
    "soap, one-sided": soap(lr=0.1, every=1, max_dim=3),
    "adafactor": adafactor(),
    "centralized, clipped by unit": chain(centralize(), agc(), RATE),
}


@pytest.fixture
def one_by_one(monkeypatch: pytest.MonkeyPatch) -> Any:
    """From here on every tensor is a stack of its own."""
    return lambda: monkeypatch.setattr(stacking, "LIMIT", 0)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("engine", ["cpu", "eager"])
def test_numpy_gives_the_bits_of_one_by_one(name: str, engine: str, one_by_one: Any) -> None:
    together = RuleStepper(METHODS[name], numpy_params(shapes=SAME), engine=engine)
    go(together, 5)
    one_by_one()
    alone = RuleStepper(METHODS[name], numpy_params(shapes=SAME), engine=engine)
    go(alone, 5)
    assert_same_bits(together, alone)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("engine", ["cpu", "eager"])
def test_torch_gives_what_one_by_one_gives_but_for_rounding(name: str, engine: str, one_by_one: Any) -> None:
    """Products of a stack may be summed in another order."""
    together = RuleStepper(METHODS[name], torch_params(shapes=SAME, dtype="float64"), engine=engine)
    go(together, 5)
    one_by_one()
    alone = RuleStepper(METHODS[name], torch_params(shapes=SAME, dtype="float64"), engine=engine)
    go(alone, 5)
    for key, p in together.tensors.items():
        torch.testing.assert_close(p, alone.tensors[key], rtol=1e-10, atol=1e-10)


def test_bfloat16_gives_what_one_by_one_gives_but_for_its_rounding(one_by_one: Any) -> None:
    made = muon_adamw(lr=0.05)
    together, alone = (RuleStepper(made, torch_params(shapes=SAME), engine="cpu") for _ in range(2))
    go(together, 3)
    one_by_one()
    go(alone, 3)
    for key, p in together.tensors.items():
        torch.testing.assert_close(p, alone.tensors[key], rtol=0, atol=3 * 0.05 * 2**-6)


@pytest.mark.parametrize("name", METHODS)
def test_the_compiled_engine_has_the_eager_ones_bits(name: str) -> None:
    assert_same_bits(*both(METHODS[name], shapes=SAME, steps=4))


def recording(seen: list[tuple[int, ...]], **declared: Any) -> Any:
    """A formula that notes the shapes that it is given."""

    @rule(opaque=True, batched=True, **declared)
    def noting(u, p, k, *, share: float = 1.0):
        seen.append(tuple(u.shape))
        assert u.shape == p.shape
        return share * u

    return noting


@pytest.mark.parametrize("engine", ["cpu", "eager"])
def test_what_differs_is_not_stacked(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shape, an age, a hyperparameter of its group; and a stack is no longer than its limit."""
    seen: list[tuple[int, ...]] = []
    made = chain(recording(seen)(), RATE)
    values = {"learning_rate.lr": 0.1, "noting.share": {**dict.fromkeys(SAME, 1.0), "d": 2.0}}
    stepper = RuleStepper(made, numpy_params(shapes=SAME), engine=engine, values=lambda clock: values)
    go(stepper, 1, change=lambda step, grads: {n: g for n, g in grads.items() if n != "b"})
    assert sorted(seen) == [(1, 2, 3, 2), (1, 3, 4), (1, 4, 3), (2, 4, 3), (2, 7)]  # a and c; d
    seen.clear()
    go(stepper, 1)
    assert sorted(seen) == [(1, 2, 3, 2), (1, 3, 4), (1, 4, 3), (1, 4, 3), (2, 4, 3), (2, 7)]  # b is younger
    seen.clear()
    monkeypatch.setattr(stacking, "LIMIT", 2 * 12)
    other = RuleStepper(chain(recording(seen)(), RATE), numpy_params(shapes=SAME), engine=engine)
    go(other, 1)
    assert sorted(seen) == [(1, 2, 3, 2), (1, 3, 4), (2, 4, 3), (2, 4, 3), (2, 7)]


def test_dtypes_are_not_mixed() -> None:
    seen: list[tuple[int, ...]] = []
    params = {"a": np.ones((2, 2)), "b": np.ones((2, 2), "float32"), "c": np.ones((2, 2))}
    made = chain(recording(seen)(), RATE)
    made.update(params, params, made.init(params))
    assert sorted(seen) == [(1, 2, 2), (2, 2, 2)]


def test_states_share_no_memory() -> None:
    made = shampoo(lr=0.1, eps=0.1, every=2)
    params = {name: np.ones((2, 2)) for name in "abc"}
    after, state, _ = made.update(params, params, made.init(params))
    after, state, _ = made.update(after, params, state)  # its roots are those of before
    arrays = [*after.values(), *(array for tensors in state.slots.values() for array in tensors.values())]
    assert all(array.base is None or array.base.size == array.size for array in arrays)
    for place, array in enumerate(arrays):
        assert not any(np.shares_memory(array, other) for other in arrays[:place])


def test_one_tensor_that_is_not_finite_leaves_the_others_alone() -> None:
    for made in (shampoo(lr=0.1, eps=0.1), soap(lr=0.1, every=1), muon(lr=0.1, precision="same")):
        params = {name: np.ones((3, 2)) for name in "abc"}
        good = {name: np.random.default_rng(place).normal(size=(3, 2)) for place, name in enumerate("abc")}
        bad = {**good, "b": np.full((3, 2), np.inf)}
        ends = []
        for grads in (good, bad):
            after, state = params, made.init(params)
            for _ in range(3):
                with np.errstate(all="ignore"):
                    after, state, _ = made.update(after, grads, state)
            ends.append(after)
        for name in "ac":
            np.testing.assert_array_equal(ends[0][name], ends[1][name])
        assert np.isnan(ends[1]["b"]).all()


@pytest.mark.parametrize("engine", ["cpu", "eager"])
def test_a_formula_that_loses_the_first_axis_is_told(engine: str) -> None:
    @rule(opaque=True, batched=True)
    def losing(u):
        return u[0]

    stepper = RuleStepper(chain(losing(), RATE), numpy_params(shapes=dict.fromkeys("abc", (4, 3))), engine=engine)
    with pytest.raises(
        FormulaError, match=r"must return arrays with a first axis of 3, one entry a tensor, got .*\(4, 3\)"
    ):
        go(stepper, 1)


def test_what_cannot_be_batched_is_refused() -> None:
    with pytest.raises(FormulaError, match="batched is for opaque rules"):

        @rule(batched=True)
        def traced(u):
            return u

    with pytest.raises(FormulaError, match=r"cannot be numbers"):

        @rule(slots=(Slot("count", like="tensor"),), opaque=True, batched=True)
        def counting(u, count):
            return u, count + 1


def test_it_is_told_by_explain() -> None:
    from steepest.engines.explain import explain

    text = str(explain(chain(scale_by_shampoo(), RATE)))
    assert "scale_by_shampoo, on whole arrays, those of one shape at once" in text
