"""The store keeps what it is given, refuses what is not its own, and leaves that untouched."""

from __future__ import annotations

import math
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from steepest.core.errors import StoreError
from steepest.lab import Run, Store
from steepest.lab.store import shown
from steepest.trace import Trace, to_bytes

RUN = Run(
    key="k1",
    study="s",
    problem="p",
    method="adam",
    phase="tune",
    setting={"lr": 0.1 + 0.2, "beta1": 0.9},
    seed=3,
    steps=10,
    status="max_steps",
    scores={"validation_loss": 1 / 3},
    seconds=0.25,
)
TRACE = Trace({"step": [0, 1], "value": [2.0, math.nan]}, meta={"status": "max_steps"})


def test_a_run_and_its_trace_come_back_bit_for_bit_from_a_file_opened_again(tmp_path: Path):
    Store(tmp_path / "s.sqlite").add(RUN, to_bytes(TRACE))
    again = Store(tmp_path / "s.sqlite")
    assert again.get(["k1", "other"]) == {"k1": RUN}
    trace = again.trace("k1")
    assert trace is not None and trace.steps["value"].tobytes() == TRACE.steps["value"].tobytes()
    assert trace.meta == TRACE.meta and again.trace("other") is None and len(again) == 1


def test_unknown_seconds_stay_unknown():
    store = Store()
    store.add(replace(RUN, seconds=math.nan, status="failed", error="ValueError: no"), None)
    found = store.get(["k1"])["k1"]
    assert math.isnan(found.seconds) and found.failed and found.error == "ValueError: no"


def test_the_first_of_two_runs_with_one_key_stays(tmp_path: Path):
    first, second = Store(tmp_path / "s.sqlite"), Store(tmp_path / "s.sqlite")
    first.add(RUN, None)
    second.add(replace(RUN, status="nonfinite"), None)
    assert second.get(["k1"])["k1"].status == "max_steps" and len(first) == 1


def test_many_keys_are_found():
    store = Store()
    for index in range(1200):
        store.add(replace(RUN, key=f"k{index}"), None) if index % 100 == 0 else None
    assert len(store.get(f"k{index}" for index in range(1200))) == 12


def test_two_processes_may_create_and_fill_one_store(tmp_path: Path):
    code = (
        "import sys; from dataclasses import replace; from steepest.lab import Run, Store\n"
        "run = Run('k', 's', 'p', 'm', 'tune', {}, 0, 1, 'max_steps')\n"
        "store = Store(sys.argv[1])\n"
        "for i in range(40): store.add(replace(run, key=f'k{i}'), None)\n"
    )
    command = [sys.executable, "-W", "error", "-c", code, str(tmp_path / "s.sqlite")]
    processes = [subprocess.Popen(command) for _ in range(2)]
    assert [process.wait(60) for process in processes] == [0, 0]
    assert len(Store(tmp_path / "s.sqlite")) == 40


def test_an_empty_file_becomes_a_store_and_a_url_is_a_store(tmp_path: Path):
    (tmp_path / "empty.sqlite").touch()
    assert len(Store(tmp_path / "empty.sqlite")) == 0
    Store(f"sqlite:///{tmp_path / 'url.sqlite'}").add(RUN, None)
    assert len(Store(tmp_path / "url.sqlite")) == 1


def foreign(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE photos (id INTEGER)")
    connection.close()


def namesake(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE meta (name TEXT, value TEXT)")
        connection.execute("CREATE TABLE runs (name TEXT)")
        connection.execute("INSERT INTO meta VALUES ('application', 'jogging')")
    connection.close()


def newer(path: Path) -> None:
    Store(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE meta SET value = '99' WHERE name = 'schema'")
    connection.close()


def text(path: Path) -> None:
    path.write_text("these are my notes, not a database\n" * 200)


def damaged(path: Path) -> None:
    store = Store(path)
    for index in range(300):
        store.add(replace(RUN, key=f"k{index}"), b"x" * 2000)
    store.close()
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 8192] = b"\xff" * 8192
    path.write_bytes(bytes(data))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (foreign, "another program"),
        (namesake, "another program"),
        (newer, "version must be at most 1, got 99"),
        (text, "not a database"),
        (damaged, "is damaged|malformed"),
    ],
)
def test_what_is_not_a_store_of_ours_is_refused_and_left_as_it_is(tmp_path: Path, make, words: str):
    path = tmp_path / "file"
    make(path)
    before = path.read_bytes()
    with pytest.raises(StoreError, match=words) as raised:
        Store(path)
    assert "\n" not in str(raised.value)
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_password_is_not_shown():
    assert shown("postgresql://me:secret@host/db") == "postgresql://me:***@host/db"
    with pytest.raises(StoreError) as raised:
        Store("nodb://me:secret@host/db")
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    "where", ["", "/", "no/such/folder/s.sqlite", "/proc/s.sqlite", "nodb://x", "mysql+nodriver://x"]
)
def test_a_path_that_cannot_be_written_is_one_clear_line(tmp_path: Path, where: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoreError, match="store: ") as raised:
        Store(where)
    assert "\n" not in str(raised.value) and list(tmp_path.iterdir()) == []
