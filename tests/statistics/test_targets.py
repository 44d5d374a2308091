from __future__ import annotations

import math

import numpy as np
import pytest

from steepest.core.errors import InputError
from steepest.statistics import first_crossing, median_interval, target_of, time_to_target

INF, NAN = math.inf, math.nan
GRID = [0.0, 25.0, 50.0, 75.0, 100.0]


def test_target_is_the_median_best_within_three_quarters() -> None:
    losses = [[9, 5, 2, 4, 0], [9, 6, 5, 3, 0], [9, 8, 8, 8, 0], [9, 7, 1, 1.5, 0]]
    assert target_of(GRID, losses, budget=100) == 2.5  # best by 75: 2, 3, 8, 1
    assert target_of(GRID, losses, budget=100, share=1.0) == 0.0
    assert target_of(GRID, losses, budget=100, share=0.5) == 3.5  # 2, 5, 8, 1
    accuracies = (-np.array(losses)).tolist()
    assert target_of(GRID, accuracies, budget=100, higher_is_better=True) == -2.5


def test_target_where_the_reference_diverges() -> None:
    diverging = [9, 5, NAN, NAN, NAN]
    assert target_of(GRID, [diverging, [9, 4, INF, 3, 1], [9, 8, 7, 6, 5]], budget=100) == 5.0
    lost = [NAN] * 5
    assert target_of(GRID, [lost, lost, [3, 2, 1, 0, 0]], budget=100) is None
    assert target_of(GRID, [lost, [3, 2, 1, 0, 0]], budget=100) is None
    assert target_of([90, 100], [[1, 2]], budget=100) is None


@pytest.mark.parametrize(
    ("values", "target", "higher", "expected"),
    [
        ([5, 4, 3, 2, 1], 3, False, 50),
        ([5, 4, 3.1, 2.9, 1], 3, False, 75),
        ([5, 4, 5, 5, 5], 3, False, INF),
        ([5, 2, 9, 9, 9], 3, False, 25),
        ([1, 0, 0, 0, 0], 3, False, 0),
        ([1, 2, NAN, 4, 5], 4, True, 75),
        ([1, NAN, INF, INF, 2], 3, True, INF),
        ([9, NAN, -INF, 4, 2], 3, False, 100),
    ],
)
def test_first_crossing(values: list[float], target: float, higher: bool, expected: float) -> None:
    assert first_crossing(GRID, values, target, higher_is_better=higher) == expected


def by_the_product(crossings: list[float], ended: list[float], at: float) -> float:
    """S(t) written out over all distinct crossings up to t."""
    share = 1.0
    for time in sorted({c for c in crossings if c <= at and math.isfinite(c)}):
        risk = sum(min(c, e) >= time for c, e in zip(crossings, ended, strict=True))
        share *= 1 - sum(c == time for c in crossings) / risk
    return share


def test_kaplan_meier_and_restricted_mean_with_censoring() -> None:
    crossings = [10, 30, 30, INF, INF, 70, INF]
    ended = [100, 100, 100, 20, 50, 100, INF]
    found = time_to_target(crossings, 100, ended=ended)
    assert found.times.tolist() == [10, 30, 70] and (found.hits, found.n) == (4, 7)
    assert found.waiting.tolist() == pytest.approx([by_the_product(crossings, ended, t) for t in (10, 30, 70)])
    fine = np.linspace(0, 100, 100_001)[:-1] + 0.0005
    area = np.mean([by_the_product(crossings, ended, t) for t in fine[::100]]) * 100
    assert found.restricted_mean == pytest.approx(area, abs=0.1)


def test_without_censoring_it_is_the_empirical_distribution() -> None:
    rng = np.random.default_rng(0)
    crossings = np.round(rng.uniform(0, 120, 15))
    crossings[crossings > 100] = INF
    found = time_to_target(crossings, 100)
    assert found.waiting.tolist() == pytest.approx([np.mean(crossings > t) for t in found.times])
    assert found.restricted_mean == pytest.approx(np.minimum(crossings, 100).mean())
    assert found.median == median_interval(crossings)


def test_misses_are_not_dropped() -> None:
    found = time_to_target([10, INF, INF, INF, 20], 50)
    assert found.median.estimate == INF and found.hits == 2 and found.restricted_mean == (10 + 20 + 150) / 5
    none = time_to_target([INF, INF], 50)
    assert none.hits == 0 and none.restricted_mean == 50 and none.times.size == 0
    short = time_to_target([10, 60], 50)
    assert short.restricted_mean == 30 and short.hits == 2


def test_bad_input_is_refused() -> None:
    with pytest.raises(InputError, match="at must ascend strictly"):
        first_crossing([0, 0], [1, 2], 1)
    with pytest.raises(InputError, match="target must be finite, got nan"):
        first_crossing([0, 1], [1, 2], NAN)
    with pytest.raises(InputError, match=r"values must have shape \(points,\)"):
        first_crossing([0, 1], [[1, 2]], 1)
    with pytest.raises(InputError, match="one number a position"):
        target_of([0, 1], [[1, 2, 3]], budget=1)
    with pytest.raises(InputError, match="budget must be > 0"):
        target_of([0, 1], [[1, 2]], budget=0)
    with pytest.raises(InputError, match=r"budget must be in \(0, inf\)"):
        time_to_target([1], INF)
    with pytest.raises(InputError, match=r"crossings must be in \[0, ended\]"):
        time_to_target([5], 10, ended=[4])
    with pytest.raises(InputError, match="ended must have one number a crossing, 1, got 2"):
        time_to_target([5], 10, ended=[4, 5])
    with pytest.raises(InputError, match="got nan"):
        time_to_target([NAN], 10)
