"""Which process trains which run: claims that end with the process that made them."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import platform
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from steepest.lab.store.tables import CLAIMANTS, CLAIMS, RUNS, insert


@dataclass(frozen=True)
class Claimant:
    """A process that trains, as others can tell it. host: hash of the machine and of what numbers its processes.

    started: when, as the system counts, so that another process with the same number is not taken for it.
    """

    owner: str
    host: str
    pid: int
    started: str

    @classmethod
    def here(cls) -> Claimant:
        """A new claimant in the name of this process."""
        return cls(secrets.token_hex(16), _host(), os.getpid(), _started(os.getpid()))

    @property
    def gone(self) -> bool:
        """Whether it ran here and is no more."""
        return self.host == _host() and not _alive(self.pid, self.started)


def claim(
    connection: sa.Connection, keys: Iterable[str], owner: Claimant, lease: float, at_most: int | None, alone: bool
) -> list[str]:
    """The first of these keys that are free now belong to the owner; in the caller's transaction."""
    sign(connection, owner, lease)
    _end_stale(connection, owner)
    taken = {row.key: row for row in connection.execute(_TAKEN)}
    beside = [row for row in taken.values() if row.host == owner.host and row.owner != owner.owner]
    if any(row.alone for row in beside) or (alone and beside):
        return []
    wanted = (key for key in dict.fromkeys(keys) if key not in taken or taken[key].owner == owner.owner)
    granted: list[str] = []
    while (at_most is None or len(granted) < at_most) and (some := list(islice(wanted, _CHUNK))):
        done = set(connection.execute(_DONE, {"keys": some}).scalars())
        granted += [key for key in some if key not in done]
    granted = granted[:at_most]
    if granted:
        rows = [{"key": key, "owner": owner.owner, "alone": alone} for key in granted]
        connection.execute(insert(connection.dialect, CLAIMS).on_conflict_do_nothing(), rows)
    return granted


def sign(connection: sa.Connection, owner: Claimant, lease: float) -> None:
    """Begin the owner's lease, or begin it anew."""
    row = {**vars(owner), "renewed": _now(connection), "lease": lease}
    new = insert(connection.dialect, CLAIMANTS)
    connection.execute(
        new.on_conflict_do_update(index_elements=["owner"], set_={"renewed": row["renewed"], "lease": lease}), row
    )


def release(connection: sa.Connection, owner: Claimant, keys: Iterable[str] | None) -> None:
    """Give up these claims of the owner; all, and the owner itself, without keys."""
    mine = sa.delete(CLAIMS).where(CLAIMS.c.owner == owner.owner)
    if keys is not None:
        connection.execute(mine.where(CLAIMS.c.key.in_(list(keys))))
        return
    connection.execute(mine)
    connection.execute(sa.delete(CLAIMANTS).where(CLAIMANTS.c.owner == owner.owner))


def settle(connection: sa.Connection, keys: Sequence[str]) -> None:
    """Forget the claims to runs that are in the store now."""
    connection.execute(_SETTLED, {"keys": list(keys)})


_CHUNK = 1000
_KEYS: sa.BindParameter[Any] = sa.bindparam("keys", expanding=True)
_TAKEN = sa.select(CLAIMS.c.key, CLAIMS.c.alone, CLAIMANTS.c.owner, CLAIMANTS.c.host).join(
    CLAIMANTS, CLAIMS.c.owner == CLAIMANTS.c.owner
)
_DONE = sa.select(RUNS.c.key).where(RUNS.c.key.in_(_KEYS))
_SETTLED = sa.delete(CLAIMS).where(CLAIMS.c.key.in_(_KEYS))
_CLOCKS = {
    "sqlite": "SELECT (julianday('now') - 2440587.5) * 86400.0",
    "postgresql": "SELECT CAST(extract(epoch FROM clock_timestamp()) AS double precision)",
}


def _now(connection: sa.Connection) -> float:
    """Seconds of the database's clock, which all processes share."""
    return float(connection.exec_driver_sql(_CLOCKS[connection.dialect.name]).scalar_one())


def _end_stale(connection: sa.Connection, owner: Claimant) -> None:
    """Forget processes that are gone, and those whose lease is over or, where the clock was set back, not begun."""
    now = _now(connection)
    stale = [
        row.owner
        for row in connection.execute(sa.select(CLAIMANTS))
        if row.owner != owner.owner
        and (abs(now - row.renewed) > row.lease or Claimant(row.owner, row.host, row.pid, row.started).gone)
    ]
    if stale:
        connection.execute(sa.delete(CLAIMS).where(CLAIMS.c.owner.in_(stale)))
        connection.execute(sa.delete(CLAIMANTS).where(CLAIMANTS.c.owner.in_(stale)))


@functools.cache
def _host() -> str:
    """What two processes have in common that see each other under their numbers."""
    parts = [platform.node()]
    with contextlib.suppress(OSError):
        parts += [
            Path("/proc/sys/kernel/random/boot_id").read_text().strip(),
            str(Path("/proc/self/ns/pid").readlink()),
        ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def _alive(pid: int, started: str) -> bool:
    """Whether a process with this number runs here that is not known to have started at another time."""
    if os.name != "posix":  # there is no harmless signal to ask with
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    now = _started(pid)
    return now != _ENDED and (not started or not now or now == started)


_ENDED = "ended"


def _started(pid: int) -> str:
    """When a process started, in ticks since the machine did; empty where the system does not say."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    fields = text.rpartition(")")[2].split()
    return _ENDED if fields[0] in {"Z", "X"} else fields[19]
