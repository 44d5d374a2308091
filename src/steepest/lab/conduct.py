"""Carries a study out: tune, confirm, judge; trains what the store does not have."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import final

from steepest.lab import tuning
from steepest.lab.bench import Bench, Order, Outcome, Task
from steepest.lab.design import settings
from steepest.lab.events import PhaseStarted, Progress, RunFinished, StudyFinished, StudyStarted
from steepest.lab.records import Phase, Run, run_key, study_key
from steepest.lab.spaces import Setting
from steepest.lab.spec import CONFIRMED, StudySpec
from steepest.lab.store import Store
from steepest.lab.tuning import Choice
from steepest.lab.workers import Crew, train

Choices = Mapping[str, Choice | None]
"""The setting chosen for each method; None where every trial diverged or failed."""


@dataclass(frozen=True)
class Conducted:
    """What came of a study. trained: how many of its runs were not in the store. seconds: of wall time."""

    runs: tuple[Run, ...]
    choices: Choices
    trained: int
    seconds: float


def conduct(spec: StudySpec, order: Order, bench: Bench, store: Store, jobs: int, progress: Progress) -> Conducted:
    """Run the study. What `progress` raises, and Ctrl-C, end it at once; finished runs are in the store.

    A diverged run is kept like any other. One that failed is not, so the next study with it tries again.
    """
    began = time.perf_counter()
    plan = _Plan(spec, bench)
    counted = _Counted(store)
    for name in spec.methods:
        plan.walk(counted.obtain, (name,))
    conductor = _Conductor(spec, store, progress, plan)
    progress(StudyStarted(spec, plan.total, counted.stored, jobs))
    with train(order, bench, jobs) as crew:
        choices = plan.walk(lambda phase, tasks: conductor.obtain(phase, tasks, crew), spec.methods)
    seconds = time.perf_counter() - began
    progress(StudyFinished(conductor.trained, seconds))
    return Conducted(tuple(conductor.runs), choices or {}, conductor.trained, seconds)


Obtain = Callable[[Phase, Sequence[Task]], Sequence[Run] | None]
"""Gives the runs of a phase, one for each task in their order; None ends the walk."""


@final
class _Plan:
    """Which runs a study consists of, phase by phase: what comes next depends on what came before."""

    def __init__(self, spec: StudySpec, bench: Bench) -> None:
        self.spec, self.bench = spec, bench
        self.study = study_key(bench.problem.fingerprint(), spec.schedule, spec.steps, spec.device)
        self.trials = self._trials()
        self._totals = {name: self._expected(name) for name in spec.methods}

    @property
    def total(self) -> int:
        """How many runs there will be, as far as is known."""
        return sum(self._totals.values())

    def walk(self, obtain: Obtain, methods: Sequence[str]) -> Choices | None:
        """Go through the phases of these methods; no method's choices depend on another's runs."""
        trials = [task for task in self.trials if task.method in methods]
        tuned = obtain("tune", trials)
        if tuned is None:
            return None
        by_method = {name: [run for run in tuned if run.method == name] for name in methods}
        best = {name: tuning.candidates(runs, CONFIRMED) for name, runs in by_method.items()}
        confirmations = self._confirmations(best)
        for name, runs in best.items():
            self._totals[name] = _count((*trials, *confirmations), name) + (self.spec.seeds if runs else 0)
        again = obtain("confirm", confirmations)
        if again is None:
            return None
        choices: dict[str, Choice | None] = {}
        for name, runs in by_method.items():
            choices[name] = self._choice(name, runs, [*best[name], *(run for run in again if run.method == name)])
        finals = self._finals(choices)
        for name in methods:
            self._totals[name] = _count((*trials, *confirmations, *finals), name)
        return None if obtain("final", finals) is None else choices

    def _trials(self) -> list[Task]:
        """Trial by trial over all methods, so that a study that is cut short has tried as much of each."""
        points = {name: settings(self.bench.methods[name].space, self.spec.trials) for name in self.spec.methods}
        return [
            self._task(name, points[name][trial], self.spec.tuning_seeds[0], "tune")
            for trial in range(self.spec.trials)
            for name in self.spec.methods
            if trial < len(points[name])
        ]

    def _confirmations(self, best: Mapping[str, Sequence[Run]]) -> list[Task]:
        """The best few of each method on the further tuning seeds; a single candidate needs no confirmation."""
        return [
            self._task(name, run.setting, seed, "confirm")
            for place in range(CONFIRMED)
            for name in best
            for run in best[name][place : place + 1]
            for seed in self.spec.tuning_seeds[1:]
            if len(best[name]) > 1
        ]

    def _finals(self, choices: Choices) -> list[Task]:
        return [
            self._task(name, choice.setting, seed, "final")
            for seed in self.spec.fresh_seeds
            for name, choice in choices.items()
            if choice is not None
        ]

    def _choice(self, name: str, trials: Sequence[Run], runs: Sequence[Run]) -> Choice | None:
        chosen = tuning.choose(runs)
        if chosen is None:
            return None
        setting, validation = chosen
        return Choice(setting, validation, tuning.remarks(self.bench.methods[name].space, setting, trials))

    def _task(self, name: str, setting: Setting, seed: int, phase: Phase) -> Task:
        method = self.bench.methods[name].key(setting, self.spec.schedule, self.spec.steps)
        key = run_key(self.study, method, setting, seed)
        every = self.spec.evaluate_every if phase == "final" else self.spec.steps
        return Task(key, name, setting, seed, phase, every)

    def _expected(self, name: str) -> int:
        """A method's runs in all phases, if it does not diverge everywhere."""
        tried = _count(self.trials, name)
        confirmed = min(CONFIRMED, tried) if tried > 1 else 0
        return tried + confirmed * (len(self.spec.tuning_seeds) - 1) + self.spec.seeds


