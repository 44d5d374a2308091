from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steepest.core.errors import InputError
from steepest.statistics import (
    improvement_interval,
    median_interval,
    seeds_to_separate,
    signed_rank_test,
    stepdown,
    stepdown_test,
    verdict,
)

INF = math.inf
NAMES = ["adam", "adamw", "lion", "sgd"]


def drawn(rng: np.random.Generator, n: int = 10, shift: dict[str, float] | None = None) -> dict[str, np.ndarray]:
    seeds = rng.normal(0, 0.5, n)
    return {name: 1 + seeds + rng.normal(0, 0.1, n) + (shift or {}).get(name, 0.0) for name in NAMES}


@pytest.mark.parametrize("seeds", [10, 20])
@pytest.mark.parametrize("methods", [2, 5, 12])
def test_a_null_study_is_a_tie(methods: int, seeds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stepdown, "PERMUTATIONS", 99)  # a p is valid at any number of them
    rng = np.random.default_rng((methods, seeds))
    found = []
    for repeat in range({2: 400, 5: 150, 12: 100}[methods]):
        noise = rng.normal(0, 1, (methods, seeds)) if repeat % 2 else rng.lognormal(0, 1, (methods, seeds))
        found.append(verdict({f"m{i}": row + rng.normal(0, 0.5, seeds) for i, row in enumerate(noise)}))
    assert np.mean([not v.beaten for v in found]) >= 0.93
    assert all(v.best is not None and set(v.tied) == set(v.order[1:]) for v in found if not v.beaten)


def test_one_method_under_two_names_is_a_tie() -> None:
    rng = np.random.default_rng(5)
    found = [verdict({"a": rng.normal(1, 0.1, 10), "b": rng.normal(1, 0.1, 10)}) for _ in range(100)]
    assert sum(not v.beaten for v in found) >= 93
    same = rng.normal(size=10)
    v = verdict({"a": same, "b": same})
    assert v.tied == ("b",) and v.p_adjusted == {"b": 1.0} and v.seeds_to_separate == {"b": None}
    assert v.improvement["b"].estimate == 0.5 and "1,000 seeds would not separate b" in v.sentence


@pytest.mark.parametrize("worse", [0.5, 3.0])
def test_equal_methods_beside_worse_ones_are_a_tie(worse: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stepdown, "PERMUTATIONS", 199)
    rng = np.random.default_rng(12)
    alike = {"m0", "m1", "m2"}
    wrong, right = 0, 0
    for _ in range(120):
        v = verdict({f"m{i}": rng.normal(0 if f"m{i}" in alike else worse, 0.4, 10) for i in range(6)})
        wrong += bool(alike & set(v.beaten)) and v.best in alike
        right += len(set(v.beaten) - alike)
    assert wrong <= 0.07 * 120
    assert right >= (0.95 if worse > 1 else 0.15) * 3 * 120


def test_a_planted_gap_is_found() -> None:
    scores = drawn(np.random.default_rng(2), shift={"lion": 1.0, "sgd": 2.0, "adamw": 0.01})
    v = verdict(scores, label="test loss")
    assert v.order[2:] == ("lion", "sgd") and v.beaten == ("lion", "sgd")
    other = ({"adam", "adamw"} - {v.best}).pop()
    assert v.tied == (other,)
    assert v.p_adjusted == stepdown_test(scores[v.order[0]], {rival: scores[rival] for rival in v.order[1:]})
    assert v.p_adjusted["sgd"] == 2**-9 and v.p_adjusted[other] == signed_rank_test(scores["adam"], scores["adamw"])
    assert v.improvement == {rival: improvement_interval(scores[v.order[0]], scores[rival]) for rival in v.order[1:]}
    assert v.intervals["sgd"] == median_interval(scores["sgd"])
    assert v.enough and v.seeds == 10 and v.seeds_needed == 6
    assert v.sentence.startswith(
        f"{v.best} is best: median test loss {v.intervals[v.best]} over 10 seeds; P({v.best} beats {other}) = "
        f"{v.improvement[other].text(2)}; tied with {other} (p = "
    )
    assert "; better than lion and sgd (adjusted p ≤ 0.002)" in v.sentence


def test_seeds_to_separate_the_tied() -> None:
    base = np.arange(10.0)
    ahead = np.array([1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, -0.95, -0.85, -0.75])
    behind = base + np.where((base == 4) | (base == 5), 0.5, -0.3)  # a higher median, and yet lower on most seeds
    v = verdict({"a": base, "b": base + ahead, "c": base + 1.5 * ahead[::-1], "z": base + 9, "d": behind})
    assert v.best == "a" and set(v.tied) == {"b", "c", "d"} == set(v.seeds_to_separate) and v.beaten == ("z",)
    for rival in ("b", "c"):
        # One of three ties: at a third of alpha, as Holm would leave it.
        least = seeds_to_separate(base, {"b": base + ahead, "c": base + 1.5 * ahead[::-1]}[rival], alpha=0.05 / 3)
        assert least is not None and v.seeds_to_separate[rival] == max(11, least)
        assert f"{rival} about {v.seeds_to_separate[rival]} seeds" in v.sentence
    assert v.seeds_to_separate["d"] is None and "1,000 seeds would not separate d" in v.sentence


def test_enough_seeds_by_the_formula_and_yet_tied_takes_one_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stepdown, "SIGNED_RANKS_UP_TO", 0)  # noisy rivals then hide what one pair alone would show
    rng = np.random.default_rng(0)
    base = rng.normal(0, 1, 20)
    close = base + 0.05 + rng.uniform(0, 0.02, 20)
    v = verdict({"a": base, "b": close} | {f"noisy{i}": base + 1 + rng.normal(0, 3, 20) for i in range(6)})
    least = seeds_to_separate(base, close, alpha=0.05 / len(v.tied))
    assert v.best == "a" and "b" in v.tied and least is not None and least <= 20
    assert v.seeds_to_separate["b"] == 21


