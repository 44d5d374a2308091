"""Every public rule against its definition, against other libraries, and for every one of its hyperparameters."""

from __future__ import annotations

import inspect
import typing
from typing import Any, Literal, get_args, get_origin

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rule_case import Case, Peer
from rule_checks import check_changes, check_peer, check_reference, check_scale
from rule_contract import BY_NAME, CONTRACT, REQUIRED, base
from rule_field import assert_alike, field, walk

from steepest import rules
from steepest.core.schedule import Schedule
from steepest.formula import chain

PUBLIC = sorted(set(rules.__all__) - {"METHODS"})
SEEDS = st.integers(0, 2**31 - 1)
PEERS = [
    (case, peer, dtype)
    for case in CONTRACT
    for peer in case.peers
    for dtype in (("float64",) if peer.optax else ("float64", "float32"))
]
"""In float32 one library compiled by XLA rounds elsewhere than another, which tells nothing of a dialect."""
CHANGES = [(case, name, value) for case in CONTRACT for name, change in case.changes.items() for value in change.values]


def parameters(name: str) -> dict[str, Any]:
    """A public rule's hyperparameters with what each is annotated as."""
    public = getattr(rules, name)
    hints = typing.get_type_hints(getattr(public, "__wrapped__", public), include_extras=True)
    return {key: hints.get(key, float) for key in inspect.signature(public).parameters}


def test_every_public_rule_is_under_contract() -> None:
    assert sorted(BY_NAME) == PUBLIC
    assert len(BY_NAME) == len(CONTRACT)
    assert {method.__name__ for method in rules.METHODS.values()} <= BY_NAME.keys()


@pytest.mark.parametrize("name", PUBLIC)
def test_every_hyperparameter_is_under_contract(name: str) -> None:
    declared = parameters(name)
    case = BY_NAME[name]
    assert case.changes.keys() == declared.keys()
    assert declared.keys() <= case.drawn.keys()
    public = inspect.signature(getattr(rules, name)).parameters
    for key, hint in declared.items():
        tried = {*case.changes[key].values, *(value for name, value in case.same if name == key)}
        choices = {True, False} if hint is bool else set(get_args(hint)) if get_origin(hint) is Literal else set()
        assert choices <= tried | {public[key].default}, key


@pytest.mark.parametrize("case", CONTRACT, ids=lambda case: case.name)
def test_equals_the_sum_that_defines_it(case: Case) -> None:
    @given(settings=st.fixed_dictionaries(dict(case.drawn)), seed=SEEDS)
    def check(settings: dict[str, Any], seed: int) -> None:
        check_reference(case.make, case.reference, settings, seed)

    check()


@pytest.mark.parametrize("case", CONTRACT, ids=lambda case: case.name)
def test_equals_the_sum_at_every_change_of_one_hyperparameter(case: Case) -> None:
    """Drawn settings may leave out a choice, or the combination in which it counts."""
    public = inspect.signature(getattr(rules, case.name)).parameters
    defaults = {name: p.default for name, p in public.items() if p.default is not p.empty}
    usual = {**({"lr": 0.1} if "lr" in case.drawn else {}), **defaults, **REQUIRED.get(case.name, {})}
    for name, change in case.changes.items():
        for value in change.values:
            settings = {**usual, **change.given, name: value}
            if not any(isinstance(setting, Schedule) for setting in settings.values()):
                check_reference(case.make, case.reference, settings, seed=5)


@pytest.mark.parametrize(("case", "peer", "dtype"), PEERS, ids=[f"{c.name}={p.name}-{dtype}" for c, p, dtype in PEERS])
def test_equals_its_peer(case: Case, peer: Peer, dtype: str) -> None:
    check_peer(lambda **settings: base(case, **settings), peer, dtype)


@pytest.mark.parametrize(("case", "name", "value"), CHANGES, ids=[f"{c.name}.{n}={v}" for c, n, v in CHANGES])
def test_every_hyperparameter_changes_the_run(case: Case, name: str, value: object) -> None:
    given_too = case.changes[name].given
    check_changes(case.make, {**REQUIRED.get(case.name, {}), **given_too}, name, value)


@pytest.mark.parametrize("case", [c for c in CONTRACT if c.same], ids=lambda case: case.name)
def test_choices_that_are_the_same_by_mathematics(case: Case) -> None:
    world = field(7, 40)
    for name, value in case.same:
        given_too = case.changes[name].given
        one, other = base(case, **given_too), base(case, **given_too, **{name: value})
        assert_alike(walk(one, world).points, walk(other, world).points, rtol=0, atol=0)


