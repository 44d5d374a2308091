"""The eager engine: a rule on live tensors, driven by an oracle that counts."""

from __future__ import annotations

import copy
import math
from typing import Any

import example_rules as examples
import numpy as np
import pytest
import torch
from rule_field import Field, assert_alike, field, in_numpy, in_torch, walk

from steepest.core.arrays import to_numpy
from steepest.core.errors import HyperparameterError, InputError, InputTypeError, NonfiniteError
from steepest.core.oracle import Evaluation, Objective, Oracle
from steepest.core.stepper import Stepper
from steepest.engines import RuleStepper
from steepest.formula import Rule, chain
from steepest.rules import adam, adamw, average, clip_norm, heavy_ball, learning_rate, nesterov, scale_by_adam, sgd
from steepest.schedules import cosine


class Live(Objective):
    """A field's gradients as an objective over tensors that change in place."""

    def __init__(self, world: Field, convert: Any, frozen: tuple[str, ...] = ()) -> None:
        self.world, self.convert, self.frozen, self.step = world, convert, frozen, 0
        self.live = {name: convert(p) for name, p in world.start.items()}
        self.asked: list[dict[str, np.ndarray]] = []
        self.poison: set[int] = set()

    @property
    def tensors(self) -> Any:
        return self.live

    @property
    def samples(self) -> int:
        return 5

    def value_and_gradient(self) -> Evaluation:
        at = {name: to_numpy(p).copy() for name, p in self.live.items()}
        self.asked.append(at)
        grads = {n: self.convert(g) for n, g in self.world.at(self.step, at).items() if n not in self.frozen}
        if len(self.asked) in self.poison:
            grads["weight"][0, 0] = math.nan
        return Evaluation(sum(float((p**2).sum()) for p in at.values()), grads)

    def advance(self) -> None:
        self.step += 1


LIBRARIES = {"numpy": in_numpy(), "torch": in_torch()}
RULES: dict[str, Rule] = {
    "adamw": adamw(lr=0.1),
    "clip": chain(clip_norm(max_norm=1.0), heavy_ball(lr=cosine(0.1, steps=20))),
    "average": chain(adam(lr=0.1), average(beta=0.5)),
    "look-ahead": nesterov(lr=0.1, form="lookahead"),
    "sam": chain(examples.ascend(), sgd(lr=0.1)),
    "model": chain(examples.d_adaptation(), learning_rate(lr=1.0)),
    "value": chain(examples.polyak_step(eps=1.0)),
}
each_library = pytest.mark.parametrize("library", LIBRARIES)


def go(stepper: RuleStepper, live: Live, steps: int) -> list[Any]:
    oracle, reports = Oracle(live), []
    for _ in range(steps):
        reports.append(stepper.step(oracle))
        live.advance()
    return reports


@each_library
@pytest.mark.parametrize("name", ["adamw", "clip", "average", "look-ahead", "model"])
def test_equals_the_pure_interface_to_the_bit(name: str, library: str) -> None:
    world = field(3, 8)
    live = Live(world, LIBRARIES[library])
    held = dict(live.live)
    stepper = RuleStepper(RULES[name], live.live, engine="eager")
    assert isinstance(stepper, Stepper)
    reports = go(stepper, live, 8)
    pure = walk(RULES[name], world, library=LIBRARIES[library])
    assert_alike(stepper.points, pure.points, rtol=0, atol=0)
    with stepper.evaluating():
        assert_alike(live.live, pure.answers, rtol=0, atol=0)
    assert all(live.live[n] is held[n] for n in held), "the tensors themselves are changed, not replaced"
    assert [r.step for r in reports] == list(range(1, 9))
    assert stepper.state.step == 8


@each_library
def test_a_value_reaches_the_rule_that_needs_it(library: str) -> None:
    world = field(3, 5)
    live = Live(world, LIBRARIES[library])
    reports = go(RuleStepper(RULES["value"], live.live), live, 5)
    pure = walk(RULES["value"], world, value=lambda at: sum(float((p**2).sum()) for p in at.values()))
    assert_alike(live.live, pure.points, rtol=1e-13, atol=1e-14)
    assert [r.value for r in reports] == [sum(float((p**2).sum()) for p in at.values()) for at in live.asked]


