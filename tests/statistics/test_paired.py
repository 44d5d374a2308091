from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import wilcoxon

from steepest.core.errors import InputError
from steepest.statistics import paired, probability_of_improvement, rank_sums, signed_rank_test
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


@pytest.mark.parametrize("function", [signed_rank_test, rank_sums, probability_of_improvement])
def test_bad_input_is_refused(function) -> None:
    with pytest.raises(InputError, match="a and b must have one score a seed each, got 2 and 1"):
        function([1, 2], [1])
    with pytest.raises(InputError, match=r"b must hold numbers in \(-inf, inf\], got nan at index 0"):
        function([1.0], [math.nan])
