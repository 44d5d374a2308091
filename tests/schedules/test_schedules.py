"""Schedules: their values from the definition, when they are read, and what they equal."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from rule_contract import CONTRACT, REQUIRED, Case, base
from rule_field import assert_alike, field, walk

from steepest import schedules
from steepest.core.errors import HyperparameterError
from steepest.core.schedule import Schedule
from steepest.formula import Rule
from steepest.rules import adamw, heavy_ball, sgd
from steepest.schedules import constant, cosine, step_decay, warmup_cosine

BASES: dict[str, dict[str, Any]] = {
    "constant": {"value": 0.3},
    "cosine": {"peak": 0.1, "steps": 50, "final": 0.01},
    "step_decay": {"value": 0.1, "every": 7, "factor": 0.5},
    "warmup_cosine": {"peak": 0.1, "steps": 50, "warmup": 5, "final": 0.01},
}
CHANGED: dict[str, dict[str, Any]] = {
    "constant": {"value": 0.2},
    "cosine": {"peak": 0.2, "steps": 40, "final": 0.02},
    "step_decay": {"value": 0.2, "every": 6, "factor": 0.4},
    "warmup_cosine": {"peak": 0.2, "steps": 40, "warmup": 6, "final": 0.02},
}
NAMES = sorted(set(schedules.__all__) - {"Schedule"})
each_schedule = pytest.mark.parametrize("name", NAMES)


def make(name: str, **settings: Any) -> Schedule:
    return getattr(schedules, name)(**{**BASES[name], **settings})


def test_every_schedule_and_argument_is_under_contract() -> None:
    assert sorted(BASES) == sorted(CHANGED) == NAMES
    for name in NAMES:
        fields = {field.name for field in dataclasses.fields(getattr(schedules, name))}
        assert fields == BASES[name].keys() == CHANGED[name].keys()


@each_schedule
def test_every_argument_changes_the_values(name: str) -> None:
    before = [make(name)(k) for k in range(60)]
    for key, value in CHANGED[name].items():
        after = [make(name, **{key: value})(k) for k in range(60)]
        assert max(abs(a - b) for a, b in zip(before, after, strict=True)) > 1e-4, key


@each_schedule
def test_a_schedule_is_a_frozen_pure_function(name: str) -> None:
    schedule = make(name)
    assert schedule == make(name)
    assert hash(schedule) == hash(make(name))
    assert eval(repr(schedule), {name: getattr(schedules, name)}) == schedule
    order = [schedule(k) for k in (30, 3, 30, 0, 3)]
    assert order[0] == order[2]
    assert order[1] == order[4]
    assert all(isinstance(value, float) for value in order)
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(schedule, next(iter(BASES[name])), 1.0)


def test_cosine_from_its_definition() -> None:
    s = cosine(0.1, steps=100, final=1e-5)
    expected = {0: 0.1, 25: 0.0853568035, 50: 0.050005, 75: 0.0146531965, 100: 1e-5, 101: 1e-5, 10_000: 1e-5}
    assert {k: round(s(k), 10) for k in expected} == expected
    assert s(100) == 1e-5
    assert s.length == 100


@given(peak=st.floats(0, 10), final=st.floats(0, 1), steps=st.integers(1, 500), k=st.integers(0, 600))
def test_cosine_at_any_step(peak: float, final: float, steps: int, k: int) -> None:
    progress = min(k, steps) / steps
    share = math.cos(math.pi * progress / 2) ** 2  # (1 + cos 2x) / 2 = cos² x
    assert cosine(peak, steps, final)(k) == pytest.approx(final + (peak - final) * share, rel=1e-12, abs=1e-12)


def test_warmup_begins_at_a_share_of_the_peak() -> None:
    for warmup in (1, 3, 10):
        s = warmup_cosine(0.4, steps=20, warmup=warmup)
        assert s(0) == 0.4 / warmup
        assert [s(k) for k in range(warmup)] == pytest.approx([0.4 * (k + 1) / warmup for k in range(warmup)])
        assert s(warmup - 1) == pytest.approx(0.4, rel=1e-15)
        after = cosine(0.4, steps=20 - warmup)
        assert [s(k) for k in range(warmup, 25)] == [after(k - warmup) for k in range(warmup, 25)]
        assert s.length == 20


@given(value=st.floats(1e-6, 10), every=st.integers(1, 20), factor=st.floats(0.01, 1), k=st.integers(0, 200))
def test_step_decay_multiplies_every_so_often(value: float, every: int, factor: float, k: int) -> None:
    times = len([n for n in range(1, k + 1) if n % every == 0])
    assert step_decay(value, every, factor)(k) == pytest.approx(value * math.prod([factor] * times), rel=1e-12)
    assert step_decay(value, every, factor).length is None


def test_constant() -> None:
    assert [constant(0.3)(k) for k in (0, 10**9)] == [0.3, 0.3]
    assert constant(0.3).length is None


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: constant(math.nan), "constant: value must be in (-inf, inf), got nan"),
        (lambda: cosine(math.inf, steps=5), "cosine: peak must be in (-inf, inf), got inf"),
        (lambda: cosine(0.1, steps=0), "cosine: steps must be a whole number in [1, inf), got 0"),
        (lambda: cosine(0.1, steps=2.5), "cosine: steps must be a whole number in [1, inf), got 2.5"),
        (lambda: cosine(0.1, steps=5, final="0"), "cosine: final must be in (-inf, inf), got '0'"),
        (lambda: step_decay(0.1, every=0), "step_decay: every must be a whole number in [1, inf), got 0"),
        (lambda: step_decay(0.1, every=1, factor=0.0), "step_decay: factor must be in (0, 1], got 0.0"),
        (lambda: step_decay(0.1, every=1, factor=1.1), "step_decay: factor must be in (0, 1], got 1.1"),
        (
            lambda: warmup_cosine(0.1, steps=10, warmup=0),
            "warmup_cosine: warmup must be a whole number in [1, 10), got 0",
        ),
        (lambda: warmup_cosine(0.1, 10, 10), "warmup_cosine: warmup must be a whole number in [1, 10), got 10"),
        (lambda: warmup_cosine(0.1, 1, 1), "warmup_cosine: steps must be a whole number in [2, inf), got 1"),
    ],
)
def test_out_of_range(build: Callable[[], Schedule], message: str) -> None:
    with pytest.raises(HyperparameterError) as caught:
        build()
    assert str(caught.value) == message


def torchs_rates(build: Callable[[Any], Any], lr: float, steps: int) -> list[float]:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)
    scheduler = build(optimizer)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


def test_equal_to_torchs_schedulers() -> None:
    from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, SequentialLR, StepLR

    s: Schedule = cosine(0.1, steps=50, final=1e-3)
    theirs = torchs_rates(lambda o: CosineAnnealingLR(o, T_max=50, eta_min=1e-3), 0.1, 51)
    np.testing.assert_allclose([s(k) for k in range(51)], theirs, rtol=1e-10)
    s = step_decay(0.1, every=7, factor=0.3)
    np.testing.assert_allclose(
        [s(k) for k in range(40)], torchs_rates(lambda o: StepLR(o, 7, 0.3), 0.1, 40), rtol=1e-12
    )
    s = warmup_cosine(0.1, steps=30, warmup=5)

    def both(o: Any) -> Any:
        warm = LinearLR(o, start_factor=1 / 5, end_factor=1.0, total_iters=4)
        return SequentialLR(o, [warm, CosineAnnealingLR(o, T_max=25)], milestones=[5])

    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # SequentialLR itself calls a deprecated form
        theirs = torchs_rates(both, 0.1, 30)
    np.testing.assert_allclose([s(k) for k in range(30)], theirs, rtol=1e-9, atol=1e-15)


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


def _own(case: Case, path: str) -> bool:
    """Whether the case takes this hyperparameter by its name: heavy_ball, say, fixes momentum's dampening."""
    name = path.rpartition(".")[2]
    return name in case.changes or (name == "lr" and "lr" in case.drawn)


