"""What the page of a study says: rows, curves, checks and failures, taken from its runs."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tiny
import torch

from steepest import rules
from steepest.engines import RuleStepper
from steepest.lab import compare
from steepest.lab.report_data import report_data
from steepest.report import render
from steepest.schedules import Schedule

SMALL = {"trials": 4, "steps": 8, "seeds": 3, "jobs": 1}


def checks(study) -> dict[str, bool]:
    return {check.label: check.passed for check in report_data(study).fairness}


def test_rows_curves_and_trials_are_those_of_the_study():
    study = compare(tiny.line(), ["sgd", "adam"], **SMALL)
    data = report_data(study)
    assert [row.method for row in data.rows] == list(study.verdict.order)
    assert data.score_label == "test loss" and data.metric_label == "" and data.verdict == study.sentence
    (panel,) = data.curves
    for curve in panel.curves:
        assert curve.x.tolist() == list(range(9))
        traces = [study.trace(run) for run in study.finals if run.method == curve.name]
        expected = np.median([trace.evaluations["validation_loss"] for trace in traces], axis=0)
        assert np.array_equal(curve.median, expected)
    assert data.sensitivity is not None
    for trials in data.sensitivity.trials:
        runs = study.trials(trials.name)
        assert trials.learning_rate.tolist() == [run.setting["lr"] for run in runs]
        assert trials.loss.tolist() == [run.validation for run in runs]
        assert runs[trials.chosen].setting == study.choices[trials.name].setting
    assert {(space.method, space.hyperparameter) for space in data.spaces} == {
        ("sgd", "lr"), ("adam", "lr"), ("adam", "1 − beta1"), ("adam", "1 − beta2")
    }  # fmt: skip
    assert "0.001 to 10, logarithmic" in {space.text for space in data.spaces}


def test_a_curve_is_infinite_from_where_a_run_ended():
    def late(lr: float = 0.5):
        return rules.sgd(lr=Late())

    study = compare(tiny.line(), [late], trials=1, steps=40, seeds=3, jobs=1)
    assert report_data(study).curves == () and study.finals == ()  # it diverged in tuning already
    assert [failure.phase for failure in report_data(study).failures] == ["tuning"]
    failure = report_data(study).failures[0]
    assert failure.step is not None and 20 < failure.step < 40 and "value was" in failure.reason
    render(report_data(study))


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
    assert unfair["Same schedule"] and unfair["Same starts and batches"]
    text = {check.label: check.text for check in report_data(study).fairness}
    assert text["Equal trials"] == "fewer for fixed" and "torch.LBFGS" in text["Equal oracle calls"]
    scheduled = compare(tiny.line(), ["sgd", rules.sgd(lr=0.1).named("fixed")], schedule="cosine", **SMALL)
    assert checks(scheduled)["Same schedule"] is False


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
        return report_data(compare(problem, methods, **given)).reproduction.command

    store = tmp_path / "s.sqlite"
    assert "--quick --trials 2" in command("bowl", ["sgd"], quick=True)
    text = command("bowl", {"a": "sgd", "b": torch.optim.Adam}, quick=True, store=store)
    assert text.startswith("steepest.compare('bowl', {'a': 'sgd', 'b': torch.optim.Adam}, quick=True, trials=2")
    assert f"store={str(store)!r}" in text
    assert "['sgd', " in command(tiny.line(), ["sgd", rules.sgd(lr=0.1).named("fixed")])


def test_functions_are_judged_by_value_with_the_distance_beside():
    study = compare("bowl", ["sgd"], **SMALL)
    data = report_data(study)
    assert (data.score_label, data.metric_label) == ("value", "distance")
    assert data.rows[0].metric is not None
    assert data.rows[0].metric.estimate == study.finals[0].scores["distance"]
    check = next(check for check in data.fairness if check.label == "Same starts and batches")
    assert check.passed and "do not depend on the seed" in check.text


def test_times_are_shown_only_where_runs_had_the_machine_alone(tmp_path):
    store = tmp_path / "s.sqlite"
    alone = report_data(compare(tiny.line(), ["sgd"], store=store, **SMALL))
    assert alone.rows[0].seconds_per_step is not None and 0 < alone.rows[0].seconds_per_step < 1
    again = report_data(compare(tiny.line(), ["sgd"], store=store, **SMALL))
    assert again.rows[0].seconds_per_step is None and "came from the store" in " ".join(again.notes)


@pytest.mark.parametrize(("methods", "expected"), [(["sgd"], "--methods sgd"), (None, "line")])
def test_the_command_to_run_it_again_is_given(methods, expected):
    study = compare("bowl" if methods else tiny.line(), methods or [rules.sgd(lr=0.1)], **SMALL)
    command = report_data(study).reproduction.command
    assert expected in command and "4" in command and math.isfinite(study.about.seconds)
