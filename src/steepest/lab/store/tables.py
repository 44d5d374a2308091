"""The tables of a store, and how they came to be what they are."""

from __future__ import annotations

from typing import Any, Final

from steepest.core.errors import MissingExtraError, StoreError

try:
    import sqlalchemy as sa
    from sqlalchemy.dialects import postgresql, sqlite
except ImportError as error:
    raise MissingExtraError("SQLAlchemy", "lab") from error

SCHEMA: Final = 2
"""Version of the tables. Older stores are brought up to it, a newer one is refused."""
APPLICATION: Final = "steepest"
"""The mark by which a store is known as ours."""

TABLES: Final = sa.MetaData()

META: Final = sa.Table(
    "meta", TABLES, sa.Column("name", sa.String(64), primary_key=True), sa.Column("value", sa.Text, nullable=False)
)

RUNS: Final = sa.Table(
    "runs",
    TABLES,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("study", sa.String(64), nullable=False, index=True),
    sa.Column("problem", sa.Text, nullable=False),
    sa.Column("method", sa.Text, nullable=False),
    sa.Column("phase", sa.String(16), nullable=False),
    sa.Column("setting", sa.JSON, nullable=False),
    sa.Column("seed", sa.BigInteger, nullable=False),
    sa.Column("steps", sa.BigInteger, nullable=False),
    sa.Column("status", sa.String(32), nullable=False),
    sa.Column("scores", sa.JSON, nullable=False),
    sa.Column("seconds", sa.Double),
    sa.Column("error", sa.Text),
    sa.Column("trace", sa.LargeBinary),
    sa.Column("created", sa.String(32), nullable=False),
    sa.Column("schedule", sa.Text, nullable=False, server_default="constant"),
    sa.Column("alone", sa.Boolean, nullable=False, server_default=sa.false()),
)
"""A row a run; `setting` and `scores` are JSON, `trace` is what `trace.to_bytes` wrote."""

STUDIES: Final = sa.Table(
    "studies",
    TABLES,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("record", sa.Text, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("created", sa.String(32), nullable=False),
    sa.Column("updated", sa.String(32), nullable=False),
)
"""A row a study; `record` is JSON, with NaN and infinities as Python writes them."""

CLAIMANTS: Final = sa.Table(
    "claimants",
    TABLES,
    sa.Column("owner", sa.String(64), primary_key=True),
    sa.Column("host", sa.String(64), nullable=False),
    sa.Column("pid", sa.BigInteger, nullable=False),
    sa.Column("started", sa.String(32), nullable=False),
    sa.Column("renewed", sa.Double, nullable=False),
    sa.Column("lease", sa.Double, nullable=False),
)
"""Processes that train; `renewed` in seconds of the database's clock, `lease` in seconds."""

CLAIMS: Final = sa.Table(
    "claims",
    TABLES,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("owner", sa.String(64), nullable=False, index=True),
    sa.Column("alone", sa.Boolean, nullable=False),
)
"""Runs that are under way, each with the process that trains it."""


def schema(connection: sa.Connection, where: str) -> int:
    """The version of the store that is there, 0 in an empty database.

    Raises StoreError for another program's database and for a version that this one does not know.
    """
    inspector = sa.inspect(connection)
    names = set(inspector.get_table_names())
    if not names:
        return 0
    foreign = f"store: {where!r} is a database of another program, got tables {sorted(names)}"
    if not {"meta", "runs"} <= names or not {"name", "value"} <= _columns(inspector, "meta"):
        raise StoreError(foreign)
    marks = {str(row.name): str(row.value) for row in connection.execute(sa.select(META))}
    if marks.get("application") != APPLICATION:
        raise StoreError(foreign)
    text = marks.get("schema", "")
    if not text.isdecimal() or not 1 <= int(text) <= SCHEMA:
        raise StoreError(f"store: version must be at most {SCHEMA}, got {text or 'none'}; update steepest")
    if missing := _missing(inspector, int(text)):
        raise StoreError(f"store: {where!r} is damaged (it has no {missing})")
    return int(text)


def bring_up(connection: sa.Connection, where: str) -> None:
    """Create the tables in an empty database, or bring an older store's up to date; in the caller's transaction."""
    found = schema(connection, where)
    if found == SCHEMA:  # another process was faster
        return
    if found == 1:
        for column in _SINCE_2:
            ddl = sa.schema.CreateColumn(column).compile(dialect=connection.dialect)
            connection.execute(sa.text(f"ALTER TABLE runs ADD COLUMN {ddl}"))
    TABLES.create_all(connection)
    if found == 0:
        connection.execute(sa.insert(META), [{"name": "application", "value": APPLICATION}])
        connection.execute(sa.insert(META), [{"name": "schema", "value": str(SCHEMA)}])
    else:
        connection.execute(sa.update(META).where(META.c.name == "schema").values(value=str(SCHEMA)))


def insert(dialect: sa.Dialect, table: sa.Table) -> Any:
    """An insert that knows `on_conflict_do_nothing` and `on_conflict_do_update`."""
    return postgresql.insert(table) if dialect.name == "postgresql" else sqlite.insert(table)


_SINCE_2 = (RUNS.c.schedule, RUNS.c.alone)
_TABLES_SINCE_2 = (STUDIES, CLAIMANTS, CLAIMS)


def _missing(inspector: sa.Inspector, version: int) -> str:
    """What a store of this version should have and has not, in words; empty where it is complete."""
    tables = (META, RUNS) if version == 1 else tuple(TABLES.tables.values())
    names = set(inspector.get_table_names())
    for table in tables:
        if table.name not in names:
            return f"table {table.name}"
        later = {column.name for column in _SINCE_2} if version == 1 and table is RUNS else set()
        columns = {column.name for column in table.columns} - later
        if absent := sorted(columns - _columns(inspector, table.name)):
            return f"column {table.name}.{absent[0]}"
    return ""


def _columns(inspector: sa.Inspector, table: str) -> set[str]:
    return {column["name"] for column in inspector.get_columns(table)}
