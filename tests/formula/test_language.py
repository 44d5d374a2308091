"""What the rule language can say, with small rules of kinds that the library does not have yet."""

from __future__ import annotations

from typing import Literal

import example_rules as examples
import numpy as np
import pytest
from one_step import RATE, step
from rule_field import assert_alike, field, walk

from steepest.core.errors import HyperparameterError, InputError, InputTypeError
from steepest.formula import (
    Slot,
    chain,
    mean,
    ndim,
    rule,
    size,
    sqrt,
    total,
    where,
)
from steepest.rules import (
    adam,
    clip_norm,
    clip_value,
    learning_rate,
    lookahead_momentum,
    momentum,
    nesterov,
    scale_by_adam,
    scale_by_lion,
    sgd,
)
from steepest.schedules import cosine


def test_a_rule_that_needs_the_value() -> None:
    """Polyak's step on ‖x‖² lands at (f − f*) / ‖g‖² = 1/4 of the gradient, half way."""
    made = chain(examples.polyak_step())
    params = {"a": np.array([3.0, 4.0]), "b": np.array([[12.0]])}
    grads = {name: 2 * p for name, p in params.items()}
    assert made.needs == {"value"}
    with pytest.raises(InputTypeError, match="needs value, got none"):
        step(made, params, grads)
    after, _, report = step(made, params, grads, value=169.0)
    for name in params:
        np.testing.assert_allclose(after[name], params[name] / 2, rtol=1e-15)
    assert report.seen == {"polyak_step.dot": 676.0}


def test_a_rule_that_needs_the_hessian_diagonal() -> None:
    made = chain(examples.precondition(floor=0.5), learning_rate(lr=1.0))
    params = {"a": np.array([3.0, 4.0])}
    with pytest.raises(InputTypeError, match="needs hessian_diagonal"):
        step(made, params)
    after, _, _ = step(made, params, {"a": np.array([6.0, 1.0])}, hessian_diagonal={"a": np.array([2.0, 0.0])})
    np.testing.assert_array_equal(after["a"], [0.0, 2.0])
    bare, _, _ = made.update(params["a"], np.array([6.0, 1.0]), made.init(params["a"]),
                             hessian_diagonal=np.array([2.0, 0.0]))  # fmt: skip
    np.testing.assert_array_equal(bare, [0.0, 2.0])


@pytest.mark.parametrize("given", [{"a": np.ones(3)}, {"a": np.ones((2, 1))}, {}], ids=["broadcast", "column", "none"])
def test_the_hessian_diagonal_has_the_shapes_of_the_parameters(given: dict[str, np.ndarray]) -> None:
    """What would be broadcast in silence is refused."""
    with pytest.raises(InputError, match="hessian_diagonal"):
        step(chain(examples.precondition(), RATE), {"a": np.ones((2, 3))}, hessian_diagonal=given)


def test_a_query_that_takes_the_gradient() -> None:
    made = chain(examples.ascend(rho=0.5), RATE)
    params = {"a": np.array([0.0, 1.0]), "b": np.array([2.0])}
    state = made.init(params)
    at = made.query(params, state, {"a": np.array([0.0, 3.0]), "b": np.array([4.0])})
    np.testing.assert_allclose(at["a"], [0.0, 1.3])
    np.testing.assert_allclose(at["b"], [2.4])
    with pytest.raises(InputError, match="ascend needs the gradient at p, got none"):
        made.query(params, state)
    assert made.link_with("query")[1].queries_gradient  # type: ignore[index]
    assert not nesterov(0.1, form="lookahead").link_with("query")[1].queries_gradient  # type: ignore[index]


def test_a_query_without_the_gradient_and_an_answer() -> None:
    made = chain(RATE, lookahead_momentum(beta=0.5))
    params = {"a": np.array([1.0])}
    params, state, _ = made.update(params, {"a": np.array([2.0])}, made.init(params))
    np.testing.assert_allclose(params["a"], [0.8])
    np.testing.assert_allclose(made.query(params, state)["a"], [0.7])
    np.testing.assert_allclose(made.answer(params, state)["a"], [0.8])


def test_slow_weights_return_every_few_updates() -> None:
    made = chain(learning_rate(lr=1.0), examples.slow_weights(every=3, share=0.5))
    params = {"a": np.array([0.0])}
    state, seen = made.init(params), []
    for _ in range(7):
        params, state, _ = made.update(params, {"a": np.array([-1.0])}, state)
        seen.append(float(params["a"][0]))
    assert seen == [1.0, 2.0, 1.5, 2.5, 3.5, 3.0, 4.0]


