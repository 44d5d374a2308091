from __future__ import annotations

import math

import numpy as np
import pytest

from steepest.core.errors import InputError, UnknownNameError
from steepest.statistics import geometric_speedup, speedup_intervals, speedup_without_one

INF = math.inf


def test_by_hand_with_misses_counted_as_one_more() -> None:
    times = {"sgd": [40, 60, INF, INF], "adam": [10, INF, 7, INF]}
    expected = (40 / 10 * 60 / 81 * 81 / 7 * 81 / 81) ** 0.25
    assert geometric_speedup(times, "sgd", max_times=80) == pytest.approx({"sgd": 1, "adam": expected})
    expected = (40 / 10 * 60 / 81 * 101 / 7) ** 0.25
    assert geometric_speedup(times, "sgd", max_times=[1, 80, 100, 9])["adam"] == pytest.approx(expected)
    assert geometric_speedup(times, "adam", max_times=80)["sgd"] == pytest.approx(
        (7 * 10 * 81 / (40 * 60 * 81)) ** 0.25
    )


def test_seeds_enter_by_their_median_with_infinity() -> None:
    times = {"a": [[4, 4, 4]], "b": [[1, 2, INF]], "c": [[1, INF, INF]]}
    assert geometric_speedup(times, "a", max_times=9) == pytest.approx({"a": 1, "b": 2, "c": 0.4})


def test_interval_is_about_student_s_of_the_logarithms() -> None:
    rng = np.random.default_rng(0)
    times = {"a": np.exp(rng.normal(1, 1, 15)), "b": np.exp(rng.normal(0.5, 1, 15))}
    interval = speedup_intervals(times, "a", max_times=1e6)["b"]
    logs = np.log(times["a"] / times["b"])
    half = 2.145 * logs.std(ddof=1) / math.sqrt(15)
    assert interval.estimate == pytest.approx(math.exp(logs.mean()))
    assert math.log(interval.high / interval.low) == pytest.approx(2 * half, rel=0.12)
    assert speedup_intervals(times, "a", max_times=1e6)["a"].low == 1.0


def test_each_problem_keeps_its_own_budget_in_the_bootstrap() -> None:
    times = {"a": np.full((7, 2), 10.0), "b": np.full((7, 2), INF)}
    limits = [19.0] * 6 + [39.0]
    interval = speedup_intervals(times, "a", max_times=limits)["b"]
    assert interval.high == pytest.approx(0.5) and 0.25 < interval.low < interval.estimate < 0.5


def test_coverage_over_problems(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("steepest.statistics.across.DRAWS", 400)
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(200):
        times = {"a": np.exp(rng.normal(1, 1, 8)), "b": np.exp(rng.normal(0, 1, 8))}
        interval = speedup_intervals(times, "a", max_times=1e9)["b"]
        hits += interval.low <= math.e <= interval.high
    assert 0.88 < hits / 200 < 0.995


def test_few_problems_and_leaving_one_out() -> None:
    times = {"a": [10, 10, 10], "b": [5, 20, 8], "c": [8, 8, 8]}
    left = speedup_without_one(times, ("p", "q", "r"), "a", max_times=100)
    assert [item.left_out for item in left] == ["p", "q", "r"]
    values = [geometric_speedup({k: np.delete(v, i) for k, v in times.items()}, "a", max_times=100) for i in range(3)]
    assert [item.values for item in left] == [pytest.approx(value) for value in values]
    assert left[1].flips == (("b", "a"), ("b", "c")) or left[1].flips == (("b", "c"),)
    interval = speedup_intervals(times, "a", max_times=100)["b"]
    assert interval.low == pytest.approx(min(v["b"] for v in values)) and interval.coverage == 0


def test_bad_input_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="unknown reference 'adamm'; did you mean adam"):
        geometric_speedup({"adam": [1]}, "adamm", max_times=1)
    with pytest.raises(InputError, match="times must be > 0, got 0"):
        geometric_speedup({"adam": [0]}, "adam", max_times=1)
    for wrong in (0, INF, [1, 2]):
        with pytest.raises(InputError, match="max_times must be one number"):
            geometric_speedup({"adam": [1]}, "adam", max_times=wrong)
