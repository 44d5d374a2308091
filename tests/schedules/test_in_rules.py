"""Schedules inside rules: when they are read, for every hyperparameter, and that a run resumes exactly."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from rule_contract import CONTRACT, REQUIRED, Case, base
from rule_field import assert_alike, field, in_numpy, needed, walk

from steepest.core.errors import HyperparameterError
from steepest.core.schedule import Schedule
from steepest.formula import Rule
from steepest.rules import adamw, heavy_ball, sgd
from steepest.schedules import constant, cosine, one_cycle, step_decay, warmup_cosine


def test_the_first_update_reads_the_schedule_at_zero() -> None:
    """t counts from 1 and a schedule is read at t − 1."""
    seen: list[int] = []

    @dataclasses.dataclass(frozen=True)
    class Spy(Schedule):
        def __call__(self, step: int) -> float:
            seen.append(step)
            return 0.1 + step

        @property
        def length(self) -> None:
            return None

    made = sgd(lr=Spy())
    p = np.zeros(1)
    state = made.init(p)
    for expected in (0.1, 1.1, 2.1):
        before = p
        p, state, report = made.update(p, np.ones(1), state)
        assert report.hyperparameters["learning_rate.lr"] == expected
        np.testing.assert_allclose(before - p, expected, rtol=1e-12)
    assert seen == [0, 1, 2]


def test_a_skipped_step_does_not_advance_the_schedule() -> None:
    made = sgd(lr=step_decay(1.0, every=1, factor=0.5))
    p = np.zeros(1)
    state = made.init(p)
    p, state, _ = made.update(p, np.ones(1), state)
    p, state, _ = made.update(p, np.array([math.nan]), state, nonfinite="skip")
    p, state, report = made.update(p, np.ones(1), state)
    assert report.hyperparameters["learning_rate.lr"] == 0.5
    np.testing.assert_array_equal(p, -1.5)


SHAPING = {"block_size", "max_dim"}
"""Numbers that decide the shapes of the state: they cannot follow a schedule."""


def _own(case: Case, path: str) -> bool:
    """Whether the case takes this hyperparameter by its name: heavy_ball, say, fixes momentum's dampening."""
    name = path.rpartition(".")[2]
    return name not in SHAPING and (name in case.changes or (name == "lr" and "lr" in case.drawn))


SCHEDULED = [(case, path) for case in CONTRACT for path in base(case).hyperparameters() if _own(case, path)]


@pytest.mark.parametrize(("case", "path"), SCHEDULED, ids=[f"{case.name}.{path}" for case, path in SCHEDULED])
def test_a_schedule_is_running_with_numbers_changed_at_every_step(case: Case, path: str) -> None:
    """For every hyperparameter that is a number: update k of the scheduled rule is one of a rule with s(k − 1)."""
    name = path.rpartition(".")[2]
    settings = dict(REQUIRED.get(case.name, {}))
    fixed = base(case, **settings).hyperparameters()[path]
    assert isinstance(fixed, int | float)
    whole = isinstance(fixed, int)
    accepted = dict(base(case, **settings).links())[path.rpartition(".")[0]].formula.hyperparameters[name].range
    high = max(fixed, 0.01)
    ends = (fixed, fixed + 4) if whole else (high, high * 0.4 if high * 0.4 in accepted else high * 1.4)
    schedule = step_decay(ends[0], every=10**6) if whole else cosine(ends[0], steps=12, final=ends[1])
    world = field(8, 10)
    ours = walk(case.make(**{**settings, name: schedule}), world)
    params = dict(world.start)
    state = case.make(**settings).init(params)
    for k in range(10):
        stepped: Rule = case.make(**{**settings, name: schedule(k)})
        grads = world.at(k, stepped.query(params, state, world.at(k, params)))
        asked = needed(stepped, world, k, params, in_numpy())
        params, state, _ = stepped.update(params, grads, state, **asked)
    assert_alike(ours.points, params, rtol=0, atol=0)
    assert_alike(ours.answers, stepped.answer(params, state), rtol=0, atol=0)


def test_several_schedules_at_once() -> None:
    world = field(8, 12)
    made = adamw(
        lr=warmup_cosine(0.1, steps=12, warmup=3), beta1=cosine(0.9, steps=12, final=0.5), eps=constant(1e-3),
        weight_decay=step_decay(0.1, every=4),
    )  # fmt: skip
    assert made.length == 12
    params = dict(world.start)
    state = adamw().init(params)
    for k in range(12):
        numbers = made.values(k)
        stepped = adamw(lr=numbers["learning_rate.lr"], beta1=numbers["scale_by_adam.beta1"], eps=1e-3,
                        weight_decay=numbers["decay_weights.weight_decay"])  # fmt: skip
        params, state, _ = stepped.update(params, world.at(k, params), state)
    assert_alike(walk(made, world).points, params, rtol=0, atol=0)


def test_a_scheduled_value_is_checked_against_its_own_range() -> None:
    with pytest.raises(HyperparameterError, match=r"momentum: beta must be in \[0, 1\) at every step.*got 1.0"):
        walk(heavy_ball(lr=0.1, beta=constant(1.0)), field(0, 1))
    walk(sgd(lr=constant(0.0)), field(0, 1))


def test_a_run_in_torch_resumes_exactly() -> None:
    """Learning rate and momentum in a cycle: stopped, saved and gone on with, a run has the bits of one in one go."""
    from steepest.torch import SGD

    cycle = one_cycle(0.1, 12, 4)

    def started() -> tuple[torch.nn.Linear, SGD]:
        torch.manual_seed(0)
        model = torch.nn.Linear(3, 2)
        return model, SGD(model.parameters(), lr=cycle, momentum=cycle.companion())

    def walked(model: torch.nn.Linear, optimizer: SGD, steps: range) -> None:
        for k in steps:
            x = torch.sin(torch.arange(6.0) + k).reshape(2, 3)
            optimizer.zero_grad()
            model(x).square().sum().backward()
            optimizer.step()

    model, optimizer = started()
    walked(model, optimizer, range(12))
    half, first = started()
    walked(half, first, range(5))
    other, second = started()
    other.load_state_dict(half.state_dict())
    second.load_state_dict(first.state_dict())
    assert second.param_groups[0]["lr"] == cycle(5)
    walked(other, second, range(5, 12))
    for a, b in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)
