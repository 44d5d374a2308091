"""Runs as tables: every run, every setting and score, in every format."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import pytest
import tiny

from steepest import rules
from steepest.core.errors import InputError
from steepest.lab import compare
from steepest.lab.frames import export

SMALL = {"trials": 3, "steps": 8, "seeds": 3, "jobs": 1}


@pytest.fixture(scope="module")
def study():
    return compare(tiny.line(), ["sgd", "adam", rules.sgd(lr=1e9).named("wild")], **SMALL)


def test_a_row_a_run_with_its_setting_and_scores(study):
    table = study.to_pandas()
    assert len(table) == len(study.runs) and set(table["method"]) == {"sgd", "adam", "wild"}
    for row, run in zip(table.to_dict("records"), study.runs, strict=True):
        assert (row["method"], row["phase"], row["seed"], row["status"]) == (
            run.method,
            run.phase,
            run.seed,
            run.status,
        )
        assert row.get("setting.lr") == run.setting.get("lr") or math.isnan(row["setting.lr"])
        assert row["scores.validation_loss"] == run.scores.get("validation_loss") or run.diverged
    assert (table.loc[table["method"] == "sgd", "setting.beta1"].isna()).all()
    assert table.columns.tolist().index("setting.lr") < table.columns.tolist().index("scores.validation_loss")


@pytest.mark.parametrize(
    ("ending", "read"),
    [
        (".parquet", pd.read_parquet),
        (".csv", pd.read_csv),
        (".jsonl", lambda path: pd.read_json(path, lines=True, precise_float=True)),
    ],
)
def test_every_format_reads_back(study, tmp_path: Path, ending: str, read):
    path = tmp_path / f"runs{ending}"
    export(study.runs, path)
    found, made = read(path), study.to_pandas()
    assert found["key"].tolist() == made["key"].tolist() and set(found.columns) >= set(made.columns)
    for column in ("setting.lr", "scores.validation_loss", "seconds"):
        assert found[column].to_numpy() == pytest.approx(made[column].to_numpy(), nan_ok=True, rel=1e-9)


def test_nothing_is_replaced_and_no_other_format_is_made(study, tmp_path: Path):
    (tmp_path / "runs.csv").write_text("mine")
    with pytest.raises(InputError, match=r"path must be a new file, got .*runs\.csv.*, which exists"):
        export(study.runs, tmp_path / "runs.csv")
    with pytest.raises(
        InputError, match=r"path must end in one of \['\.csv', '\.jsonl', '\.parquet'\], got .*runs\.xls"
    ):
        export(study.runs, tmp_path / "runs.xls")
    with pytest.raises(InputError, match=r"path must be writable, got .*No such file"):
        export(study.runs, tmp_path / "none" / "runs.csv")
    assert (tmp_path / "runs.csv").read_text() == "mine" and len(list(tmp_path.iterdir())) == 1


def test_a_study_shows_itself_in_a_notebook(study):
    html = study._repr_html_()
    assert "<script" not in html and "<table" in html and study.verdict.order[0] in html
    assert study.sentence.split(":")[0] in html
