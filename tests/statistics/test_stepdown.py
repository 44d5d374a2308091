from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy.stats import rankdata

from steepest.core.errors import InputError
from steepest.statistics import holm, signed_rank_test, stepdown, stepdown_test

INF = math.inf


def both_by_enumeration(scores: np.ndarray) -> dict[int, float]:
    """For each rival the smaller p of its two differences, itself held against all (k!)ⁿ permutations."""
    n, k = scores.shape
    ranks = rankdata(scores - np.median(scores, axis=1, keepdims=True)).reshape(n, k)

    def differences(order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """By pair, of the aligned ranks' sums and of the signed ranks' sums; `order` is the columns of each seed."""
        mixed = np.take_along_axis(scores, order, axis=1)
        sums = np.take_along_axis(ranks, order, axis=1).sum(axis=0)
        aligned, signed = [], []
        for i, j in itertools.combinations(range(k), 2):
            d = mixed[:, j] - mixed[:, i]
            aligned.append(abs(sums[j] - sums[i]))
            signed.append(abs(sum(rankdata(np.abs(d)) * np.sign(d))))
        return np.array(aligned), np.array(signed)

    orders = itertools.product(itertools.permutations(range(k)), repeat=n)
    null = np.array([[part.max() for part in differences(np.array(order))] for order in orders])
    seen = np.array(differences(np.tile(np.arange(k), (n, 1))))[:, : k - 1]

    def tails(values: np.ndarray) -> np.ndarray:
        return np.min([[np.mean(null[:, s] >= v) for v in values[s]] for s in (0, 1)], axis=0)

    smallest = tails(null.T)
    return {rival: float(np.mean(smallest <= p)) for rival, p in enumerate(tails(seen), start=1)}


@pytest.mark.parametrize("seed", [4, 5, 6])
def test_the_smaller_of_two_p_is_held_against_its_own_distribution(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stepdown, "SELDOM", 1.0)
    scores = np.random.default_rng(seed).normal([0, 0.2, 0.9], [0.3, 0.3, 1], (4, 3))
    p = stepdown_test(scores[:, 0], {"a": scores[:, 1], "b": scores[:, 2]})
    exact = both_by_enumeration(scores)
    alone = {i: signed_rank_test(scores[:, 0], scores[:, i]) for i in (1, 2)}
    first = min(exact, key=lambda rival: (exact[rival], alone[rival]))
    expected = max(exact[first], alone[first])
    assert exact[first] > alone[first]  # else the pair's own test would hide the step's p
    assert {"a": p["a"], "b": p["b"]}["ab"[first - 1]] == pytest.approx(expected, abs=4 * math.sqrt(0.25 / 2000))


def by_enumeration(scores: np.ndarray) -> tuple[int, float]:
    """The rival whose aligned-rank sum is farthest from that of column 0, and its p over all (k!)ⁿ permutations."""
    n, k = scores.shape
    ranks = rankdata(scores - np.median(scores, axis=1, keepdims=True)).reshape(n, k)
    sums = ranks.sum(axis=0)
    distance = np.abs(sums[1:] - sums[0])
    rows = [np.array([list(order) for order in itertools.permutations(row)]) for row in ranks]
    total = np.zeros((1, k))
    for row in rows:
        total = (total[:, None] + row[None]).reshape(-1, k)
    far = total.max(axis=1) - total.min(axis=1) >= distance.max() - 1e-9
    return int(np.argmax(distance)) + 1, float(far.mean())


@pytest.mark.parametrize("seed", range(6))
def test_three_methods_against_the_enumeration_of_all_permutations(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stepdown, "SIGNED_RANKS_UP_TO", 0)
    scores = np.random.default_rng(seed).normal([0, 0.4, 0.8], 1, (6, 3))
    names = ["a", "b"]
    p = stepdown_test(scores[:, 0], {name: scores[:, i] for i, name in enumerate(names, 1)})
    far, exact = by_enumeration(scores)
    alone = [signed_rank_test(scores[:, 0], scores[:, i]) for i in (1, 2)]
    first = max(exact, alone[far - 1])
    assert p[names[far - 1]] == pytest.approx(first, abs=4 * math.sqrt(exact * (1 - exact) / 2000))
    assert p[names[2 - far]] == max(p[names[far - 1]], alone[2 - far])


def test_two_methods_are_the_signed_rank_test() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=9), rng.normal(0.4, 1, 9)
    assert stepdown_test(a, {"b": b}) == {"b": signed_rank_test(a, b)}


