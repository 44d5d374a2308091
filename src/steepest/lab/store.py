"""The store of studies: a database with a row a run, which several processes may fill at once."""

from __future__ import annotations

import datetime
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, final

from steepest.core.errors import MissingExtraError, StoreError
from steepest.lab.records import Run
from steepest.trace import Trace, from_bytes

try:
    import sqlalchemy as sa
except ImportError as error:
    raise MissingExtraError("SQLAlchemy", "lab") from error

SCHEMA: Final = 1
"""Version of the tables; a newer store than this is refused."""
APPLICATION: Final = "steepest"
"""The mark by which a store is known as ours."""
BUSY_MILLISECONDS: Final = 30_000
"""How long a process waits for another one that writes."""

_TABLES = sa.MetaData()
_META = sa.Table(
    "meta", _TABLES, sa.Column("name", sa.String(64), primary_key=True), sa.Column("value", sa.Text, nullable=False)
)
_RUNS = sa.Table(
    "runs",
    _TABLES,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("study", sa.String(64), nullable=False, index=True),
    sa.Column("problem", sa.Text, nullable=False),
    sa.Column("method", sa.Text, nullable=False),
    sa.Column("phase", sa.String(16), nullable=False),
    sa.Column("setting", sa.JSON, nullable=False),
    sa.Column("seed", sa.Integer, nullable=False),
    sa.Column("steps", sa.Integer, nullable=False),
    sa.Column("status", sa.String(32), nullable=False),
    sa.Column("scores", sa.JSON, nullable=False),
    sa.Column("seconds", sa.Float),
    sa.Column("error", sa.Text),
    sa.Column("trace", sa.LargeBinary),
    sa.Column("created", sa.String(32), nullable=False),
)
_RUN_COLUMNS = [column for column in _RUNS.columns if column.name not in {"trace", "created"}]


@final
class Store:
    """Runs by key. `where` is a file's path or a database's URL; None keeps the runs in memory only.

    An empty or missing file becomes a store. A file that is not a database, a damaged one, another program's, or one
    of a newer version is refused with StoreError and left as it is; so is a path that cannot be written.
    """

    def __init__(self, where: str | Path | None = None) -> None:
        self.where = shown(where)
        self._engine = _engine(where)
        weakref.finalize(self, self._engine.dispose)
        try:
            self._open(file=where is not None)
        except BaseException:
            self.close()
            raise

    def get(self, keys: Iterable[str]) -> dict[str, Run]:
        """The runs with these keys that are there, without their traces."""
        wanted = list(dict.fromkeys(keys))
        found: dict[str, Run] = {}
        with self._errors(), self._engine.connect() as connection:
            for start in range(0, len(wanted), 500):
                some = sa.select(*_RUN_COLUMNS).where(_RUNS.c.key.in_(wanted[start : start + 500]))
                for row in connection.execute(some).mappings():
                    found[row["key"]] = Run(**{**row, "seconds": _number(row["seconds"])})
        return found

    def add(self, run: Run, trace: bytes | None) -> None:
        """Keep a run; where its key is there already, the one that is there stays."""
        row = {column.name: getattr(run, column.name) for column in _RUN_COLUMNS}
        row |= {"setting": dict(run.setting), "scores": dict(run.scores), "trace": trace}
        row["seconds"] = run.seconds if run.seconds == run.seconds else None  # NaN: not known
        row["created"] = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        with self._errors(), self._engine.execution_options(writes=True).begin() as connection:
            connection.execute(_insert_new(self._engine, _RUNS), row)

    def trace(self, key: str) -> Trace | None:
        """The trace of a run, None where the run is not there or left none."""
        with self._errors(), self._engine.connect() as connection:
            data = connection.execute(sa.select(_RUNS.c.trace).where(_RUNS.c.key == key)).scalar()
        return None if data is None else from_bytes(data)

    def __len__(self) -> int:
        with self._errors(), self._engine.connect() as connection:
            return int(connection.execute(sa.select(sa.func.count()).select_from(_RUNS)).scalar_one())

    def close(self) -> None:
        """Let go of the file; an in-memory store is gone with it."""
        self._engine.dispose()

    def _open(self, *, file: bool) -> None:
        with self._errors():
            self._check()
            if file and self._engine.dialect.name == "sqlite":
                self._share()
            with self._engine.execution_options(writes=True).begin() as connection:
                _TABLES.create_all(connection)
                if connection.execute(sa.select(_META.c.value)).first() is None:
                    rows = [{"name": "application", "value": APPLICATION}, {"name": "schema", "value": str(SCHEMA)}]
                    connection.execute(_insert_new(self._engine, _META), rows)

    def _check(self) -> None:
        """Refuse what is not ours, before anything is written."""
        with self._engine.connect() as connection:
            names = set(sa.inspect(connection).get_table_names())
            if not names:
                return
            if "meta" not in names or "runs" not in names:
                raise StoreError(f"store: {self.where!r} is a database of another program, got tables {sorted(names)}")
            columns = {column["name"] for column in sa.inspect(connection).get_columns("meta")}
            rows = connection.execute(sa.select(_META)).all() if {"name", "value"} <= columns else []
            marks = {str(row.name): str(row.value) for row in rows}
            if marks.get("application") != APPLICATION:
                raise StoreError(f"store: {self.where!r} is a database of another program, got tables {sorted(names)}")
            if not marks.get("schema", "").isdecimal() or int(marks["schema"]) > SCHEMA:
                version = marks.get("schema")
                raise StoreError(f"store: version must be at most {SCHEMA}, got {version}; update steepest")
            if self._engine.dialect.name == "sqlite":
                answer = connection.execute(sa.text("PRAGMA quick_check(1)")).scalar()
                if answer != "ok":
                    raise StoreError(f"store: {self.where!r} is damaged ({' '.join(str(answer).split())})")

    def _share(self) -> None:
        """Readers need not wait for a writer: SQLite's write-ahead log."""
        connection = self._engine.raw_connection()
        try:
            connection.cursor().execute("PRAGMA journal_mode=WAL")
        except Exception as error:
            raise StoreError(f"store: path must be a file that can be written, got {self.where!r} ({error})") from error
        finally:
            connection.close()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sa.exc.SQLAlchemyError as error:
            reason = " ".join(str(getattr(error, "orig", None) or error).split())
            raise StoreError(f"store: {self.where!r} cannot be used ({reason})") from error


