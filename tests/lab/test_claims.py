"""Several processes on one study train every run once, wait for each other, and take over from those that are gone."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from steepest.core.errors import StoreError
from steepest.lab import Run, Store
from steepest.lab.bench import Outcome, Task
from steepest.lab.claims import Claims
from steepest.lab.store import Claimant
from steepest.lab.workers import Crew, Group

RUN = Run("k", "s", "p", "sgd", "tune", {}, 0, 10, "max_steps")
TASK = Task("k", "sgd", schedule="constant", setting={}, seed=0, phase="tune", evaluate_every=1)


class Stub:
    """A bench that notes what it is given, and fails where the key says so."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds, self.done = seconds, []

    def execute_many(self, tasks: tuple[Task, ...]) -> list[Outcome]:
        self.done += [task.key for task in tasks]
        time.sleep(self.seconds * len(tasks))
        return [Outcome("failed", error="no") if task.key.startswith("bad") else Outcome("max_steps") for task in tasks]


def some(count: int, name: str = "k", alone: bool = False, size: int = 1) -> list[Group]:
    """So many tasks, `size` of them together."""
    tasks = [replace(TASK, key=f"{name}{index}", alone=alone) for index in range(count)]
    return [Group(tuple(tasks[first : first + size])) for first in range(0, count, size)]


def study(place: str | Path | Store, tasks: list[Group], bench: Stub, found: Callable[[Run], None]) -> None:
    """What a study does with its tasks."""
    store = place if isinstance(place, Store) else Store(place)
    with Claims(store) as claims:
        for task, outcome in claims.run(Crew(1, bench), tasks, found):
            if outcome.status != "failed":
                store.add(replace(RUN, key=task.key), None)


