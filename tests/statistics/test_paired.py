from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, norm, wilcoxon

from steepest.core.errors import InputError
from steepest.statistics import (
    improvement_interval,
    least_seeds,
    paired,
    probability_of_improvement,
    rank_sums,
    seeds_to_separate,
    signed_rank_test,
)
from steepest.statistics.paired import EXACT_UP_TO

INF = math.inf
scores = st.sampled_from([0.0, 0.5, 1.0, 1.5, 2.0, 4.0, INF])


def by_enumeration(a: list[float], b: list[float]) -> float:
    """P over all 2ⁿ sign patterns that the rank sum is at least as far from its mean as the one observed."""
    differences = [0.0 if x == y else x - y for x, y in zip(a, b, strict=True)]
    differences = [d for d in differences if d != 0]
    sizes = [abs(d) for d in differences]
    midranks = [sum(s < t for s in sizes) + (sum(s == t for s in sizes) + 1) / 2 for t in sizes]
    mean = sum(midranks) / 2
    observed = abs(sum(r for r, d in zip(midranks, differences, strict=True) if d > 0) - mean)
    patterns = list(itertools.product([0, 1], repeat=len(sizes)))
    far = sum(abs(sum(r * s for r, s in zip(midranks, signs, strict=True)) - mean) >= observed for signs in patterns)
    return far / len(patterns)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.lists(st.tuples(scores, scores), min_size=1, max_size=9))
def test_p_equals_the_enumeration_of_all_signs(pairs: list[tuple[float, float]]) -> None:
    a, b = [x for x, _ in pairs], [y for _, y in pairs]
    assert signed_rank_test(a, b) == pytest.approx(by_enumeration(a, b), abs=1e-14)


@pytest.mark.parametrize("n", [3, 8, 13])
def test_p_equals_the_enumeration_without_ties(n: int) -> None:
    rng = np.random.default_rng(n)
    a, b = rng.normal(size=n).tolist(), rng.normal(0.3, 1, size=n).tolist()
    assert signed_rank_test(a, b) == pytest.approx(by_enumeration(a, b), abs=1e-14)


@pytest.mark.parametrize("n", [1, 5, 6, 10, 30])
def test_smallest_p(n: int) -> None:
    a = list(range(n))
    assert signed_rank_test(a, [x + 1 for x in a]) == 2.0 ** (1 - n)


def test_symmetric_and_invariant() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=12), rng.normal(size=12)
    order = rng.permutation(12)
    p = signed_rank_test(a, b)
    assert p == signed_rank_test(b, a) == signed_rank_test(a[order], b[order]) == signed_rank_test(3 * a, 3 * b)


def test_pairs_that_both_diverged_are_equal_and_one_that_did_ranks_last() -> None:
    assert signed_rank_test([INF, INF, 1.0], [INF, INF, 1.0]) == 1.0
    assert signed_rank_test([1, 2, 3, INF], [2, 3, 4, INF]) == signed_rank_test([1, 2, 3], [2, 3, 4])
    assert rank_sums([1, 2, 3, INF], [2, 4, 6, 0]) == (6.0, 4.0)
    assert rank_sums([1, 2, INF, INF], [2, 4, 0, 1]) == (3.0, 7.0)


def test_normal_approximation_of_many_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    a = np.round(rng.normal(size=EXACT_UP_TO), 1)
    b = np.round(a + rng.normal(0.2, 1, size=a.size), 1)
    exact = signed_rank_test(a, b)
    assert 0.01 < exact < 0.5
    monkeypatch.setattr(paired, "EXACT_UP_TO", 10)
    assert signed_rank_test(a, b) == pytest.approx(exact, abs=0.003)
    expected = wilcoxon(a, b, method="asymptotic", zero_method="wilcox", correction=False).pvalue
    assert signed_rank_test(a, b) == pytest.approx(expected, rel=1e-9)
    same = np.zeros(200)
    assert signed_rank_test(same, same) == 1.0
    assert signed_rank_test(same, same + 1) < 1e-20


def test_false_alarms_are_no_more_than_alpha() -> None:
    rng = np.random.default_rng(7)
    alarms = [signed_rank_test(rng.normal(size=10), rng.normal(size=10)) < 0.05 for _ in range(4000)]
    assert np.mean(alarms) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 4000)
    assert np.mean(alarms) > 0.03


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.lists(st.tuples(scores, scores), min_size=1, max_size=9))
def test_probability_of_improvement_counts_pairs(pairs: list[tuple[float, float]]) -> None:
    a, b = [x for x, _ in pairs], [y for _, y in pairs]
    counted = sum(1.0 if x < y else 0.5 if x == y else 0.0 for x, y in pairs) / len(pairs)
    assert probability_of_improvement(a, b) == pytest.approx(counted)
    assert probability_of_improvement(a, b) + probability_of_improvement(b, a) == pytest.approx(1)


