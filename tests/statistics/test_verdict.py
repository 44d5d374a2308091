from __future__ import annotations

import math

import numpy as np
import pytest

from steepest.core.errors import InputError
from steepest.statistics import holm, median_interval, signed_rank_test, verdict

INF = math.inf
NAMES = ["adam", "adamw", "lion", "sgd"]


def drawn(rng: np.random.Generator, n: int = 10, shift: dict[str, float] | None = None) -> dict[str, np.ndarray]:
    seeds = rng.normal(0, 0.5, n)
    return {name: 1 + seeds + rng.normal(0, 0.1, n) + (shift or {}).get(name, 0.0) for name in NAMES}


def test_no_difference_is_a_tie_most_of_the_time() -> None:
    rng = np.random.default_rng(11)
    verdicts = [verdict(drawn(rng)) for _ in range(200)]
    # The first is chosen by looking, so one wrong "better" in a family may exceed 5 %, but not by far.
    assert np.mean([bool(v.beaten) for v in verdicts]) < 0.15
    clear = next(v for v in verdicts if not v.beaten)
    assert set(clear.tied) == set(NAMES) - {clear.best}
    assert clear.sentence.startswith(f"No method stands out; {clear.best} has the lowest score: median loss ")
    assert "; tied with " in clear.sentence and "better than" not in clear.sentence


def test_a_planted_gap_is_found() -> None:
    scores = drawn(np.random.default_rng(2), shift={"lion": 1.0, "sgd": 2.0, "adamw": 0.01})
    v = verdict(scores, label="test loss")
    assert v.order[2:] == ("lion", "sgd") and v.beaten == ("lion", "sgd")
    assert v.tied == (({"adam", "adamw"} - {v.best}).pop(),)
    rivals = v.order[1:]
    expected = holm([signed_rank_test(scores[v.order[0]], scores[r]) for r in rivals])
    assert dict(zip(rivals, expected, strict=True)) == v.p_adjusted
    assert v.intervals["sgd"] == median_interval(scores["sgd"])
    assert v.enough and v.seeds == 10 and v.seeds_needed == 7
    assert v.sentence.startswith(f"{v.best} is best: median test loss {v.intervals[v.best]} over 10 seeds; tied with ")
    assert v.sentence.endswith("better than lion and sgd (p ≤ 0.0059, Holm).")


def test_the_order_breaks_ties_by_interquartile_mean_then_name() -> None:
    assert verdict({"b": [1, 2, 3, 4, 9], "a": [1, 2, 3, 5, 9]}).order == ("b", "a")
    assert verdict({"b": [1, 2, 3], "a": [1, 2, 3]}).order == ("a", "b")


@pytest.mark.parametrize("n", [4, 10])
def test_diverging_on_half_its_seeds_is_never_above_one_that_does_not(n: int) -> None:
    risky = [1e-6] * (n // 2) + [INF] * (n // 2)
    v = verdict({"risky": risky, "worse": [5.0] * n, "few": [9.0] * (n - 1) + [INF]})
    assert v.order == ("worse", "few", "risky")
    assert v.diverged == {"risky": n // 2, "worse": 0, "few": 1}


def test_among_those_without_a_finite_median_fewer_divergences_come_first() -> None:
    v = verdict({"a": [INF] * 4, "b": [9.0, INF, INF, INF], "c": [1.0, 1.0, INF, INF], "d": [0.1, INF, INF, INF]})
    assert v.order == ("c", "b", "d", "a")
    assert v.best is None and v.p_adjusted == {}
    assert v.sentence == "No verdict: every method diverged on at least half of its 4 seeds."


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
    assert f"no difference can be significant with {n} seeds and 1 rival: at least 6 seeds are needed" in v.sentence


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
