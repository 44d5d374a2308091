"""A file that is no sound store of ours, or cannot be written, is refused in one line and left byte for byte."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from steepest.core.errors import StoreError
from steepest.lab import Run, Store
from steepest.lab.store import places

RUN = Run("k", "s", "p", "adam", "tune", {"lr": 0.1}, 0, 10, "max_steps", {"value": 1.0})


def filled(path: Path, runs: int = 300) -> Store:
    store = Store(path)
    store.add_many([(replace(RUN, key=f"k{index}"), bytes([index % 256]) * 2000) for index in range(runs)])
    return store


def killed(path: Path) -> None:
    """Leave a store as a killed process does: part of its runs in the log, the index of the log beside it."""
    live = path.with_name("live")
    store = filled(live)
    for suffix in ("", "-wal", "-shm"):
        shutil.copyfile(f"{live}{suffix}", f"{path}{suffix}")
    store.close()
    live.unlink()
    assert Path(f"{path}-wal").stat().st_size > 100_000


def foreign(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE photos (id INTEGER)")
    connection.close()


def foreign_with_a_log(path: Path) -> None:
    live = path.with_name("live")
    connection = sqlite3.connect(live)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE photos (id INTEGER)")
    connection.commit()
    for suffix in ("", "-wal", "-shm"):
        shutil.copyfile(f"{live}{suffix}", f"{path}{suffix}")
    connection.close()
    live.unlink()


def namesake(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE meta (name TEXT, value TEXT)")
        connection.execute("CREATE TABLE runs (name TEXT)")
        connection.execute("INSERT INTO meta VALUES ('application', 'jogging')")
    connection.close()


def marked(path: Path, schema: str) -> None:
    Store(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE meta SET value = ? WHERE name = 'schema'", (schema,))
    connection.close()


def newer_with_a_log(path: Path) -> None:
    """Newer by its log only: the file itself still says that it is ours."""
    live = path.with_name("live")
    Store(live).close()
    connection = sqlite3.connect(live)
    connection.execute("UPDATE meta SET value = '99' WHERE name = 'schema'")
    connection.commit()
    for suffix in ("", "-wal", "-shm"):
        shutil.copyfile(f"{live}{suffix}", f"{path}{suffix}")
    connection.close()
    live.unlink()


def without_a_column(path: Path) -> None:
    Store(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("ALTER TABLE runs DROP COLUMN scores")
    connection.close()


def text(path: Path) -> None:
    path.write_text("these are my notes, not a database\n" * 200)


def short(path: Path) -> None:
    path.write_bytes(b"SQLite format 3\0")


def overwritten(path: Path, place: float, log: bool = False) -> None:
    """Random bytes over two pages."""
    killed(path) if log else filled(path).close()
    data = bytearray(path.read_bytes())
    at = int(len(data) * place) // 4096 * 4096
    data[at : at + 8192] = random.Random(0).randbytes(min(8192, len(data) - at))
    path.write_bytes(bytes(data))


def cut(path: Path, size: float) -> None:
    filled(path).close()
    os.truncate(path, int(path.stat().st_size * size))


def cut_to_nothing_beside_its_log(path: Path) -> None:
    killed(path)
    os.truncate(path, 0)


def gone_but_for_its_log(path: Path) -> None:
    killed(path)
    path.unlink()


def log_of_noise(path: Path) -> None:
    """The file itself is damaged, and there is a log that has nothing to do with it."""
    overwritten(path, 0.5)
    Path(f"{path}-wal").write_bytes(random.Random(1).randbytes(50_000))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (foreign, "another program"),
        (foreign_with_a_log, "another program"),
        (namesake, "another program"),
        (lambda path: marked(path, "99"), "version must be at most 2, got 99; update steepest"),
        (lambda path: marked(path, "two"), "version must be at most 2, got two"),
        (newer_with_a_log, "version must be at most 2, got 99"),
        (without_a_column, "is damaged .it has no column runs.scores"),
        (text, "is no store .file is not a database"),
        (short, "is no store .file is not a database"),
        (lambda path: overwritten(path, 0.3), "is damaged"),
        (lambda path: overwritten(path, 0.5), "is damaged"),
        (lambda path: overwritten(path, 0.9), "is damaged"),
        (lambda path: overwritten(path, 0.0), "is no store"),
        (lambda path: cut(path, 0.5), "is damaged"),
        (lambda path: cut(path, 0.999), "is damaged"),
        (lambda path: cut(path, 1 - 1e-9), "is damaged"),
        (log_of_noise, "is damaged"),
        (cut_to_nothing_beside_its_log, "is empty, but 'file-wal' holds runs that were in it"),
        (gone_but_for_its_log, "is empty, but 'file-wal' holds runs that were in it"),
    ],
)
def test_what_is_no_sound_store_is_refused_and_left_as_it_is(tmp_path: Path, make: Callable[[Path], None], words: str):
    path = tmp_path / "file"
    make(path)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    for create in (True, False):
        with pytest.raises(StoreError, match=words) as raised:
            Store(path, create=create)
        assert "\n" not in str(raised.value) and str(raised.value).startswith("store: ")
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_a_store_whose_process_was_killed_opens_with_what_is_in_its_log(tmp_path: Path):
    killed(tmp_path / "file")
    assert len(Store(tmp_path / "file")) == 300


def test_a_link_to_a_store_is_the_store_with_its_log(tmp_path: Path):
    (tmp_path / "there").mkdir()
    killed(tmp_path / "there" / "file")
    (tmp_path / "link").symlink_to("there/file")
    assert len(Store(tmp_path / "link")) == 300


LOCKED = """
import fcntl, sys
with open(sys.argv[1], "r+b") as file:
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 510, 0x40000002)
        print("free")
    except BlockingIOError:
        print("locked")
