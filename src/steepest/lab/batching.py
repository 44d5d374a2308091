"""Which runs of a study are trained together, and how many at a time: decided by trying both ways on this machine."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from steepest.core.errors import SteepestError
from steepest.formula import Rule
from steepest.run import run
from steepest.run.grid import Griddable, run_grid, why_alone

if TYPE_CHECKING:
    from steepest.lab.bench import Bench, Task

FEWEST: Final = 4
"""Fewer runs than these are not worth a trial."""
WORTH: Final = 2.0
"""Seconds that the runs would take one by one, below which a trial costs more than it can gain."""
MEMORY: Final = 2**29
"""Bytes that runs which are trained together may take in one process."""
GAIN: Final = 1.1
"""Runs are trained together where that is at least this much faster; and more of them at a time, likewise."""
_STEPS: Final = 12
_ALONE: Final = 4
"""Runs that are timed one by one: of several methods where there are several."""
_LARGEST: Final = 256


@dataclass(frozen=True)
class Batching:
    """How runs are trained.

    size: at most so many together, 1 for one by one. by_seed: only runs of one seed together, since what the network
    draws follows from the seed. alone, together: seconds a step and run, as tried on this machine; NaN where it was
    not tried. reason: why one by one, "" where together.
    """

    size: int
    by_seed: bool = False
    alone: float = float("nan")
    together: float = float("nan")
    reason: str = ""

    def __str__(self) -> str:
        if self.size == 1:
            return f"one by one: {self.reason}"
        seeds = " of one seed" if self.by_seed else ""
        return (
            f"up to {self.size} runs{seeds} at a time in one batched computation, "
            f"{self.alone / self.together:.1f} times as fast as one by one when tried on this machine; "
            "the same results up to rounding"
        )


def why_by_itself(bench: Bench, task: Task) -> str:
    """Why a task cannot be trained with others, "" where it can as far as its method goes."""
    if task.alone:
        return "its seconds are scored"
    if not isinstance(bench.problem, Griddable):
        return "the problem has no batched form"
    try:
        method = bench.method(task)
    except Exception:  # the run by itself says what is wrong
        return "its method cannot be made"
    return why_alone(method) if isinstance(method, Rule) else "its method is not a rule of steepest"


def choose(bench: Bench, tasks: Sequence[Task]) -> Batching:
    """How these runs are trained fastest: a few steps one by one, and of many together, at the study's real sizes.

    Together only where the problem allows it, where that takes at most 1/1.1 of the time, and at the smallest size
    that is not slower than a larger one by that much. One thread, as runs of a study have.
    """
    from steepest.lab.workers import one_thread  # workers need the bench, which needs this

    tasks = [task for task in tasks if not why_by_itself(bench, task)]
    if len(tasks) < FEWEST:
        return Batching(1, reason=f"fewer than {FEWEST} runs can be trained together")
    with one_thread():
        try:
            alone = statistics.mean(_alone(bench, task) for task in _several(tasks))
        except Exception as error:
            return Batching(1, reason=_line(error))
        if alone * bench.steps * len(tasks) < WORTH:
            return Batching(1, alone=alone, reason=f"{len(tasks)} runs are over before a trial would pay")
        found = _tried(bench, tasks, alone, by_seed=False)
        if found.size == 1 and found.together != found.together and len({task.seed for task in tasks}) > 1:
            found = _tried(bench, _of_one_seed(tasks), alone, by_seed=True)
    return found


def chunks(tasks: Sequence[Task], batching: Batching, jobs: int, single: Callable[[Task], bool]) -> list[list[Task]]:
    """The tasks in groups of at most `batching.size`, in their order by each group's first.

    What `single` says stays by itself. Groups are of nearly equal size, as many as keep every job busy.
    """
    kinds: dict[Hashable, list[int]] = {}
    for place, task in enumerate(tasks):
        alone = batching.size == 1 or single(task)
        kind = place if alone else ("together", task.evaluate_every, task.seed if batching.by_seed else None)
        kinds.setdefault(kind, []).append(place)
    groups: list[list[int]] = []
    for places in kinds.values():
        count = -(-len(places) // batching.size)
        count = min(-(-count // jobs) * jobs, max(count, len(places) // FEWEST))
        ends = [len(places) * number // count for number in range(count + 1)]
        groups += [places[first:last] for first, last in itertools.pairwise(ends)]
    return [[tasks[place] for place in group] for group in sorted(groups)]


def _tried(bench: Bench, tasks: Sequence[Task], alone: float, *, by_seed: bool) -> Batching:
    """Whether together, and how many: the largest size first, then a quarter of it."""
    try:
        largest = min(len(tasks), _LARGEST, _fitting(bench, tasks))
        if largest < FEWEST:
            return Batching(1, by_seed, alone, reason=f"{MEMORY >> 20} MiB hold fewer than {FEWEST} runs")
        size, together = largest, _together(bench, tasks[:largest])
        while size // 4 >= 2 * FEWEST:
            smaller = _together(bench, tasks[: size // 4])
            if smaller > GAIN * together:
                break
            size, together = size // 4, smaller
    except Exception as error:  # what the problem, its network or PyTorch refuses
        return Batching(1, by_seed, alone, reason=_line(error))
    if alone < GAIN * together:
        return Batching(1, by_seed, alone, together, f"together is not faster ({alone / together:.2f} times)")
    return Batching(size, by_seed, alone, together)


def _fitting(bench: Bench, tasks: Sequence[Task]) -> int:
    """How many runs the memory holds."""
    assert isinstance(bench.problem, Griddable)
    grid = bench.problem.start_together([task.seed for task in tasks[:FEWEST]], bench.device)
    return MEMORY // grid.bytes_a_run


def _alone(bench: Bench, task: Task) -> float:
    """Seconds a step of one run, all that belongs to it included."""
    ends: list[float] = []
    steps = min(_STEPS, bench.steps)
    run(
        bench.problem,
        bench.method(task),
        steps=steps,
        seed=task.seed,
        evaluate_every=steps,
        gradient_norm_every=bench.norm_every,
        device=bench.device,
        callback=lambda step, value: ends.append(time.perf_counter()),
    )
    return _median(ends)


def _together(bench: Bench, tasks: Sequence[Task]) -> float:
    """Seconds a step and run of these runs."""
    ends: list[float] = []
    steps = min(_STEPS, bench.steps)
    run_grid(
        bench.problem,
        bench.entries(tasks),
        steps=steps,
        evaluate_every=steps,
        gradient_norm_every=bench.norm_every,
        device=bench.device,
        callback=lambda step: ends.append(time.perf_counter()),
    )
    return _median(ends) / len(tasks)


def _median(ends: Sequence[float]) -> float:
    """The median time of a step; the first one, which warms up, is not counted."""
    found = [last - first for first, last in itertools.pairwise(ends)]
    return statistics.median(found) if found else float("inf")


def _several(tasks: Sequence[Task]) -> list[Task]:
    """A task of each of several methods."""
    return list({task.method: task for task in reversed(tasks)}.values())[:_ALONE]


def _of_one_seed(tasks: Sequence[Task]) -> list[Task]:
    """The tasks of the seed that most have."""
    seed = statistics.mode(task.seed for task in tasks)
    return [task for task in tasks if task.seed == seed]


def _line(error: Exception) -> str:
    text = str(error).strip().partition("\n")[0]
    return text if isinstance(error, SteepestError) else f"{type(error).__name__}: {text}"