def together(*studies: Callable[[], None]) -> None:
    threads = [threading.Thread(target=one, daemon=True) for one in studies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()


def test_a_private_store_is_not_asked(monkeypatch: pytest.MonkeyPatch):
    store, bench = Store(), Stub()
    monkeypatch.setattr(Store, "claim", None)
    study(store, some(5), bench, pytest.fail)
    assert bench.done == [f"k{index}" for index in range(5)] and len(store) == 5


def test_alone_everything_is_trained_in_order_and_nothing_stays_claimed(place: str | Path):
    bench = Stub()
    study(place, some(300), bench, pytest.fail)
    assert bench.done == [f"k{index}" for index in range(300)]
    assert len(Store(place)) == 300 and nothing_claimed(place)


@pytest.mark.parametrize("size", [1, 7])
def test_two_share_the_runs_and_each_hears_of_the_others(place: str | Path, size: int):
    benches, heard = [Stub(0.03), Stub(0.03)], [[], []]
    together(*(lambda i=i: study(place, some(60, size=size), benches[i], heard[i].append) for i in range(2)))
    assert {*Counter(benches[0].done + benches[1].done).values()} == {1}
    for mine, others in zip(benches, heard, strict=True):
        assert len(mine.done) >= 3
        assert sorted([*mine.done, *(run.key for run in others)]) == sorted(f"k{index}" for index in range(60))


def test_of_a_group_that_another_process_has_begun_the_rest_is_trained(place: str | Path):
    store = Store(place)
    store.claim(["k1", "k2"], Claimant.here(), 3600)
    bench, heard = Stub(), []
    timer = threading.Timer(0.3, lambda: store.add_many([(replace(RUN, key=f"k{index}"), None) for index in (1, 2)]))
    timer.start()
    study(place, some(4, size=4), bench, heard.append)
    timer.join()
    assert bench.done == ["k0", "k3"] and sorted(run.key for run in heard) == ["k1", "k2"]


def test_what_fails_is_tried_once_by_each_and_stops_nobody(place: str | Path):
    benches = [Stub(0.02), Stub(0.02)]
    tasks = [*some(3, "bad"), *some(6), *some(2, "bad x")]
    together(*(lambda bench=bench: study(place, tasks, bench, lambda run: None) for bench in benches))
    counts = Counter(benches[0].done + benches[1].done)
    assert {counts[key] for key in counts if key.startswith("bad")} == {2} and len(counts) == 11
    assert {counts[f"k{index}"] for index in range(6)} == {1} and len(Store(place)) == 6 and nothing_claimed(place)


def test_what_must_be_alone_overlaps_with_nothing_of_another_process(place: str | Path):
    spans: list[tuple[float, float, bool]] = []

    class Noting(Stub):
        def execute_many(self, tasks: tuple[Task, ...]) -> list[Outcome]:
            began = time.monotonic()
            outcomes = super().execute_many(tasks)
            spans.append((began, time.monotonic(), tasks[0].alone))
            return outcomes

    tasks = [*some(10), *some(6, "alone", alone=True), *some(10, "more")]
    benches = [Noting(0.02), Noting(0.02)]
    together(*(lambda bench=bench: study(place, tasks, bench, lambda run: None) for bench in benches))
    assert len(spans) == 26
    for began, ended, alone in spans:
        beside = [other for other in spans if other[0] < ended and began < other[1]]
        assert len(beside) == 1 or not alone


def test_runs_of_a_process_that_is_gone_are_taken_over_and_of_one_that_goes_on_waited_for(place: str | Path):
    store = Store(place)
    gone, busy = replace(Claimant.here(), started="1"), Claimant.here()
    store.claim(["k0", "k1"], gone, 3600)
    store.claim(["k2"], busy, 3600)
    bench, heard = Stub(), []
    timer = threading.Timer(0.5, lambda: store.add(replace(RUN, key="k2"), None))
    timer.start()
    began = time.monotonic()
    study(place, some(4), bench, heard.append)
    timer.join()
    assert sorted(bench.done) == ["k0", "k1", "k3"] and [run.key for run in heard] == ["k2"]
    assert time.monotonic() - began > 0.4


def test_ctrl_c_gives_up_the_claims_and_does_not_wait_for_a_store_that_is_locked(tmp_path: Path):
    import sqlite3

    path, store = tmp_path / "s", Store(tmp_path / "s")

    def interrupted(lock: bool) -> float:
        with pytest.raises(KeyboardInterrupt), Claims(store) as claims:
            for _ in claims.run(Crew(1, Stub()), some(50), pytest.fail):
                if lock:
                    locker.execute("BEGIN EXCLUSIVE")
                began.append(time.monotonic())
                raise KeyboardInterrupt
        return time.monotonic() - began.pop()

    began: list[float] = []
    locker = sqlite3.connect(path, isolation_level=None)
    assert interrupted(lock=False) < 1.5 and nothing_claimed(path)
    assert interrupted(lock=True) < 3
    locker.execute("ROLLBACK")
    locker.close()


def test_a_lease_is_renewed_as_long_as_a_run_takes(place: str | Path):
    store, bench = Store(place), Stub(1.0)
    with Claims(store, lease=0.4) as claims:
        for task, _ in claims.run(Crew(1, bench), some(1), pytest.fail):
            assert store.claim([task.key], Claimant.here(), 60) == []
            store.add(replace(RUN, key=task.key), None)


def nothing_claimed(place: str | Path) -> bool:
    from sqlalchemy import func, select

    from steepest.lab.store.tables import CLAIMANTS, CLAIMS

    store = Store(place)
    with store._engine.connect() as connection:
        return all(connection.execute(select(func.count()).select_from(t)).scalar() == 0 for t in (CLAIMANTS, CLAIMS))


SCRIPT = """
import sys, steepest
from steepest.lab import RunFinished
trained = []
def watch(event):
    if isinstance(event, RunFinished) and not event.stored:
        trained.append(event.run.key)
study = steepest.compare("bowl", ["sgd"], trials=40, steps=300, seeds=2, jobs=int(sys.argv[2]), store=sys.argv[1],
                         progress=watch)
print(study.best().score, *trained, sep="\\n")
"""


def test_two_processes_on_one_study_train_no_run_twice(place: str | Path, tmp_path: Path):
    (tmp_path / "script.py").write_text(SCRIPT)
    commands = [[sys.executable, tmp_path / "script.py", str(place), jobs] for jobs in ("1", "2")]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for command in commands]
    said = [process.communicate(timeout=120)[0].splitlines() for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert said[0][0] == said[1][0]
    trained = [key for _, *keys in said for key in keys]
    assert len(trained) == len({*trained}) == len(Store(place))


def test_a_store_that_fails_ends_the_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def fails(*arguments: object, **named: object) -> None:
        raise StoreError("store: no")

    monkeypatch.setattr(Store, "claim", fails)
    with pytest.raises(StoreError, match="store: no"):
        study(tmp_path / "s", some(3), Stub(), pytest.fail)