@pytest.mark.parametrize(("methods", "seeds"), [(3, 10), (5, 10), (12, 10), (3, 40)])
def test_the_chosen_best_of_equal_methods_is_seldom_better(
    methods: int, seeds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stepdown, "PERMUTATIONS", 99)
    rng = np.random.default_rng((1, methods, seeds))
    alarms = []
    for _ in range(200):
        scores = rng.normal(size=(seeds, methods)) + rng.normal(size=(seeds, 1))
        best = int(np.argmin(scores.sum(axis=0)))
        p = stepdown_test(scores[:, best], {str(i): scores[:, i] for i in range(methods) if i != best})
        alarms.append(min(p.values()) < 0.05)
    assert np.mean(alarms) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 200)


def test_holm_on_the_chosen_best_is_not_enough() -> None:
    """What the step-down is for: of 12 equal methods Holm's winner is "better" far too often."""
    rng = np.random.default_rng(9)
    alarms = []
    for _ in range(400):
        scores = rng.normal(size=(10, 12))
        best = int(np.argmin(scores.sum(axis=0)))
        tests = [signed_rank_test(scores[:, best], scores[:, i]) for i in range(12) if i != best]
        alarms.append(min(holm(tests)) < 0.05)
    assert np.mean(alarms) > 0.07


def test_a_rival_that_is_worse_on_every_seed_is_found_beside_noisy_ones() -> None:
    rng = np.random.default_rng(0)
    best = rng.normal(0, 1, 20)
    noisy = {f"noisy{i}": best + 1 + rng.normal(0, 3, 20) for i in range(6)}
    p = stepdown_test(best, {"close": best + rng.uniform(0.05, 0.07, 20)} | noisy)
    assert p["close"] < 0.01 < 0.05 < max(p.values())


@pytest.mark.parametrize("seed", range(3))
def test_clear_differences_are_found_among_twelve(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.normal([0, *[3.0] * 6, *[6.0] * 5], 1, (10, 12))
    p = stepdown_test(scores[:, 0], {str(i): scores[:, i] for i in range(1, 12)})
    assert max(p.values()) < 0.05


def test_no_p_is_below_that_of_the_pair_and_worse_rivals_cost_nothing() -> None:
    rng = np.random.default_rng(4)
    best = rng.normal(size=10)
    rivals = {str(i): best + rng.normal(0.3, 0.5, 10) for i in range(4)}
    p = stepdown_test(best, rivals)
    assert all(p[name] >= signed_rank_test(best, rivals[name]) for name in rivals)
    far = stepdown_test(best, rivals | {f"far{i}": best + 1000 + rng.normal(0, 1, 10) for i in range(3)})
    assert max(far[name] for name in far if name.startswith("far")) < 0.003
    assert all(far[name] == p[name] for name in rivals)


def test_divergence_is_worst_and_alike() -> None:
    rng = np.random.default_rng(6)
    best = rng.normal(size=10)
    rivals = {"a": best + rng.normal(0, 0.1, 10), "b": np.full(10, INF), "c": np.where(np.arange(10) < 9, INF, best)}
    p = stepdown_test(best, rivals)
    assert p["b"] == 2**-9 and p["c"] <= 2**-8 and p["a"] > 0.05
    assert stepdown_test(best, rivals) == p
    assert stepdown_test(best * 1e300, {k: v * 1e300 for k, v in rivals.items()}) == p
    none = np.full(4, INF)
    assert stepdown_test(none, {"a": none, "b": none}) == {"a": 1.0, "b": 1.0}


def test_units_and_parts_common_to_a_seed_do_not_matter() -> None:
    rng = np.random.default_rng(7)
    scores = rng.integers(-8, 8, (12, 4)) / 4
    names = ["a", "b", "c"]
    p = stepdown_test(scores[:, 0], dict(zip(names, scores[:, 1:].T, strict=True)))
    other = 8 * scores + np.arange(12.0)[:, None]
    assert stepdown_test(other[:, 0], dict(zip(names, other[:, 1:].T, strict=True))) == p


def test_bad_input_is_refused() -> None:
    assert stepdown_test([1.0], {}) == {}
    with pytest.raises(InputError, match=r"rivals must have as many seeds as best, 2, got \{'a': 1\}"):
        stepdown_test([1, 2], {"a": [1]})
    with pytest.raises(InputError, match=r"rivals\['a'\] must hold numbers in \(-inf, inf\], got nan"):
        stepdown_test([1.0], {"a": [math.nan]})
