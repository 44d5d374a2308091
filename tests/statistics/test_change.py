from __future__ import annotations

import math

import numpy as np
import pytest

from steepest.core.errors import InputError
from steepest.statistics import median_interval, paired_difference, relative_change

INF = math.inf


@pytest.mark.parametrize("n", [1, 2, 5, 10, 21])
def test_finite_scores_are_the_median_interval_of_the_differences(n: int) -> None:
    rng = np.random.default_rng(n)
    a, b = rng.uniform(1, 2, n), rng.uniform(1, 3, n)
    assert paired_difference(a, b, 0.9) == median_interval(a - b, 0.9)
    change, expected = relative_change(a, b, 0.9), median_interval(a / b - 1, 0.9)
    assert change == expected


def test_divergence() -> None:
    a, b = [1.0, INF, INF, 2.0, 3.0], [2.0, INF, 5.0, INF, 3.5]
    found = paired_difference(a, b)  # -1, 0, ∞, -∞, -0.5
    assert (found.low, found.estimate, found.high) == (-INF, -0.5, INF)
    change = relative_change(a, b)  # -0.5, 0, ∞, -1, -1/7
    assert change is not None and (change.low, change.high) == (-1, INF) and change.estimate == pytest.approx(-1 / 7)
    opposed = paired_difference([INF, 1.0], [1.0, INF])
    assert (opposed.low, opposed.estimate, opposed.high) == (-INF, 0, INF)
    assert paired_difference([INF, INF], [INF, INF]).estimate == 0
    assert paired_difference([INF, INF], [1, 1]).estimate == INF


def test_a_ratio_needs_positive_scores() -> None:
    assert relative_change([0.0, 1.0], [1.0, 1.0]) is None and relative_change([1.0, 1.0], [1.0, -1.0]) is None


def test_coverage_of_the_gain() -> None:
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(1000):
        seed = rng.normal(0, 1, 10)
        found = paired_difference(seed + rng.normal(0, 0.3, 10), seed + rng.normal(0.5, 0.3, 10))
        hits += found.low <= -0.5 <= found.high
    assert abs(hits / 1000 - 0.9785) < 4 * math.sqrt(0.9785 * 0.0215 / 1000)


def test_bad_input_is_refused() -> None:
    for function in (paired_difference, relative_change):
        with pytest.raises(InputError, match="one score a seed each, got 2 and 1"):
            function([1, 2], [1])
        with pytest.raises(InputError, match="got nan"):
            function([math.nan], [1])
        with pytest.raises(InputError, match=r"level must be in \(0, 1\), got 0"):
            function([1], [1], 0)
