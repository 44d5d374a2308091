"""What the page of a study says: rows, curves, checks and failures, taken from its runs."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tiny
import torch

from steepest import rules
from steepest.engines import RuleStepper
from steepest.lab import Suite, compare
from steepest.lab.report_data import report_data, suite_report_data
from steepest.report import render
from steepest.schedules import Schedule

SMALL = {"trials": 4, "steps": 8, "seeds": 3, "jobs": 1}


def page_of(found):
    return suite_report_data(found) if isinstance(found, Suite) else report_data(found)


def checks(study) -> dict[str, bool]:
    return {check.label: check.passed for check in report_data(study).audit.fairness}


def test_rows_curves_and_trials_are_those_of_the_study():
    study = compare(tiny.line(), ["sgd", "adam"], **SMALL)
    data = report_data(study)
    (part,) = data.studies
    assert [row.method for row in part.rows] == list(study.verdict.order)
    assert part.score_label == "test loss" and part.metric_label == "" and data.verdict == study.sentence
    assert part.curves is not None and part.sensitivity is not None
    (measure,) = part.curves.measures
    for curve in measure.curves:
        assert curve.steps.tolist() == list(range(9))
        traces = [study.trace(run) for run in study.finals if run.method == curve.name]
        values = [trace.evaluations["validation_loss"] for trace in traces]
        assert np.array_equal(curve.median, np.median(values, axis=0)) and np.array_equal(curve.seeds, values)
        assert (curve.samples_per_step, curve.gradient_calls_per_step, curve.seconds_per_step) == (16, 1, None)
    for rates in part.sensitivity.rates:
        runs = study.trials(rates.name)
        assert rates.rates.tolist() == [run.setting["lr"] for run in runs]
        assert rates.losses.tolist() == [run.validation for run in runs]
        assert rates.chosen == study.choice(rates.name).setting["lr"]
        assert rates.default == (None if rates.name == "sgd" else 0.001)
    assert {(space.method, space.hyperparameter) for space in data.audit.spaces} == {
        ("sgd", "lr"), ("adam", "lr"), ("adam", "1 − beta1"), ("adam", "1 − beta2")
    }  # fmt: skip
    assert "0.001 to 10, logarithmic" in {space.text for space in data.audit.spaces}


def test_the_ladder_varies_the_learning_rate_alone_on_the_tuning_seeds():
    study = compare(tiny.line(), ["sgd", "adam"], **SMALL)
    for rates in report_data(study).studies[0].sensitivity.rates:
        choice, ladder = study.choice(rates.name), rates.ladder
        for factor in (0.1, 10**-0.5, 10**-0.25, 1, 10**0.25, 10**0.5, 10):  # and trials that were confirmed
            assert np.isclose(ladder.rates, choice.setting["lr"] * factor, rtol=1e-3).sum() == 1
        runs = {(run.setting["lr"], run.seed): run for run in study.runs if run.method == rates.name}
        others = {name: value for name, value in choice.setting.items() if name != "lr"}
        for rate, median in zip(ladder.rates, ladder.median, strict=True):
            found = [runs[rate, seed] for seed in (0, 1, 2)]
            assert median == np.median([run.validation for run in found])
            assert all({k: v for k, v in run.setting.items() if k != "lr"} == others for run in found)
        at = ladder.rates.tolist().index(rates.chosen)
        good = [m <= ladder.high[at] for m in ladder.median]
        low, high = (ladder.rates.tolist().index(rate) for rate in rates.usable)
        assert all(good[low : high + 1]) and low <= at <= high
        assert (low == 0 or not good[low - 1]) and (high + 1 == len(good) or not good[high + 1])


def test_a_run_that_ends_early_is_a_failure_with_its_step():
    def late(lr: float = 0.5):
        return rules.sgd(lr=Late())

    study = compare(tiny.line(), [late], trials=1, steps=40, seeds=3, jobs=1)
    data = report_data(study)
    (part,) = data.studies
    assert part.curves is None and study.finals == ()  # it diverged in tuning already
    assert [failure.phase for failure in part.failures] == ["tuning"]
    assert part.failures[0].step is not None and 20 < part.failures[0].step < 40
    assert "value was" in part.failures[0].reason and data.code == ()
    render(data)


class Late(Schedule):
    """A learning rate that explodes after 20 steps."""

    def __call__(self, step: int) -> float:
        return 0.01 if step < 20 else 1e6

    @property
    def length(self) -> None:
        return None


def test_checks_name_what_was_not_equal():
    fair = checks(compare(tiny.line(), ["sgd", "adam"], **SMALL))
    assert fair.pop("Enough seeds for a claim") is False and all(fair.values())
    study = compare(tiny.line(test=False), ["sgd", rules.sgd(lr=0.1).named("fixed"), torch.optim.LBFGS], **SMALL)
    unfair = checks(study)
    failing = {"Equal trials", "Equal oracle calls", "Judged on data not tuned on", "Enough seeds for a claim"}
    assert {label for label, passed in unfair.items() if not passed} >= failing
    assert unfair["Same schedules"] and unfair["Same starts and batches"]
    text = {check.label: check.text for check in report_data(study).audit.fairness}
    assert text["Equal trials"] == "fewer for fixed" and "torch.LBFGS" in text["Equal oracle calls"]
    scheduled = compare(tiny.line(), ["sgd", rules.sgd(lr=0.1).named("fixed")], schedule="cosine", **SMALL)
    assert checks(scheduled)["Same schedules"] is False


def test_starts_are_compared_by_what_the_traces_show():
    class Elsewhere:
        name, text, facts = "elsewhere", "elsewhere()", rules.sgd(lr=1.0).facts

        def start(self, tensors, *, seed):
            with torch.no_grad():
                tensors["weight"] += 1.0
            return RuleStepper(rules.sgd(lr=0.05), tensors)

    study = compare(tiny.line(), {"sgd": rules.sgd(lr=0.05), "elsewhere": Elsewhere()}, **SMALL)
    assert checks(study)["Same starts and batches"] is False and checks(study)["Seeds disjoint"] is True


def test_the_command_keeps_what_was_asked_for(tmp_path):
    def command(problem, methods, **options):
        given = {"trials": 2, "steps": 4, "seeds": 2, "jobs": 1, **options}
        return page_of(compare(problem, methods, **given)).audit.command

    store = tmp_path / "s.sqlite"
    assert "--quick --trials 2" in command("bowl", ["sgd"], quick=True)
    text = command("bowl", {"a": "sgd", "b": torch.optim.Adam}, quick=True, store=store)
    assert text.startswith("steepest.compare('bowl', {'a': 'sgd', 'b': torch.optim.Adam}, quick=True, trials=2")
    assert f"store={str(store)!r}" in text
    assert "['sgd', " in command(tiny.line(), ["sgd", rules.sgd(lr=0.1).named("fixed")])
    text = command(["bowl", "parabola"], ["sgd", "adam"], schedule=["constant", "cosine"], target=1, timing=True)
    assert text == (
        "steepest compare bowl parabola --methods sgd,adam --trials 2 --steps 4 --seeds 2 --schedule constant,cosine "
        "--target 1.0 --timing"
    )


def test_functions_are_judged_by_value_with_the_distance_beside():
    study = compare("bowl", ["sgd"], **SMALL)
    data = report_data(study)
    (part,) = data.studies
    assert (part.score_label, part.metric_label) == ("value", "distance")
    assert part.rows[0].metric is not None
    assert part.rows[0].metric.estimate == study.finals[0].scores["distance"]
    check = next(check for check in data.audit.fairness if check.label == "Same starts and batches")
    assert check.passed and "do not depend on the seed" in check.text


def test_times_are_shown_only_where_runs_had_the_machine_alone(tmp_path):
    store = tmp_path / "s.sqlite"
    shared = report_data(compare(tiny.line(), ["sgd"], store=store, **SMALL))
    assert shared.studies[0].rows[0].seconds_per_step is None and "compare steps only" in " ".join(shared.warnings)
    timed = compare(tiny.line(), ["sgd"], store=store, timing=True, **SMALL)
    assert timed.about.trained == 3 and all(run.alone for run in timed.finals)  # the judging runs, anew
    row = report_data(timed).studies[0].rows[0]
    assert 0 < row.seconds_per_step < 1 and row.target.seconds is not None
    again = compare(tiny.line(), ["sgd"], store=store, timing=True, **SMALL)
    assert again.about.trained == 0 and report_data(again).studies[0].rows[0] == row


def test_the_gain_is_over_the_default_setting_on_the_same_seeds():
    study = compare(tiny.line(), ["sgd", "adam"], **SMALL)
    rows = {row.method: row for row in report_data(study).studies[0].rows}
    assert rows["sgd"].gain is None and rows["sgd"].default_score is None  # it has none
    default = [run.scores["test_loss"] for run in study.runs if run.phase == "default"]
    assert rows["adam"].default_score.estimate == np.median(default)
    ratio = np.median(np.array(study.scores["adam"]) / np.array(default))
    assert rows["adam"].gain.estimate == pytest.approx(1 - ratio) and rows["adam"].gain.estimate > 0.1
    defaults = {tuple(run.setting.items()) for run in study.runs if run.phase == "default"}
    assert defaults == {(("lr", 0.001), ("beta1", 0.9), ("beta2", 0.999))}


def test_the_target_is_what_the_best_reaches_within_three_quarters_or_what_was_asked():
    study = compare(tiny.line(), ["sgd", "adam"], **{**SMALL, "steps": 40})
    (part,) = report_data(study).studies
    best = study.verdict.order[0]
    early = [trace.evaluations["validation_loss"][:31].min() for trace in study.traces(best).values()]
    assert part.target.value == np.median(early) and best in part.target.rule
    (row,) = (row for row in part.rows if row.method == best)
    crossings = [
        next((s for s, v in enumerate(t.evaluations["validation_loss"]) if v <= part.target.value), math.inf)
        for t in study.traces(best).values()
    ]
    assert row.target.steps.estimate == np.median(crossings) == row.target.gradient_calls.estimate
    assert row.target.hits == sum(map(math.isfinite, crossings)) >= 2
    asked = compare(tiny.line(), ["sgd", "adam"], target=1e-9, **SMALL)
    (part,) = report_data(asked).studies
    assert part.target.value == 1e-9 and all(row.target.hits == 0 for row in part.rows)
    assert any("No method reached the target, validation loss ≤ 1e-09" in text for text in asked.details)
    other = compare(tiny.line(), ["sgd", "adam"], reference="sgd", **SMALL)
    assert "sgd" in report_data(other).studies[0].target.rule


def test_schedules_are_tuned_apart_and_the_best_one_is_ranked():
    study = compare(tiny.line(), ["sgd", "adam"], schedule=["constant", "cosine"], **SMALL)
    assert len(study.choices) == 4 and len(study.verdict.order) == 2
    for name in ("sgd", "adam"):
        best = min((e for e in study.choices if e.method == name), key=lambda e: study.choices[e].validation)
        assert study.entry(name) == best and study.best().schedule in ("constant", "cosine")
        assert study.scores[name] == study.scores_of("final", best)
    panel = report_data(study).studies[0].schedules
    assert panel.schedules == ("constant", "cosine") and len(panel.cells) == 4
    for cell in panel.cells:
        a = np.array(study.scores_of("final", (cell.method, cell.schedule)))
        b = np.array(study.scores_of("final", (cell.method, "constant")))
        assert cell.score.estimate == np.median(a)
        if cell.schedule == "cosine":
            assert cell.change.estimate == pytest.approx(np.median(a / b) - 1)
        else:
            assert cell.change is None
    single = compare(tiny.line(), ["sgd", "adam"], schedule="cosine", **SMALL)
    assert single.scores["sgd"] == study.scores_of("final", ("sgd", "cosine"))


def test_the_budget_says_what_the_best_of_k_trials_is():
    study = compare(tiny.line(), ["sgd", "adam"], **SMALL)
    panel = report_data(study).studies[0].budget
    for curve in panel.curves:
        values = [run.validation for run in study.trials(curve.name)]
        assert curve.trials.tolist() == [1, 2, 3, 4] and curve.median[-1] == min(values)
    assert any(name in panel.lines[0] for name in ("sgd", "adam"))
    assert report_data(compare(tiny.line(), [rules.sgd(lr=0.1)], **SMALL)).studies[0].budget is None


@pytest.mark.parametrize(("methods", "expected"), [(["sgd"], "--methods sgd"), (None, "line")])
def test_the_command_to_run_it_again_is_given(methods, expected):
    study = compare("bowl" if methods else tiny.line(), methods or [rules.sgd(lr=0.1)], **SMALL)
    command = report_data(study).audit.command
    assert expected in command and "4" in command and math.isfinite(study.about.seconds)
