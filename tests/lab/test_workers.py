"""Worker processes: what travels to them, what happens when one dies, and that they end with their parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import tiny
import torch
from torch import nn

from steepest import rules
from steepest.core.errors import InputTypeError
from steepest.lab import Store, compare
from steepest.lab.bench import Bench, Order, Task
from steepest.lab.workers import Group, one_thread, train, usable_cores
from steepest.problems import TrainingProblem

SMALL = {"trials": 2, "steps": 4, "seeds": 2}


def killing_loss(network: nn.Module, batch: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    """Kills its process where a step has gone far too far, as a process out of memory is killed."""
    if network.weight.abs().max() > 1e12:
        os.kill(os.getpid(), signal.SIGKILL)
    return tiny.loss(network, batch)


def killing() -> TrainingProblem:
    return TrainingProblem("killing", tiny.model, killing_loss, tiny.data(64, 0), tiny.data(20, 1), batch_size=16)


DEADLY = rules.sgd(lr=1e6)
KILLED = "its process died of SIGKILL (killed, as the system does when memory runs out)"


def test_a_worker_that_is_killed_costs_its_own_run_only_and_is_tried_again_next_time(tmp_path: Path):
    study = compare(killing(), {"deadly": DEADLY, "sgd": rules.sgd}, store=tmp_path / "s.sqlite", jobs=2, **SMALL)
    failed = [r for r in study.runs if r.failed]
    assert failed and {(r.method, r.error) for r in failed} == {("deadly", KILLED)}
    stored = {r.key for r in study.runs if not r.failed}
    assert {r.method for r in study.runs if not r.failed} == {"sgd"}
    assert len(Store(tmp_path / "s.sqlite")) == len(stored)


def leaving_loss(network: nn.Module, batch: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    sys.exit("enough")


def task(name: str, index: int) -> Task:
    return Task(f"{name}{index}", name, schedule="constant", setting={}, seed=index, phase="tune", evaluate_every=4)


def tasks(**methods: int) -> list[Group]:
    """So many of each method, each by itself."""
    return [Group((task(name, index),)) for name, count in methods.items() for index in range(count)]


def test_one_job_may_have_a_process_of_its_own_too():
    order = Order(killing(), {"deadly": DEADLY, "sgd": rules.sgd(lr=0.1)}, steps=4, device="cpu")
    bench = Bench.of(order)
    with train(order, bench, 1, isolated=True) as crew:
        apart = {task.key: outcome for task, outcome in crew.run(tasks(sgd=2, deadly=1))}
    with train(order, bench, 1) as crew:
        here = {task.key: outcome for task, outcome in crew.run(tasks(sgd=2))}
    assert (apart["deadly0"].status, apart["deadly0"].error) == ("failed", KILLED)
    assert {key: outcome.scores for key, outcome in here.items()} == {key: apart[key].scores for key in here}


def test_of_runs_that_are_trained_together_only_the_guilty_one_is_lost():
    order = Order(killing(), {"deadly": DEADLY, "sgd": rules.sgd(lr=0.1)}, steps=4, device="cpu")
    group = Group((task("sgd", 0), task("deadly", 0), task("sgd", 1)))
    with train(order, Bench.of(order), 1, isolated=True) as crew:
        found = {task.key: outcome for task, outcome in crew.run([group, *tasks(sgd=3)[2:]])}
    assert {key: outcome.status for key, outcome in found.items()} == {
        "sgd0": "max_steps", "deadly0": "failed", "sgd1": "max_steps", "sgd2": "max_steps"
    }  # fmt: skip
    assert found["deadly0"].error == KILLED


@pytest.mark.parametrize("isolated", [False, True])
def test_a_model_that_ends_python_has_failed(isolated: bool):
    problem = TrainingProblem("leaving", tiny.model, leaving_loss, tiny.data(64, 0), tiny.data(20, 1), batch_size=16)
    order = Order(problem, {"sgd": rules.sgd(lr=0.1)}, steps=4, device="cpu")
    with train(order, Bench.of(order), 1, isolated=isolated) as crew:
        outcomes = [outcome for _, outcome in crew.run(tasks(sgd=2))]
    assert [(o.status, o.error) for o in outcomes] == [("failed", "it called sys.exit('enough')")] * 2


SCRIPT = """
import sys, steepest
from steepest import rules
def mine(lr=0.1):
    return rules.sgd(lr=lr)
print("once")
study = steepest.compare("bowl", [mine], trials={trials}, steps={steps}, seeds=2, jobs=2, store=sys.argv[1])
print({{r.status for r in study.runs}})
"""


@pytest.mark.parametrize("how", [["script.py"], ["-m", "script"]])
def test_a_script_without_a_main_guard_runs_once_and_its_own_methods_travel(tmp_path: Path, how: list[str]):
    path = tmp_path / "script.py"
    path.write_text(SCRIPT.format(trials=2, steps=4))
    command = [sys.executable, *how, tmp_path / "s"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["once", "{'max_steps'}"]


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


BLOCKING = """
import hashlib, pathlib, time
import torch
from torch import nn
from steepest.problems import TrainingProblem

def loss(network, batch):
    if pathlib.Path("block").exists():
        pathlib.Path("blocked").touch()
        {block}
    return nn.functional.mse_loss(network(batch[0]), batch[1])

def make():
    x = torch.linspace(-1, 1, 48).reshape(16, 3)
    return TrainingProblem("blocking", lambda: nn.Linear(3, 1), loss, (x, x[:, :1]), (x, x[:, :1]), batch_size=4)
"""


@pytest.mark.parametrize(
    ("jobs", "block"),
    [
        (1, "time.sleep(300)"),
        (2, "time.sleep(300)"),
        (1, 'hashlib.pbkdf2_hmac("sha256", b"", b"", 10**10)'),
        (2, 'hashlib.pbkdf2_hmac("sha256", b"", b"", 10**10)'),
    ],
)
def test_ctrl_c_ends_a_long_step_and_says_how_to_go_on(tmp_path: Path, jobs: int, block: str):
    (tmp_path / "blocking.py").write_text(BLOCKING.format(block=block))
    command = [Path(sys.executable).with_name("steepest"), "compare", "blocking.py:make", "--methods", "sgd"]
    command += ["--trials", "3000", "--steps", "4", "--seeds", "1", "--jobs", str(jobs), "--store", "s"]
    process = subprocess.Popen(
        command, cwd=tmp_path, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    try:
        wait_until(process, lambda: (tmp_path / "s").exists() and len(Store(tmp_path / "s")) >= 3)
        (tmp_path / "block").touch()
        wait_until(process, (tmp_path / "blocked").exists)
        time.sleep(0.3)
        began = time.monotonic()
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        said = process.communicate(timeout=20)[1]
        took = time.monotonic() - began
        wait_until(None, lambda: not group_is_alive(process.pid))
    finally:
        if group_is_alive(process.pid):
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 130 and took < 5
    assert "Traceback" not in said and "same command" in said
    assert len(Store(tmp_path / "s")) >= 3


def wait_until(process: subprocess.Popen[str] | None, happens: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not happens():
        assert time.monotonic() < deadline and (process is None or process.poll() is None)
        time.sleep(0.05)
