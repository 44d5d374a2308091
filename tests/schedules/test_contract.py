"""Every schedule from its definition, against its peers, and as a value."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
import pickle
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from schedule_contract import BY_NAME, CONTRACT, Line, Peer

from steepest import schedules
from steepest.core.errors import HyperparameterError, InputError, InputTypeError, UnknownNameError
from steepest.core.schedule import Schedule
from steepest.schedules.between import between
from steepest.schedules.fields import declared

each_line = pytest.mark.parametrize("line", CONTRACT, ids=lambda line: line.name)
PEERS = [(line, peer) for line in CONTRACT for peer in line.peers]


def test_every_schedule_and_argument_is_under_contract() -> None:
    assert BY_NAME.keys() == schedules.SCHEDULES.keys()
    public = {name for name in schedules.__all__ if isinstance(getattr(schedules, name), type)} - {"Schedule"}
    assert public == schedules.SCHEDULES.keys()
    for line in CONTRACT:
        fields = {field.name for field in dataclasses.fields(schedules.SCHEDULES[line.name])}
        assert fields == line.settings.keys() == line.changes.keys(), line.name


@each_line
def test_equal_to_the_reference(line: Line) -> None:
    for changed in ({}, *line.changes.values()):
        expected = line.reference(120, **changed)
        found = [line.make(**changed)(k) for k in range(120)]
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-15, err_msg=str(changed))


@each_line
def test_every_argument_changes_the_values(line: Line) -> None:
    for name, changed in line.changes.items():
        others = {key: value for key, value in changed.items() if key != name}
        before = [line.make(**others)(k) for k in range(60)]
        after = [line.make(**changed)(k) for k in range(60)]
        assert max(abs(a - b) for a, b in zip(before, after, strict=True)) > 1e-4, name


@pytest.mark.parametrize(("line", "peer"), PEERS, ids=[f"{line.name}: {peer.name}" for line, peer in PEERS])
def test_equal_to_its_peer(line: Line, peer: Peer) -> None:
    ours = line.make(**peer.settings)
    values = peer.values(peer.steps + peer.shift)[peer.shift :]
    found = [ours(k) for k in range(len(values))]
    assert len(values) >= peer.steps - 1
    scale = max(map(abs, values))
    np.testing.assert_allclose(found[peer.skip :], values[peer.skip :], rtol=peer.rtol, atol=scale * peer.rtol / 10)


@each_line
def test_a_schedule_is_a_frozen_pure_value(line: Line) -> None:
    schedule = line.make()
    assert schedule == line.make()
    assert hash(schedule) == hash(line.make())
    for changed in line.changes.values():
        assert line.make(**changed) != schedule or changed.keys() == {"factor", "shape"}
    assert eval(repr(schedule), dict(schedules.SCHEDULES)) == schedule
    assert pickle.loads(pickle.dumps(schedule)) == schedule
    assert copy.deepcopy(schedule) == schedule
    order = [schedule(k) for k in (30, 3, 30, 0, 3)]
    assert order[0] == order[2]
    assert order[1] == order[4]
    assert all(type(schedule(k)) is float for k in range(60))
    assert schedule(np.int64(30)) == schedule(30)
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(schedule, next(iter(line.settings)), 1.0)


@each_line
def test_equal_arguments_in_other_types_are_one_value(line: Line) -> None:
    """A NumPy number, or a whole number for a real one, prints and compares as the same."""

    def other(value: Any) -> Any:
        if isinstance(value, float):
            return np.float64(value)
        if isinstance(value, int):
            return np.int64(value)
        return list(value) if isinstance(value, tuple) else value

    fields = declared(type(line.make()))
    numbers = {name: other(v) for name, v in line.settings.items() if fields[name].kinds != ("choice",)}
    again = line.make(**numbers)
    assert again == line.make()
    assert repr(again) == repr(line.make())
    assert hash(again) == hash(line.make())


@each_line
def test_its_length(line: Line) -> None:
    schedule = line.make()
    assert schedule.length == line.length
    if line.length is not None:
        assert schedule(line.length + 1) == schedule(line.length) == schedule(10**12)
        assert schedule(line.length - 2) != schedule(line.length) or line.name == "clip"


@each_line
def test_any_step_in_closed_form(line: Line) -> None:
    """No loop: a step of ten digits takes as long as the first."""
    schedule = line.make()
    assert all(math.isfinite(schedule(k)) for k in (10**9, 10**9 + 1, 10**15))


@each_line
def test_within_its_extremes(line: Line) -> None:
    if line.within is None:
        return
    for changed in ({}, *line.changes.values()):
        settings = {**line.settings, **changed}
        if any(isinstance(end, str) and settings[end] is None for end in line.within):
            continue
        if not any(isinstance(end, str) for end in line.within) and changed:
            continue
        ends = [settings[end] if isinstance(end, str) else end for end in line.within]
        values = [line.make(**changed)(k) for k in (*range(400), 10**9)]
        slack = 1e-15 * max(map(abs, ends))
        assert min(ends) - slack <= min(values)
        assert max(values) <= max(ends) + slack


@each_line
def test_no_jump_at_its_joints(line: Line) -> None:
    """Between any two steps around a joint the change is at most a tenth above what it is elsewhere."""
    schedule = line.make()
    for joint in line.joints:
        around = [abs(schedule(k + 1) - schedule(k)) for k in range(joint - 1, joint + 1)]
        inside = [k for k in range(120) if k not in {j + d for j in line.joints for d in (-1, 0)}]
        elsewhere = max(abs(schedule(k + 1) - schedule(k)) for k in inside)
        assert max(around) <= 1.1 * elsewhere, joint


@each_line
def test_to_json_and_back(line: Line) -> None:
    for changed in ({}, *line.changes.values()):
        schedule = line.make(**changed)
        data = json.loads(json.dumps(schedules.to_dict(schedule)))
        again = schedules.from_dict(data)
        assert again == schedule
        assert type(again) is type(schedule)
        assert repr(again) == repr(schedule)
        assert [again(k) for k in range(60)] == [schedule(k) for k in range(60)]


@each_line
def test_json_of_other_fields_is_refused(line: Line) -> None:
    data = schedules.to_dict(line.make())
    with pytest.raises(UnknownNameError, match=f"unknown argument of {line.name} 'stepz'"):
        schedules.from_dict({**data, "stepz": 3})
    with pytest.raises(UnknownNameError, match="unknown schedule 'cosinus'"):
        schedules.from_dict({**data, "name": "cosinus"})
    for field in declared(type(line.make())).values():
        rest = {key: value for key, value in data.items() if key != field.name}
        if field.required:
            with pytest.raises(InputError, match=f"from_dict: {line.name} needs {field.name}"):
                schedules.from_dict(rest)
        else:
            schedules.from_dict(rest)
        wrong: Any = "zero" if field.kinds[0] != "number" else math.nan
        with pytest.raises((HyperparameterError, InputTypeError), match=f"{line.name}: {field.name} must be"):
            schedules.from_dict({**data, field.name: [wrong] if field.many else wrong})


def test_json_of_something_else_is_refused() -> None:
    for data in ([], {}, {"name": 3}, "cosine", None):
        with pytest.raises(InputTypeError, match="from_dict: data must be a mapping with a schedule's 'name'"):
            schedules.from_dict(data)  # type: ignore[arg-type]

    @dataclasses.dataclass(frozen=True)
    class own(Schedule):
        def __call__(self, step: int) -> float:
            return 1.0

        @property
        def length(self) -> None:
            return None

    with pytest.raises(InputTypeError, match=r"to_dict: schedule must be one of steepest\.schedules"):
        schedules.to_dict(own())
    with pytest.raises(InputTypeError, match=r"to_dict: schedule must be one of steepest\.schedules"):
        schedules.to_dict(schedules.scale(own(), 2.0))


@each_line
def test_its_docstring_answers(line: Line) -> None:
    kind = schedules.SCHEDULES[line.name]
    text = kind.__doc__ or ""
    assert ">>>" in text
    assert "Raises HyperparameterError" in text
    for name in line.settings:
        assert name in text, name


@given(data=st.data())
@pytest.mark.parametrize("name", ["cosine", "linear", "polynomial", "geometric"])
def test_ends_are_met_exactly(name: str, data: st.DataObject) -> None:
    steps = data.draw(st.integers(1, 10**9))
    peak, final = data.draw(st.floats(1e-6, 1e3)), data.draw(st.floats(1e-6, 1e3))
    more = {"power": data.draw(st.floats(0.1, 4))} if name == "polynomial" else {}
    schedule = schedules.SCHEDULES[name](peak=peak, steps=steps, final=final, **more)
    assert schedule(0) == peak
    assert schedule(steps) == final
    values = [schedule(data.draw(st.integers(0, steps))) for _ in range(5)]
    assert all(min(peak, final) <= v <= max(peak, final) for v in values)


def test_between_never_leaves_its_ends() -> None:
    """At 1 rounding would: end + (start − end) is not start for many a pair."""
    rng = np.random.default_rng(0)
    missed = 0
    for start, size in zip(rng.random(2000), 10 ** rng.uniform(-6, 6, 2000), strict=True):
        end = float(size)
        missed += end + (start - end) != start
        assert between(start, end, 1.0) == start
        assert between(start, end, 0.0) == end
        for left in (1 - 2**-53, 1 - 2**-50, 2**-1074):
            assert min(start, end) <= between(start, end, left) <= max(start, end)
    assert missed > 100


@given(data=st.data())
def test_warmups_meet_what_follows(data: st.DataObject) -> None:
    steps = data.draw(st.integers(2, 1000))
    warmup = data.draw(st.integers(1, steps - 1))
    peak = data.draw(st.floats(1e-3, 10))
    for kind in (schedules.warmup_cosine, schedules.warmup_linear):
        s = kind(peak, steps, warmup)
        assert s(0) == pytest.approx(peak / warmup, rel=1e-15)
        assert s(warmup - 1) == s(warmup) == peak
        assert [s(k) < s(k + 1) for k in range(warmup - 1)] == [True] * (warmup - 1)
        falling = [s(k) for k in range(warmup, steps + 1)]
        assert all(a >= b for a, b in pairwise(falling))
    wsd = schedules.warmup_stable_decay(peak, steps, warmup, steps - warmup)
    assert wsd(warmup - 1) == wsd(warmup) == peak
    assert wsd(steps) == 0


@given(data=st.data())
def test_restarts_are_exact_at_every_border(data: st.DataObject) -> None:
    period, growth = data.draw(st.integers(1, 10**6)), data.draw(st.integers(1, 10))
    s = schedules.cosine_restarts(1.0, period, growth)
    number = data.draw(st.integers(0, 30))
    begin = sum(period * growth**i for i in range(number)) if growth > 1 else period * number
    whole = period * growth**number
    assert s.cycle(begin) == (number, 0, whole)
    assert s.cycle(begin + whole - 1) == (number, whole - 1, whole)
    assert s(begin) == 1.0
    if number:
        before = whole // growth
        assert s.cycle(begin - 1) == (number - 1, before - 1, before)


def test_restarts_at_a_thousand_million() -> None:
    assert schedules.cosine_restarts(1.0, 1000)(10**9) == 1.0
    assert schedules.cosine_restarts(1.0, 1000)(10**9 - 1) == pytest.approx(math.sin(math.pi / 2000) ** 2, rel=1e-9)
    s = schedules.cosine_restarts(1.0, 1, growth=2)
    for number in (29, 30, 62, 100):
        assert s.cycle(2**number - 1) == (number, 0, 2**number)
        assert s.cycle(2**number - 2) == (number - 1, 2 ** (number - 1) - 1, 2 ** (number - 1))


@given(data=st.data())
def test_a_join_is_its_parts(data: st.DataObject) -> None:
    lengths = data.draw(st.lists(st.integers(1, 30), min_size=1, max_size=4))
    at = tuple(int(x) for x in np.cumsum(lengths))
    parts = tuple(
        schedules.linear(data.draw(st.floats(0, 1)), data.draw(st.integers(1, 40))) for _ in range(len(at) + 1)
    )
    s = schedules.join(parts, at)
    expected = [part(j) for part, count in zip(parts, [*lengths, 50], strict=True) for j in range(count)]
    assert [s(k) for k in range(len(expected))] == expected
    assert s.length == at[-1] + (parts[-1].length or 0)


def test_companions_run_the_other_way() -> None:
    """Momentum of OneCycleLR and CyclicLR, over all steps and shapes."""
    from schedule_contract import _cyclic, _one_cycle

    for phases, three in ((2, False), (3, True)):
        for shape, strategy in (("cosine", "cos"), ("linear", "linear")):
            ours = schedules.one_cycle(0.1, 50, 15, shape=shape, phases=phases).companion()  # type: ignore[arg-type]
            values = _one_cycle("momentum", three_phase=three, anneal_strategy=strategy)(50)
            np.testing.assert_allclose([ours(k) for k in range(49)], values, rtol=1e-12)
    for mode in ("triangular", "triangular2", "exp_range"):
        ours = schedules.cyclic(0.1, 0.02, 5, 8, mode, 0.99).companion()  # type: ignore[arg-type]
        values = _cyclic("momentum", base_lr=0.02, max_lr=0.1, step_size_up=5, step_size_down=8, mode=mode, gamma=0.99)(
            200
        )
        np.testing.assert_allclose([ours(k) for k in range(200)], values, rtol=1e-10)


def test_what_is_left_out_follows_from_the_rest() -> None:
    s = schedules.one_cycle(0.5, 100)
    assert s == schedules.one_cycle(0.5, 100, 30, 0.02, 2e-6, "cosine", 2)
    assert schedules.one_cycle(0.5, 2) == schedules.one_cycle(0.5, 2, 1)
    assert schedules.one_cycle(0.5, 2)(0) == 0.5  # a warmup of 1 begins at the peak
    assert schedules.cyclic(1.0, 0.0, 4) == schedules.cyclic(1.0, 0.0, 4, 4)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: schedules.constant(math.nan), "constant: value must be in (-inf, inf), got nan"),
        (lambda: schedules.cosine(math.inf, steps=5), "cosine: peak must be in (-inf, inf), got inf"),
        (lambda: schedules.cosine(0.1, steps=0), "cosine: steps must be a whole number in [1, inf), got 0"),
        (lambda: schedules.cosine(0.1, steps=2.5), "cosine: steps must be a whole number in [1, inf), got 2.5"),
        (lambda: schedules.cosine(0.1, steps=5, final="0"), "cosine: final must be in (-inf, inf), got '0'"),
        (lambda: schedules.step_decay(0.1, every=0), "step_decay: every must be a whole number in [1, inf), got 0"),
        (lambda: schedules.step_decay(0.1, every=1, factor=0.0), "step_decay: factor must be in (0, 1], got 0.0"),
        (lambda: schedules.step_decay(0.1, every=1, factor=1.1), "step_decay: factor must be in (0, 1], got 1.1"),
        (
            lambda: schedules.multi_step(0.1, milestones=(5, 5)),
            "multi_step: milestones must be increasing whole numbers in [1, inf), got (5, 5)",
        ),
        (
            lambda: schedules.multi_step(0.1, milestones=()),
            "multi_step: milestones must be increasing whole numbers in [1, inf), got ()",
        ),
        (
            lambda: schedules.multi_step(0.1, milestones=(0, 5)),
            "multi_step: milestones must be a whole number in [1, inf), got 0",
        ),
        (lambda: schedules.exponential(0.1, rate=0.0), "exponential: rate must be in (0, inf), got 0.0"),
        (lambda: schedules.geometric(0.1, 5, final=0.0), "geometric: final must be in (0, inf), got 0.0"),
        (
            lambda: schedules.warmup_cosine(0.1, steps=10, warmup=0),
            "warmup_cosine: warmup must be a whole number in [1, 10), got 0",
        ),
        (
            lambda: schedules.warmup_cosine(0.1, 10, 10),
            "warmup_cosine: warmup must be a whole number in [1, 10), got 10",
        ),
        (
            lambda: schedules.warmup_linear(0.1, 1, 1),
            "warmup_linear: steps must be a whole number in [2, inf), got 1",
        ),
        (
            lambda: schedules.warmup_stable_decay(0.1, 10, 4, 7),
            "warmup_stable_decay: decay must be a whole number in [1, 6], got 7",
        ),
        (
            lambda: schedules.warmup_stable_decay(0.1, 10, 10, 1),
            "warmup_stable_decay: warmup must be a whole number in [1, 9], got 10",
        ),
        (
            lambda: schedules.warmup_stable_decay(0.1, 10, 2, 3, shape="log"),
            "warmup_stable_decay: shape must be 'linear' or 'sqrt' or 'cosine' or 'square', got 'log'",
        ),
        (lambda: schedules.one_cycle(0.1, 10, 10), "one_cycle: warmup must be a whole number in [1, 10), got 10"),
        (
            lambda: schedules.one_cycle(0.1, 10, 6, phases=3),
            "one_cycle: warmup must be a whole number in [1, 5.5), got 6",
        ),
        (lambda: schedules.one_cycle(0.1, 10, phases=4), "one_cycle: phases must be 2 or 3, got 4"),
        (lambda: schedules.cyclic(0.1, 0.0, 0), "cyclic: up must be a whole number in [1, inf), got 0"),
        (
            lambda: schedules.join((schedules.constant(1.0),), at=(3,)),
            "join: parts must be two or more schedules, got 1",
        ),
        (
            lambda: schedules.join((schedules.constant(1.0), schedules.constant(2.0)), at=(3, 4)),
            "join: at must have 1 steps for 2 parts, got (3, 4)",
        ),
        (
            lambda: schedules.join((schedules.constant(1.0), 0.1), at=(3,)),
            "join: parts must be a tuple, each a schedule, got 0.1",
        ),
        (lambda: schedules.clip(schedules.constant(1.0)), "clip: low or high must be given, got None for both"),
        (lambda: schedules.clip(schedules.constant(1.0), 2.0, 1.0), "clip: high must be in [2, inf), got 1.0"),
        (lambda: schedules.scale(0.1, 2.0), "scale: schedule must be a schedule, got 0.1"),
        (
            lambda: schedules.scale(schedules.constant(1.0), "2"),
            "scale: factor must be in (-inf, inf), got '2'",
        ),
    ],
)
def test_out_of_range(build: Any, message: str) -> None:
    with pytest.raises((HyperparameterError, InputTypeError)) as caught:
        build()
    assert str(caught.value) == message
