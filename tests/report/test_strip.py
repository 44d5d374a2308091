from __future__ import annotations

import math

import pytest

from steepest.report.strip import WIDTH, strip
from steepest.statistics import Interval

INF = math.inf


def interval(estimate: float, low: float, high: float) -> Interval:
    return Interval(estimate, low, high, 0.95, 0.978, 10)


def test_places_keep_order_and_stay_inside() -> None:
    drawn = strip([
        interval(0.2, 0.1, 0.3),
        interval(0.25, 0.22, INF),
        interval(INF, 0.28, INF),
        interval(INF, INF, INF),
    ])
    assert not drawn.log
    for mark in drawn.marks:
        assert 0 <= mark.low <= mark.estimate <= mark.high <= WIDTH
    assert drawn.marks[0].low < drawn.marks[1].low < drawn.marks[0].high < drawn.marks[1].high
    assert [(m.beyond, m.diverged) for m in drawn.marks] == [(False, False), (True, False), (True, True), (True, True)]


def test_linear_and_logarithmic_places() -> None:
    linear = strip([interval(2, 1, 3)])
    assert linear.marks[0].estimate == pytest.approx((linear.marks[0].low + linear.marks[0].high) / 2, abs=0.01)
    log = strip([interval(10, 1, 100)])
    assert log.log and log.marks[0].estimate == pytest.approx((log.marks[0].low + log.marks[0].high) / 2, abs=0.01)


@pytest.mark.parametrize(
    "ends",
    [
        (0.0914, 0.1922),
        (0.1, 0.3),
        (1e-12, 3e5),
        (0.09, 2.3),
        (-3, 4),
        (0, 1),
        (0.5, 0.5),
        (0, 0),
        (999, 1001),
        (0.0302, 0.0319),
    ],
)
def test_ticks_are_few_round_and_where_they_say(ends: tuple[float, float]) -> None:
    low, high = ends
    drawn = strip([interval((low + high) / 2, low, high)])
    values = [float(tick.text) for tick in drawn.ticks]
    assert 1 <= len(values) <= 6 and values == sorted(set(values))
    places = strip([*(interval(v, v, v) for v in values), interval(low, low, high)])
    if low < high:
        assert [m.estimate for m in places.marks[:-1]] == pytest.approx([t.x for t in drawn.ticks], abs=0.02)


def test_all_diverged() -> None:
    drawn = strip([interval(INF, INF, INF)])
    assert drawn.marks[0].diverged and all(0 <= tick.x <= WIDTH for tick in drawn.ticks)
