"""Several processes on one study: no run is trained twice, and nobody waits for a process that is gone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from contextlib import suppress
from typing import Final, final

from steepest.core.errors import StoreError
from steepest.core.status import Status
from steepest.lab.bench import Outcome, Task
from steepest.lab.records import Run
from steepest.lab.store import Claimant, Store
from steepest.lab.workers import Crew, Group

LEASE: Final = 60.0
"""Seconds after which another machine may take over from a process that has not been heard of."""


@final
class Claims:
    """The runs that this process has taken on, of those that a store lacks. A context: they are given up at its end.

    >>> from steepest.lab.store import Store
    >>> with Claims(Store()) as claims:
    ...     pass  # for task, outcome in claims.run(crew, tasks, found): store.add(...)
    """

    def __init__(self, store: Store, lease: float = LEASE) -> None:
        self._store, self._lease = store, lease
        self._me = Claimant.here()
        self._size = 1
        self._over = threading.Event()
        self._beating = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> Claims:
        if not self._store.private:
            self._beating.start()
        return self

    def __exit__(self, kind: object, *error: object) -> None:
        if self._store.private:
            return
        self._over.set()
        self._beating.join(_HASTE if kind else None)  # the store may be locked, and Ctrl-C shall not wait for it

    def run(self, crew: Crew, groups: Iterable[Group], found: Callable[[Run], None]) -> Iterator[tuple[Task, Outcome]]:
        """Train those of the tasks that nobody else does; each with its outcome, to be stored before the next is drawn.

        found: is called with each run that another process has stored meanwhile. Ends when all tasks are done, here or
        elsewhere; what another process has taken on is waited for, and taken over if that process fails or ends.
        """
        for task, outcome in crew.run(self._due(list(groups), found)):
            yield task, outcome
            if outcome.status == Status.FAILED.value and not self._store.private:
                self._store.release(self._me, [task.key])

    def _due(self, open_: list[Group], found: Callable[[Run], None]) -> Iterator[Group | None]:
        """Claims a few at a time, so that others have something to do, but not so few that asking takes time."""
        if self._store.private:
            yield from open_
            return
        looked = time.monotonic()
        while open_:
            began = time.monotonic()
            alone = open_[0].alone
            keys = [task.key for group in open_ if group.alone == alone for task in group.tasks]
            most = _first(open_, self._size)
            granted = set(self._store.claim(keys, self._me, self._lease, at_most=most, alone=alone))
            taken = [group for group in (_part(group, granted, True) for group in open_) if group.tasks]
            open_[:] = [group for group in (_part(group, granted, False) for group in open_) if group.tasks]
            yield from taken
            now = time.monotonic()
            if granted:
                self._size = _adapted(self._size, now - began)
            if not granted or now - looked > _LOOK:
                looked = now
                there = self._store.get(task.key for group in open_ for task in group.tasks)
                open_[:] = [group for group in (_part(group, set(there), False) for group in open_) if group.tasks]
                for run in there.values():
                    found(run)
                if open_ and not granted:
                    yield None

    def _beat(self) -> None:
        """Renew the lease until it is over, then give everything up."""
        while not self._over.wait(self._lease / 4):
            with suppress(StoreError):
                self._store.renew(self._me, self._lease)
        with suppress(StoreError):
            self._store.release(self._me)


_LOOK: Final = 1.0
_HASTE: Final = 1.0
_LASTS: Final = (0.2, 1.0)
"""Seconds that what is claimed at once shall last."""
_MOST: Final = 256


def _adapted(size: int, seconds: float) -> int:
    """How many to claim next time, after so many have lasted so long."""
    if seconds < _LASTS[0]:
        return min(2 * size, _MOST)
    return max(size // 2, 1) if seconds > _LASTS[1] else size


def _first(groups: Sequence[Group], size: int) -> int:
    """How many tasks the first groups have, whole groups of at most `size` tasks together, or one group."""
    count = 0
    for group in groups:
        if group.alone != groups[0].alone:
            continue
        if count and count + len(group.tasks) > size:
            break
        count += len(group.tasks)
    return count


def _part(group: Group, keys: Set[str], inside: bool) -> Group:
    """The tasks of a group that are among these keys, or that are not."""
    return Group(tuple(task for task in group.tasks if (task.key in keys) is inside))
