"""Which runs a study consists of, phase by phase: what comes next depends on what came before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import final

from steepest.jax import LEARNING_RATE
from steepest.lab import tuning
from steepest.lab.bench import Bench, Task
from steepest.lab.design import settings
from steepest.lab.records import Phase, Run, run_key, study_key
from steepest.lab.spaces import Setting
from steepest.lab.spec import CONFIRMED, RATE_FACTORS, Entry, StudySpec
from steepest.lab.tuning import Choice

Choices = Mapping[Entry, Choice | None]
"""The setting chosen for each method under each schedule; None where every trial diverged or failed."""

Obtain = Callable[[Phase, Sequence[Task]], Sequence[Run] | None]
"""Gives the runs of a phase, one for each task in their order; None ends the walk."""


@final
class Plan:
    """The runs of a study: trials, confirmations, judging, default settings, and rates about the chosen one."""

    def __init__(self, spec: StudySpec, bench: Bench) -> None:
        self.spec, self.bench = spec, bench
        fingerprint = bench.problem.fingerprint()
        self.studies = {name: study_key(fingerprint, name, spec.steps, spec.device) for name in spec.schedules}
        self.trials = self._trials()
        self._totals = {name: self._expected(name) for name in spec.methods}

    @property
    def total(self) -> int:
        """How many runs there will be, as far as is known."""
        return sum(self._totals.values())

    def walk(self, obtain: Obtain, methods: Sequence[str]) -> Choices | None:
        """Go through the phases of these methods; no method's choices depend on another's runs."""
        entries = [entry for entry in self.spec.entries if entry.method in methods]
        trials = [task for task in self.trials if task.method in methods]
        tuned = obtain("tune", trials)
        if tuned is None:
            return None
        best = {entry: tuning.candidates(_of(entry, tuned), CONFIRMED) for entry in entries}
        confirmations = self._confirmations(best)
        for name in methods:
            after = self._after_choice(name) if any(best[entry] for entry in entries if entry.method == name) else 0
            self._totals[name] = _count((*trials, *confirmations), name) + after
        again = obtain("confirm", confirmations)
        if again is None:
            return None
        choices = {
            entry: self._choice(entry, _of(entry, tuned), [*best[entry], *_of(entry, again)]) for entry in entries
        }
        finals = self._finals(choices)
        known = {task.key for task in (*trials, *confirmations)}
        defaults, rates = self._defaults(choices), [task for task in self._rates(choices) if task.key not in known]
        for name in methods:
            self._totals[name] = _count((*trials, *confirmations, *finals, *defaults, *rates), name)
        phases: tuple[tuple[Phase, list[Task]], ...] = (("final", finals), ("default", defaults), ("rates", rates))
        for phase, tasks in phases:
            if obtain(phase, tasks) is None:
                return None
        return choices

    def _trials(self) -> list[Task]:
        """Trial by trial over all methods, so that a study that is cut short has tried as much of each."""
        points = {name: settings(self.bench.methods[name].space, self.spec.trials) for name in self.spec.methods}
        return [
            self._task(entry, points[entry.method][trial], self.spec.tuning_seeds[0], "tune")
            for trial in range(self.spec.trials)
            for entry in self.spec.entries
            if trial < len(points[entry.method])
        ]

    def _confirmations(self, best: Mapping[Entry, Sequence[Run]]) -> list[Task]:
        """The best few of each on the further tuning seeds; a single candidate needs no confirmation."""
        return [
            self._task(entry, run.setting, seed, "confirm")
            for place in range(CONFIRMED)
            for entry in best
            for run in best[entry][place : place + 1]
            for seed in self.spec.tuning_seeds[1:]
            if len(best[entry]) > 1
        ]

    def _finals(self, choices: Choices) -> list[Task]:
        return [
            self._task(entry, choice.setting, seed, "final")
            for seed in self.spec.fresh_seeds
            for entry, choice in choices.items()
            if choice is not None
        ]

    def _defaults(self, choices: Choices) -> list[Task]:
        """Default settings of the tuned methods on the seeds that judge, under the schedule that was chosen."""
        usual = {entry: self.bench.methods[entry.method].default for entry in tuning.leading(choices).values()}
        return [
            self._task(entry, setting, seed, "default")
            for seed in self.spec.fresh_seeds
            for entry, setting in usual.items()
            if setting
        ]

    def _rates(self, choices: Choices) -> list[Task]:
        """Learning rates about the chosen one on the tuning seeds, the chosen one among them, all else as chosen."""
        tasks = []
        for entry in tuning.leading(choices).values():
            choice = choices[entry]
            rate = tuning.rate_name(self.bench.methods[entry.method].space)
            if choice is None or rate is None:
                continue
            for factor in (1.0, *RATE_FACTORS):
                setting = {**choice.setting, rate: float(f"{factor * choice.setting[rate]:.4g}")}
                tasks += [self._task(entry, setting, seed, "rates") for seed in self.spec.tuning_seeds]
        return tasks

    def _choice(self, entry: Entry, trials: Sequence[Run], runs: Sequence[Run]) -> Choice | None:
        chosen = tuning.choose(runs)
        if chosen is None:
            return None
        setting, validation = chosen
        return Choice(setting, validation, tuning.remarks(self.bench.methods[entry.method].space, setting, trials))

    def _task(self, entry: Entry, setting: Setting, seed: int, phase: Phase) -> Task:
        method = self.bench.methods[entry.method].key(setting, entry.schedule, self.spec.steps)
        alone = self.spec.timing and phase == "final"
        key = run_key(self.studies[entry.schedule], method, setting, seed, alone)
        every = self.spec.evaluate_every if phase in {"final", "default"} else self.spec.steps
        return Task(key, entry.method, entry.schedule, setting, seed, phase, every, alone)

    def _expected(self, name: str) -> int:
        """A method's runs in all phases, if it does not diverge everywhere."""
        tried = Counter(task.schedule for task in self.trials if task.method == name)
        confirmed = sum(min(CONFIRMED, count) for count in tried.values() if count > 1)
        return tried.total() + confirmed * (len(self.spec.tuning_seeds) - 1) + self._after_choice(name)

    def _after_choice(self, name: str) -> int:
        contestant = self.bench.methods[name]
        rated = len(self.spec.tuning_seeds) * len(RATE_FACTORS)
        rates = rated if set(contestant.space.names) & set(LEARNING_RATE) else 0
        return self.spec.seeds * (len(self.spec.schedules) + bool(contestant.default)) + rates


def _of(entry: Entry, runs: Sequence[Run]) -> list[Run]:
    return [run for run in runs if (run.method, run.schedule) == entry]


def _count(tasks: Iterable[Task], name: str) -> int:
    return sum(task.method == name for task in tasks)
