"""Training runs: here, one after another, or in processes that a crash or Ctrl-C cannot make wait."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Final, final

from steepest.core.errors import InputTypeError, MissingExtraError
from steepest.lab.bench import Bench, Order, Outcome, Task
from steepest.lab.pool import Pool

try:
    import cloudpickle
    import threadpoolctl
except ImportError as error:
    raise MissingExtraError("cloudpickle or threadpoolctl", "lab") from error

POLL: Final = 0.2
"""Seconds after which a source of tasks that had none is asked again."""


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
def train(order: Order, bench: Bench, jobs: int, *, isolated: bool = False) -> Iterator[Crew]:
    """Whoever trains the runs of `order`: this process at `jobs` = 1, with the `bench` it has, else worker processes.

    isolated: a worker process also for one job, so that a crash in a model costs its run only, and Ctrl-C ends a step
    that does not listen. All train with one thread a run, so that the number of jobs changes no bit of a result.
    """
    if jobs == 1 and not isolated:
        with one_thread():
            yield Crew(1, bench)
        return
    pool: Pool[Group, list[Outcome]] = Pool(_serve, packed(order), jobs, POLL)
    try:
        yield Crew(jobs, pool)
    except BaseException:
        pool.kill()
        raise
    pool.close()


@dataclass(frozen=True)
class Group:
    """Tasks that are trained together in one computation, or one by itself."""

    tasks: tuple[Task, ...]

    @property
    def alone(self) -> bool:
        """Whether nothing else may be trained meanwhile."""
        return any(task.alone for task in self.tasks)


@final
class Crew:
    """Trains groups of tasks as they are drawn from an iterable, and yields each task with its outcome when it is done.

    jobs: how many groups at once.
    """

    def __init__(self, jobs: int, trainer: Bench | Pool[Group, list[Outcome]]) -> None:
        self.jobs, self._trainer = jobs, trainer

    def run(self, groups: Iterable[Group | None]) -> Iterator[tuple[Task, Outcome]]:
        """Draws the next group only when somebody is free for it. Workers finish in any order.

        None for a group says that there is none just now: what is under way goes on, and the next is drawn a little
        later. A task that must be alone is trained while no other is under way. One whose process dies is tried again
        in a new process while nothing else is under way; if that dies too, the run has failed, and its outcome says
        of what. A group whose process dies twice is taken apart, and only the guilty run fails.
        """
        if isinstance(self._trainer, Pool):
            lost = yield from self._answers(self._trainer, groups)
            yield from self._answers(self._trainer, (Group((task,)) for group in lost for task in group.tasks))
            return
        for due in groups:
            if due is None:
                time.sleep(POLL)
            else:
                yield from zip(due.tasks, _execute(self._trainer, due), strict=True)

    def _answers(
        self, pool: Pool[Group, list[Outcome]], groups: Iterable[Group | None]
    ) -> Generator[tuple[Task, Outcome], None, list[Group]]:
        """The outcomes; at its end the groups of several that no process survived."""
        lost = []
        for group, answer in pool.run(groups):
            if not isinstance(answer, str):
                yield from zip(group.tasks, answer, strict=True)
            elif len(group.tasks) == 1:
                yield group.tasks[0], Outcome.lost(answer)
            else:
                lost.append(group)
        return lost


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


def _serve(payload: bytes) -> Callable[[Group], list[Outcome]]:
    """Trains groups of tasks in a worker process; problem and methods are made with the first one."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    threads = ExitStack()
    made: list[Bench] = []

    def answer(group: Group) -> list[Outcome]:
        if not made:
            try:
                made.append(Bench.of(_unpacked(payload)))
            except Exception as error:
                return [Outcome.failed(error, owner=task.method) for task in group.tasks]
            except SystemExit as error:
                return [_left(error)] * len(group.tasks)
            threads.enter_context(one_thread())  # for the rest of this process's life
        return _execute(made[0], group)

    return answer


def _unpacked(payload: bytes) -> Order:
    order = cloudpickle.loads(payload)
    assert isinstance(order, Order)
    return order


def _execute(bench: Bench, group: Group) -> list[Outcome]:
    """A run of a model that ends Python has failed, and Python goes on."""
    try:
        return bench.execute_many(group.tasks)
    except SystemExit as error:
        if len(group.tasks) == 1:
            return [_left(error)]
        return [outcome for task in group.tasks for outcome in _execute(bench, Group((task,)))]


def _left(error: SystemExit) -> Outcome:
    return Outcome.lost(f"it called sys.exit({error.code!r})")
