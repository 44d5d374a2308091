"""The benchmark of a grid runs, compares and says what is not equal. Nothing here is a timing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("sklearn")

from benchmarks import grid

from steepest.lab.bench import Bench, Outcome, Task

QUICK = ["--quick", "--rounds", "1"]


def test_quick_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written = tmp_path / "figures.json"
    assert grid.main([*QUICK, "--json", str(written)]) == 0
    rows = json.loads(written.read_text(encoding="utf-8"))["rows"]
    assert [row["runs"] for row in rows] == [12, 24]
    assert all(row["difference"] < 1e-5 and not row["failed"] and row["ratio"]["min"] > 0 for row in rows)
    assert "one by one / together" in capsys.readouterr().out


def test_what_is_not_equal_fails(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    train = Bench.execute_many

    def wrong(bench: Bench, tasks: list[Task]) -> list[Outcome]:
        return train(bench, [replace(task, seed=task.seed + 1) for task in tasks])

    monkeypatch.setattr(Bench, "execute_many", wrong)
    assert grid.main([*QUICK, "--works", "judging"]) == 1
    assert "not equal" in capsys.readouterr().out


def test_a_study_s_runs() -> None:
    bench = Bench(grid.get("digits-mlp"), {name: grid.contestant(name) for name in grid.METHODS}, 100, "cpu")
    assert [len(work.tasks(bench)) for work in grid.works(quick=False)] == [240, 72, 120, 240, 240, 240, 240]
    assert {task.evaluate_every for task in grid.PHASES[2].tasks(bench)} == {2}
