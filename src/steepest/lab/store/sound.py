"""Whether a file is a sound store of ours, found out without touching it."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from steepest.core.errors import StoreError
from steepest.lab.store.places import refused
from steepest.lab.store.tables import schema

SETTLE: Final = 0.2
"""Seconds for which a file must have stayed as it is before it is refused: another process may be creating it."""


def check_file(path: Path, where: str) -> int | None:
    """The version of the store in a file, 0 where there is none yet; None where others write it all the time.

    Raises StoreError for what is no database, damaged, another program's, or of a newer version. Opening a database
    the usual way would already change it (a log left by a killed process is written back), so a file without a log is
    read as immutable, and one with a log is copied and the copy is opened.
    """
    path = path.resolve()  # logs are beside the file itself, not beside a link to it
    for _ in range(_ATTEMPTS):
        before = _state(path)
        try:
            return _examine(path, where)
        except StoreError as error:
            refusal = error
        time.sleep(SETTLE)
        if _state(path) == before:
            raise refusal
    return None


def check_rows(connection: sa.Connection, where: str) -> None:
    """Raise StoreError where SQLite finds a page that is not as it must be."""
    answer = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
    if answer != "ok":
        raise StoreError(f"store: {where!r} is damaged ({' '.join(str(answer).split())})")


_ATTEMPTS = 5
_LOGS = ("-wal", "-journal")
"""What SQLite puts beside a database: changes that are not in it yet, or that are to be undone."""


def _state(path: Path) -> list[tuple[int, int, int] | None]:
    """What changes when somebody writes."""
    return [_stat(Path(f"{path}{suffix}")) for suffix in ("", *_LOGS)]


def _stat(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino


def _examine(path: Path, where: str) -> int:
    logs = [Path(f"{path}{suffix}") for suffix in _LOGS]
    used = [log for log in logs if (_stat(log) or (0,))[0] > 0]
    if (_stat(path) or (0,))[0] == 0:
        if used and used[0].name.endswith("-wal"):
            raise StoreError(f"store: {where!r} is empty, but {used[0].name!r} holds runs that were in it")
        return 0
    try:
        if not used:
            return _version(path, "mode=ro&immutable=1", where)
        with tempfile.TemporaryDirectory(prefix="steepest-") as folder:
            _copy([path, *used], folder)
            return _version(Path(folder) / path.name, "mode=rw", where)
    except (OSError, sqlite3.Error, sa.exc.SQLAlchemyError) as error:
        raise refused(error, where) from error


def _copy(files: list[Path], folder: str) -> None:
    """Copy them by another process: to close a file here would give up all locks that this process has on it."""
    if os.name != "posix" or not sys.executable:
        for file in files:
            shutil.copy(file, folder)
        return
    code = "import shutil, sys\nfor file in sys.argv[2:]: shutil.copy(file, sys.argv[1])"
    command = [sys.executable, "-I", "-S", "-c", code, folder, *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"it has a log and could not be copied: {done.stderr.strip().rpartition(chr(10))[2]}")


def _version(path: Path, mode: str, where: str) -> int:
    uri = f"{path.resolve().as_uri()}?{mode}"
    engine = sa.create_engine("sqlite://", creator=lambda: sqlite3.connect(uri, uri=True), poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        found = schema(connection, where)
        check_rows(connection, where)
        size, page = path.stat().st_size, connection.exec_driver_sql("PRAGMA page_size").scalar_one()
    if size % int(page):  # SQLite would read zeros for what is cut off
        raise StoreError(f"store: {where!r} is damaged (its last page is cut off: it has {size} bytes)")
    return found
