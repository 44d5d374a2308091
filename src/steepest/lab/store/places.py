"""Where a store is: a file, a database's URL, or memory; and the connections to it."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from steepest.core.errors import MissingExtraError, StoreError

try:
    import sqlalchemy as sa
except ImportError as error:
    raise MissingExtraError("SQLAlchemy", "lab") from error

PATIENCE: Final = 30.0
"""Seconds for which a process waits for another one that writes."""


def shown(where: str | Path | None) -> str:
    """A store's path or URL as it may be printed: without a password."""
    if where is None:
        return "memory"
    text = str(where)
    try:
        return sa.make_url(text).render_as_string(hide_password=True) if "://" in text else text
    except sa.exc.ArgumentError:
        return text.rpartition("@")[2]


def database(where: str | Path | None) -> Path | None:
    """The file that a store is in, None for a database that is no file.

    >>> database("sqlite:///runs.sqlite")
    PosixPath('runs.sqlite')
    """
    text = "" if where is None else str(where)
    if "://" not in text:
        return None if where is None else Path(text)
    try:
        url = sa.make_url(text)
    except sa.exc.ArgumentError:
        return None
    if url.get_backend_name() != "sqlite" or url.database in {None, "", ":memory:"}:
        return None
    return Path(str(url.database))


def connect(where: str | Path | None) -> sa.Engine:
    """An engine for the place; nothing is opened yet. Raises StoreError for a place where no store can be."""
    file = database(where)
    if file is not None and (reason := _unusable(file)):
        raise StoreError(f"store: path must be a file that can be written, but {str(file)!r} {reason}")
    try:
        url = _url(where)
    except sa.exc.ArgumentError as error:
        raise StoreError(f"store: URL must be one that SQLAlchemy reads, got {shown(where)!r}") from error
    if url.get_backend_name() not in {"sqlite", "postgresql"}:
        kind = url.get_backend_name()
        raise StoreError(f"store: {shown(where)!r} must be a file or the URL of SQLite or PostgreSQL, got {kind!r}")
    private = {"poolclass": sa.pool.StaticPool, "connect_args": {"check_same_thread": False}} if file is None else {}
    try:
        engine = sa.create_engine(url, **(private if url.get_backend_name() == "sqlite" else {"pool_pre_ping": True}))
    except (sa.exc.SQLAlchemyError, ImportError, ValueError, TypeError) as error:
        hint = "; pip install 'steepest[postgresql]'" if isinstance(error, ImportError) else ""
        raise StoreError(f"store: {shown(where)!r} cannot be used ({' '.join(str(error).split())}{hint})") from error
    sqlite = engine.dialect.name == "sqlite"
    sa.event.listen(engine, "connect", _prepare_sqlite if sqlite else _prepare_postgresql)
    sa.event.listen(engine, "begin", _begin_sqlite if sqlite else _begin_postgresql)
    return engine


def share(engine: sa.Engine) -> None:
    """Let a file's readers go on while one process writes: SQLite's write-ahead log. The driver's errors pass."""
    borrowed = engine.raw_connection()
    try:
        driver: Any = borrowed.driver_connection
        _patiently(lambda: driver.execute("PRAGMA journal_mode=WAL"))
    finally:
        borrowed.close()


def refused(error: Exception, where: str) -> StoreError:
    """What the database could not do, in one line."""
    reason = " ".join(str(getattr(error, "orig", None) or error).split())
    for words, what in _REASONS.items():
        if words in reason:
            return StoreError(f"store: {what.format(where=repr(where), patience=PATIENCE)} ({reason})")
    return StoreError(f"store: {where!r} cannot be used ({reason})")


_REASONS = {
    "malformed": "{where} is damaged",
    "not a database": "{where} is no store",
    "readonly": "path must be a file that can be written, got {where}",
    "unable to open": "path must be a file that can be written, got {where}",
    "is full": "{where} cannot grow: finished runs are kept, this one is not",
    "locked": "{where} was in use by another process for more than {patience:g} s",
    "lock timeout": "{where} was in use by another process for more than {patience:g} s",
}
"""What a driver says, and what that means for a store."""
_BUSY_MILLISECONDS = 100
_PAUSE = 0.02
_EFFECTIVE = os.access in os.supports_effective_ids
_LOCK = 0x73746565
"""Key of the advisory lock by which writers to a PostgreSQL store take turns."""


def _url(where: str | Path | None) -> sa.URL:
    if where is None:
        return sa.URL.create("sqlite")
    if "://" not in str(where):
        return sa.URL.create("sqlite", database=str(where))
    url = sa.make_url(str(where))
    if url.drivername in {"postgresql", "postgres"}:  # the driver that the extra installs
        return url.set(drivername="postgresql+psycopg")
    return url


def _unusable(path: Path) -> str:
    if path.is_dir():
        return "is a folder"
    if path.exists() and not path.is_file():
        return "is no regular file"
    if not path.parent.is_dir():
        return f"has no folder {str(path.parent)!r} to be in"
    # Asked and not tried: to close a file gives up all locks that this process has on it.
    if path.exists() and not os.access(path, os.R_OK | os.W_OK, effective_ids=_EFFECTIVE):
        return "may not be read and written"
    if not os.access(path.parent, os.W_OK | os.X_OK, effective_ids=_EFFECTIVE):
        return f"is in {str(path.parent)!r}, where no file may be made"
    return ""


def _prepare_sqlite(connection: Any, record: object) -> None:
    connection.isolation_level = None  # the driver would begin no transaction for DDL; _begin_sqlite begins all
    connection.execute(f"PRAGMA busy_timeout={_BUSY_MILLISECONDS}")
    connection.execute("PRAGMA synchronous=NORMAL")  # with the log, the death of a process loses nothing


def _begin_sqlite(connection: sa.Connection) -> None:
    """Take the lock at once, so that a transaction cannot fail later."""
    driver: Any = connection.connection.driver_connection
    execute = driver.execute
    if connection.get_execution_options().get("writes", False):
        _patiently(lambda: execute("BEGIN IMMEDIATE"))
    else:
        execute("BEGIN")
        _patiently(lambda: execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchall())


def _patiently(attempt: Callable[[], object]) -> None:
    """Repeat what fails while another process holds the lock. Ctrl-C ends this waiting; SQLite's own it could not."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            attempt()
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
        time.sleep(_PAUSE)


def _prepare_postgresql(connection: Any, record: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = {int(1000 * PATIENCE)}")
    connection.commit()


def _begin_postgresql(connection: sa.Connection) -> None:
    if connection.get_execution_options().get("writes", False):
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
