from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from steepest.core.errors import InputError
from steepest.statistics import Segment, best_after, best_by_budget, segments_text

INF = math.inf


@pytest.mark.parametrize(
    "scores",
    [[3.0, 1.0, 2.0], [5.0], [1.0, 1.0, 4.0, 2.5, INF], [INF, INF, 0.5, INF], [-1.0, 0.0, 7.0, 7.0, 2.0, 9.0, 3.5]],
)
def test_against_all_subsets(scores: list[float]) -> None:
    found = best_after(scores)
    assert found.k.tolist() == list(range(1, len(scores) + 1))
    for k in found.k:
        lowest = sorted(min(subset) for subset in itertools.combinations(scores, int(k)))
        quantiles = [lowest[math.ceil(q * len(lowest)) - 1] for q in (0.25, 0.5, 0.75)]
        at = k - 1
        assert [found.low[at], found.median[at], found.high[at]] == quantiles
        assert found.mean[at] == pytest.approx(sum(lowest) / len(lowest))


def test_many_trials_stay_exact() -> None:
    found = best_after(np.arange(500.0))
    # The expected minimum of k of 0, …, N − 1 drawn without replacement is (N + 1)/(k + 1) − 1.
    assert found.mean == pytest.approx(501 / (found.k + 1) - 1, abs=1e-9)
    assert np.all(np.diff(found.median) <= 0) and found.median[-1] == 0


def test_who_is_best_at_each_budget() -> None:
    curves = {
        "safe": best_after([2.0, 2.1, 2.2, 2.3, 2.4, 2.5]),
        "risky": best_after([1.0, 1.1, 3.0, 4.0, INF, INF, INF]),
        "bad": best_after([INF] * 6),
    }
    segments = best_by_budget(curves)
    medians = {name: curve.median.tolist() for name, curve in curves.items()}
    winners = [min(medians, key=lambda name: medians[name][k]) for k in range(6)]
    spelled = [s.method for s in segments for _ in range(s.first, s.last + 1)]
    assert spelled == winners and [s.method for s in segments] == ["safe", "risky"]
    assert segments_text(segments) == "with 1 trial safe, from 2 risky"


def test_ties_stay_with_the_leader() -> None:
    curves = {"b": best_after([1.0, 1.0, 1.0]), "a": best_after([1.0, 1.0, 1.0])}
    assert best_by_budget(curves) == (Segment(1, 3, "b"),)
    assert segments_text(best_by_budget(curves)) == "b with any number of trials"
    assert best_by_budget({"a": best_after([INF, INF])}) == () and segments_text(()) == ""
    late = best_by_budget({"a": best_after([INF, INF, 1.0])})
    assert late == (Segment(2, 3, "a"),) and segments_text(late) == "from 2 trials a"
    assert segments_text((Segment(1, 1, "a"), Segment(2, 9, "b"))) == "with 1 trial a, from 2 b"


def test_bad_input_is_refused() -> None:
    with pytest.raises(InputError, match="best_after: scores must hold numbers"):
        best_after([math.nan])
    with pytest.raises(InputError, match="at least 1 method"):
        best_by_budget({})
