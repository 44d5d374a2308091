"""Which runs count as diverged, which settings are candidates, which is chosen, and what is remarked."""

from __future__ import annotations

import math

import pytest

from steepest.lab import Dimension, Run, Space
from steepest.lab.records import outcome, run_key, study_key
from steepest.lab.tuning import at_border, candidates, choose, remarks
from steepest.trace import Trace


def run(lr: float, loss: float, seed: int = 0, status: str = "max_steps") -> Run:
    scores = {"validation_loss": loss} if math.isfinite(loss) else {}
    return Run(f"{lr}-{seed}", "s", "p", "m", "tune", {"lr": lr}, seed, 1, status, scores)


def trace(start: float, end: float, *, status: str = "max_steps", validation: float = 1.0) -> Trace:
    steps = {"step": [0, 1], "value": [start, math.nan], "gradient_calls": [0, 1], "seconds": [0, 0.5]}
    return Trace(steps, {"step": [1], "train_loss": [end], "validation_loss": [validation]}, {"status": status})


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (2.0, 0.1, "max_steps"),
        (2.0, 19.9, "max_steps"),
        (2.0, 20.1, "diverged"),
        (-2.0, 15.9, "max_steps"),
        (-2.0, 16.1, "diverged"),
        (0.0, 5.0, "max_steps"),
        (2.0, math.inf, "diverged"),
        (2.0, math.nan, "diverged"),
    ],
)
def test_a_run_that_ends_above_ten_times_its_start_has_diverged(start: float, end: float, expected: str):
    assert outcome(trace(start, end))[0] == expected


def test_a_nonfinite_run_and_a_nonfinite_validation_loss_score_infinity():
    status, scores = outcome(trace(2.0, 1.0, status="nonfinite"))
    nonfinite = Run("k", "s", "p", "m", "tune", {}, 0, 1, status, scores)
    assert nonfinite.diverged and nonfinite.validation == math.inf
    status, scores = outcome(trace(2.0, 1.0, validation=math.nan))
    assert status == "diverged" and "validation_loss" not in scores


def test_score_takes_the_first_measurement_there_is():
    scores = {"value": 3.0}
    assert Run("k", "s", "p", "m", "tune", {}, 0, 1, "max_steps", scores).score("test_loss", "value") == 3.0
    assert Run("k", "s", "p", "m", "tune", {}, 0, 1, "failed", scores).score("value") == math.inf


def test_candidates_are_the_best_finite_trials():
    trials = [run(0.1, 3.0), run(0.2, math.inf, status="nonfinite"), run(0.3, 1.0), run(0.4, 2.0), run(0.5, 9.0)]
    assert [r.setting["lr"] for r in candidates(trials, 3)] == [0.3, 0.4, 0.1]
    assert candidates(trials[1:2], 3) == []


def test_the_least_median_over_tuning_seeds_is_chosen_and_divergence_counts_as_infinity():
    lucky = [run(0.1, 0.1), run(0.1, 5.0, 1), run(0.1, math.inf, 2, "diverged")]
    steady = [run(0.2, 1.0), run(0.2, 2.0, 1), run(0.2, math.inf, 2, "nonfinite")]
    assert choose([*lucky, *steady]) == ({"lr": 0.2}, 2.0)
    worst = [run(0.3, math.inf, s, "diverged") for s in (1, 2)]
    assert choose([run(0.3, 0.1), *worst]) is None and choose([]) is None


def test_of_equal_medians_the_better_trial_is_chosen():
    assert choose([run(0.3, 1.0), run(0.1, 1.0)]) == ({"lr": 0.3}, 1.0)


def test_a_rate_at_the_border_or_beside_a_diverged_trial_is_remarked():
    space = Space.of(Dimension("lr", 1e-4, 1.0))
    trials = [run(0.001, 2.0), run(0.01, 1.0), run(0.1, 0.5), run(0.9, math.inf, status="diverged")]
    assert remarks(space, {"lr": 0.01}, trials) == ()
    assert remarks(space, {"lr": 0.1}, trials) == ("lr = 0.1 is next to a trial that diverged",)
    assert remarks(space, {"lr": 0.9}, trials[:3]) == ("lr = 0.9 lies at the upper border of [0.0001, 1]",)
    assert "lower border" in remarks(space, {"lr": 1.1e-4}, trials[:3])[0]
    assert remarks(Space(), {}, trials) == ()


def test_keys_differ_by_everything_that_decides_a_run():
    base = ("p", "constant", 10, "cpu")
    studies = {study_key(*base), study_key("q", *base[1:]), study_key("p", "cosine", 10, "cpu")}
    studies |= {study_key("p", "constant", 11, "cpu"), study_key("p", "constant", 10, "cuda")}
    assert len(studies) == 5
    assert study_key("p", "constant", 10, "cuda:1") == study_key("p", "constant", 10, "cuda:0")
    keys = {run_key("s", "m", {"lr": 1.0}, 0), run_key("t", "m", {"lr": 1.0}, 0), run_key("s", "n", {"lr": 1.0}, 0)}
    keys |= {run_key("s", "m", {"lr": 1.1}, 0), run_key("s", "m", {"lr": 1.0}, 1)}
    assert len(keys) == 5
    assert run_key("s", "m", {"a": 1, "b": 2}, 0) == run_key("s", "m", {"b": 2, "a": 1}, 0)


def test_keys_differ_between_versions(monkeypatch: pytest.MonkeyPatch):
    before = run_key("s", "m", {}, 0)
    monkeypatch.setattr("steepest.__version__", "99.0")
    assert run_key("s", "m", {}, 0) != before


def test_the_border_is_that_of_the_learning_rate_alone():
    space = Space.of(Dimension("lr", 1e-4, 1.0), Dimension("weight_decay", 1e-4, 1.0))
    assert at_border(space, {"lr": 0.9, "weight_decay": 0.01})
    assert not at_border(space, {"lr": 0.01, "weight_decay": 0.9})
    assert not at_border(Space(), {})
