from __future__ import annotations

import math

import numpy as np
import pytest

from steepest.core.errors import InputError
from steepest.statistics import (
    algoperf_score,
    performance_profile,
    ratios_to_fastest,
    score_intervals,
    score_without_one,
)

INF = math.inf
TIMES = {"a": [10, 40, INF, 30], "b": [20, 20, INF, 100], "c": [50, INF, INF, 15]}
"""By hand: ratios a 1, 2, ∞, 2; b 2, 1, ∞, 20/3; c 5, ∞, ∞, 1."""


def by_quadrature(times: dict[str, list[float]], points: int) -> dict[str, float]:
    """The score as AlgoPerf's code has it: the trapezoid rule over equidistant τ from 1 to 4, over 3."""
    tau = np.linspace(1, 4, points)
    profiles = performance_profile(times)
    return {name: float(np.trapezoid([profile.at(t) for t in tau], tau) / 3) for name, profile in profiles.items()}


def test_profile_by_hand() -> None:
    assert {k: v.tolist() for k, v in ratios_to_fastest(TIMES).items()} == {
        "a": [1, 2, INF, 2],
        "b": [2, 1, INF, 100 / 15],
        "c": [5, INF, INF, 1],
    }
    a, b, c = performance_profile(TIMES).values()
    assert (a.tau.tolist(), a.rho.tolist()) == ([1, 2], [0.25, 0.75])
    assert (b.tau.tolist(), b.rho.tolist()) == ([1, 2, 100 / 15], [0.25, 0.5, 0.75])
    assert (c.tau.tolist(), c.rho.tolist()) == ([1, 5], [0.25, 0.5])
    assert [b.at(t) for t in (1, 1.99, 2, 6, 100)] == [0.25, 0.25, 0.5, 0.5, 0.75]
    never = performance_profile({"x": [INF], "y": [3.0]})["x"]
    assert (never.tau.tolist(), never.rho.tolist()) == ([1], [0])


def test_score_by_hand_and_by_quadrature() -> None:
    expected = {"a": (1 + 2 / 3 + 2 / 3) / 4, "b": (2 / 3 + 1) / 4, "c": 0.25}
    assert algoperf_score(TIMES) == pytest.approx(expected)
    assert by_quadrature(TIMES, 20_001) == pytest.approx(expected, abs=1e-4)
    rng = np.random.default_rng(0)
    drawn = {name: np.exp(rng.normal(0, 0.6, 8)).tolist() for name in "abcde"}
    drawn["a"][3] = drawn["b"][3] = INF
    assert algoperf_score(drawn) == pytest.approx(by_quadrature(drawn, 100), abs=0.01)
    assert algoperf_score(TIMES, r_max=2)["a"] == 0.25


def test_seeds_enter_by_their_median_with_infinity() -> None:
    seeds = {"a": [[10, 11, INF], [5, INF, INF]], "b": [[20, 22, 24], [9, 10, 11]]}
    assert ratios_to_fastest(seeds)["a"].tolist() == [1, INF] and ratios_to_fastest(seeds)["b"].tolist() == [2, 1]


def test_at_the_target_from_the_start() -> None:
    ratios = ratios_to_fastest({"a": [0, 0], "b": [0, 5], "c": [1, INF]})
    assert [r.tolist() for r in ratios.values()] == [[1, 1], [1, INF], [INF, INF]]


@pytest.mark.parametrize("problems", [1, 2, 5])
def test_few_problems_give_a_range_and_say_so(problems: int) -> None:
    rng = np.random.default_rng(problems)
    times = {name: rng.uniform(1, 5, problems) for name in "ab"}
    for name, interval in score_intervals(times).items():
        left = [
            algoperf_score({k: np.delete(t, i) for k, t in times.items()})[name]
            for i in range(problems)
            if problems > 1
        ]
        values = [*left, algoperf_score(times)[name]]
        assert (interval.low, interval.high) == pytest.approx((min(values), max(values)))
        assert interval.coverage == 0 and interval.n == problems


