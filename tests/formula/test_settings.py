"""Hyperparameters, chains and inputs: what is refused, and what a rule says of itself."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable

import example_rules as examples
import numpy as np
import pytest
from one_step import RATE, step

from steepest.core.errors import FormulaError, HyperparameterError, InputError, InputTypeError
from steepest.formula import (
    Count,
    Formula,
    Natural,
    Positive,
    Rule,
    Unit,
    chain,
    rule,
)
from steepest.rules import (
    adam,
    adamw,
    average,
    clip_norm,
    clip_value,
    heavy_ball,
    lookahead_momentum,
    momentum,
    nesterov,
    rmsprop,
    scale_by_adam,
    scale_by_lion,
    sgd,
)
from steepest.schedules import constant, cosine


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