def test_the_order_breaks_ties_by_interquartile_mean_then_name() -> None:
    assert verdict({"b": [1, 2, 3, 4, 9], "a": [1, 2, 3, 5, 9]}).order == ("b", "a")
    assert verdict({"b": [1, 2, 3], "a": [1, 2, 3]}).order == ("a", "b")


@pytest.mark.parametrize("n", [3, 4, 5, 9, 10, 11])
def test_diverging_on_half_its_seeds_is_never_above_one_that_does_not(n: int) -> None:
    risky = [1e-6] * (n - n // 2) + [INF] * (n // 2)
    v = verdict({"risky": risky, "worse": [5.0] * n, "few": [9.0] * (n - 1) + [INF]})
    assert v.order[0] == "worse" and (v.order[1:] == ("few", "risky") or n == 3)
    assert v.diverged == {"risky": n // 2, "worse": 0, "few": 1}


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(st.lists(st.sampled_from([0.0, 1.0, 2.0, INF]), min_size=5, max_size=5), min_size=2, max_size=5))
def test_whoever_diverges_on_half_ranks_below_whoever_does_not(rows: list[list[float]]) -> None:
    v = verdict({f"m{i}": row for i, row in enumerate(rows)})
    half = [v.diverged[name] >= 2 for name in v.order]
    assert half == sorted(half)
    assert (v.best is None) == all(half)
    assert not set(v.beaten) & {name for name in v.order if name == v.best}


def test_among_those_without_a_finite_median_fewer_divergences_come_first() -> None:
    v = verdict({"a": [INF] * 4, "b": [9.0, INF, INF, INF], "c": [1.0, 1.0, INF, INF], "d": [0.1, INF, INF, INF]})
    assert v.order == ("c", "b", "d", "a")
    assert v.best is None and v.p_adjusted == {}
    assert v.sentence == "No verdict: every method diverged on at least half of its 4 seeds."
    odd = verdict({"a": [1.0, 1.0, 1.0, INF, INF], "b": [INF] * 5})
    assert odd.best is None and odd.sentence == "No verdict: every method diverged on at least 2 of its 5 seeds."


def test_divergence_of_the_best_and_of_the_tied_is_said() -> None:
    rng = np.random.default_rng(8)
    scores = drawn(rng, shift={"sgd": 3, "lion": 3})
    scores["adam"][0] = scores["adamw"][1] = scores["adamw"][2] = INF
    sentence = verdict(scores).sentence
    assert "over 10 seeds, " in sentence and "of them diverged" in sentence and "of 10 seeds)" in sentence


def test_a_lower_median_is_not_called_better_against_the_seeds() -> None:
    rival = np.concatenate([np.arange(10.0), 11.2 + np.arange(11.0)])
    best = np.concatenate([np.arange(10.0) + 0.5, [11.0], 12.0 + np.arange(1.0, 11.0)])
    assert np.median(best) < np.median(rival) and signed_rank_test(best, rival) < 0.05
    v = verdict({"best": best, "rival": rival})
    assert v.order[0] == "best" and v.beaten == () and v.tied == ("rival",)
    assert "but rival is better seed by seed (p " in v.sentence and "tied with" not in v.sentence


def test_one_seed_gives_no_verdict() -> None:
    v = verdict({"adam": [0.25], "sgd": [0.5]}, label="test loss")
    assert v.best is None and v.order == ("adam", "sgd") and not v.enough and v.tied == v.beaten == ()
    assert v.sentence == (
        "No verdict: one seed cannot tell methods apart (at least 6 seeds are needed); "
        "adam has the lowest test loss, 0.250."
    )


def test_one_method_gives_no_verdict() -> None:
    v = verdict({"adam": [1, 2, 3, 4, 5, 6]})
    assert v.best is None and v.sentence == (
        "No verdict: adam is the only method, with median loss 3.50 [1.00, 6.00] over 6 seeds."
    )
    assert verdict({"adam": [INF]}).sentence == "No verdict: adam diverged on its only seed."


@pytest.mark.parametrize("n", [2, 5])
def test_few_seeds_cannot_be_significant(n: int) -> None:
    v = verdict({"adam": range(n), "sgd": [x + 100 for x in range(n)]})
    assert v.best == "adam" and v.tied == ("sgd",) and not v.enough and v.seeds_needed == 6
    assert f"no difference can be significant with {n} seeds: at least 6 seeds are needed" in v.sentence


@pytest.mark.parametrize("rivals", range(1, 12))
def test_enough_is_exactly_whether_the_clearest_data_is_significant(rivals: int) -> None:
    for n in range(2, 13):
        clearest = {"best": range(n)} | {f"r{i}": [x + 100.0 * (i + 1) for x in range(n)] for i in range(rivals)}
        v = verdict(clearest)
        assert v.enough == bool(v.beaten) == (n >= v.seeds_needed)


def test_bad_input_is_refused() -> None:
    with pytest.raises(InputError, match="at least 1 method"):
        verdict({})
    with pytest.raises(InputError, match=r"as many seeds for every method, got \{'a': 1, 'b': 2\}"):
        verdict({"a": [1], "b": [1, 2]})
    with pytest.raises(InputError, match=r"scores\['a'\] must hold numbers in \(-inf, inf\], got nan"):
        verdict({"a": [math.nan]})
    with pytest.raises(InputError, match=r"alpha must be in \(0, 1\), got 5"):
        verdict({"a": [1.0]}, alpha=5)
