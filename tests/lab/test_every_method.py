"""Every method by its name: described, explained, and compared on a function and on a network."""

from __future__ import annotations

import inspect

import pytest
from typer.testing import CliRunner

from steepest import rules
from steepest.cli.commands import app
from steepest.lab import Study, compare, plan

METHODS = list(rules.METHODS)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize(("problem", "steps"), [("bowl", 8), ("digits-mlp", 4)])
def test_compared(monkeypatch: pytest.MonkeyPatch, problem: str, steps: int, name: str) -> None:
    """In its own space and at its default: all runs take all their steps, and those that judge stay finite."""
    monkeypatch.setattr(plan, "RATE_FACTORS", ())  # of learning rates about the chosen one, that one alone
    study = compare(problem, [name], trials=2, steps=steps, seeds=1, jobs=1)
    assert {run.phase for run in study.runs} == {"tune", "confirm", *judged(study, name)}
    assert [run.error for run in study.runs if run.failed] == []
    for run in study.runs:
        if run.phase in judged(study, name):
            assert not run.diverged and run.scores["gradient_calls"] >= run.steps == steps
    assert [row.method for row in study.table()] == [name]


def judged(study: Study, name: str) -> set[str]:
    """The phases whose runs judge: with the default setting, too, where all that is tuned has a default."""
    given = inspect.signature(rules.METHODS[name]).parameters
    tuned = next(run.setting for run in study.runs if run.phase == "tune")
    has_default = all(isinstance(given[key].default, int | float) for key in tuned)
    return {"final", "default"} if has_default else {"final"}


@pytest.mark.parametrize("command", ["methods", "explain"])
@pytest.mark.parametrize("name", METHODS)
def test_described_and_explained(monkeypatch: pytest.MonkeyPatch, command: str, name: str) -> None:
    monkeypatch.setattr("steepest.engines.cpu.bandwidth.bandwidth", lambda: 1e10)
    done = CliRunner().invoke(app, [command, name])
    assert done.exit_code == 0, done.output
    assert "p ← " in done.output
    assert "bytes moved a parameter and step" in done.output
    assert len(done.output.splitlines()) < 80
