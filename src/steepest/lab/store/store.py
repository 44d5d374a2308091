"""The store of studies: a database with a row a run, which several processes may fill at once."""

from __future__ import annotations

import datetime
import functools
import json
import sqlite3
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, final

import sqlalchemy as sa

from steepest.core.errors import InputError, StoreError
from steepest.lab.records import Run
from steepest.lab.store import claimants, sound
from steepest.lab.store.claimants import Claimant
from steepest.lab.store.places import connect, database, refused, share, shown
from steepest.lab.store.studies import State, StudyRecord
from steepest.lab.store.tables import RUNS, SCHEMA, STUDIES, bring_up, insert, schema
from steepest.trace import Trace, from_bytes

Value = TypeVar("Value")


@final
class Store:
    """Runs and studies by key. `where` is a file's path or a database's URL; None keeps them in memory only.

    An empty or missing file becomes a store, unless `create` is false; an older version's is brought up to date. What
    is not a database, damaged, another program's, or of a newer version is refused with StoreError and left as it is;
    so is a path that cannot be written. What `add` has returned from survives the death of any process.
    """

    def __init__(self, where: str | Path | None = None, *, create: bool = True) -> None:
        self.where = shown(where)
        self._engine = connect(where)
        self._writer = self._engine.execution_options(writes=True)
        self._patient = False
        weakref.finalize(self, self._engine.dispose)
        try:
            with self._errors():
                self._open(database(where), create)
        except BaseException:
            self.close()
            raise
        self._patient = self._engine.dialect.name == "postgresql"
        self.private = not self._patient and database(where) is None
        """Whether no other process can see it."""
        self._add = insert(self._engine.dialect, RUNS).on_conflict_do_nothing()

    def add(self, run: Run, trace: bytes | None) -> None:
        """Keep a run; where its key is there already, the one that is there stays."""
        self.add_many([(run, trace)])

    def add_many(self, runs: Iterable[tuple[Run, bytes | None]]) -> None:
        """Keep these runs, all of them or none."""
        rows = [_row(run, trace) for run, trace in runs]
        if not rows:
            return

        def work(connection: sa.Connection) -> None:
            connection.execute(self._add, rows)
            if not self.private:
                claimants.settle(connection, [row["key"] for row in rows])

        self._write(work)

    def get(self, keys: Iterable[str]) -> dict[str, Run]:
        """The runs with these keys that are there, without their traces."""
        return {row["key"]: _run(row, self.where) for row in self._select(_GET, keys)}

    def runs(self) -> list[Run]:
        """All the runs that there are, the oldest first, without their traces."""
        statement = sa.select(*_RUN_COLUMNS).order_by(RUNS.c.created, RUNS.c.key)
        rows = self._read(lambda connection: connection.execute(statement).mappings().all())
        return [_run(row, self.where) for row in rows]

    def trace(self, key: str) -> Trace | None:
        """The trace of a run, None where the run is not there or left none."""
        return self.traces([key]).get(key)

    def traces(self, keys: Iterable[str]) -> dict[str, Trace]:
        """The traces of those of these runs that left one. Raises StoreError where one cannot be read."""
        return {row["key"]: self._trace(row["key"], row["trace"]) for row in self._select(_TRACES, keys)}

    def save_study(self, key: str, name: str, record: Mapping[str, Any], state: State) -> None:
        """Keep a study's record, in place of the one with this key if there is one."""
        now = _now()
        try:
            text = json.dumps(record)
        except (TypeError, ValueError) as error:
            raise InputError(f"store: record must be what JSON can say ({error})") from error
        new = {"name": _storable(name), "record": text, "state": state, "updated": now}
        statement = insert(self._engine.dialect, STUDIES).on_conflict_do_update(index_elements=["key"], set_=new)
        self._write(lambda connection: connection.execute(statement, {"key": key, "created": now, **new}))

    def studies(self) -> list[StudyRecord]:
        """The studies, the one that was saved last first."""
        statement = sa.select(STUDIES).order_by(STUDIES.c.updated.desc(), STUDIES.c.created.desc(), STUDIES.c.key)
        rows = self._read(lambda connection: connection.execute(statement).mappings().all())
        try:
            return [StudyRecord(**{**row, "record": json.loads(row["record"])}) for row in rows]
        except ValueError as error:
            raise StoreError(f"store: {self.where!r} is damaged (a study's record: {error})") from error

    def claim(
        self,
        keys: Iterable[str],
        owner: Claimant,
        lease_seconds: float,
        *,
        at_most: int | None = None,
        alone: bool = False,
    ) -> list[str]:
        """Take the first `at_most` of these keys for the owner, and tell which: none that another process trains or
        that is in the store already.

        A claim ends when its run is added, on `release`, when its process is gone (seen at once from the same
        machine), or `lease_seconds` after the owner's last `claim` or `renew`. alone: only if no other process trains
        on this machine, and none may then begin to until these claims end.
        """
        wanted = list(keys)
        return self._write(lambda c: claimants.claim(c, wanted, owner, lease_seconds, at_most, alone))

    def renew(self, owner: Claimant, lease_seconds: float) -> None:
        """Begin the owner's lease anew."""
        self._write(lambda connection: claimants.sign(connection, owner, lease_seconds))

    def release(self, owner: Claimant, keys: Iterable[str] | None = None) -> None:
        """End the owner's claims to these keys; without keys, all of them."""
        given = None if keys is None else list(keys)
        self._write(lambda connection: claimants.release(connection, owner, given))

    def __len__(self) -> int:
        count = sa.select(sa.func.count()).select_from(RUNS)
        return int(self._read(lambda connection: connection.execute(count).scalar_one()))

    def close(self) -> None:
        """Let go of the database; an in-memory store is gone with it."""
        self._engine.dispose()

    def _open(self, file: Path | None, create: bool) -> None:
        found = None if file is None else sound.check_file(file, self.where)
        if found == 0 and not create:
            raise StoreError(f"store: path must be a store of steepest, but there is none at {self.where!r}")
        if found is None:
            with self._engine.connect() as connection:
                found = schema(connection, self.where)
                if file is not None:
                    sound.check_rows(connection, self.where)
        if found == 0 and not create:
            raise StoreError(f"store: {self.where!r} must be a store of steepest, but is an empty database")
        if found < SCHEMA:
            with self._writer.begin() as connection:
                bring_up(connection, self.where)
        if file is not None:
            share(self._engine)

    def _select(self, statement: sa.Select[Any], keys: Iterable[str]) -> list[sa.RowMapping]:
        wanted = list(dict.fromkeys(keys))
        found: list[sa.RowMapping] = []
        for start in range(0, len(wanted), _CHUNK):
            found += self._read(functools.partial(_rows, statement, wanted[start : start + _CHUNK]))
        return found

    def _trace(self, key: str, data: bytes) -> Trace:
        try:
            return from_bytes(data)
        except Exception as error:  # what reading arbitrary bytes may raise
            raise StoreError(f"store: {self.where!r} is damaged (the trace of run {key}: {error})") from error

    def _read(self, work: Callable[[sa.Connection], Value]) -> Value:
        return self._repeat(self._engine, work)

    def _write(self, work: Callable[[sa.Connection], Value]) -> Value:
        return self._repeat(self._writer, work)

    def _repeat(self, engine: sa.Engine, work: Callable[[sa.Connection], Value]) -> Value:
        """One transaction; tried again for a while where a server has gone, since each does the same twice as once."""
        with self._errors():
            for pause in _PAUSES if self._patient else ():
                try:
                    with engine.begin() as connection:
                        return work(connection)
                except sa.exc.OperationalError as error:
                    if not (error.connection_invalidated or error.statement is None):
                        raise
                time.sleep(pause)
            with engine.begin() as connection:
                return work(connection)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sa.exc.SQLAlchemyError, sqlite3.Error) as error:
            raise refused(error, self.where) from error
        except json.JSONDecodeError as error:
            raise StoreError(f"store: {self.where!r} is damaged (a run's numbers: {error})") from error


