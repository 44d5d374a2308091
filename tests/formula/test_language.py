"""The rule language: what it can say, and the one line that each mistake gets."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any, Literal

import example_rules as examples
import numpy as np
import pytest
from rule_field import assert_alike, field, walk

from steepest.core.errors import FormulaError, HyperparameterError, InputError, InputTypeError
from steepest.formula import (
    Count,
    Formula,
    Natural,
    Positive,
    Rule,
    Slot,
    Unit,
    chain,
    mean,
    ndim,
    norm,
    random,
    rule,
    size,
    sqrt,
    total,
    where,
)
from steepest.rules import (
    adam,
    adamw,
    average,
    clip_norm,
    clip_value,
    heavy_ball,
    learning_rate,
    lookahead_momentum,
    momentum,
    nesterov,
    rmsprop,
    scale_by_adam,
    scale_by_lion,
    sgd,
)
from steepest.schedules import constant, cosine

RATE = learning_rate(lr=0.1)


def step(rule: Rule, params: Any = None, grads: Any = None, **options: Any) -> Any:
    params = {"a": np.ones((2, 3)), "b": np.zeros(2)} if params is None else params
    grads = {name: np.full(p.shape, 0.5) for name, p in params.items()} if grads is None else grads
    return rule.update(params, grads, rule.init(params), **options)


# Branching.

BRANCHES: dict[str, Callable[[Any], Any]] = {
    "if": lambda u: u if u > 0 else -u,
    "and": lambda u: (u > 0) and u,
    "not": lambda u: u if not (norm(u) > 1) else 2 * u,
    "min": lambda u: min(u, 1.0),
    "max": lambda u: max(u, 0.0),
    "float": lambda u: u * float(norm(u)),
    "chained comparison": lambda u: 0.0 * u if -1 < u < 1 else u,
}


@pytest.mark.parametrize("name", BRANCHES)
def test_branching_on_a_value_is_refused_when_traced(name: str) -> None:
    with pytest.raises(FormulaError, match=r"cannot branch on a value .*use where\(condition, a, b\)"):
        rule(BRANCHES[name])().graph()


@pytest.mark.parametrize("name", BRANCHES)
def test_branching_on_a_value_is_refused_when_run(name: str) -> None:
    """On real arrays too: Python would take every bundle for true, and the run would be silently wrong."""
    with pytest.raises(FormulaError, match=r"cannot branch on a value .*use where\(condition, a, b\)"):
        step(rule(BRANCHES[name])())


def test_a_formula_is_elementwise_and_pure() -> None:
    with pytest.raises(FormulaError, match="no elements to iterate over"):
        rule(lambda u: sum(x for x in u))().graph()
    with pytest.raises(FormulaError, match="arguments and numbers, got ndarray"):
        rule(lambda u: u * np.ones(2))().graph()
    with pytest.raises(FormulaError, match="arguments and numbers, got str"):
        rule(lambda u: u + "1")().graph()
    kept = []

    def keeps(u):
        kept.append(u)
        return u + kept[0]

    remembering = rule(keeps)()
    remembering.graph()
    with pytest.raises(FormulaError, match="kept from an earlier call"):
        remembering.graph()


def test_reductions_and_random_numbers_say_what_they_take() -> None:
    with pytest.raises(FormulaError, match="norm: over must be 'tensor' or 'model', got 'layer'"):
        rule(lambda u: u / norm(u, over="layer"))().graph()  # type: ignore[arg-type]
    with pytest.raises(FormulaError, match="norm: reduces tensors, got float"):
        norm(1.0)
    with pytest.raises(FormulaError, match="ndim: needs a tensor, got float"):
        ndim(1.0)
    with pytest.raises(FormulaError, match="random: x must be a tensor-shaped value inside a rule"):
        random(1.0)
    with pytest.raises(FormulaError, match=r"random: kind must be one of .*, got 'cauchy'"):
        step(rule(lambda u: random(u, "cauchy"))())  # type: ignore[arg-type]


# What a signature may be.


def refused(match: str, body: Callable[..., object], **options: Any) -> None:
    body.__name__ = "mine"
    with pytest.raises(FormulaError, match=match):
        rule(**options)(body)


def test_signatures_that_are_refused() -> None:
    refused(r"mine: positional arguments must be of \['u', 'p', 'k', 't', 'm'\], got \['q'\]", lambda u, m, q: u,
            slots=("m",))  # fmt: skip
    refused("positional arguments must be of", lambda u, m: (u, m))
    refused(r"mine: declares \['m'\] but does not take it", lambda u: u, slots=("m",))
    refused(r"mine: declares \['value'\] but does not take it", lambda u: u, needs=("value",))
    refused(r"mine: needs must be of \['value', 'hessian_diagonal'\], got \['loss'\]", lambda u, loss: u,
            needs=("loss",))  # fmt: skip
    refused("mine: a rule takes named arguments only", lambda *args: args[0])
    refused("mine: a rule takes named arguments only", lambda u, **rest: u)
    refused("names of their own", lambda u: u, slots=("u",))
    refused("names of their own", lambda u, m: u, slots=("m", "m"))
    with pytest.raises(FormulaError, match="slot: name must be an identifier, got 'my slot'"):
        Slot("my slot")
    with pytest.raises(FormulaError, match="slot s: like must be 'param', 'tensor', 'model' or a function"):
        Slot("s", like="layer")  # type: ignore[arg-type]
    for like, init in (("tensor", "p"), ("model", "first"), ("param", "eye")):
        with pytest.raises(FormulaError, match=f"slot s: init '{init}' does not fit like='{like}'"):
            Slot("s", like=like, init=init)  # type: ignore[arg-type]


def test_annotations_that_are_refused() -> None:
    def text(u, *, beta: str = "x"):
        return u

    def two(u, *, beta: int | str = 1):
        return u

    for body in (text, two):
        with pytest.raises(FormulaError, match="beta must be annotated as a number with a range, bool, Literal or Rul"):
            rule(body)


def test_a_whole_number_literal_is_static() -> None:
    """Literal arguments are fixed choices of any kind, whole numbers too."""

    @rule
    def power(u, *, order: Literal[1, 2] = 1):
        return u * u if order == 2 else u

    with pytest.raises(InputTypeError, match="order must be 1 or 2"):
        power(order=3)
    assert not power().hyperparameters()
    power(order=2).graph()
    after, _, _ = step(chain(power(order=2), RATE))
    np.testing.assert_allclose(after["b"], -0.025, rtol=1e-15)


def test_query_and_answer_arguments_are_checked() -> None:
    formula = rule(slots=("m",))(lambda u, m: (u, m))
    with pytest.raises(FormulaError, match=r"arguments of its query must be of .*got \['u'\]"):
        formula.query(lambda u: u)
    with pytest.raises(FormulaError, match=r"arguments of its answer must be of .*got \['g'\]"):
        formula.answer(lambda p, g: p)


@pytest.mark.parametrize(
    "body",
    [lambda u, m: u, lambda u, m: (u,), lambda u, m: (u, m, m), lambda u, m: None, lambda u, m: [u, m]],
    ids=["alone", "one", "three", "none", "list"],
)
def test_the_wrong_number_of_results(body: Callable[..., object]) -> None:
    body.__name__ = "mine"
    made = rule(slots=("m",))(body)()
    for run in (made.graph, lambda: step(made)):
        with pytest.raises(FormulaError, match=r"mine: a rule with slots returns \(u, m\), got"):
            run()


@pytest.mark.parametrize("body", [lambda u: (u, u), lambda u: None], ids=["two", "none"])
def test_the_wrong_number_of_results_without_slots(body: Callable[..., object]) -> None:
    body.__name__ = "mine"
    made = chain(rule(body)(), RATE)
    for run in (made.graph, lambda: step(made)):
        with pytest.raises(FormulaError):
            run()


def test_a_slot_gets_a_value_of_its_kind() -> None:
    """One number for the model cannot be one a tensor, nor a number of a tensor a whole array."""

    @rule(slots=(Slot("d", like="model"),))
    def forgets_over(u, d):
        return u, norm(u)

    @rule(slots=(Slot("d", like="tensor"),))
    def forgets_to_reduce(u, d):
        return u, u * u

    for made, path in ((forgets_over(), "forgets_over.d"), (forgets_to_reduce(), "forgets_to_reduce.d")):
        with pytest.raises(FormulaError, match=path):
            step(chain(made, RATE))


def test_an_unknown_dtype_is_refused_where_it_is_written() -> None:
    with pytest.raises(FormulaError, match="dtype"):
        Slot("m", dtype="float99")


# Hyperparameters.


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: adam(beta1=1.0), "adam: beta1 must be in [0, 1), got 1.0"),
        (lambda: adam(eps=0.0), "adam: eps must be in (0, inf), got 0.0"),
        (lambda: sgd(lr=0.0), "sgd: lr must be in (0, inf), got 0.0"),
        (lambda: sgd(lr=-1), "sgd: lr must be in (0, inf), got -1"),
        (lambda: sgd(lr=float("nan")), "sgd: lr must be in (0, inf), got nan"),
        (lambda: sgd(lr=float("inf")), "sgd: lr must be in (0, inf), got inf"),
        (lambda: sgd(lr=True), "sgd: lr must be in (0, inf), got True"),
        (lambda: sgd(lr="0.1"), "sgd: lr must be in (0, inf), got '0.1'"),  # type: ignore[arg-type]
        (lambda: adamw(weight_decay=-0.1), "adamw: weight_decay must be in [0, inf), got -0.1"),
        (lambda: rmsprop(momentum=1.0), "rmsprop: momentum must be in [0, 1), got 1.0"),
        (lambda: heavy_ball(0.1, beta=1.0), "heavy_ball: beta must be in [0, 1), got 1.0"),
        (lambda: clip_norm(max_norm=0.0), "clip_norm: max_norm must be in (0, inf), got 0.0"),
        (lambda: momentum(dampening=1.5), "momentum: dampening must be in [0, 1], got 1.5"),
        (lambda: examples.slow_weights(every=0), "slow_weights: every must be a whole number in [1, inf), got 0"),
        (lambda: examples.slow_weights(every=2.5), "slow_weights: every must be a whole number in [1, inf), got 2.5"),
    ],
)
def test_out_of_range(make: Callable[[], Rule], message: str) -> None:
    with pytest.raises(HyperparameterError) as caught:
        make()
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: scale_by_adam(beta3=0.9), "scale_by_adam: unknown hyperparameter 'beta3'; did you mean beta"),
        (lambda: scale_by_adam(epsilon=1e-8), "did you mean eps"),
        (lambda: clip_norm(), "clip_norm: max_norm must be given, in (0, inf)"),
        (lambda: scale_by_adam(amsgrad=constant(1.0)), "amsgrad must be True or False, a fixed choice, got constant("),
        (lambda: scale_by_adam(amsgrad=1), "scale_by_adam: amsgrad must be True or False, a fixed choice, got 1"),
        (
            lambda: clip_norm(max_norm=1.0, over="layer"),
            "over must be 'model' or 'tensor', a fixed choice, got 'layer'",
        ),
        (lambda: examples.switch(first=0.1, second=RATE), "switch: first must be a rule, got 0.1"),
        (lambda: chain(), "chain: needs at least one rule, got none"),
        (lambda: chain(scale_by_adam, RATE), "call it with its settings first"),
    ],
)
def test_settings_of_the_wrong_kind(make: Callable[[], Rule], message: str) -> None:
    with pytest.raises(InputTypeError) as caught:
        make()
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: adam(decay="late"), "decay must be 'l2', 'lr' or 'independent', got 'late'"),
        (lambda: heavy_ball(0.1, form="polyak"), "heavy_ball: form must be 'accumulate', 'velocity' or 'average'"),
        (lambda: nesterov(0.1, form="polyak"), "nesterov: form must be 'sutskever' or 'lookahead', got 'polyak'"),
        (lambda: rmsprop(eps_position="above"), "rmsprop: eps_position must be 'outside' or 'inside', got 'above'"),
    ],
)
def test_unknown_forms(make: Callable[[], Rule], message: str) -> None:
    with pytest.raises(InputError) as caught:
        make()
    assert message in str(caught.value)


def test_chains_that_are_refused() -> None:
    with pytest.raises(FormulaError, match=r"got learning_rate twice; rename one: learning_rate\(…\).named\('other'\)"):
        chain(RATE, RATE)
    chain(RATE, RATE.named("again"))
    with pytest.raises(FormulaError, match="clip_value comes after a rule that must be last"):
        chain(RATE, average(), clip_value(max_value=1.0))
    with pytest.raises(FormulaError, match="one rule may define the query point, got lookahead_momentum and ascend"):
        chain(RATE, lookahead_momentum(), examples.ascend())
    with pytest.raises(FormulaError, match="lookahead_momentum has a query or answer point"):
        examples.switch(first=lookahead_momentum(), second=RATE)
    with pytest.raises(FormulaError, match="named: name must be an identifier, got 'a b'"):
        RATE.named("a b")


def test_chains_are_flat() -> None:
    inner = chain(clip_norm(max_norm=1.0), scale_by_adam())
    assert chain(inner, RATE) == chain(clip_norm(max_norm=1.0), scale_by_adam(), RATE)
    assert chain(chain(chain(RATE))) == chain(RATE)


def test_a_scheduled_value_out_of_range_is_refused_before_anything_changes() -> None:
    fallen = sgd(lr=cosine(0.1, steps=4, final=-0.1))
    params, grads = {"a": np.ones(2)}, {"a": np.ones(2)}
    state = fallen.init(params)
    for _ in range(3):
        params, state, _ = fallen.update(params, grads, state)
    before = params["a"].copy()
    with pytest.raises(HyperparameterError, match=r"learning_rate: lr must be in \[0, inf\) at every step of its sche"):
        fallen.update(params, grads, state)
    np.testing.assert_array_equal(params["a"], before)
    assert state.step == 3
    step(sgd(lr=constant(0.0)))  # a schedule may reach 0, a number may not


def test_update_checks_what_it_is_given() -> None:
    made = adam(lr=0.1)
    params = {"a": np.ones((2, 3))}
    state = made.init(params)
    with pytest.raises(InputError, match="gradients must have the names of params, got 'c'"):
        made.update(params, {"c": np.ones((2, 3))}, state)
    with pytest.raises(InputError, match=r"the gradient of a must have shape \(2, 3\), got \(3, 2\)"):
        made.update(params, {"a": np.ones((3, 2))}, state)
    with pytest.raises(InputError, match=r"b is not in the state, which was made for \['a'\]"):
        made.update({"b": np.ones(2)}, {}, state)
    with pytest.raises(InputError, match="nonfinite must be 'apply', 'skip' or 'raise', got 'ignore'"):
        made.update(params, {}, state, nonfinite="ignore")
    with pytest.raises(InputTypeError, match="update: no argument 'hessian'"):
        made.update(params, {}, state, hessian=1.0)
    with pytest.raises(InputError, match="params must hold at least one array"):
        made.init({})
    for wrong in (np.ones(2, dtype=np.int64), np.ones(2, dtype=np.complex128), [1.0]):
        with pytest.raises(InputTypeError, match="a must be an array of real floating numbers"):
            made.init({"a": wrong})  # type: ignore[dict-item]


# What the language can say.


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


RULES: tuple[Callable[[], Rule], ...] = (
    lambda: adamw(lr=cosine(0.1, steps=9), weight_decay=0.1),
    lambda: chain(clip_norm(max_norm=1.0), heavy_ball(lr=0.1), average(beta=0.5)),
    lambda: chain(examples.switch(first=scale_by_adam(), second=scale_by_lion()), RATE),
    lambda: chain(examples.factored(), RATE),
)


@pytest.mark.parametrize("make", RULES, ids=["adamw", "chain", "inner", "shaped"])
def test_rules_pickle_and_copy(make: Callable[[], Rule]) -> None:
    """Before and after they were used."""
    made = make()
    for _ in range(2):
        for again in (pickle.loads(pickle.dumps(made)), copy.deepcopy(made)):
            assert again == made
            assert again.fingerprint() == made.fingerprint()
            assert again.text == made.text
        made.init({"a": np.zeros((2, 2))})
        made.values(0)


def test_texts_are_canonical() -> None:
    made = adamw(lr=0.1)
    assert repr(made).startswith("adamw(lr=0.1, beta1=0.9")
    assert made.text.startswith("chain(scale_by_adam(beta1=0.9, beta2=0.999, eps=1e-08, amsgrad=False), decay_weights(")
    assert made.name == "adamw"
    assert chain(made).text == made.text.removesuffix(".named('adamw')")
    assert scale_by_adam().named("mine").text.endswith(".named('mine')")
    assert set(scale_by_adam().named("mine").slots()) == {"mine.m", "mine.v"}


def test_length_and_facts() -> None:
    assert adam(lr=0.1).length is None
    assert adam(lr=cosine(0.1, steps=9), beta1=cosine(0.9, steps=7)).length == 7
    facts = heavy_ball(lr=0.1, beta=0.8).facts
    assert (facts.family, facts.step, facts.momentum, facts.schedule) == ("heavy_ball", 0.1, 0.8, None)
    assert adam(lr=cosine(0.1, steps=9)).facts.schedule == "cosine(peak=0.1, steps=9, final=0.0)"


def test_a_formula_shows_its_signature() -> None:
    assert isinstance(scale_by_adam, Formula)
    assert "beta1" in repr(scale_by_adam)
    assert scale_by_adam.__doc__ and "Adam" in scale_by_adam.__doc__
    assert [slot.name for slot in scale_by_adam.slots] == ["m", "v", "v_max"]


def test_ranges_are_annotations() -> None:
    @rule
    def ranged(u, *, a: Unit = 0.0, b: Positive = 1.0, c: Count = 1, d: Natural = 0, e: float = -5.0, f: int = 3):
        return u

    assert str(ranged.hyperparameters["a"].range) == "[0, 1)"
    assert ranged(e=-1e9, f=-2, d=0).values(0)["ranged.f"] == -2
    with pytest.raises(HyperparameterError, match=r"ranged: f must be a whole number in \(-inf, inf\), got 0.5"):
        ranged(f=0.5)
