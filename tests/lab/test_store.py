"""The store keeps what it is given, whichever database it is in, and whoever else uses it."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from steepest.core.errors import InputError, StoreError
from steepest.lab import Run, Store
from steepest.lab.store import Claimant, database, shown
from steepest.lab.store.tables import CLAIMANTS, META, RUNS
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
    scores={"validation_loss": 1 / 3, "tiny": 5e-324, "huge": 1.7976931348623157e308},
    seconds=0.1 + 0.7,
    schedule="cosine",
    alone=True,
)
TRACE = Trace({"step": [0, 1], "value": [2.0, math.nan]}, meta={"status": "max_steps"})
A, B = Claimant.here(), Claimant.here()


def test_a_run_and_its_trace_come_back_bit_for_bit_from_a_store_opened_again(place: str | Path):
    Store(place).add(RUN, to_bytes(TRACE))
    again = Store(place)
    assert again.get(["k1", "other"]) == {"k1": RUN}
    trace = again.trace("k1")
    assert trace is not None and trace.steps["value"].tobytes() == TRACE.steps["value"].tobytes()
    assert trace.meta == TRACE.meta and again.trace("other") is None and len(again) == 1


def test_unknown_seconds_and_odd_characters_are_kept_as_far_as_they_can_be(place: str | Path):
    store = Store(place)
    error = "ValueError: é\0\ud800 ends"
    store.add(replace(RUN, seconds=math.nan, status="failed", error=error, setting={}, scores={}), None)
    found = store.get(["k1"])["k1"]
    assert math.isnan(found.seconds) and found.failed and found.error == "ValueError: é\\0\\ud800 ends"
    assert found.setting == {} and found.scores == {} and store.trace("k1") is None


def test_the_first_of_two_runs_with_one_key_stays(place: str | Path):
    first, second = Store(place), Store(place)
    first.add(RUN, None)
    second.add(replace(RUN, status="nonfinite"), b"other")
    assert second.get(["k1"])["k1"].status == "max_steps" and first.trace("k1") is None and len(first) == 1


def test_many_runs_are_kept_together_and_found_by_many_keys(place: str | Path):
    store = Store(place)
    some = [(replace(RUN, key=f"k{index}", seed=index), to_bytes(TRACE) if index % 2 else None) for index in range(40)]
    store.add_many(some)
    store.add_many([])
    keys = [f"k{index}" for index in range(12_000)]
    assert store.get(keys) == {run.key: run for run, _ in some}
    assert sorted(store.traces(keys)) == sorted(f"k{index}" for index in range(1, 40, 2))
    assert store.get([]) == {} and store.traces([]) == {}


def test_runs_are_kept_together_or_not_at_all(place: str | Path):
    store = Store(place)
    with pytest.raises(StoreError, match="store: "):
        store.add_many([(RUN, None), (replace(RUN, key="k2", method=None), None)])
    assert len(store) == 0
    store.add(RUN, None)
    assert len(store) == 1


def test_studies_are_kept_and_listed_newest_first(place: str | Path):
    store = Store(place)
    assert store.studies() == []
    record = {"methods": ["adam"], "lr": 0.1 + 0.2, "best": math.inf}
    store.save_study("a", "first", record, "running")
    store.save_study("b", "second", {}, "running")
    assert [study.key for study in store.studies()] == ["b", "a"]
    store.save_study("a", "renamed", {**record, "n": 1}, "finished")
    newest, second = Store(place).studies()
    assert (newest.key, newest.name, newest.state) == ("a", "renamed", "finished")
    assert newest.record == {**record, "n": 1} and newest.created < second.created < newest.updated
    with pytest.raises(InputError, match="record must be what JSON can say"):
        store.save_study("a", "x", {"what": object()}, "running")
    assert Store(place).studies()[0] == newest


def test_what_is_claimed_is_granted_once_and_only_while_it_is_not_there(place: str | Path):
    store, other = Store(place), Store(place)
    store.add(replace(RUN, key="done"), None)
    assert store.claim(["k1", "done", "k2", "k3", "k1"], A, 60, at_most=2) == ["k1", "k2"]
    assert other.claim(["k1", "k2", "k3"], B, 60) == ["k3"]
    assert store.claim(["k1", "k2", "k3"], A, 60) == ["k1", "k2"]  # still its own
    store.add(RUN, None)
    store.release(A, ["k2"])
    assert other.claim(["k1", "k2"], B, 60) == ["k2"]
    other.release(B)
    assert store.claim(["k1", "k2", "k3"], A, 60) == ["k2", "k3"]


def test_a_claim_to_be_alone_waits_for_others_on_this_machine_and_they_for_it(place: str | Path):
    store = Store(place)
    elsewhere = replace(Claimant.here(), host="elsewhere")
    assert store.claim(["k1"], A, 60) == ["k1"]
    assert store.claim(["k2"], B, 60, alone=True) == []
    assert store.claim(["k3"], elsewhere, 60, alone=True) == ["k3"]
    store.release(A)
    assert store.claim(["k2"], B, 60, alone=True) == ["k2"]
    assert store.claim(["k1"], A, 60) == [] and store.claim(["k1"], A, 60, alone=True) == []
    assert store.claim(["k4"], B, 60) == ["k4"]
    store.add(replace(RUN, key="k2"), None)
    assert store.claim(["k1"], A, 60) == ["k1"]


def test_claims_end_with_their_lease_unless_it_is_renewed(place: str | Path):
    store = Store(place)
    store.claim(["k1"], A, 0.4)
    store.claim(["k2"], B, 0.4)
    ends = time.monotonic() + 0.5
    while time.monotonic() < ends:
        time.sleep(0.1)
        store.renew(A, 0.4)
    assert store.claim(["k1", "k2"], Claimant.here(), 60) == ["k2"]


def test_a_clock_that_is_set_back_holds_no_claim_for_ever(place: str | Path):
    store = Store(place)
    store.claim(["k1"], A, 60)
    with store._writer.begin() as connection:
        connection.execute(sa.update(CLAIMANTS).values(renewed=CLAIMANTS.c.renewed + 3600))
    assert store.claim(["k1"], B, 60) == ["k1"]


def test_claims_of_a_process_that_is_gone_from_this_machine_end_at_once(place: str | Path):
    store = Store(place)
    code = (
        "import sys, os; from steepest.lab.store import Claimant, Store\n"
        "print(*Store(sys.argv[1]).claim(['k1', 'k2'], Claimant.here(), 3600), flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(place)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None and process.stdout.readline() == "k1 k2\n"
        assert store.claim(["k1", "k2"], A, 60) == []
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it stays a zombie
        assert store.claim(["k1"], A, 60) == ["k1"]
    assert store.claim(["k2"], B, 60) == ["k2"]


def test_a_number_that_another_process_has_now_is_not_taken_for_the_claimant():
    assert not A.gone and not replace(A, started="").gone
    assert replace(A, started="1").gone and not replace(A, started="1", host="elsewhere").gone


def test_several_processes_may_create_and_fill_one_store(place: str | Path):
    code = (
        "import sys; from dataclasses import replace; from steepest.lab import Run; from steepest.lab.store import *\n"
        "run = Run('k', 's', 'p', 'm', 'tune', {}, 0, 1, 'max_steps')\n"
        "store, me, mine = Store(sys.argv[1]), Claimant.here(), 0\n"
        "keys = [f'k{i}' for i in range(60)]\n"
        "while granted := store.claim(keys, me, 60, at_most=4):\n"
        "    mine += len(granted)\n"
        "    for key in granted: store.add(replace(run, key=key), None)\n"
        "print(mine)\n"
    )
    command = [sys.executable, "-W", "error", "-c", code, str(place)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    answers = [(process.communicate(timeout=60)[0], process.returncode) for process in processes]
    assert all(status == 0 for _, status in answers)
    # Leaving early is allowed, since the rest may be claimed; training twice is not.
    assert sum(int(text) for text, _ in answers) == 60 == len(Store(place))


def test_two_stores_in_memory_are_two_and_private():
    first, second = Store(), Store("sqlite://")
    first.add(RUN, None)
    assert len(first) == 1 and len(second) == 0 and first.private and second.private


def test_a_file_is_private_to_nobody_and_a_url_is_a_store(tmp_path: Path):
    (tmp_path / "empty.sqlite").touch()
    assert len(Store(tmp_path / "empty.sqlite")) == 0 and not Store(tmp_path / "empty.sqlite").private
    Store(f"sqlite:///{tmp_path / 'url.sqlite'}").add(RUN, None)
    assert len(Store(tmp_path / "url.sqlite")) == 1
    assert database(f"sqlite:///{tmp_path / 'url.sqlite'}") == tmp_path / "url.sqlite"
    assert database("postgresql://host/db") is None and database(None) is None and database("sqlite://") is None


def version_1(store: Store) -> None:
    """Make of a new store one as the first version wrote it."""
    with store._writer.begin() as connection:
        for table in ("studies", "claims", "claimants"):
            connection.execute(sa.text(f"DROP TABLE {table}"))
        for column in ("alone", "schedule"):
            connection.execute(sa.text(f"ALTER TABLE runs DROP COLUMN {column}"))
        connection.execute(sa.update(META).where(META.c.name == "schema").values(value="1"))
    store.close()


def test_a_store_of_version_1_is_brought_up_to_date_with_its_runs(place: str | Path):
    store = Store(place)
    store.add(RUN, to_bytes(TRACE))
    version_1(store)
    again = Store(place)
    assert again.get(["k1"]) == {"k1": replace(RUN, schedule="constant", alone=False)}
    assert again.trace("k1") is not None
    again.save_study("a", "n", {}, "running")
    assert again.claim(["k2"], A, 60) == ["k2"]
    with again._engine.connect() as connection:
        assert connection.execute(sa.select(META.c.value).where(META.c.name == "schema")).scalar() == "2"
        columns = {column["name"]: column for column in sa.inspect(connection).get_columns("runs")}
    assert {*columns} == {*RUNS.c.keys()} and not columns["alone"]["nullable"]


def test_bringing_up_to_date_happens_wholly_or_not_at_all(place: str | Path, monkeypatch: pytest.MonkeyPatch):
    store = Store(place)
    store.add(RUN, None)
    version_1(store)

    def fails(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("steepest.lab.store.tables.TABLES.create_all", fails)
    with pytest.raises(KeyboardInterrupt):
        Store(place)
    monkeypatch.undo()
    assert len(Store(place)) == 1 and Store(place).studies() == []


def test_a_damaged_row_is_one_clear_line(place: str | Path):
    store = Store(place)
    store.add(RUN, b"not a trace")
    store.save_study("a", "n", {}, "running")
    with pytest.raises(StoreError, match=r"is damaged .the trace of run k1"):
        store.trace("k1")
    with store._writer.begin() as connection:
        connection.execute(sa.text("UPDATE runs SET setting = '[1]'"))
        connection.execute(sa.text("UPDATE studies SET record = '{'"))
    with pytest.raises(StoreError, match="is damaged"):
        store.get(["k1"])
    with pytest.raises(StoreError, match="is damaged"):
        store.studies()


def test_a_store_that_must_be_there_is_not_made(place: str | Path):
    with pytest.raises(StoreError, match="must be a store of steepest"):
        Store(place, create=False)
    if isinstance(place, Path):
        assert not place.exists()
    Store(place).add(RUN, None)
    assert len(Store(place, create=False)) == 1


def test_a_server_that_restarts_is_waited_for(server, place: str | Path):
    if isinstance(place, Path):
        pytest.skip("a file has no server")
    store = Store(place)
    store.add(RUN, None)
    server.restart()
    store.add(replace(RUN, key="k2"), None)
    assert len(store) == 2


def test_a_database_of_another_program_or_version_is_refused(place: str | Path):
    import sqlalchemy

    url = f"sqlite:///{place}" if isinstance(place, Path) else str(place).replace("postgresql:", "postgresql+psycopg:")
    engine = sqlalchemy.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE photos (id INTEGER)"))
    with pytest.raises(StoreError, match=r"of another program, got tables .'photos'."):
        Store(place)
    with engine.begin() as connection:
        assert sa.inspect(connection).get_table_names() == ["photos"]
        connection.execute(sa.text("DROP TABLE photos"))
    Store(place).close()
    with engine.begin() as connection:
        connection.execute(sa.update(META).where(META.c.name == "schema").values(value="3"))
    with pytest.raises(StoreError, match="version must be at most 2, got 3"):
        Store(place)
    engine.dispose()


def test_a_password_is_not_shown():
    assert shown("postgresql://me:secret@host/db") == "postgresql://me:***@host/db"
    for url in ("nodb://me:secret@host/db", "mysql://me:secret@host/db", "postgresql://me:secret@localhost:1/db"):
        with pytest.raises(StoreError) as raised:
            Store(url)
        assert "secret" not in str(raised.value) and "\n" not in str(raised.value)
