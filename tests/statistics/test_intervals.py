from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from steepest.core.errors import InputError
from steepest.statistics import Interval, median_band, median_interval

INF = math.inf


def coverage_by_counting(n: int, r: int) -> Fraction:
    """P(at least r and at most n − r of n fair coins fall heads): the order statistics r and n + 1 − r enclose."""
    return Fraction(sum(math.comb(n, heads) for heads in range(r, n - r + 1)), 2**n)


@pytest.mark.parametrize("n", range(2, 41))
@pytest.mark.parametrize("level", [0.8, 0.95, 0.99])
def test_ranks_and_coverage_are_those_of_the_definition(n: int, level: float) -> None:
    admissible = [r for r in range(1, (n + 1) // 2 + 1) if coverage_by_counting(n, r) >= level]
    r = max(admissible, default=1)
    interval = median_interval(np.random.default_rng(n).permutation(n) + 1.0, level)
    assert (interval.low, interval.high) == (r, n + 1 - r)
    assert interval.coverage == pytest.approx(float(coverage_by_counting(n, r)), abs=1e-12)
    assert interval.estimate == (n + 1) / 2 and interval.n == n and interval.level == level


@pytest.mark.parametrize(("n", "stated"), [(5, 0.9375), (10, 0.978515625)])
@pytest.mark.parametrize("draw", ["normal", "lognormal"])
def test_simulated_coverage_is_the_stated_one(n: int, stated: float, draw: str) -> None:
    runs = 20_000
    rng = np.random.default_rng(20261122)
    samples = rng.normal(0, 1, (runs, n)) if draw == "normal" else rng.lognormal(0, 1, (runs, n))
    median = 0.0 if draw == "normal" else 1.0
    intervals = [median_interval(sample) for sample in samples]
    assert {interval.coverage for interval in intervals} == {stated}
    share = np.mean([interval.low <= median <= interval.high for interval in intervals])
    assert abs(share - stated) < 4 * math.sqrt(stated * (1 - stated) / runs)


def test_few_seeds_give_the_whole_range_and_say_so() -> None:
    interval = median_interval([5, 1, 4, 2, 3])
    assert (interval.low, interval.high, interval.coverage) == (1, 5, 0.9375)
    single = median_interval([7.0])
    assert (single.estimate, single.low, single.high, single.coverage) == (7, 7, 7, 0)


def test_diverged_runs_have_ranks() -> None:
    interval = median_interval([0.1, INF, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, INF, 0.8])
    assert interval.estimate == pytest.approx(0.55) and interval.low == 0.2 and interval.high == INF
    assert median_interval([0.1, 0.2, INF, INF]).estimate == INF
    assert median_interval([INF, INF]).low == INF


@pytest.mark.parametrize("bad", [[1.0, math.nan], [-INF, 1.0], [], [[1.0, 2.0]], ["a"]])
def test_bad_values_are_refused(bad: list) -> None:
    with pytest.raises(InputError, match="median_interval"):
        median_interval(bad)


@pytest.mark.parametrize("level", [0, 1, 95, math.nan])
def test_bad_levels_are_refused(level: float) -> None:
    with pytest.raises(InputError, match=r"level must be in \(0, 1\), got"):
        median_interval([1.0, 2.0], level)


def test_band_is_the_interval_at_each_point() -> None:
    values = np.random.default_rng(3).normal(size=(9, 17))
    values[2, 10:] = INF
    band = median_band(values, 0.9)
    for point in range(17):
        interval = median_interval(values[:, point], 0.9)
        assert (band.low[point], band.median[point], band.high[point]) == (
            interval.low,
            interval.estimate,
            interval.high,
        )
    assert band.coverage == interval.coverage and band.n == 9
    with pytest.raises(InputError, match=r"values must have shape \(seeds, points\)"):
        median_band(values[0])
    with pytest.raises(InputError, match="got nan"):
        median_band(np.full((2, 2), np.nan))


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        ((0.1021, 0.0968, 0.1104), "0.102 [0.097, 0.110]"),
        ((0.10213, 0.10201, 0.10233), "0.1021 [0.1020, 0.1023]"),
        ((0.5, 0.5, 0.5), "0.500 [0.500, 0.500]"),
        ((97.25, 96.1, 98.0), "97.2 [96.1, 98.0]"),
        ((1234.5, 1200.0, 1300.0), "1234 [1200, 1300]"),
        ((1.5e-9, 1.2e-9, 2e-9), "1.5e-09 [1.2e-09, 2e-09]"),
        ((0.0, 0.0, 0.0), "0 [0, 0]"),
        ((0.3, 0.2, INF), "0.300 [0.200, ∞]"),
        ((INF, 0.25, INF), "∞ [0.250, ∞]"),
        ((INF, INF, INF), "∞ [∞, ∞]"),
        ((-0.5, -0.75, -0.25), "-0.500 [-0.750, -0.250]"),
    ],
)
def test_as_text(interval: tuple[float, float, float], text: str) -> None:
    assert str(Interval(*interval, level=0.95, coverage=0.978, n=10)) == text


def test_one_seed_shows_no_interval() -> None:
    assert str(median_interval([0.25])) == "0.250"