def test_intervals_of_many_problems() -> None:
    rng = np.random.default_rng(1)
    times = {"a": rng.uniform(1, 2, 12), "b": rng.uniform(1, 2, 12), "c": np.full(12, 1000.0)}
    found = score_intervals(times)
    assert score_intervals(times) == found
    assert (found["c"].low, found["c"].high) == (0, 0)
    for name in "ab":
        assert 0 <= found[name].low < algoperf_score(times)[name] == found[name].estimate < found[name].high <= 1
        assert found[name].coverage == 0.95
    narrow = score_intervals(times, level=0.5)["a"]
    assert found["a"].low < narrow.low < narrow.high < found["a"].high
    # Scores are means of 12 values: the interval is about Student's.
    values = np.clip((4 - ratios_to_fastest(times)["a"]) / 3, 0, None)
    half = 2.201 * values.std(ddof=1) / math.sqrt(12)
    assert found["a"].high - found["a"].low == pytest.approx(2 * half, rel=0.15)


def test_seeds_within_problems_widen_the_interval() -> None:
    rng = np.random.default_rng(2)
    noise = np.exp(rng.normal(0, 0.7, (8, 3)))
    times = {"a": noise, "b": np.full((8, 3), 1.5), "c": np.full((8, 3), 2.0)}
    medians = {name: np.median(values, axis=1) for name, values in times.items()}
    wide, narrow = score_intervals(times)["b"], score_intervals(medians)["b"]
    assert wide.high - wide.low > narrow.high - narrow.low
    assert wide.estimate == narrow.estimate


@pytest.mark.parametrize(("name", "least"), [("low", 0.9), ("mid", 0.85), ("high", 0.75)])
def test_coverage_over_problems(name: str, least: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("steepest.statistics.across.DRAWS", 400)
    rng = np.random.default_rng(3)
    shift = np.array([[0.0], [0.5], [0.9]])

    def drawn(problems: int) -> dict[str, np.ndarray]:
        return dict(zip(["high", "mid", "low"], np.exp(rng.normal(shift, 0.5, (3, problems))), strict=True))

    true = algoperf_score(drawn(200_000))[name]
    hits = [i.low <= true <= i.high for i in (score_intervals(drawn(10))[name] for _ in range(200))]
    assert np.mean(hits) > least


def test_leaving_one_out() -> None:
    names = ("p", "q", "r", "s")
    found = score_without_one(TIMES, names)
    assert [(item.left_out, item.kind) for item in found] == [
        ("p", "problem"),
        ("q", "problem"),
        ("r", "problem"),
        ("s", "problem"),
        ("a", "method"),
        ("b", "method"),
        ("c", "method"),
    ]
    for i, item in enumerate(found[:4]):
        left = {k: [t for j, t in enumerate(v) if j != i] for k, v in TIMES.items()}
        assert item.values == pytest.approx(algoperf_score(left))
        assert list(item.values.values()) == sorted(item.values.values(), reverse=True)
    for item in found[4:]:
        assert item.values == pytest.approx(algoperf_score({k: v for k, v in TIMES.items() if k != item.left_out}))
    # Without a, b and c share problem s otherwise: b 1 + 1 + 0, c 3/6 + 0 + 1.
    assert found[4].flips == () and found[4].values == pytest.approx({"b": 0.5, "c": (0.5 + 1) / 4})


def test_a_flip_is_named() -> None:
    times = {"a": [10, 10, 40], "b": [20, 20, 10]}
    assert algoperf_score(times) == pytest.approx({"a": 2 / 3, "b": 7 / 9})
    first, second, third = score_without_one(times, ("p", "q", "r"))
    assert first.flips == second.flips == () and third.flips == (("a", "b"),)
    assert score_without_one({"a": [1.0], "b": [2.0]}, ("p",)) == ()


def test_bad_input_is_refused() -> None:
    with pytest.raises(InputError, match="at least 1 method"):
        performance_profile({})
    with pytest.raises(InputError, match=r"one shape, .*, got \{'a': \(1,\), 'b': \(2,\)\}"):
        algoperf_score({"a": [1], "b": [1, 2]})
    with pytest.raises(InputError, match=r"times must be in \[0, inf\], got nan"):
        algoperf_score({"a": [math.nan]})
    with pytest.raises(InputError, match=r"times must be in \[0, inf\], got -1"):
        score_intervals({"a": [-1]})
    with pytest.raises(InputError, match=r"r_max must be in \(1, inf\), got 1"):
        algoperf_score({"a": [1]}, r_max=1)
    with pytest.raises(InputError, match=r"level must be in \(0, 1\), got 2"):
        score_intervals({"a": [1]}, level=2)
    with pytest.raises(InputError, match="problems must have 1 names, got 2"):
        score_without_one({"a": [1]}, ("p", "q"))