@each_library
def test_two_gradients_a_step_are_asked_for_and_counted(library: str) -> None:
    world = field(3, 4)
    live = Live(world, LIBRARIES[library])
    stepper = RuleStepper(RULES["sam"], live.live)
    oracle = Oracle(live)
    p = dict(world.start)
    for k in range(4):
        stepper.step(oracle)
        live.advance()
        g = world.at(k, p)
        norm = math.sqrt(sum(float((x**2).sum()) for x in g.values()))
        above = {n: x + 0.05 * g[n] / norm for n, x in p.items()}
        assert_alike(live.asked[2 * k], p, rtol=1e-12, atol=1e-14)
        assert_alike(live.asked[2 * k + 1], above, rtol=1e-12, atol=1e-14)
        p = {n: x - 0.1 * world.at(k, above)[n] for n, x in p.items()}
    assert_alike(live.live, p, rtol=1e-12, atol=1e-14)
    assert oracle.calls.to_dict() == {"value": 0, "gradient": 8, "samples": 40, "hessian_vector": 0}


def test_between_steps_the_tensors_hold_the_query_point() -> None:
    world = field(3, 6)
    live = Live(world, in_numpy())
    stepper = RuleStepper(RULES["look-ahead"], live.live)
    go(stepper, live, 3)
    expected = RULES["look-ahead"].query(dict(stepper.points), stepper.state)
    assert_alike(live.live, expected, rtol=0, atol=0)
    before = copy.deepcopy(live.live)
    with pytest.raises(KeyError), stepper.evaluating():
        assert_alike(live.live, stepper.points, rtol=0, atol=0)
        raise KeyError
    assert_alike(live.live, before, rtol=0, atol=0)


@each_library
@pytest.mark.parametrize("policy", ["skip", "raise"])
@pytest.mark.parametrize("name", RULES)
def test_a_nonfinite_gradient_leaves_everything_untouched(name: str, policy: Any, library: str) -> None:
    world = field(3, 8)
    live = Live(world, LIBRARIES[library])
    stepper = RuleStepper(RULES[name], live.live, nonfinite=policy)
    oracle = Oracle(live)
    for _ in range(3):
        stepper.step(oracle)
    before = {n: to_numpy(p).copy() for n, p in live.live.items()}
    state = stepper.state
    asks = 2 if stepper.asks_twice else 1
    for which in range(1, asks + 1):
        live.poison = {len(live.asked) + which}
        if policy == "raise":
            with pytest.raises(NonfiniteError, match="weight is not finite at step 4"):
                stepper.step(oracle)
        else:
            report = stepper.step(oracle)
            assert (report.applied, report.finite, report.step) == (False, False, 3)
        assert_alike(live.live, before, rtol=0, atol=0)
        assert stepper.state.step == 3
        for path, tensors in state.slots.items():
            assert_alike(stepper.state.slots[path], tensors, rtol=0, atol=0)


def test_a_bad_schedule_leaves_everything_untouched() -> None:
    world = field(3, 8)
    for rule in (sgd(lr=cosine(0.1, steps=4, final=-0.1)),
                 nesterov(lr=0.1, beta=cosine(0.9, steps=4, final=-0.9), form="lookahead")):  # fmt: skip
        live = Live(world, in_numpy())
        stepper = RuleStepper(rule, live.live)
        oracle = Oracle(live)
        for _ in range(3):
            stepper.step(oracle)
        before = copy.deepcopy(live.live)
        with pytest.raises(HyperparameterError):
            stepper.step(oracle)
        assert_alike(live.live, before, rtol=0, atol=0)
        assert stepper.state.step == 3


@pytest.mark.parametrize("name", ["adamw", "average", "look-ahead"])
def test_restart_goes_on_to_the_same_bits(name: str) -> None:
    world = field(3, 10)
    whole = Live(world, in_numpy())
    one = RuleStepper(RULES[name], whole.live)
    go(one, whole, 10)
    half = Live(world, in_numpy())
    first = RuleStepper(RULES[name], half.live)
    go(first, half, 4)
    resumed = Live(world, lambda a: np.array(a))
    resumed.step = 4
    for n, p in first.points.items():
        resumed.live[n][...] = p
    second = RuleStepper(RULES[name], resumed.live)
    second.restart(first.state, {n: p.copy() for n, p in first.points.items()})
    go(second, resumed, 6)
    assert_alike(second.points, one.points, rtol=0, atol=0)
    assert_alike(resumed.live, whole.live, rtol=0, atol=0)