def test_an_inner_rule_keeps_its_own_state() -> None:
    made = chain(examples.switch(first=scale_by_adam(), second=scale_by_lion(beta1=0.5), after=3), RATE)
    assert set(made.slots()) == {
        "switch.first.scale_by_adam.m", "switch.first.scale_by_adam.v", "switch.second.scale_by_lion.m"
    }  # fmt: skip
    assert "switch.second.scale_by_lion.beta1" in made.hyperparameters()
    world = field(1, 6)
    first = walk(chain(scale_by_adam(), RATE), world, steps=3)
    assert_alike(walk(made, world, steps=3).points, first.points, rtol=0, atol=0)
    # The second one has seen every gradient: from update 4 on its direction counts.
    ended, before = walk(made, world, steps=4), walk(made, world, steps=3)
    for name in world.start:
        np.testing.assert_allclose(np.abs(ended.points[name] - before.points[name]), 0.1, rtol=1e-12)


def test_an_inner_chain() -> None:
    inner = chain(clip_value(max_value=0.1), momentum(beta=0.5))
    made = chain(examples.grafted(size=inner, direction=scale_by_lion()), RATE)
    assert "grafted.size.momentum.v" in made.slots()
    assert made.values(0)["grafted.size.clip_value.max_value"] == 0.1
    walk(made, field(1, 3))


def test_a_number_of_the_model_and_of_a_tensor() -> None:
    made = chain(examples.d_adaptation(), learning_rate(lr=1.0))
    world = field(1, 5)
    ended = walk(made, world)
    assert ended.state.slots["d_adaptation.d"].keys() == {""}
    assert ended.state.slots["d_adaptation.d"][""].shape == ()
    assert ended.state.slots["d_adaptation.d"][""].dtype == np.float64
    assert ended.state.slots["d_adaptation.d"][""] >= 1e-6

    made = chain(examples.normalize_tensor(beta=0.5), RATE)
    params = {"a": np.zeros((2, 2), dtype=np.float32), "b": np.zeros(3, dtype=np.float32)}
    grads = {"a": np.full((2, 2), 3.0, np.float32), "b": np.full(3, 7.0, np.float32)}
    _, state, _ = step(made, params, grads)
    sizes = state.slots["normalize_tensor.size"]
    assert {name: (float(v), v.shape, v.dtype) for name, v in sizes.items()} == {
        "a": (2.0, (), np.float64), "b": (4.0, (), np.float64)
    }  # fmt: skip


def test_slots_that_begin_at_the_first_update_or_a_number() -> None:
    made = chain(examples.difference(), learning_rate(lr=1.0))
    params = {"a": np.zeros(2)}
    state = made.init(params)
    params, state, _ = made.update(params, {"a": np.array([5.0, 1.0])}, state)
    np.testing.assert_array_equal(params["a"], 0.0)
    params, state, _ = made.update(params, {"a": np.array([7.0, 0.0])}, state)
    np.testing.assert_array_equal(params["a"], [-2.0, 1.0])
    np.testing.assert_array_equal(state.slots["difference.sum"]["a"], 4.5)


def test_slots_of_other_shapes() -> None:
    made = chain(examples.factored(beta=0.0, eps=1e-30), learning_rate(lr=1.0))
    params, grads = {"a": np.zeros((2, 3))}, {"a": np.outer([1.0, 2.0], [1.0, 3.0, 5.0])}
    after, state, _ = step(made, params, grads)
    np.testing.assert_allclose(after["a"], -1.0, rtol=1e-12)  # rank one: the factored moment is exact
    assert state.slots["factored.r"]["a"].shape == (2,)
    assert state.slots["factored.c"]["a"].shape == (3,)

    made = chain(examples.whiten(beta=0.5), RATE)
    state = made.init(params)
    np.testing.assert_array_equal(state.slots["whiten.left"]["a"], np.eye(2))
    _, state, _ = made.update(params, grads, state)
    np.testing.assert_allclose(
        state.slots["whiten.left"]["a"], 0.5 * np.eye(2) + 0.5 * grads["a"] @ grads["a"].T, rtol=1e-15
    )


def test_a_slot_of_another_dtype() -> None:
    wide = rule(slots=(Slot("sum", dtype="float64"), Slot("low", dtype="float32")))(
        lambda u, sum, low: (u, sum + u, low + u)
    )()
    params = {"a": np.zeros(2, dtype=np.float32), "b": np.zeros(2, dtype=np.float64)}
    after, state, _ = step(chain(wide, RATE), params)
    assert {a.dtype for a in state.slots["<lambda>.sum"].values()} == {np.dtype("float64")}
    assert {a.dtype for a in state.slots["<lambda>.low"].values()} == {np.dtype("float32")}
    assert {name: a.dtype for name, a in after.items()} == {name: p.dtype for name, p in params.items()}


def test_slots_that_exist_under_a_static_argument() -> None:
    @rule(slots=(Slot("m", when=lambda statics: statics["kind"] == "heavy"), Slot("v", when="twice")))
    def chosen(u, m, v, *, kind: Literal["light", "heavy"] = "light", twice: bool = False):
        m = m + u if kind == "heavy" else m
        return (u if m is None else m), m, (v if v is None else v + u)

    assert set(chosen().slots()) == set()
    assert set(chosen(kind="heavy").slots()) == {"chosen.m"}
    assert set(chosen(kind="heavy", twice=True).slots()) == {"chosen.m", "chosen.v"}
    for made in (chosen(), chosen(kind="heavy", twice=True)):
        _, state, _ = step(chain(made, RATE))
        assert set(state.slots) == set(made.slots())
        made.graph()


