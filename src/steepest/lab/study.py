"""A study that has been carried out: what it declared, its runs, the ranked table and the verdict."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, final

import numpy as np

from steepest.lab.about import About
from steepest.lab.records import Phase, Run
from steepest.lab.result import Result
from steepest.lab.spec import Entry, StudySpec
from steepest.lab.store import Store
from steepest.lab.tuning import Choice, leading
from steepest.statistics import Interval, Verdict, interquartile_mean, median_interval, verdict
from steepest.trace import Trace

if TYPE_CHECKING:
    import pandas as pd


@final
class Study:
    """The answer to "which method is better on this problem?", with the runs it rests on.

    spec: what was declared. runs: all of them, in the order of the phases. choices: the setting chosen for each
    method under each schedule, None where every trial diverged or failed. about: what else the report says. In a
    notebook it shows its verdict and its table.
    """

    def __init__(
        self, spec: StudySpec, runs: Sequence[Run], choices: Mapping[Entry, Choice | None], store: Store, about: About
    ) -> None:
        self.spec, self.runs, self.choices, self.about = spec, tuple(runs), dict(choices), about
        self._store = store
        self._leading = leading(self.choices)
        self._traces: dict[str, Mapping[int, Trace]] = {}

    def __repr__(self) -> str:
        return f"<study of {self.spec.problem}: {len(self.runs)} runs; {self.sentence}>"

    @cached_property
    def judged_by(self) -> str:
        """The measurement that methods are ranked by: test loss where there is one, else validation loss, else f."""
        known = {name for run in self.runs if run.phase == "final" for name in run.scores}
        return next((name for name in ("test_loss", "validation_loss") if name in known), "value")

    @property
    def label(self) -> str:
        """`judged_by` in words."""
        return self.judged_by.replace("_", " ")

    @property
    def where(self) -> str:
        """The store's path or URL without a password, "memory" where there is no file."""
        return self._store.where

    @property
    def curve_column(self) -> str:
        """The measurement that is taken along the runs: validation loss, or the value where there is no data."""
        return "value" if self.judged_by == "value" else "validation_loss"

    @property
    def curve_label(self) -> str:
        """`curve_column` in words."""
        return self.curve_column.replace("_", " ")

    @property
    def metric_label(self) -> str:
        """The metric on the same data in words; for a function, the distance to its minimizer."""
        return "distance" if self.judged_by == "value" else self.label.replace("loss", self.about.metric)

    def entry(self, method: str) -> Entry:
        """The method with the schedule that was best for it on validation; the first where none held."""
        return self._leading.get(method, Entry(method, self.spec.schedules[0]))

    def choice(self, method: str) -> Choice | None:
        """The setting chosen for a method under its schedule, None where every trial diverged or failed."""
        return self.choices.get(self.entry(method))

    def phase(self, phase: Phase, entry: Entry) -> tuple[Run, ...]:
        """The runs of a phase of a method under a schedule."""
        return self._by_phase.get((phase, entry), ())

    @cached_property
    def finals(self) -> tuple[Run, ...]:
        """The runs on fresh seeds of what was chosen for each method: a setting and a schedule."""
        return tuple(run for name in self.spec.methods for run in self.phase("final", self.entry(name)))

    @cached_property
    def scores(self) -> dict[str, list[float]]:
        """For each method its score on each fresh seed, in their order; +inf where it diverged or failed."""
        return {name: self.scores_of("final", self.entry(name)) for name in self.spec.methods}

    def scores_of(self, phase: Phase, entry: Entry) -> list[float]:
        """The scores on the fresh seeds of a method under a schedule; +inf where a run diverged, failed or is not."""
        found = {run.seed: run.score(self.judged_by) for run in self.phase(phase, entry)}
        return [found.get(seed, math.inf) for seed in self.spec.fresh_seeds]

    @cached_property
    def seedless(self) -> bool:
        """Whether no run depends on its seed: then every method has one run, however many seeds there are.

        Not known, and so False, where no method has finite scores on all seeds.
        """
        finite = [name for name, values in self.scores.items() if all(map(math.isfinite, values))]
        mixed = any(len(set(values)) > 1 for values in self.scores.values())
        return self.spec.seeds > 1 and bool(finite) and not mixed and all(map(self._repeats, finite))

    @cached_property
    def verdict(self) -> Verdict:
        """Which method is best over the fresh seeds, what it is tied with, and one sentence that says so."""
        scores = {name: values[:1] if self.seedless else values for name, values in self.scores.items()}
        return verdict(scores, label=self.label)

    @property
    def sentence(self) -> str:
        """The verdict in words, with what limits it."""
        if self.seedless:
            first = self.verdict.order[0]
            lowest = self.verdict.intervals[first].estimate
            lead = f"{first} has the lowest {self.label}, {lowest:.4g}"
            return f"{lead}; runs do not depend on the seed, so there is nothing to test."
        look = " This was a quick look, not a claim." if self.spec.quick else ""
        return self.verdict.sentence + look

    @cached_property
    def details(self) -> tuple[str, ...]:
        """What follows the verdict: the setting to take with its usable learning rates, time to target, advice."""
        from steepest.lab.findings import details

        return details(self)

    def interval(self, scores: Sequence[float]) -> Interval:
        """The median over seeds with its interval; of one run where runs do not depend on the seed."""
        return median_interval(scores[:1] if self.seedless else scores)

    def table(self) -> tuple[Result, ...]:
        """A line a method, best first."""
        return tuple(self._result(rank, name) for rank, name in enumerate(self.verdict.order, start=1))

    def best(self) -> Result:
        """The first line of the table; others may be tied with it."""
        return self._result(1, self.verdict.order[0])

    def trials(self, method: str) -> tuple[Run, ...]:
        """A method's trials under its schedule on the first tuning seed, in the order of the points."""
        return self.phase("tune", self.entry(method))

    def trace(self, run: Run) -> Trace | None:
        """The trace of one of the runs, None where it failed."""
        return self._store.trace(run.key)

    def traces(self, method: str) -> Mapping[int, Trace]:
        """The traces of a method's judging runs by seed; a run that failed has none."""
        if method not in self._traces:
            keys = {run.key: run.seed for run in self.phase("final", self.entry(method))}
            self._traces[method] = {keys[key]: trace for key, trace in self._store.traces(keys).items()}
        return self._traces[method]

    def gradients_per_step(self, method: str) -> float | None:
        """The median over a method's final runs, None where none of them ended."""
        runs = [run for run in self.finals if run.method == method and not run.diverged and not run.failed]
        counts = [run.scores["gradient_calls"] / run.steps for run in runs if "gradient_calls" in run.scores]
        return statistics.median(counts) if counts else None

    def starts_equal(self) -> bool | None:
        """Whether on each fresh seed all methods began with the same measurements and first value.

        None where no run left a trace. A method that does not ask at the start for its first gradient shows as unequal.
        """
        begun: dict[int, list[list[float]]] = {}
        for name in self.spec.methods:
            for seed, trace in self.traces(name).items():
                first = [float(column[0]) for key, column in sorted(trace.evaluations.items()) if key != "step"]
                begun.setdefault(seed, []).append([*first, float(trace.steps["value"][0])])
        if not begun:
            return None
        return all(np.allclose(row, rows[0], rtol=1e-6, equal_nan=True) for rows in begun.values() for row in rows)

    def report(self, path: str | Path) -> Path:
        """Write the report, one HTML page that opens offline. Raises InputError where the path cannot be written."""
        from steepest.lab.report_data import report_data
        from steepest.report import write

        write(report_data(self), path)
        return Path(path)

    def to_pandas(self) -> pd.DataFrame:
        """A row a run: problem, method, schedule, phase, seed, status, "setting.lr" and the like, "scores.test_loss"
        and the like. Needs pandas, else MissingExtraError.
        """
        from steepest.lab.frames import frame

        return frame(self.runs)

    def _repr_html_(self) -> str:
        from steepest.lab.report_data import rows
        from steepest.report import fragment

        return fragment(self.sentence, rows(self), score_label=self.label, notes=self.details)

    @cached_property
    def _by_phase(self) -> dict[tuple[Phase, Entry], tuple[Run, ...]]:
        found: dict[tuple[Phase, Entry], list[Run]] = {}
        for run in self.runs:
            found.setdefault((run.phase, Entry(run.method, run.schedule)), []).append(run)
        return {key: tuple(runs) for key, runs in found.items()}

    def _result(self, rank: int, name: str) -> Result:
        choice = self.choice(name)
        runs = self.phase("final", self.entry(name))
        tuning = [run for run in self.runs if run.method == name and run.phase in {"tune", "confirm"}]
        missing = self.spec.seeds if choice is None else 0
        diverges = any(run.diverged for run in tuning)
        return Result(
            rank=rank,
            method=name,
            schedule=self.entry(name).schedule,
            setting=None if choice is None else choice.setting,
            score=self.verdict.intervals[name],
            iqm=interquartile_mean(self.scores[name][:1] if self.seedless else self.scores[name]),
            metric=self._metric(runs[:1] if self.seedless else runs),
            seeds=self.spec.seeds,
            diverged=sum(run.diverged for run in runs) + (missing if diverges else 0),
            failed=sum(run.failed for run in runs) + (0 if diverges else missing),
            p_adjusted=self.verdict.p_adjusted.get(name),
            improvement=self.verdict.improvement.get(name),
            tied=name in self.verdict.tied,
            remarks=self._remarks(name, choice),
        )

    def _metric(self, runs: Sequence[Run]) -> Interval | None:
        name = "distance" if self.judged_by == "value" else self.judged_by.replace("loss", "metric")
        values = [run.scores[name] for run in runs if name in run.scores and not run.diverged and not run.failed]
        return median_interval(values) if runs and len(values) == len(runs) else None

    def _without_metric(self, name: str) -> tuple[str, ...]:
        """Says so where a run that ended well has no finite metric."""
        metric = self.judged_by.replace("loss", "metric")
        runs = [run for run in self.phase("final", self.entry(name)) if not run.diverged and not run.failed]
        missing = sum(metric not in run.scores for run in runs)
        if not self.about.metric or not missing:
            return ()
        return (f"its {self.about.metric} was not finite on {missing} of {self.spec.seeds} seeds",)

    def _repeats(self, name: str) -> bool:
        """Whether a method's final runs saw the same values at every step, and not only ended with equal scores."""
        columns = [trace.steps["value"] for trace in self.traces(name).values()]
        return all(np.array_equal(column, columns[0], equal_nan=True) for column in columns)

    def _remarks(self, name: str, choice: Choice | None) -> tuple[str, ...]:
        runs = [run for run in self.runs if run.method == name and run.phase != "rates"]
        failed = [run for run in runs if run.failed]
        reason = f": {failed[0].error}" if failed and failed[0].error else ""
        if choice is not None:
            calls = self.gradients_per_step(name)
            costly = (f"takes {calls:.3g} gradients a step",) if calls is not None and calls > 1 else ()
            lost = (f"{len(failed)} of its {len(runs)} runs failed{reason}",) if failed else ()
            return (*choice.remarks, *costly, *lost, *self._without_metric(name))
        trials = self.trials(name)
        if all(run.diverged for run in trials):
            return ("every trial diverged",)
        if all(run.failed for run in trials):
            return (f"every trial failed{reason}",)
        diverged = sum(run.diverged for run in runs)
        return (f"no setting held on the tuning seeds: {diverged} runs diverged and {len(failed)} failed{reason}",)
