"""Several problems at once: scores across them, and what the first place hangs on."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tiny

from steepest import rules
from steepest.lab import Suite, compare, load
from steepest.lab.report_data import suite_report_data
from steepest.lab.store import Store
from steepest.problems import TrainingProblem
from steepest.report import render

SMALL = {"trials": 3, "steps": 30, "seeds": 3, "jobs": 1}


def steep() -> TrainingProblem:
    x, y = tiny.data(64, 7)
    scaled = (x * 3.0, y)
    return TrainingProblem("steep", tiny.model, tiny.loss, scaled, tiny.data(20, 8), tiny.data(20, 9), batch_size=16)


@pytest.fixture(scope="module")
def suite() -> Suite:
    return compare([tiny.line(), steep()], ["sgd", "adam", "lion"], **SMALL)


def test_there_is_a_study_of_each_problem_and_it_is_the_study_alone(suite: Suite):
    assert list(suite.studies) == ["line", "steep"]
    alone = compare(steep(), ["sgd", "adam", "lion"], **SMALL)
    together = suite.studies["steep"]
    assert [dict(run.scores) for run in alone.runs] == [dict(run.scores) for run in together.runs]
    assert alone.sentence == together.sentence and len(suite.runs) == len(suite.to_pandas()) > len(alone.runs)


def test_the_score_is_algoperfs_of_the_median_steps_to_each_problems_target(suite: Suite):
    panel = suite_report_data(suite).across
    times = np.array([
        [max(1.0, time.steps.estimate) for time in row.times] for row in sorted(panel.rows, key=lambda r: r.method)
    ])
    with np.errstate(invalid="ignore"):
        ratios = np.where(np.isinf(times), math.inf, times / times.min(axis=0))
    expected = np.maximum(0.0, (4 - ratios) / 3).mean(axis=1)
    found = [row.algoperf.estimate for row in sorted(panel.rows, key=lambda r: r.method)]
    assert found == pytest.approx(expected)
    assert [row.algoperf.estimate for row in panel.rows] == sorted(found, reverse=True)
    for row in panel.rows:
        orders = [study.verdict.order for study in suite.studies.values()]
        assert row.ranks == tuple(order.index(row.method) + 1 for order in orders)


def test_the_sentence_names_the_first_and_the_details_what_it_hangs_on(suite: Suite):
    first = suite_report_data(suite).across.rows[0].method
    assert f"{first} has the highest AlgoPerf score" in suite.sentence and "2 problems" in suite.sentence
    dropped = suite_report_data(suite).across.drop_one
    assert {(item.left_out, item.kind) for item in dropped} == {
        ("line", "problem"), ("steep", "problem"), ("sgd", "method"), ("adam", "method"), ("lion", "method")
    }  # fmt: skip
    flipped = [item for item in dropped if item.left_out != first and min(item.places, key=item.places.get) != first]
    assert ("hangs on" in " ".join(suite.details)) == bool(flipped)
    assert "no confidence interval" in " ".join(suite.details)


def test_the_page_has_every_problem(suite: Suite, tmp_path):
    data = suite_report_data(suite)
    assert [part.problem for part in data.studies] == ["line", "steep"] and len(data.code) == 2
    page = render(data)
    assert "Which optimizer across 2 problems?" in page and "steep" in page
    assert suite.report(tmp_path / "r.html").stat().st_size < 5e6
    assert "<script" not in suite._repr_html_() and "line" in repr(suite)


def test_no_target_reached_anywhere_is_no_verdict():
    suite = compare([tiny.line(), steep()], ["sgd", "adam"], target=1e-12, **SMALL)
    assert suite.sentence == "No verdict: no method reached a target on any of 2 problems."
    render(suite_report_data(suite))


def test_one_method_over_several_problems_has_a_page():
    suite = compare([tiny.line(), steep()], [rules.sgd(lr=0.05)], **SMALL)
    assert "only method" in suite.sentence
    render(suite_report_data(suite))


def test_it_comes_back_from_its_store(tmp_path):
    made = compare([tiny.line(), steep()], ["sgd", "adam"], store=tmp_path / "s.sqlite", **SMALL)
    found = load(Store(tmp_path / "s.sqlite"))
    assert isinstance(found, Suite) and found.sentence == made.sentence and found.details == made.details
    assert render(suite_report_data(found)) == render(suite_report_data(made))