def test_arguments_that_may_be_left_out() -> None:
    plain = chain(examples.optional_decay(), RATE)
    assert plain.hyperparameters() == {"learning_rate.lr": 0.1}
    params = {"a": np.ones(2)}
    np.testing.assert_allclose(step(plain, params)[0]["a"], 0.95)
    np.testing.assert_allclose(step(chain(examples.optional_decay(share=0.5), RATE), params)[0]["a"], 0.9)
    np.testing.assert_allclose(step(chain(examples.optional_decay(mode="minus"), RATE), params)[0]["a"], 1.05)
    with pytest.raises(HyperparameterError, match=r"share must be in \(0, inf\), got 0"):
        examples.optional_decay(share=0)


def test_shape_numbers_and_totals() -> None:
    @rule
    def counts(u):
        return 0.0 * u + ndim(u) + 10 * size(u) + 1000 * total(u) + 1e6 * mean(u, over="model")

    params = {"a": np.zeros((2, 3)), "b": np.zeros(2)}
    grads = {"a": np.ones((2, 3)), "b": np.full(2, 3.0)}
    after, _, report = step(chain(counts(), learning_rate(lr=1.0)), params, grads)
    np.testing.assert_allclose(-after["a"], 2 + 60 + 6000 + 1.5e6)
    np.testing.assert_allclose(-after["b"], 1 + 20 + 6000 + 1.5e6)
    assert report.seen == {"counts.mean": 1.5}


def test_where_does_not_let_through_what_is_not_chosen() -> None:
    @rule
    def safe(u):
        return where(u > 0, sqrt(u), 0.0)

    after, _, _ = step(chain(safe(), RATE), {"a": np.zeros(2)}, {"a": np.array([-1.0, 4.0])})
    np.testing.assert_allclose(after["a"], [0.0, -0.2])


def test_numbers_follow_ieee_where_python_would_raise() -> None:
    @rule
    def edge(u, k):
        return u * (1.0 / (k - 1)) + 0.0 * u * (0.0 * k) ** -1.0

    after, _, _ = step(chain(edge(), RATE), {"a": np.zeros(1)}, {"a": np.ones(1)})
    assert not np.isfinite(after["a"]).any()


def test_the_mean_of_an_empty_tensor_is_not_an_error() -> None:
    """A layer may have no elements; others go on."""

    @rule
    def centered(u):
        return u - mean(u)

    params = {"empty": np.zeros((0, 3)), "full": np.zeros(2)}
    after, _, _ = step(chain(centered(), RATE), params, {"empty": np.zeros((0, 3)), "full": np.array([1.0, 3.0])})
    np.testing.assert_allclose(after["full"], [0.1, -0.1])
    assert after["empty"].shape == (0, 3)


def test_one_bare_array() -> None:
    made = adam(lr=0.1)
    p = np.array([1.0, 2.0])
    after, state, report = made.update(p, np.array([1.0, -1.0]), made.init(p))
    np.testing.assert_allclose(after, [0.9, 2.1])
    assert (state.step, report.step, report.applied) == (1, 1, True)
    np.testing.assert_array_equal(made.query(p, state), p)
    np.testing.assert_array_equal(made.answer(p, state), p)


def test_the_report() -> None:
    made = chain(clip_norm(max_norm=1.0), adam(lr=cosine(0.1, steps=10)))
    params = {"a": np.ones(4)}
    after, state, report = step(made, params, {"a": np.full(4, 2.0)})
    assert report.seen == {"clip_norm.norm": 4.0}
    assert report.finite is True
    assert report.hyperparameters["learning_rate.lr"] == 0.1
    _, _, report = made.update(after, {"a": np.full(4, 2.0)}, state)
    assert report.hyperparameters["learning_rate.lr"] == cosine(0.1, steps=10)(1)
    _, _, report = step(made, params, {"a": np.full(4, np.nan)})
    assert report.finite is False
    assert step(sgd(lr=0.1), params)[2].finite is None


def test_maximize_ascends_and_decays_weights_all_the_same() -> None:
    world = field(4, 5)
    up = sgd(lr=0.1, weight_decay=0.1)
    params = dict(world.start)
    state = up.init(params)
    expected = dict(world.start)
    for k in range(5):
        expected = {n: p - 0.1 * (-world.at(k, expected)[n] + 0.1 * p) for n, p in expected.items()}
        params, state, _ = up.update(params, world.at(k, params), state, maximize=True)
    assert_alike(params, expected, rtol=1e-12, atol=1e-14)
