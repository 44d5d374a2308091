from __future__ import annotations

import math

import pytest

from steepest.core.errors import InputError
from steepest.statistics import median_interval, usable_rates

INF = math.inf
RATES = [1e-4, 1e-3, 1e-2, 1e-1, 1.0]


def test_contiguous_about_the_chosen_rate() -> None:
    values = [[2.0, 2.0, 2.0], [9.0, 9.0, 9.0], [2.5, 2.5, 2.4], [1.0, 2.0, 3.0], [3.1, 3.2, 1.0]]
    found = usable_rates(RATES, values, 3)
    assert (found.low, found.high, found.bound) == (1e-2, 1e-1, 3.0)  # 1e-4 is as good, but beyond a bad one
    assert found.decades == pytest.approx(1) and found.chosen == 1e-1
    assert (found.first_diverged, found.decades_to_divergence, found.highest) == (None, None, 1.0)
    assert not found.low_is_border and not found.high_is_border
    wider = usable_rates(RATES, values, 3, bound=9.0)
    assert (wider.low, wider.high) == (1e-4, 1.0) and wider.low_is_border and wider.high_is_border
    assert usable_rates(RATES, values, 3, bound=0.0).decades == 0


def test_the_bound_is_the_upper_end_of_the_interval() -> None:
    values = [[float(i + shift) for i in range(10)] for shift in (8, 4, 0, 3.5, 4.1)]
    found = usable_rates(RATES, values, 2)
    assert found.bound == median_interval(values[2]).high == 8.0
    assert (found.low, found.high) == (1e-2, 1e-1)  # medians 12.5, 8.5, 4.5, 8, 8.6


def test_divergence_above() -> None:
    values = [[INF, INF], [2.0, 2.0], [1.0, 3.0], [2.0, INF], [INF, INF]]
    found = usable_rates(RATES, values, 2)
    assert (found.low, found.high) == (1e-3, 1e-2) and found.first_diverged == 1e-1
    assert found.decades_to_divergence == pytest.approx(1)
    partly = usable_rates(RATES, [[1, 1, 1], [1, 1, 1], [1, 2, INF], [1, 2, INF], [INF] * 3], 2)
    assert partly.bound == 2 and (partly.low, partly.high) == (1e-4, 1e-1) and partly.first_diverged == 1e-1


@pytest.mark.parametrize(
    ("rates", "values", "chosen", "bound", "message"),
    [
        ([1, 2], [[1]], 0, None, r"values must have shape \(2, seeds\), got \(1, 1\)"),
        ([2, 1], [[1], [1]], 0, None, "rates must be positive and ascend"),
        ([0, 1], [[1], [1]], 0, None, "rates must be positive and ascend"),
        ([1, 2], [[1], [1]], 2, None, r"chosen must be in \[0, 2\), got 2"),
        ([1, 2], [[1], [math.nan]], 0, None, "got nan"),
        ([1, 2], [[INF], [1]], 0, None, "chosen must be a rate with a finite value, got 1"),
        ([1, 2], [[1], [1]], 0, INF, "bound must be finite, got inf"),
    ],
)
def test_bad_input_is_refused(rates: list, values: list, chosen: int, bound: float | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        usable_rates(rates, values, chosen, bound=bound)
