"""Training runs: here, one after another, or in processes that a crash or Ctrl-C cannot make wait."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from multiprocessing import connection
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Any, final

from steepest.core.errors import InputTypeError, MissingExtraError
from steepest.lab.bench import Bench, Order, Outcome, Task

try:
    import cloudpickle
    import threadpoolctl
except ImportError as error:
    raise MissingExtraError("cloudpickle or threadpoolctl", "lab") from error

LOST = "the process that ran it died: out of memory, or killed"


def usable_cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def packed(order: Order) -> bytes:
    """The order as bytes for other processes; functions and classes of the main script travel by value.

    Raises InputTypeError where something in it cannot travel.
    """
    try:
        return bytes(cloudpickle.dumps(order))
    except Exception as error:
        text = " ".join(str(error).split())
        raise InputTypeError(f"compare: jobs must be 1 for what cannot be sent to another process ({text})") from error


@contextmanager
def train(order: Order, bench: Bench, jobs: int) -> Iterator[Crew]:
    """Whoever trains the runs of `order`: this process at `jobs` = 1, with the `bench` it has, else worker processes.

    All train with one thread a run, so that the number of jobs changes no bit of a result.
    """
    if jobs == 1:
        with one_thread():
            yield Crew(order, bench, None)
        return
    workers = _Workers(order, jobs)
    try:
        yield Crew(order, bench, workers)
    except BaseException:
        workers.kill()
        raise
    workers.close()


@final
class Crew:
    """Trains tasks as they are drawn from an iterable, and yields each with its outcome as it is done."""

    def __init__(self, order: Order, bench: Bench, workers: _Workers | None) -> None:
        self._order, self._bench, self._workers = order, bench, workers

    def run(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Outcome]]:
        """Draws the next task only when somebody is free for it. Workers finish in any order."""
        if self._workers is not None:
            yield from self._workers.run(tasks)
            return
        for task in tasks:
            yield task, self._bench.execute(task)


@contextmanager
def one_thread() -> Iterator[None]:
    """Inside, linear algebra uses one thread: runs are small and share the machine."""
    torch = sys.modules.get("torch")
    before = torch.get_num_threads() if torch is not None else 0
    with threadpoolctl.threadpool_limits(1):
        if torch is not None:
            torch.set_num_threads(1)
        try:
            yield
        finally:
            if torch is not None:
                torch.set_num_threads(before)


@final
class _Workers:
    """A pool of spawned processes that is rebuilt when one of them dies."""

    def __init__(self, order: Order, jobs: int) -> None:
        self._payload, self._jobs = packed(order), jobs
        self._context = _Context()
        self._executor = self._new()

    def run(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Outcome]]:
        """At most two tasks a worker are under way, so that none waits for its next one."""
        waiting = iter(tasks)
        under_way: dict[Future[Outcome], Task] = {}
        suspects: deque[Task] = deque()
        exhausted = False
        while True:
            while not exhausted and len(under_way) < 2 * self._jobs:
                task = next(waiting, None)
                if task is None:
                    exhausted = True
                elif not self._submit(task, under_way):
                    suspects.append(task)
                    break
            if not under_way and not suspects:
                return
            done, _ = wait(under_way, return_when=FIRST_COMPLETED) if under_way else (set(), set())
            for future in done:
                task = under_way.pop(future)
                if isinstance(future.exception(), BrokenProcessPool):
                    suspects.append(task)
                else:
                    yield task, future.result()
            if suspects:
                for future, task in under_way.items():  # a broken pool loses all that was under way
                    if isinstance(future.exception(), BrokenProcessPool):
                        suspects.append(task)
                    else:
                        yield task, future.result()
                under_way.clear()
                yield from self._alone(suspects)

    def close(self) -> None:
        self._executor.shutdown(wait=True)

    def kill(self) -> None:
        """End at once; what was under way is lost."""
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._context.terminate()

    def _alone(self, suspects: deque[Task]) -> Iterator[tuple[Task, Outcome]]:
        """One of these made its process die: each runs by itself, and the one that does it again is told."""
        self._rebuild()
        while suspects:
            task = suspects.popleft()
            try:
                outcome = self._executor.submit(_execute, task).result()
            except BrokenProcessPool:
                outcome = Outcome.lost(LOST)
                self._rebuild()
            yield task, outcome

    def _rebuild(self) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._executor = self._new()

    def _submit(self, task: Task, under_way: dict[Future[Outcome], Task]) -> bool:
        try:
            under_way[self._executor.submit(_execute, task)] = task
        except BrokenProcessPool:
            return False
        return True

    def _new(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(self._jobs, mp_context=self._context, initializer=_begin, initargs=(self._payload,))


class _Process(SpawnProcess):
    """A spawned process that does not import the parent's main script.

    A worker needs nothing from it, and a script that calls `compare` at its top level would start its study again in
    every worker.
    """

    def start(self) -> None:
        main = sys.modules["__main__"]
        missing = object()
        kept = {name: getattr(main, name, missing) for name in ("__spec__", "__file__")}
        try:
            main.__spec__ = None
            with contextlib.suppress(AttributeError):
                del main.__file__
            with _interrupts_wait():
                super().start()
        finally:
            for name, value in kept.items():
                if value is not missing:
                    setattr(main, name, value)
        _STARTED.append(self)


@contextmanager
def _interrupts_wait() -> Iterator[None]:
    """Ctrl-C reaches this process after the context; a process started inside never hears it, also while it starts."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_STARTED: list[_Process] = []


class _Context(SpawnContext):
    """Makes such processes, and can end those it made."""

    Process = _Process

    def __init__(self) -> None:
        super().__init__()
        self._first = len(_STARTED)

    def terminate(self) -> None:
        for process in _STARTED[self._first :]:
            if process.is_alive():
                process.terminate()


_payload: bytes = b""
_bench: Bench | None = None
_threads = ExitStack()


def _begin(payload: bytes) -> None:
    """In a new worker: leave Ctrl-C to the parent, end with it, use one thread."""
    global _payload  # a worker is one process with one study
    _payload = payload
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"


def _end_with(sentinel: Any) -> None:
    connection.wait([sentinel])
    os._exit(1)


def _execute(task: Task) -> Outcome:
    global _bench
    if _bench is None:
        try:
            _bench = Bench.of(_unpacked())
        except Exception as error:
            return Outcome.failed(error, owner=task.method)
        _threads.enter_context(one_thread())  # for the rest of this process's life
    return _bench.execute(task)


def _unpacked() -> Order:
    order = cloudpickle.loads(_payload)
    assert isinstance(order, Order)
    return order