@pytest.mark.parametrize(
    "function",
    [signed_rank_test, rank_sums, probability_of_improvement, improvement_interval, seeds_to_separate],
)
def test_bad_input_is_refused(function) -> None:
    with pytest.raises(InputError, match="a and b must have one score a seed each, got 2 and 1"):
        function([1, 2], [1])
    with pytest.raises(InputError, match=r"b must hold numbers in \(-inf, inf\], got nan at index 0"):
        function([1.0], [math.nan])


@pytest.mark.parametrize("wins", range(11))
def test_interval_of_improvement_is_clopper_and_pearson_s(wins: int) -> None:
    a, b = np.zeros(10), np.where(np.arange(10) < wins, 1.0, -1.0)
    interval = improvement_interval(a, b, 0.9)
    expected = binomtest(wins, 10).proportion_ci(0.9, method="exact")
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert interval.estimate == probability_of_improvement(a, b) and (interval.level, interval.n) == (0.9, 10)


@pytest.mark.parametrize("n", [5, 10])
@pytest.mark.parametrize(("win", "tie"), [(0.5, 0.0), (0.9, 0.0), (0.5, 0.3), (0.2, 0.6)])
def test_interval_of_improvement_covers(n: int, win: float, tie: float) -> None:
    rng = np.random.default_rng(n)
    runs, hits = 1500, 0
    for drawn in rng.random((runs, n)):
        b = np.where(drawn < win, 1.0, np.where(drawn < win + tie, 0.0, -1.0))
        interval = improvement_interval(np.zeros(n), b)
        hits += interval.low <= win + tie / 2 <= interval.high
    assert hits / runs >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / runs)


def test_least_seeds_is_where_the_smallest_p_falls_below() -> None:
    for alpha in (0.3, 0.05, 0.01, 2.0**-7):
        n = least_seeds(alpha)
        assert signed_rank_test(np.zeros(n), np.arange(1, n + 1)) < alpha
        assert n == 1 or signed_rank_test(np.zeros(n - 1), np.arange(1, n)) >= alpha


def test_seeds_to_separate_by_the_definition() -> None:
    a, b = np.zeros(8), np.array([1, 2, 3, 4, -1.5, 2.5, 0, -3])
    sums = [x + y for x, y in itertools.combinations(b, 2)]
    ahead = sum(1.0 if s > 0 else 0.5 if s == 0 else 0.0 for s in sums) / len(sums)
    z = norm.ppf(0.975) + norm.ppf(0.9)
    assert seeds_to_separate(a, b, power=0.9) == math.ceil(z * z / (3 * (ahead - 0.5) ** 2))
    assert seeds_to_separate(a, b, power=0.9, at_most=10) is None
    assert seeds_to_separate(b, a) is None and seeds_to_separate(a, a) is None and seeds_to_separate([1], [2]) is None
    assert seeds_to_separate([1, 2, INF, 4], [2, 3, 4, INF]) is not None
    assert seeds_to_separate([1, INF], [INF, 1]) is None
    assert seeds_to_separate(np.zeros(5), np.ones(5), alpha=1e-5, power=0.01) == least_seeds(1e-5) == 18


@pytest.mark.parametrize("shift", [0.3, 0.5, 0.8])
def test_that_many_seeds_do_have_the_power(shift: float) -> None:
    """A very large sample gives p′; with so many seeds the test must find a normal difference in about 80 %."""
    rng = np.random.default_rng(1)
    exact = norm.cdf(math.sqrt(2) * shift)
    many = norm.ppf((np.arange(900) + 0.5) / 900, shift)
    seeds = seeds_to_separate(np.zeros(900), many)
    assert seeds is not None
    assert seeds == pytest.approx((norm.ppf(0.975) + norm.ppf(0.8)) ** 2 / (3 * (exact - 0.5) ** 2), rel=0.05, abs=1)
    found = [signed_rank_test(np.zeros(seeds), rng.normal(shift, 1, seeds)) < 0.05 for _ in range(300)]
    assert 0.7 < np.mean(found) < 0.96


def test_bad_numbers_are_refused() -> None:
    with pytest.raises(InputError, match=r"level must be in \(0, 1\), got 95"):
        improvement_interval([1], [2], 95)
    with pytest.raises(InputError, match=r"alpha and power must be in \(0, 1\), got 0 and 0.8"):
        seeds_to_separate([1, 2], [2, 1], alpha=0)
