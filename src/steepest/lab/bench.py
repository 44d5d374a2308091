"""One process's place to train the runs of a study: the problem and the methods, made once."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast, final

from steepest.core.errors import SteepestError
from steepest.core.sources import blame
from steepest.core.status import Status
from steepest.formula import Rule
from steepest.lab.batching import FEWEST, Batching, choose, chunks, why_by_itself
from steepest.lab.contestant import Contestant, MethodLike, contestant
from steepest.lab.problem_source import ProblemLike, resolve
from steepest.lab.records import Phase, outcome
from steepest.lab.spaces import Setting
from steepest.problems.problem import Problem
from steepest.run import Method, run
from steepest.run.grid import run_grid
from steepest.trace import Trace, to_bytes


@dataclass(frozen=True)
class Task:
    """One run to be trained.

    method: the contestant's name in the order; schedule: of its learning rate, by name. evaluate_every: steps between
    evaluations, whose curve only winners need. alone: nothing else may run meanwhile, since its seconds will be shown.
    """

    key: str
    method: str
    schedule: str
    setting: Setting
    seed: int
    phase: Phase
    evaluate_every: int
    alone: bool = False


@dataclass(frozen=True)
class Outcome:
    """What a task gave: a run that ended, with its trace, or one that failed, with the reason.

    together: how many runs its computation was shared with, itself included; its seconds are then a share.
    """

    status: str
    scores: Mapping[str, float] = field(default_factory=dict)
    seconds: float = math.nan
    error: str | None = None
    trace: bytes | None = None
    together: int = 1

    @classmethod
    def of(cls, trace: Trace) -> Outcome:
        """A run that ended."""
        status, scores = outcome(trace)
        reason = trace.meta.get("reason")
        together = trace.meta.get("runs_together", 1)
        assert isinstance(together, int)
        return cls(
            status,
            scores,
            seconds=float(trace.steps["seconds"][-1]),
            error=str(reason) if reason else None,
            trace=to_bytes(trace),
            together=together,
        )

    @classmethod
    def failed(cls, error: Exception, *, owner: str) -> Outcome:
        """The problem or the method raised: its text with the place."""
        text = str(error) if isinstance(error, SteepestError) else str(blame(error, owner=owner))
        return cls(Status.FAILED.value, error=" ".join(text.split()))

    @classmethod
    def lost(cls, reason: str) -> Outcome:
        """Its process did not survive it."""
        return cls(Status.FAILED.value, error=reason)


@dataclass(frozen=True)
class Order:
    """What every process needs to know: the problem and the methods as names, files or objects, and what is shared."""

    problem: ProblemLike
    methods: Mapping[str, MethodLike]
    steps: int
    device: str


@final
@dataclass(frozen=True)
class Bench:
    """The problem and the methods of an order, ready to run.

    batchings: what trials on this machine have shown of training runs together, for runs of "one seed" and of "several
    seeds".
    """

    problem: Problem
    methods: Mapping[str, Contestant]
    steps: int
    device: str
    batchings: dict[str, Batching] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(cls, order: Order) -> Bench:
        methods = {name: contestant(item, name) for name, item in order.methods.items()}
        return cls(resolve(order.problem), methods, order.steps, order.device)

    @property
    def norm_every(self) -> int:
        """Steps between two gradient norms in a trace."""
        return max(1, self.steps // 100)

    def method(self, task: Task) -> Rule | Method:
        """The task's method with its setting."""
        return self.methods[task.method].make(task.setting, task.schedule, self.steps)

    def entries(self, tasks: Sequence[Task]) -> list[tuple[Rule, int]]:
        """Rules and seeds of tasks that are trained together; see `run.grid`."""
        return [(cast(Rule, self.method(task)), task.seed) for task in tasks]

    def plan(self, tasks: Sequence[Task], jobs: int = 1) -> list[list[Task]]:
        """The tasks in groups for `execute_many`, in their order: those trained together, and single ones.

        How many together is tried once for runs of one seed and once for runs of several; see `batching.choose`.
        """
        single = {task.key: bool(why_by_itself(self, task)) for task in tasks}
        together = [task for task in tasks if not single[task.key]]
        kind = "one seed" if len({task.seed for task in together}) <= 1 else "several seeds"
        if kind not in self.batchings and len(together) >= FEWEST:
            self.batchings[kind] = choose(self, together)
        return chunks(tasks, self.batchings.get(kind, _SINGLE), jobs, lambda task: single[task.key])

    def execute_many(self, tasks: Sequence[Task]) -> list[Outcome]:
        """Train runs together, and where that fails one by one, so that each has its own reason.

        Every evaluation is for all, so the tasks must have one `evaluate_every`; those that have not run one by one.
        """
        if len(tasks) > 1 and len({task.evaluate_every for task in tasks}) == 1:
            with contextlib.suppress(Exception):
                traces = run_grid(
                    self.problem,
                    self.entries(tasks),
                    steps=self.steps,
                    evaluate_every=tasks[0].evaluate_every,
                    gradient_norm_every=self.norm_every,
                    device=self.device,
                )
                return [Outcome.of(trace) for trace in traces]
        return [self.execute(task) for task in tasks]

    def execute(self, task: Task) -> Outcome:
        """Train one run. Whatever the problem or the method raises becomes a failed run with its reason."""
        try:
            trace = run(
                self.problem,
                self.method(task),
                steps=self.steps,
                seed=task.seed,
                evaluate_every=task.evaluate_every,
                gradient_norm_every=self.norm_every,
                device=self.device,
            )
            return Outcome.of(trace)
        except Exception as error:
            return Outcome.failed(error, owner=task.method)


_SINGLE = Batching(1, reason=f"fewer than {FEWEST} runs can be trained together")
