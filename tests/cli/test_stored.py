"""`steepest report` and `steepest export`: a store that is there already, without the study's code."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from steepest.cli import main

SMALL = ["--trials", "2", "--steps", "6", "--seeds", "2", "--jobs", "1"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    assert main(["compare", "bowl", "--methods", "sgd,adam", *SMALL]) == 0
    return tmp_path


def test_a_report_is_written_again_from_the_store_alone(folder: Path, capsys: pytest.CaptureFixture[str]):
    page = (folder / "steepest-report.html").read_text()
    assert main(["report", "steepest.sqlite", "--output", "again.html"]) == 0
    assert "report: again.html" in capsys.readouterr().out and (folder / "again.html").read_text() == page
    assert main(["report", "--list"]) == 0
    assert capsys.readouterr().out.split()[:3] == ["1", "bowl", "finished"]


def test_the_runs_are_exported(folder: Path, capsys: pytest.CaptureFixture[str]):
    capsys.readouterr()
    assert main(["export", "steepest.sqlite", "--parquet", "r.parquet", "--csv", "r.csv"]) == 0
    count = len(pd.read_parquet("r.parquet"))
    assert len(pd.read_csv("r.csv")) == count and f"{count} runs: r.parquet" in capsys.readouterr().out
    assert main(["export", "--study", "1", "--jsonl", "r.jsonl"]) == 0
    assert len((folder / "r.jsonl").read_text().splitlines()) == count


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["report", "none.sqlite"], "there is no file 'none.sqlite'"),
        (["report", "--study", "7"], "study must be in [1, 1], got 7"),
        (["report", "--output", "steepest.sqlite"], "path must be a new file or an earlier report"),
        (["export"], "one of --parquet, --csv and --jsonl must name a file"),
        (["export", "--csv", "r.parquet"], "--csv must end in '.csv', got 'r.parquet'"),
        (["export", "none.sqlite", "--csv", "r.csv"], "there is no file 'none.sqlite'"),
        (["compare", "bowl", "bwl"], "unknown problem 'bwl'"),
        (["compare", "bowl", "--target", "x"], "'--target'"),
        (["compare", "bowl", "--reference", "yogi"], "reference must be one of the methods"),
    ],
)
def test_what_cannot_be_is_one_line(folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    capsys.readouterr()
    assert main(arguments) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and words in err
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix != ".sqlite-shm"} == before


def test_several_problems_have_one_page(folder: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["compare", "bowl", "parabola", "--methods", "sgd,adam", "--schedule", "constant,cosine", *SMALL]) == 0
    out = capsys.readouterr().out
    assert "parabola: 2 methods, 2 trials × 6 steps each under 2 schedules" in out and "Over 2 problems" in out
    assert "across 2 problems" in (folder / "steepest-report.html").read_text()
