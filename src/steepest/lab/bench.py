"""One process's place to train the runs of a study: the problem and the methods, made once."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, final

from steepest.core.errors import SteepestError
from steepest.core.sources import blame
from steepest.core.status import Status
from steepest.lab.contestant import Contestant, MethodLike, contestant
from steepest.lab.problem_source import ProblemLike, resolve
from steepest.lab.records import Phase, outcome
from steepest.lab.spaces import Setting
from steepest.problems.problem import Problem
from steepest.run import run
from steepest.trace import to_bytes


@dataclass(frozen=True)
class Task:
    """One run to be trained. evaluate_every: steps between evaluations, whose curve only winners need."""

    key: str
    method: str
    setting: Setting
    seed: int
    phase: Phase
    evaluate_every: int


@dataclass(frozen=True)
class Outcome:
    """What a task gave: a run that ended, with its trace, or one that failed, with the reason."""

    status: str
    scores: Mapping[str, float] = field(default_factory=dict)
    seconds: float = math.nan
    error: str | None = None
    trace: bytes | None = None

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
    schedule: str
    steps: int
    device: str


@final
@dataclass(frozen=True)
class Bench:
    """The problem and the methods of an order, ready to run."""

    problem: Problem
    methods: Mapping[str, Contestant]
    schedule: str
    steps: int
    device: str

    @classmethod
    def of(cls, order: Order) -> Bench:
        methods = {name: contestant(item, name) for name, item in order.methods.items()}
        return cls(resolve(order.problem), methods, order.schedule, order.steps, order.device)

    def execute(self, task: Task) -> Outcome:
        """Train one run. Whatever the problem or the method raises becomes a failed run with its reason."""
        try:
            method: Any = self.methods[task.method].make(task.setting, self.schedule, self.steps)
            trace = run(
                self.problem,
                method,
                steps=self.steps,
                seed=task.seed,
                evaluate_every=task.evaluate_every,
                gradient_norm_every=max(1, self.steps // 100),
                device=self.device,
            )
        except Exception as error:
            return Outcome.failed(error, owner=task.method)
        status, scores = outcome(trace)
        reason = trace.meta.get("reason")
        return Outcome(
            status,
            scores,
            seconds=float(trace.steps["seconds"][-1]),
            error=str(reason) if reason else None,
            trace=to_bytes(trace),
        )
