"""Carries a study out: obtains the runs of each phase from the store, or trains them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

from steepest.lab.bench import Order, Outcome, Task
from steepest.lab.claims import Claims
from steepest.lab.events import PhaseStarted, Progress, RunFinished, StudyFinished, StudyStarted
from steepest.lab.plan import Choices, Plan
from steepest.lab.records import Phase, Run
from steepest.lab.store import Store
from steepest.lab.workers import Crew, Group, train


@dataclass(frozen=True)
class Conducted:
    """What came of a study.

    trained: how many of its runs were not in the store. seconds: of wall time. together: the most runs that shared one
    computation; 1 where each was trained by itself.
    """

    runs: tuple[Run, ...]
    choices: Choices
    trained: int
    seconds: float
    together: int


def conduct(
    plan: Plan, order: Order, store: Store, jobs: int, progress: Progress, *, isolated: bool = False
) -> Conducted:
    """Run the study. What `progress` raises, and Ctrl-C, end it at once; finished runs are in the store.

    A diverged run is kept like any other. One that failed is not, so the next study with it tries again.
    """
    began = time.perf_counter()
    spec, bench = plan.spec, plan.bench
    counted = _Counted(store)
    for name in spec.methods:
        plan.walk(counted.obtain, (name,))
    progress(StudyStarted(spec, plan.total, counted.stored, jobs))
    with Claims(store) as claims, train(order, bench, jobs, isolated=isolated) as crew:
        conductor = _Conductor(plan, store, claims, crew, progress)
        choices = plan.walk(conductor.obtain, spec.methods)
    seconds = time.perf_counter() - began
    progress(StudyFinished(conductor.trained, seconds))
    return Conducted(tuple(conductor.runs), choices or {}, conductor.trained, seconds, conductor.together)


@final
class _Counted:
    """Counts what the store has of a method, as far as its choices can be made already."""

    def __init__(self, store: Store) -> None:
        self.store, self.stored = store, 0

    def obtain(self, phase: Phase, tasks: Sequence[Task]) -> Sequence[Run] | None:
        found = self.store.get(task.key for task in tasks)
        self.stored += sum(task.key in found for task in tasks)
        return [_as(task, found[task.key]) for task in tasks] if all(task.key in found for task in tasks) else None


@final
class _Conductor:
    """Obtains the runs of each phase, from the store or by training, and tells who watches."""

    def __init__(self, plan: Plan, store: Store, claims: Claims, crew: Crew, progress: Progress) -> None:
        self.plan, self.store, self.claims, self.crew, self.progress = plan, store, claims, crew, progress
        self.runs: list[Run] = []
        self.trained, self.together = 0, 1

    def obtain(self, phase: Phase, tasks: Sequence[Task]) -> Sequence[Run]:
        if not tasks:
            return ()
        found = self.store.get(task.key for task in tasks)
        self.progress(PhaseStarted(phase, len(tasks), sum(task.key in found for task in tasks), self.plan.total))
        named: dict[str, list[Task]] = {}
        for task in tasks:
            named.setdefault(task.key, []).append(task)
        for key in list(found):
            self._tell(named[key], found[key], stored=True)
        missing = {task.key: task for task in tasks if task.key not in found}

        def elsewhere(run: Run) -> None:
            """Another process on the same store has trained it."""
            found[run.key] = run
            self._tell(named[run.key], run, stored=True)

        groups = [Group(tuple(group)) for group in self.plan.bench.plan(list(missing.values()), self.crew.jobs)]
        for task, outcome in self.claims.run(self.crew, groups, elsewhere):
            self.trained += 1
            self.together = max(self.together, outcome.together)
            found[task.key] = self._keep(task, outcome)
            self._tell(named[task.key], found[task.key], stored=False)
        runs = [_as(task, found[task.key]) for task in tasks]
        self.runs += runs
        return runs

    def _keep(self, task: Task, outcome: Outcome) -> Run:
        run = Run(
            key=task.key,
            study=self.plan.studies[task.schedule],
            problem=self.plan.spec.problem,
            method=task.method,
            phase=task.phase,
            setting=dict(task.setting),
            seed=task.seed,
            steps=self.plan.spec.steps,
            status=outcome.status,
            scores=outcome.scores,
            seconds=outcome.seconds,
            error=outcome.error,
            schedule=task.schedule,
            alone=task.alone,
        )
        if not run.failed:
            self.store.add(run, outcome.trace)
        return run

    def _tell(self, tasks: Sequence[Task], run: Run, *, stored: bool) -> None:
        """Of each task that this is the run of."""
        for task in tasks:
            self.progress(RunFinished(_as(task, run), stored))


def _as(task: Task, run: Run) -> Run:
    """A stored run as this study knows it: by its name for the method, in its phase."""
    return replace(run, method=task.method, phase=task.phase, schedule=task.schedule)