_CHUNK = 10_000
_PAUSES = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0)
_RUN_COLUMNS = [column for column in RUNS.columns if column.name not in {"trace", "created"}]
_KEYS: sa.BindParameter[Any] = sa.bindparam("keys", expanding=True)
_GET = sa.select(*_RUN_COLUMNS).where(RUNS.c.key.in_(_KEYS))
_TRACES = sa.select(RUNS.c.key, RUNS.c.trace).where(RUNS.c.key.in_(_KEYS), RUNS.c.trace.is_not(None))


def _rows(statement: sa.Select[Any], keys: list[str], connection: sa.Connection) -> list[sa.RowMapping]:
    return list(connection.execute(statement, {"keys": keys}).mappings())


def _row(run: Run, trace: bytes | None) -> dict[str, Any]:
    row = {column.name: getattr(run, column.name) for column in _RUN_COLUMNS}
    row |= {name: _storable(value) for name, value in row.items() if isinstance(value, str)}
    row |= {"setting": dict(run.setting), "scores": dict(run.scores), "trace": trace, "created": _now()}
    row["seconds"] = run.seconds if run.seconds == run.seconds else None  # NaN: not known
    return row


def _run(row: sa.RowMapping, where: str) -> Run:
    if not isinstance(row["setting"], dict) or not isinstance(row["scores"], dict):
        raise StoreError(f"store: {where!r} is damaged (run {row['key']})")
    seconds = row["seconds"]
    return Run(**{**row, "seconds": float("nan") if seconds is None else float(seconds)})


def _storable(text: str) -> str:
    """Without what no database keeps in a text: lone surrogates and the character zero."""
    return text.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds")