def _count(tasks: Iterable[Task], name: str) -> int:
    return sum(task.method == name for task in tasks)


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

    def __init__(self, spec: StudySpec, store: Store, progress: Progress, plan: _Plan) -> None:
        self.spec, self.store, self.progress, self.plan = spec, store, progress, plan
        self.runs: list[Run] = []
        self.trained = 0

    def obtain(self, phase: Phase, tasks: Sequence[Task], crew: Crew) -> Sequence[Run]:
        found = self.store.get(task.key for task in tasks)
        self.progress(PhaseStarted(phase, len(tasks), sum(task.key in found for task in tasks), self.plan.total))
        for key in list(found):
            self._tell(tasks, found[key], stored=True)
        missing = {task.key: task for task in tasks if task.key not in found}
        for task, outcome in crew.run(self._still_missing(missing.values(), tasks, found)):
            self.trained += 1
            found[task.key] = self._keep(task, outcome)
            self._tell(tasks, found[task.key], stored=False)
        runs = [_as(task, found[task.key]) for task in tasks]
        self.runs += runs
        return runs

    def _still_missing(self, missing: Iterable[Task], tasks: Sequence[Task], found: dict[str, Run]) -> Iterator[Task]:
        """Another process may have trained some by the time they are due."""
        for task in missing:
            now = self.store.get([task.key])
            if now:
                found |= now
                self._tell(tasks, now[task.key], stored=True)
            else:
                yield task

    def _keep(self, task: Task, outcome: Outcome) -> Run:
        run = Run(
            key=task.key,
            study=self.plan.study,
            problem=self.spec.problem,
            method=task.method,
            phase=task.phase,
            setting=dict(task.setting),
            seed=task.seed,
            steps=self.spec.steps,
            status=outcome.status,
            scores=outcome.scores,
            seconds=outcome.seconds,
            error=outcome.error,
        )
        if not run.failed:
            self.store.add(run, outcome.trace)
        return run

    def _tell(self, tasks: Sequence[Task], run: Run, *, stored: bool) -> None:
        for task in tasks:
            if task.key == run.key:
                self.progress(RunFinished(_as(task, run), stored))


def _as(task: Task, run: Run) -> Run:
    """A stored run under the name that this study has for its method."""
    return replace(run, method=task.method, phase=task.phase)
