from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from steepest.core.errors import InputError
from steepest.statistics import interquartile_mean, interquartile_mean_interval, mean_interval

INF = math.inf
LOG_NORMAL_MIDDLE = 2 * (stats.norm.cdf(stats.norm.ppf(0.75) - 1) - stats.norm.cdf(stats.norm.ppf(0.25) - 1))
"""The interquartile mean of exp(N(0, 1)): 2 ∫ eˣ φ(x) dx over the quartiles, with the mean e^½ factored out."""


def replicated_mean(values: list[float]) -> float:
    """Each value four times, then a quarter of the 4n cut off at each end: no fractional weights needed."""
    repeated = sorted(v for v in values for _ in range(4))
    n = len(values)
    return sum(repeated[n : 3 * n]) / (2 * n)


@pytest.mark.parametrize("n", range(1, 14))
def test_interquartile_mean_against_replication(n: int) -> None:
    values = np.random.default_rng(n).normal(size=n).tolist()
    assert interquartile_mean(values) == pytest.approx(replicated_mean(values), rel=1e-12)
    assert interquartile_mean_interval(values).estimate == interquartile_mean(values)


def test_interquartile_mean_with_divergence() -> None:
    assert interquartile_mean([1, 2, 3, INF]) == 2.5
    assert interquartile_mean([1, 2, INF, INF]) == INF
    assert interquartile_mean([INF, INF, INF]) == INF


@pytest.mark.parametrize("n", [4, 8, 12])
def test_interval_of_the_middle_is_that_of_the_trimmed_mean(n: int) -> None:
    """Where n is a multiple of 4, the half width by the formula of Yuen's one-sample test, written out."""
    values = np.sort(np.random.default_rng(n).normal(size=n))
    g = n // 4
    kept = values[g : n - g]
    squares = sum((x - np.mean([kept[0]] * g + [*kept] + [kept[-1]] * g)) ** 2 for x in kept)
    mean = np.mean([kept[0]] * g + [*kept] + [kept[-1]] * g)
    squares += g * (kept[0] - mean) ** 2 + g * (kept[-1] - mean) ** 2
    h = n - 2 * g
    error = math.sqrt(squares / (h * (h - 1))) * math.sqrt((h - 1) / (n - 1)) * math.sqrt(n / h)
    interval = interquartile_mean_interval(values, 0.9)
    assert interval.high - interval.estimate == pytest.approx(stats.t.ppf(0.95, h - 1) * error, rel=1e-12)
    assert interval.estimate == pytest.approx(stats.trim_mean(values, 0.25))


@pytest.mark.parametrize(("n", "normal", "lognormal"), [(5, 0.947, 0.928), (10, 0.961, 0.943)])
def test_coverage_of_the_interquartile_mean_is_the_stated_one(n: int, normal: float, lognormal: float) -> None:
    runs = 4000
    draws = np.random.default_rng(20261122).normal(size=(runs, n))
    middle = math.exp(0.5) * LOG_NORMAL_MIDDLE
    for samples, true, stated in ((draws, 0.0, normal), (np.exp(draws), middle, lognormal)):
        found = [interquartile_mean_interval(sample) for sample in samples]
        share = np.mean([interval.low <= true <= interval.high for interval in found])
        assert abs(share - stated) < 4 * math.sqrt(stated * (1 - stated) / runs)


@pytest.mark.parametrize(("n", "lognormal"), [(5, 0.818), (10, 0.840)])
def test_coverage_of_the_mean_is_the_stated_one(n: int, lognormal: float) -> None:
    runs = 4000
    draws = np.random.default_rng(1).normal(size=(runs, n))
    for samples, true, stated in ((draws, 0.0, 0.95), (np.exp(draws), math.exp(0.5), lognormal)):
        found = [mean_interval(sample) for sample in samples]
        share = np.mean([interval is not None and interval.low <= true <= interval.high for interval in found])
        assert abs(share - stated) < 4 * math.sqrt(stated * (1 - stated) / runs)


def test_mean_interval_is_scipy_s() -> None:
    values = np.random.default_rng(2).normal(3, 2, 7)
    interval = mean_interval(values, 0.9)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.9)
    assert interval is not None and interval.n == 7 and interval.level == 0.9
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high), rel=1e-12)


def test_divergence_and_single_seeds() -> None:
    assert mean_interval([1.0, INF]) is None
    outside = interquartile_mean_interval([1.0, 2.0, 3.0, INF])
    assert outside.estimate == 2.5 and math.isfinite(outside.high)
    inside = interquartile_mean_interval([1.0, 2.0, INF, INF])
    assert (inside.low, inside.estimate, inside.high) == (1.0, INF, INF)
    for function in (mean_interval, interquartile_mean_interval):
        single = function([2.0])
        assert single is not None and (single.low, single.estimate, single.high, single.coverage) == (2, 2, 2, 0)


def test_bad_input_is_refused() -> None:
    for function in (mean_interval, interquartile_mean_interval):
        with pytest.raises(InputError, match=r"level must be in \(0, 1\), got 95"):
            function([1.0, 2.0], 95)
        for bad in ([math.nan], [-INF], []):
            with pytest.raises(InputError, match=function.__name__):
                function(bad)
    for bad in ([1.0, math.nan], [-INF, 1.0], [], [[1.0, 2.0]], ["a"]):
        with pytest.raises(InputError, match="interquartile_mean"):
            interquartile_mean(bad)
