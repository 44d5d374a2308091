"""A study that is killed at any moment, again and again, loses no finished run and ends as if nothing had happened."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from steepest.lab import Run, Store

KILLS = 20
EARLY = 3
"""So many of them fall at any time after the start; the others while runs are being stored."""


@pytest.mark.slow
def test_a_study_killed_twenty_times_ends_like_one_that_was_left_alone(tmp_path: Path):
    chance = random.Random(0)
    path = tmp_path / "killed"
    told: set[str] = set()
    for kill in range(KILLS):
        process = start(path, jobs=1 + kill % 2)
        try:
            if kill < EARLY:
                time.sleep(chance.uniform(0, 3))
            else:
                wait_for(process, path, len(keys(path)) + chance.randint(1, 5))
                time.sleep(chance.uniform(0, 0.03))
            told |= keys(path)  # whoever watches has been told of these
            assert process.poll() is None, "the study was over too soon to be killed"
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)
        if chance.random() < 0.5:  # at other times the next study finds what the killed one has left
            assert told <= keys(path) and check(path) == "ok"
            assert not path.exists() or len(Store(path)) >= len(told)
    assert len(told) >= KILLS - EARLY
    finish(path)
    finish(tmp_path / "alone")
    assert check(path) == "ok" and told <= keys(path)
    killed, alone = everything(path), everything(tmp_path / "alone")
    assert killed.keys() == alone.keys()
    assert killed == alone


def start(store: Path, jobs: int = 2) -> subprocess.Popen[bytes]:
    command = [Path(sys.executable).with_name("steepest"), "compare", "bowl", "--methods", "sgd,adam"]
    command += ["--trials", "150", "--steps", "500", "--seeds", "3", "--jobs", str(jobs)]
    command += ["--store", store, "--report", store.with_suffix(".html")]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(command, start_new_session=True, cwd=store.parent, **quiet)


def finish(store: Path) -> None:
    assert start(store).wait(120) == 0


def wait_for(process: subprocess.Popen[bytes], path: Path, count: int) -> None:
    deadline = time.monotonic() + 60
    while len(keys(path)) < count:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)


def keys(path: Path) -> set[str]:
    """What is in the store, as another process sees it."""
    if not path.exists():
        return set()
    with closing(sqlite3.connect(path.as_uri() + "?mode=ro", uri=True, timeout=10)) as connection:
        try:
            return {key for (key,) in connection.execute("SELECT key FROM runs")}
        except sqlite3.OperationalError as error:
            assert "no such table" in str(error)  # it is being made
            return set()


def check(path: Path) -> str:
    if not path.exists():
        return "ok"
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("PRAGMA integrity_check").fetchone()[0]


def everything(path: Path) -> dict[str, tuple[Run, dict[str, bytes]]]:
    """All runs with their traces, without what the clock decides."""
    store = Store(path)
    traces = store.traces(keys(path))
    found = {}
    for key, run in store.get(keys(path)).items():
        columns = {**traces[key].steps, **{f"at {name}": column for name, column in traces[key].evaluations.items()}}
        found[key] = replace(run, seconds=0.0), {n: c.tobytes() for n, c in columns.items() if n != "seconds"}
    return found
