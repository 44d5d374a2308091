"""Worker processes that are told apart: when one dies, it is known which item it had and what it died of."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from multiprocessing import connection
from typing import Any, Final, Generic, Protocol, TypeVar, final

from steepest.lab.spawning import Spawned, ending


class Item(Protocol):
    """What is worked on. alone: only while nothing else is."""

    @property
    def alone(self) -> bool: ...


Task_ = TypeVar("Task_", bound=Item)
Answer = TypeVar("Answer")
Serve = Callable[[bytes], Callable[[Any], Any]]
"""Called in a new worker with the payload; what it returns answers items, one after another."""


@final
class Pool(Generic[Task_, Answer]):
    """At most `jobs` spawned processes, each started when there is something for it to do.

    serve: importable, see `Serve`. payload: for it. poll: seconds after which a source that had nothing is asked again.
    """

    def __init__(self, serve: Serve, payload: bytes, jobs: int, poll: float) -> None:
        self._serve, self._payload, self._jobs, self._poll = serve, payload, jobs, poll
        self._workers: list[_Worker] = []

    def run(self, items: Iterable[Task_ | None]) -> Iterator[tuple[Task_, Answer | str]]:
        """Every item with its answer, or with what its process died of, in the order in which they are done.

        None for an item says that there is none just now.
        """
        source = _Source(items)
        try:
            while True:
                self._hand_out(source)
                if any(worker.items for worker in self._workers):
                    yield from self._answers(source)
                elif source.single is not None or source.suspects:
                    yield self._by_itself(source)
                elif source.exhausted:
                    return
                else:
                    time.sleep(self._poll)
        finally:
            if any(worker.items for worker in self._workers):  # nobody will ask for these answers
                self.kill()

    def close(self) -> None:
        """Let the processes end."""
        for worker in self._workers:
            worker.connection.close()
        for worker in self._workers:
            worker.process.join(_GRACE)
        self.kill()

    def kill(self) -> None:
        """End them at once; what was under way is lost."""
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.connection.close()
            worker.process.join(_GRACE)
        self._workers.clear()

    def _hand_out(self, source: _Source) -> None:
        """Give every process that is free something to do, as long as nothing waits to be alone."""
        source.dry = False
        while self._roomy and source.single is None and not source.suspects:
            item = source.next()
            if item is None:
                return
            if item.alone:
                source.single = item
                return
            worker = self._free()
            if not worker.give(item):
                source.again.appendleft(item)
                self._bury(worker, source)

    @property
    def _roomy(self) -> bool:
        """Whether somebody has nothing to do, or only something short."""
        return len(self._workers) < self._jobs or not all(worker.full for worker in self._workers)

    def _free(self) -> _Worker:
        best = min(self._workers, key=lambda worker: (worker.full, len(worker.items)), default=None)
        if best is None or (best.items and len(self._workers) < self._jobs):
            return self._start()
        return best

    def _start(self) -> _Worker:
        worker = _Worker(Spawned(self._serve, self._payload))
        self._workers.append(worker)
        return worker

    def _answers(self, source: _Source) -> Iterator[tuple[Any, Any]]:
        """What has been done, after waiting for something to be."""
        busy = [worker for worker in self._workers if worker.items]
        watched: dict[Any, _Worker] = {worker.connection: worker for worker in busy}
        watched |= {worker.process.sentinel: worker for worker in busy}
        ready = {watched[item]: None for item in connection.wait([*watched], self._poll if source.dry else _LOOK)}
        # A process that its own children outlive shows its death only when asked.
        dead = [] if ready else [worker for worker in busy if worker.process.exitcode is not None]
        for worker in (*ready, *dead):
            try:
                while worker.items and worker.connection.poll():
                    yield worker.take()
            except (EOFError, OSError):
                self._bury(worker, source)
                continue
            if worker.process.exitcode is not None:
                self._bury(worker, source)

    def _by_itself(self, source: _Source) -> tuple[Any, Any]:
        """What must be alone; or what was under way in a process that died, now in a new one: nothing else is at work.

        An earlier item, or a neighbour's hunger for memory, may have been to blame.
        """
        if source.suspects:
            item, worker = source.suspects.popleft(), self._start()
        else:
            item, source.single = source.single, None
            worker = self._workers[0] if self._workers else self._start()
        assert item is not None
        try:
            if worker.give(item):
                while not worker.connection.poll(_LOOK):
                    if worker.process.exitcode is not None and not worker.connection.poll():
                        raise EOFError
                return worker.take()
        except (EOFError, OSError):
            pass
        return item, self._end_of(worker)

    def _bury(self, worker: _Worker, source: _Source) -> None:
        """Its first item is a suspect, what waited behind it is for others."""
        self._end_of(worker)
        if worker.items:
            source.suspects.append(worker.items.popleft())
            source.again.extendleft(reversed(worker.items))
            worker.items.clear()

    def _end_of(self, worker: _Worker) -> str:
        """Forget a process that is dead or about to be, and say what it died of."""
        self._workers.remove(worker)
        worker.connection.close()
        worker.process.join(_GRACE)
        code = worker.process.exitcode
        if code is None:
            worker.process.kill()
            worker.process.join()
        return ending(code)


_LOOK: Final = 1.0
_GRACE: Final = 5.0
_SHORT: Final = 0.1
"""Seconds that an item may take for the next one to be sent before it is done."""


class _Source:
    """Where the next item comes from. single: the one that waits to be alone. suspects: those whose process died.

    again: to be handed out anew. dry: there was none just now.
    """

    def __init__(self, items: Iterable[Any]) -> None:
        self._items = iter(items)
        self.single: Any = None
        self.suspects: deque[Any] = deque()
        self.again: deque[Any] = deque()
        self.dry = self.exhausted = False

    def next(self) -> Any:
        if self.again:
            return self.again.popleft()
        try:
            item = next(self._items)
        except StopIteration:
            self.exhausted = True
            return None
        self.dry = item is None
        return item


class _Worker:
    """A process, what it has been given and has not answered yet, and how much it may be given at once."""

    def __init__(self, spawned: Spawned) -> None:
        self.process, self.connection = spawned.process, spawned.connection
        self.items: deque[Any] = deque()
        self._depth = 1
        self._since = time.monotonic()

    @property
    def full(self) -> bool:
        return len(self.items) >= self._depth

    def give(self, item: Any) -> bool:
        """False where the process is dead already."""
        try:
            self.connection.send(item)
        except OSError:
            return False
        if not self.items:
            self._since = time.monotonic()
        self.items.append(item)
        return True

    def take(self) -> tuple[Any, Any]:
        """The first item with its answer. Raises EOFError or OSError where the process died meanwhile."""
        answer = self.connection.recv()
        now = time.monotonic()
        self._depth = 2 if now - self._since < _SHORT else 1
        self._since = now
        return self.items.popleft(), answer