def shown(where: str | Path | None) -> str:
    """A store's path or URL as it may be printed: without a password."""
    if where is None:
        return "memory"
    text = str(where)
    try:
        return sa.make_url(text).render_as_string(hide_password=True) if "://" in text else text
    except sa.exc.ArgumentError:
        return text.rpartition("@")[2]


def database(where: str | Path) -> Path | None:
    """The file that a store is in, None for a database that is no file."""
    text = str(where)
    if "://" not in text:
        return Path(text)
    try:
        url = sa.make_url(text)
    except sa.exc.ArgumentError:
        return None
    return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None


def _engine(where: str | Path | None) -> sa.Engine:
    if where is None:
        return sa.create_engine("sqlite://", poolclass=sa.pool.StaticPool, connect_args={"check_same_thread": False})
    text = str(where)
    if "://" not in text:
        path = Path(text)
        if path.is_dir() or not path.parent.is_dir():
            what = "is a folder" if path.is_dir() else f"has no folder {str(path.parent)!r} to be in"
            raise StoreError(f"store: path must be a file that can be written, but {text!r} {what}")
        url = sa.URL.create("sqlite", database=str(path))
    else:
        try:
            url = sa.make_url(text)
        except sa.exc.ArgumentError as error:
            raise StoreError(f"store: URL must be one that SQLAlchemy reads, got {shown(where)!r}") from error
    try:
        engine = sa.create_engine(url)
    except (sa.exc.SQLAlchemyError, ImportError, ValueError) as error:
        raise StoreError(f"store: {shown(where)!r} cannot be used ({error})") from error
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _prepare_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, record: object) -> None:
    connection.isolation_level = None  # the driver would begin no transaction for DDL; _begin_sqlite begins all
    connection.execute(f"PRAGMA busy_timeout={BUSY_MILLISECONDS}")
    connection.execute("PRAGMA synchronous=NORMAL")  # with the log, a crash of the process loses nothing


def _begin_sqlite(connection: sa.Connection) -> None:
    """A transaction that will write takes its lock at once, so that it waits for others and cannot fail later."""
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _insert_new(engine: sa.Engine, table: sa.Table) -> sa.Insert:
    """An insert that leaves a row whose primary key is there already as it is."""
    if engine.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as insert_postgresql

        return insert_postgresql(table).on_conflict_do_nothing()
    return sa.insert(table).prefix_with("OR IGNORE", dialect="sqlite").prefix_with("IGNORE", dialect="mysql")


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)