"""


@pytest.mark.skipif(os.name != "posix", reason="locks of POSIX")
@pytest.mark.parametrize("log", [True, False])
def test_a_store_opened_twice_by_one_process_keeps_its_locks(tmp_path: Path, log: bool):
    """Where a process closes a file that it has read itself, all its locks go, and another would delete the log."""
    path = tmp_path / "file"
    first = filled(path, 10)
    assert len(first) == 10
    if not log:
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
    assert (Path(f"{path}-wal").stat().st_size > 0) == log
    assert len(Store(path)) == 10
    done = subprocess.run([sys.executable, "-c", LOCKED, path], capture_output=True, text=True, timeout=60)
    assert done.stdout == "locked\n"
    first.add(RUN, None)


def test_a_store_that_is_being_written_opens(tmp_path: Path):
    store, over = filled(tmp_path / "file"), threading.Event()

    def write() -> None:
        index = 300
        while not over.is_set():
            index += 1
            store.add(replace(RUN, key=f"k{index}"), b"x" * 50_000)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(5):
            assert len(Store(tmp_path / "file")) >= 300
    finally:
        over.set()
        writer.join()


def test_only_damage_to_what_a_page_says_of_itself_is_seen_at_once_but_a_trace_never_comes_back_wrong(tmp_path: Path):
    from steepest.trace import Trace, to_bytes

    trace = to_bytes(Trace({"step": list(range(3000)), "value": [random.Random(i).random() for i in range(3000)]}))
    store = Store(tmp_path / "file")
    store.add(RUN, trace)
    store.close()
    data = (tmp_path / "file").read_bytes()
    at = data.index(trace[9000:9100])
    (tmp_path / "file").write_bytes(data[:at] + b"\xff" * 50 + data[at + 50 :])
    with pytest.raises(StoreError, match="the trace of run k"):
        Store(tmp_path / "file").trace("k")


@pytest.mark.parametrize(
    "where", ["", "/", "no/such/folder/s.sqlite", "/proc/s.sqlite", "/dev/null", "nodb://x", "mysql+nodriver://x"]
)
def test_a_path_that_cannot_be_written_is_one_clear_line(tmp_path: Path, where: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoreError, match="store: ") as raised:
        Store(where)
    assert "\n" not in str(raised.value) and list(tmp_path.iterdir()) == []


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may look into, and a process without rights of its own while it lasts."""
    folder = Path(tempfile.mkdtemp(prefix="steepest-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def unprivileged() -> Iterator[Callable[[], None]]:
    """Call it to give up the rights of root until the test ends."""
    if not hasattr(os, "seteuid"):
        pytest.skip("there are no rights to give up")
    root = os.geteuid() == 0
    yield lambda: os.seteuid(65534) if root else None
    if root:
        os.seteuid(0)


@pytest.mark.parametrize("case", ["folder", "file", "file in a folder", "unreadable"])
def test_what_may_not_be_written_is_refused_untouched(open_folder: Path, unprivileged: Callable[[], None], case: str):
    path = open_folder / "s"
    if case != "folder":
        filled(path, 10).close()
        path.chmod(0o000 if case == "unreadable" else 0o444)
        os.chmod(open_folder, 0o777 if case == "file in a folder" else 0o555)
    else:
        os.chmod(open_folder, 0o555)
    before = {file.name: file.read_bytes() for file in open_folder.iterdir()}
    unprivileged()
    with pytest.raises(StoreError, match="path must be a file that can be written") as raised:
        Store(path).add(replace(RUN, key="new"), None)
    if os.getuid() == 0:
        os.seteuid(0)
    os.chmod(open_folder, 0o755)
    assert "\n" not in str(raised.value)
    path.exists() and path.chmod(0o644)
    assert {file.name: file.read_bytes() for file in open_folder.iterdir()} == before


FILL = """
import resource, signal, sys
from dataclasses import replace
from steepest.core.errors import StoreError
from steepest.lab import Run, Store
run = Run("k", "s", "p", "adam", "tune", {}, 0, 10, "max_steps")
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
count = 0
try:
    store = Store(sys.argv[1])
    while count < 1000:
        store.add(replace(run, key=f"n{count}"), bytes([count % 256]) * 20_000)
        count += 1
except StoreError as error:
    print(error)
print(count)
"""


@pytest.mark.parametrize("limit", [0, 3000, 20_000, 1_000_000])
def test_a_full_disk_is_one_clear_line_and_loses_no_run(tmp_path: Path, limit: int):
    path = tmp_path / "s"
    done = subprocess.run(
        [sys.executable, "-c", FILL, str(path), str(limit)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    *said, count = done.stdout.splitlines()
    assert len(said) == 1 and said[0].startswith("store: ") and ("cannot grow" in said[0] or "I/O" in said[0])
    store = Store(path)
    assert len(store) == int(count) and (int(count) > 10) == (limit == 1_000_000)
    store.add(RUN, None)


def test_a_store_that_another_process_keeps_locked_is_waited_for_and_then_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "s"
    store = filled(path, 3)
    monkeypatch.setattr(places, "PATIENCE", 0.5)
    locker = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    locker.execute("BEGIN EXCLUSIVE")
    assert len(Store(path)) == 3  # reading goes on
    with pytest.raises(StoreError, match=r"was in use by another process for more than 0.5 s"):
        store.add(RUN, None)
    monkeypatch.setattr(places, "PATIENCE", 20.0)
    timer = threading.Timer(0.7, lambda: locker.execute("COMMIT"))
    timer.start()
    store.add(RUN, None)
    timer.join()
    locker.close()
    assert len(store) == 4


def test_ctrl_c_ends_the_wait_for_a_locked_store(tmp_path: Path):
    path = tmp_path / "s"
    filled(path, 3).close()
    locker = sqlite3.connect(path, isolation_level=None)
    locker.execute("BEGIN EXCLUSIVE")
    code = (
        "import sys; from steepest.lab import Run, Store; store = Store(sys.argv[1]); print('here', flush=True)\n"
        "store.add(Run('n', 's', 'p', 'm', 'tune', {}, 0, 1, 'max_steps'), None)"
    )
    command = [sys.executable, "-c", code, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "here\n"
        process.send_signal(2)
        assert "KeyboardInterrupt" in process.communicate(timeout=10)[1]
    locker.close()