@pytest.mark.parametrize("case", [c for c in CONTRACT if c.scale_free is not None], ids=lambda case: case.name)
def test_scaling_the_function_leaves_the_updates_alone(case: Case) -> None:
    left_out = {"initial", "weight_decay", "decay", "exempt", *case.scale_given}
    drawn = {k: v for k, v in case.drawn.items() if k not in left_out}

    @given(settings=st.fixed_dictionaries(drawn), c=st.floats(1e-3, 1e3), seed=SEEDS)
    def check(settings: dict[str, Any], c: float, seed: int) -> None:
        assert case.scale_free is not None
        check_scale(case.make, {**settings, **case.scale_given}, case.scale_free, c, seed)

    check()


@pytest.mark.parametrize("case", CONTRACT, ids=lambda case: case.name)
def test_coordinates_and_their_order_do_not_matter(case: Case) -> None:
    """Permuting every tensor's elements permutes the run."""
    world = field(3, 8, {"x": (6,), "y": (2, 3)})
    rng = np.random.default_rng(4)
    order = {name: rng.permutation(p.size) for name, p in world.start.items()}
    if case.by_row:
        order["y"] = np.array([3, 4, 5, 0, 1, 2])

    def permuted(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {name: a.reshape(-1)[order[name]].reshape(a.shape) for name, a in arrays.items()}

    other = type(world)(permuted(world.start), tuple(map(permuted, world.noise)), permuted(world.slope))
    rule = base(case)
    # Sums may be added in another order, so what is coupled is not equal to the bit.
    tolerance = 1e-12 if case.coupled or case.normed else 0.0
    assert_alike(permuted(walk(rule, world).answers), walk(rule, other).answers, rtol=tolerance, atol=0)


@pytest.mark.parametrize("case", [c for c in CONTRACT if not c.coupled], ids=lambda case: case.name)
def test_tensors_do_not_know_of_each_other(case: Case) -> None:
    world, rule = field(3, 8), base(case)
    together = walk(rule, world)
    for name in world.start:
        alone = type(world)(
            {name: world.start[name]}, tuple({name: noise[name]} for noise in world.noise), {name: world.slope[name]}
        )
        np.testing.assert_array_equal(walk(rule, alone).answers[name], together.answers[name])


@pytest.mark.parametrize("case", [c for c in CONTRACT if not (c.coupled or c.normed)], ids=lambda case: case.name)
def test_coordinates_do_not_know_of_each_other(case: Case) -> None:
    world, rule = field(3, 8, {"x": (4,)}), base(case)
    whole = walk(rule, world).answers["x"]
    for i in range(4):
        part = type(world)(
            {"x": world.start["x"][[i]]}, tuple({"x": n["x"][[i]]} for n in world.noise), {"x": world.slope["x"][[i]]}
        )
        np.testing.assert_array_equal(walk(rule, part).answers["x"], whole[[i]])


@given(lr=st.floats(0.01, 0.3), beta=st.floats(0, 0.95), seed=SEEDS)
def test_nesterov_in_both_parameterizations(lr: float, beta: float, seed: int) -> None:
    """The first one's p is the second one's p − β v, for constant lr."""
    world = field(seed, 12)
    sutskever = walk(rules.nesterov(lr=lr, beta=beta), world)
    look_ahead = rules.nesterov(lr=lr, beta=beta, form="lookahead")
    ended = walk(look_ahead, world)
    point = look_ahead.query(ended.points, ended.state)
    assert_alike(point, sutskever.points, rtol=1e-9, atol=1e-10)


@given(lr=st.floats(0.01, 0.3), beta=st.floats(0, 0.95), seed=SEEDS)
def test_momentum_as_an_average_is_momentum_with_a_shorter_step(lr: float, beta: float, seed: int) -> None:
    world = field(seed, 12)
    average = walk(rules.heavy_ball(lr=lr / (1 - beta), beta=beta, form="average"), world)
    assert_alike(average.points, walk(rules.heavy_ball(lr=lr, beta=beta), world).points, rtol=1e-9, atol=1e-10)


def test_momentum_forms_differ_where_the_learning_rate_varies() -> None:
    from steepest.schedules import cosine

    world = field(5, 12)
    accumulate, velocity = (
        walk(rules.heavy_ball(lr=cosine(0.1, steps=12), form=form), world) for form in ("accumulate", "velocity")
    )
    assert np.max(np.abs(accumulate.points["weight"] - velocity.points["weight"])) > 1e-3


def test_the_position_of_weight_decay_decides() -> None:
    world = field(5, 12)
    named = {
        place: walk(rules.adamw(lr=0.1, weight_decay=0.2, decay=place), world).points
        for place in ("l2", "lr", "independent")
    }
    scaling, rate = rules.scale_by_adam(), rules.learning_rate(lr=0.1)
    decay = rules.decay_weights(weight_decay=0.2)
    chains = {
        "l2": chain(decay, scaling, rate),
        "lr": chain(scaling, decay, rate),
        "independent": chain(scaling, rate, decay),
    }
    for place, rule in chains.items():
        assert_alike(walk(rule, world).points, named[place], rtol=0, atol=0)
