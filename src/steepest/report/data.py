"""What a report shows, as plain data: complete, so that drawing it needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from steepest.plots import Curve, Trials
from steepest.statistics import Interval


@dataclass(frozen=True)
class Row:
    """A method's line in the ranked table.

    rank: 1 is best. setting: the chosen hyperparameters by name. score: the median over `seeds` judging seeds, and
    metric a second measurement, if there is one. diverged: on how many of the seeds it diverged, and
    failed: on how many others it raised an error. p_adjusted: against
    the first, None for the first itself or where there was no test. tied_with_best: not shown to be worse.
    seconds_per_step: None where runs shared the machine or were not timed.
    """

    rank: int
    method: str
    setting: Mapping[str, float | int | bool | str]
    score: Interval
    seeds: int
    metric: Interval | None = None
    diverged: int = 0
    p_adjusted: float | None = None
    tied_with_best: bool = False
    seconds_per_step: float | None = None
    failed: int = 0


@dataclass(frozen=True, eq=False)
class CurvePanel:
    """One figure of learning curves: its heading, the labels of its axes, a curve a method."""

    title: str
    y_label: str
    curves: tuple[Curve, ...]
    x_label: str = "step"


@dataclass(frozen=True, eq=False)
class SensitivityPanel:
    """Tuning trials of each method against its learning rate; y_label says what they were judged by."""

    y_label: str
    trials: tuple[Trials, ...]


@dataclass(frozen=True)
class Fact:
    """One line of a table of facts: "budget", "24 trials × 1,000 steps for each method"."""

    label: str
    text: str


@dataclass(frozen=True)
class Space:
    """One hyperparameter of a method and how it was searched: "1e-4 to 1, logarithmic", or "0.9, fixed"."""

    method: str
    hyperparameter: str
    text: str


@dataclass(frozen=True)
class Check:
    """One condition of a fair comparison, whether it held, and the evidence."""

    label: str
    passed: bool
    text: str


@dataclass(frozen=True)
class Failure:
    """A run that did not end at a usable point. phase: "tuning" or "judging". step: None where it is not known."""

    method: str
    setting: Mapping[str, float | int | bool | str]
    seed: int
    phase: str
    reason: str
    step: int | None = None


@dataclass(frozen=True)
class Reproduction:
    """How to get the same numbers again. versions: package to version. machine: facts of the machine."""

    command: str
    versions: Mapping[str, str]
    machine: tuple[Fact, ...] = ()


@dataclass(frozen=True, eq=False)
class ReportData:
    """Everything on the page, in the order of the page.

    title: the page's heading, "Which optimizer for digits-mlp?". problem: one line about it. verdict: one sentence.
    score_label, metric_label: what `score` and `metric` of the rows are ("test loss", "test accuracy").
    notes: remarks below the table, a sentence each ("Timings shared a machine: compare steps only.").
    created: the date shown, as text; none by default, so that equal results give equal pages.
    """

    title: str
    problem: str
    verdict: str
    score_label: str
    rows: tuple[Row, ...]
    reproduction: Reproduction
    metric_label: str = ""
    notes: tuple[str, ...] = ()
    curves: tuple[CurvePanel, ...] = ()
    sensitivity: SensitivityPanel | None = None
    protocol: tuple[Fact, ...] = ()
    fairness: tuple[Check, ...] = ()
    spaces: tuple[Space, ...] = ()
    failures: tuple[Failure, ...] = ()
    created: str = ""
