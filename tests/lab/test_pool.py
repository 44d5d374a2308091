"""Worker processes: each answer is its own item's, and a process that dies takes nobody with it."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import chores
import pytest
from chores import Chore

from steepest.lab.pool import Pool
from steepest.lab.spawning import ending

KILLED = "SIGKILL: killed, as the system does when memory runs out"


@contextmanager
def pool(folder: Path, jobs: int) -> Iterator[Pool[Chore, str]]:
    made: Pool[Chore, str] = Pool(chores.serve, str(folder).encode(), jobs, 0.05)
    try:
        yield made
    finally:
        made.kill()


def notes(folder: Path) -> list[str]:
    return (folder / "notes").read_text().splitlines()


def alive(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True


def test_every_item_gets_its_own_answer_from_no_more_processes_than_there_are_jobs(tmp_path: Path):
    items = [Chore(f"c{index}", seconds=0.02 * (index % 3)) for index in range(40)]
    with pool(tmp_path, 2) as made:
        answers = dict(made.run(iter(items)))
        more = dict(made.run([Chore("more")]))
        made.close()
    assert {item: answer.split(" by ")[0] for item, answer in answers.items()} == {item: item.name for item in items}
    processes = {answer.split(" by ")[1] for answer in (*answers.values(), *more.values())}
    assert len(processes) == 2 and not any(alive(int(number)) for number in processes)
    assert Counter(notes(tmp_path)).most_common(1)[0][1] == 1


def test_what_a_process_died_of_is_said_and_only_the_guilty_item_pays(tmp_path: Path):
    deadly = {
        "segfault": "its process died of SIGSEGV (segmentation fault)",
        "137": f"its process ended with exit code 137 (as after {KILLED})",
    }
    items = [Chore(f"well {index}", seconds=0.01) for index in range(12)]
    for index, what in enumerate(deadly):
        items.insert(2 * index + 1, Chore(what, what))
    with pool(tmp_path, 2) as made:
        answers = {item.name: answer for item, answer in made.run(items)}
    assert {name: answers[name] for name in deadly} == deadly
    assert all(answers[item.name].startswith(f"{item.name} by ") for item in items if item.what == "well")
    counts = Counter(notes(tmp_path))
    assert {name: counts[f"{name} begins"] for name in deadly} == dict.fromkeys(deadly, 2)
    assert {counts[f"{item.name} ends"] for item in items if item.what == "well"} == {1}  # nobody was disturbed


def test_what_dies_once_only_is_not_held_against_it(tmp_path: Path):
    with pool(tmp_path, 1) as made:
        answers = [answer.split(" by ")[0] for _, answer in made.run([Chore("a"), Chore("b", "once"), Chore("c")])]
    assert sorted(answers) == ["a", "b", "c"]


def test_a_process_whose_own_child_outlives_it_is_missed_soon(tmp_path: Path):
    began = time.monotonic()
    with pool(tmp_path, 1) as made:
        answers = dict(made.run([Chore("o", "orphan"), Chore("w")]))
    assert next(iter(answers.values())) == "its process ended with exit code 4" and len(answers) == 2
    assert time.monotonic() - began < 20  # its child sleeps for 30


def test_what_must_be_alone_is(tmp_path: Path):
    items = [Chore("a", seconds=0.3), Chore("b", seconds=0.1), Chore("x", alone=True, seconds=0.2)]
    items += [Chore("y", alone=True, seconds=0.1), Chore("c", seconds=0.1), Chore("d", seconds=0.1)]
    with pool(tmp_path, 2) as made:
        assert len(list(made.run(items))) == 6
    said = notes(tmp_path)
    for name in ("x", "y"):
        at = said.index(f"{name} begins")
        assert said[at + 1] == f"{name} ends" and said[:at].count("a ends") == said[:at].count("b ends") == 1


def test_a_source_that_has_nothing_just_now_is_asked_again_while_work_goes_on(tmp_path: Path):
    done: list[str] = []
    asked = 0

    def source() -> Iterator[Chore | None]:
        nonlocal asked
        yield Chore("a", seconds=0.2)
        while "a" not in done:
            asked += 1
            yield None
        yield None
        yield Chore("b")

    with pool(tmp_path, 2) as made:
        for item, _ in made.run(source()):
            done.append(item.name)
    assert done == ["a", "b"] and asked >= 2


def test_answers_that_nobody_waits_for_do_not_turn_up_later(tmp_path: Path):
    with pool(tmp_path, 2) as made:
        running = made.run(Chore(f"old {index}", seconds=0.05) for index in range(10))
        next(running)
        running.close()
        assert [item.name for item, _ in made.run([Chore("new")])] == ["new"]


@pytest.mark.parametrize("what", ["busy", "deaf"])
def test_a_process_deep_in_c_is_ended_at_once(tmp_path: Path, what: str):
    def interrupted() -> Iterator[Chore | None]:
        yield Chore("b", what)
        while not (tmp_path / "notes").exists():
            yield None
        raise KeyboardInterrupt

    with pool(tmp_path, 2) as made:
        with pytest.raises(KeyboardInterrupt):
            list(made.run(interrupted()))
        began = time.monotonic()
        made.kill()
        assert time.monotonic() - began < 1.5


def test_every_end_has_words():
    assert ending(-signal.SIGTERM).startswith("its process died of SIGTERM")
    assert ending(-9) == "its process died of SIGKILL (killed, as the system does when memory runs out)"
    assert ending(-6) == "its process died of SIGABRT (aborted)" and ending(0) == "its process ended with exit code 0"
    assert ending(-50).startswith("its process died of signal 50")
    assert ending(None) == "its process broke off" and ending(200) == "its process ended with exit code 200"
