"""The names that a study has for schedules."""

from __future__ import annotations

import pytest

from steepest import schedules
from steepest.core.errors import InputError, UnknownNameError
from steepest.core.schedule import Schedule
from steepest.lab.schedule_families import FAMILIES, WITHOUT_MEANING, check_family, learning_rate


def test_every_schedule_is_named_or_refused() -> None:
    named = {"step_decay" if name == "step" else name.replace("-", "_") for name in FAMILIES}
    refused = {name.replace("-", "_") for name in WITHOUT_MEANING} - {"reduce_on_plateau"}
    assert named | refused == set(schedules.SCHEDULES)
    assert not named & refused


@pytest.mark.parametrize("steps", [1, 2, 3, 7, 20, 1000])
@pytest.mark.parametrize("name", FAMILIES)
def test_its_peak_is_the_rate_and_it_covers_the_run(name: str, steps: int) -> None:
    made = learning_rate(name, 0.2, steps)
    if name == "constant":
        assert made == 0.2
        return
    assert isinstance(made, Schedule)
    assert made.length is None or made.length >= steps
    values = [made(k) for k in range(steps)]
    assert max(values) == pytest.approx(0.2, rel=0.15 if steps > 7 else 1.0)
    assert max(values) <= 0.2
    assert min(values) >= 0
    if steps == 1000 and name not in {"linear-warmup"}:
        assert min(values) < 0.05
    half = learning_rate(name, 0.1, steps)
    assert isinstance(half, Schedule)
    assert [half(k) for k in range(steps)] == pytest.approx([v / 2 for v in values])


def test_the_documented_shapes() -> None:
    ends = {
        "exponential": 0.01, "geometric": 0.01, "inverse-time": 0.1, "linear": 0.0, "cosine": 0.0, "polynomial": 0.0,
        "step": 0.01, "multi-step": 0.01, "warmup-linear": 0.0, "warmup-cosine": 0.0, "warmup-stable-decay": 0.0,
        "linear-warmup": 1.0, "one-cycle": 1 / 250_000,
    }  # fmt: skip
    for name, end in ends.items():
        made = learning_rate(name, 1.0, 900)
        assert isinstance(made, Schedule)
        last = 899 if name in {"step", "one-cycle"} else 900
        assert made(last) == pytest.approx(end, rel=1e-6, abs=1e-12), name
    restarts = learning_rate("cosine-restarts", 1.0, 700)
    assert isinstance(restarts, Schedule)
    assert [restarts(k) for k in (0, 100, 300, 700)] == [1.0] * 4
    assert restarts(699) < 1e-4
    cycles = learning_rate("cyclic", 1.0, 800)
    assert isinstance(cycles, Schedule)
    assert [cycles(k) for k in (0, 100, 200, 800)] == pytest.approx([0.1, 1.0, 0.1, 0.1])


def test_names_that_were_there_before_mean_the_same() -> None:
    assert learning_rate("step", 0.1, 10) == schedules.step_decay(0.1, every=4, factor=0.1)
    assert learning_rate("warmup-cosine", 0.1, 100) == schedules.warmup_cosine(0.1, 100, warmup=5)
    assert learning_rate("cosine", 0.1, 10) == schedules.cosine(0.1, 10)
    assert learning_rate("step-decay", 0.1, 10) == learning_rate("step", 0.1, 10)


def test_a_function_is_a_family_of_its_own() -> None:
    assert learning_rate(lambda peak, steps: schedules.linear(peak, steps), 0.1, 9) == schedules.linear(0.1, 9)


def test_what_is_refused() -> None:
    for name in ("noam", "join", "scale", "clip", "reduce-on-plateau", "reduce_on_plateau"):
        with pytest.raises(InputError, match=f"schedule: {name} cannot shape the runs of a study: "):
            check_family(name)
    with pytest.raises(UnknownNameError, match="unknown schedule 'one-cycel'; did you mean one-cycle"):
        learning_rate("one-cycel", 0.1, 10)