def test_groups_have_rows_of_their_own() -> None:
    """A hyperparameter may have one number a tensor."""
    world = field(3, 5)
    rates = {"weight": 0.1, "bias": 0.01, "gain": 0.3}
    live = Live(world, in_numpy())
    rule = adam(lr=1.0)
    stepper = RuleStepper(rule, live.live, values=lambda clock: {**rule.values(clock), "learning_rate.lr": rates})
    go(stepper, live, 5)
    for name, rate in rates.items():
        alone = Field({name: world.start[name]}, tuple({name: n[name]} for n in world.noise), {name: world.slope[name]})
        np.testing.assert_array_equal(live.live[name], walk(adam(lr=rate), alone).points[name])


def test_a_frozen_tensor_does_not_change() -> None:
    world = field(3, 5)
    live = Live(world, in_numpy(), frozen=("bias",))
    stepper = RuleStepper(RULES["adamw"], live.live)
    go(stepper, live, 3)
    np.testing.assert_array_equal(live.live["bias"], world.start["bias"])
    live.frozen = ()
    go(stepper, live, 2)
    assert stepper.state.ages == {"weight": 5, "bias": 2, "gain": 5}


def test_maximizing_is_minimizing_the_negative() -> None:
    world = field(3, 6)
    for name in ("adamw", "look-ahead", "sam"):
        if name == "adamw":
            rule = adam(lr=0.1)
        else:
            rule = RULES[name]
        up, down = Live(world.scaled(-1.0), in_numpy()), Live(world, in_numpy())
        go(RuleStepper(rule, up.live, maximize=True), up, 6)
        go(RuleStepper(rule, down.live), down, 6)
        assert_alike(up.live, down.live, rtol=0, atol=0)


def test_parameters_that_want_gradients() -> None:
    world = field(3, 5)
    live = Live(world, in_torch())
    live.live = {n: torch.nn.Parameter(p) for n, p in live.live.items()}

    def plain(self: Live = live) -> Evaluation:
        at = {n: p.detach().numpy().copy() for n, p in self.live.items()}
        return Evaluation(0.0, {n: torch.tensor(g) for n, g in self.world.at(self.step, at).items()})

    live.value_and_gradient = plain  # type: ignore[method-assign]
    go(RuleStepper(RULES["average"], live.live), live, 5)
    assert all(p.requires_grad and p.is_leaf for p in live.live.values())
    assert_alike(live.live, walk(RULES["average"], world).points, rtol=1e-13, atol=1e-14)


def test_random_numbers_are_of_the_seed() -> None:
    world, rule = field(3, 4), chain(examples.noise(), learning_rate(lr=0.1))
    ends = []
    for seed in (5, 6):
        live = Live(world, in_numpy())
        go(RuleStepper(rule, live.live, seed=seed), live, 4)
        assert_alike(live.live, walk(rule, world, seed=seed).points, rtol=0, atol=0)
        ends.append(live.live["weight"])
    assert not np.array_equal(*ends)


def test_what_is_refused() -> None:
    with pytest.raises(InputError, match=r"no rule in the chain sets the step; add learning_rate\(lr=…\)"):
        RuleStepper(scale_by_adam(), {"a": np.ones(2)})
    with pytest.raises(InputError, match="params must hold at least one array"):
        RuleStepper(adam(), {})
    with pytest.raises(InputError, match="nonfinite must be"):
        RuleStepper(adam(), {"a": np.ones(2)}, nonfinite="ignore")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="engine must be 'auto', 'eager', 'cpu' or 'cuda', got 'gpu'"):
        RuleStepper(adam(), {"a": np.ones(2)}, engine="gpu")  # type: ignore[arg-type]


def test_arrays_that_cannot_be_changed_in_place_are_refused() -> None:
    import jax.numpy as jnp

    with pytest.raises(InputTypeError, match=r"sgd: a must be changeable in place, got ArrayImpl; use rule\.update"):
        RuleStepper(sgd(lr=0.1), {"a": jnp.ones(2)})