SCHEDULED = [(case, path) for case in CONTRACT for path in base(case).hyperparameters() if _own(case, path)]


@pytest.mark.parametrize(("case", "path"), SCHEDULED, ids=[f"{case.name}.{path}" for case, path in SCHEDULED])
def test_a_schedule_is_running_with_numbers_changed_at_every_step(case: Case, path: str) -> None:
    """For every hyperparameter that is a number: update k of the scheduled rule is one of a rule with s(k − 1)."""
    name = path.rpartition(".")[2]
    settings = dict(REQUIRED.get(case.name, {}))
    fixed = base(case, **settings).hyperparameters()[path]
    assert isinstance(fixed, int | float)
    whole = isinstance(fixed, int)
    ends = (fixed, fixed + 4) if whole else (max(fixed, 0.01), max(fixed, 0.01) * 0.4)
    schedule = step_decay(ends[0], every=10**6) if whole else cosine(ends[0], steps=12, final=ends[1])
    world = field(8, 10)
    ours = walk(case.make(**{**settings, name: schedule}), world)
    params = dict(world.start)
    state = case.make(**settings).init(params)
    for k in range(10):
        stepped: Rule = case.make(**{**settings, name: schedule(k)})
        grads = world.at(k, stepped.query(params, state))
        params, state, _ = stepped.update(params, grads, state)
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
