"""Worker processes: what travels to them, what happens when one dies, and that they end with their parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import tiny
import torch
from torch import nn

from steepest import rules
from steepest.core.errors import InputTypeError
from steepest.lab import Store, compare
from steepest.lab.workers import LOST, one_thread, usable_cores
from steepest.problems import TrainingProblem

SMALL = {"trials": 2, "steps": 4, "seeds": 2}


def killing_loss(network: nn.Module, batch: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    """Kills its process where a step has gone too far, as a process out of memory is killed."""
    if network.weight.abs().max() > 50:
        os.kill(os.getpid(), signal.SIGKILL)
    return tiny.loss(network, batch)


def test_a_worker_that_is_killed_costs_its_own_run_only_and_is_tried_again_next_time(tmp_path: Path):
    problem = TrainingProblem("killing", tiny.model, killing_loss, tiny.data(64, 0), tiny.data(20, 1), batch_size=16)
    methods = {"deadly": rules.sgd(lr=1e3), "sgd": rules.sgd}
    study = compare(problem, methods, store=tmp_path / "s.sqlite", jobs=2, **SMALL)
    deadly = [r for r in study.runs if r.method == "deadly"]
    assert [(r.status, r.error) for r in deadly] == [("failed", LOST)]
    assert [r.status for r in study.runs if r.method == "sgd"] == ["max_steps"] * (2 + 4 + 2)
    assert len(Store(tmp_path / "s.sqlite")) == 8


SCRIPT = """
import sys, steepest
from steepest import rules
def mine(lr=0.1):
    return rules.sgd(lr=lr)
print("once")
study = steepest.compare("bowl", [mine], trials={trials}, steps={steps}, seeds=2, jobs=2, store=sys.argv[1])
print([r.status for r in study.runs])
"""


@pytest.mark.parametrize("how", [["script.py"], ["-m", "script"]])
def test_a_script_without_a_main_guard_runs_once_and_its_own_methods_travel(tmp_path: Path, how: list[str]):
    path = tmp_path / "script.py"
    path.write_text(SCRIPT.format(trials=2, steps=4))
    command = [sys.executable, *how, tmp_path / "s"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["once", str(["max_steps"] * 8)]


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGKILL])
def test_a_study_that_is_interrupted_ends_soon_with_its_workers_and_keeps_its_runs(tmp_path: Path, kind: int):
    path = tmp_path / "script.py"
    path.write_text(SCRIPT.format(trials=2000, steps=300))
    process = subprocess.Popen(
        [sys.executable, path, tmp_path / "s"], start_new_session=True, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 60
        while not (tmp_path / "s").exists() or len(Store(tmp_path / "s")) < 3:
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.1)
        process.send_signal(kind)
        process.wait(10)
        while group_is_alive(process.pid):
            assert time.monotonic() < deadline
            time.sleep(0.1)
    finally:
        if group_is_alive(process.pid):
            os.killpg(process.pid, signal.SIGKILL)
    assert len(Store(tmp_path / "s")) >= 3


def group_is_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_what_cannot_travel_is_refused_before_anything_is_written(tmp_path: Path):
    handle = (tmp_path / "open").open("w")

    def mine(lr=0.1):
        handle.closed  # noqa: B018
        return rules.sgd(lr=lr)

    with pytest.raises(InputTypeError, match="jobs must be 1 for what cannot be sent"):
        compare(tiny.line(), [mine], store=tmp_path / "s.sqlite", jobs=2, **SMALL)
    handle.close()
    assert [p.name for p in tmp_path.iterdir()] == ["open"]
    compare(tiny.line(), [mine], jobs=1, **SMALL)


def test_one_thread_is_a_loan():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    with one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2
    torch.set_num_threads(before)
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)
