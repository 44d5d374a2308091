"""What a report shows, as plain data: complete, so that drawing it needs nothing else.

A `ReportData` is a page: its head, a `StudyPart` for each problem, `Across` where there are several, and an `Audit`.
What figures draw (`Curve`, `RateSensitivity`, `BudgetCurve`, `Profile`) comes from `steepest.plots`. A method is known
by one name on the whole page: rows, curves, trials and cells that name the same method belong together and look alike.
Lower scores are better. What does not exist is None; a run that diverged and a target that was missed are +inf.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from steepest.plots import Profile
from steepest.report.panels import BudgetPanel, CurvePanel, SchedulePanel, SensitivityPanel
from steepest.statistics import Interval

Setting: TypeAlias = Mapping[str, float | int | bool | str]


@dataclass(frozen=True)
class Fact:
    """One line of a table of facts: "budget", "24 trials × 1,000 steps for each method"."""

    label: str
    text: str


@dataclass(frozen=True)
class Snippet:
    """Code to paste: what it is for ("PyTorch"), its language ("python", "shell"), and its text, shown as it stands."""

    label: str
    language: str
    text: str


@dataclass(frozen=True)
class Target:
    """A score that runs are timed to: its value, in `score_label`'s or another measurement's units, and how it was set.

    label: what has to reach it ("validation loss"). rule: "median of what adamw reaches in 3/4 of the steps".
    """

    label: str
    value: float
    rule: str = ""


@dataclass(frozen=True)
class TimeToTarget:
    """When a method's runs first reached the target: `hits` of `runs` did.

    steps, gradient_calls, seconds: medians over all runs, misses as +inf, so that an estimate of +inf says that less
    than half of them did. seconds: None unless runs had the machine to themselves. gradient_calls: None if not counted.
    """

    hits: int
    runs: int
    steps: Interval
    gradient_calls: Interval | None = None
    seconds: Interval | None = None


@dataclass(frozen=True)
class Row:
    """A method's line in the league table.

    rank: 1 is best. tie_group: 1 for the first and all that are tied with it, 2 and so on for what comes below; a rule
    is drawn between groups. method: its name on the whole page. schedule: of its learning rate ("cosine"), empty for
    none. setting: the chosen hyperparameters by name, empty where there is none.
    score: the median over `seeds` judging seeds; iqm: their interquartile mean. metric: a second measurement.
    target: None where the study has no target. seconds_per_step: None where runs shared the machine or were not timed.
    state_bytes: of optimizer state per parameter. diverged: on how many of the seeds; failed: on how many others an
    error ended the run. p_first_better: probability in [0, 1] that the first has the lower score on a seed; None for
    the first. p_adjusted: of the test against the first, None for the first or where there was none. tied: not shown
    to be worse than the first. gain: by which share the chosen setting lowers the score of the method's default
    setting (0.12: 12 % lower), and default_score: what that one has. remarks: sentences on this method alone.
    """

    rank: int
    method: str
    score: Interval
    seeds: int
    setting: Setting = field(default_factory=dict)
    schedule: str = ""
    tie_group: int = 1
    iqm: float | None = None
    metric: Interval | None = None
    target: TimeToTarget | None = None
    seconds_per_step: float | None = None
    state_bytes: float | None = None
    diverged: int = 0
    failed: int = 0
    p_first_better: Interval | None = None
    p_adjusted: float | None = None
    tied: bool = False
    gain: Interval | None = None
    default_score: Interval | None = None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Failure:
    """A run that did not end at a usable point. phase: "tuning" or "judging". step: of the first non-finite value,
    None where it is not known. details: a traceback or more text, folded away.
    """

    method: str
    setting: Setting
    seed: int
    phase: str
    reason: str
    step: int | None = None
    details: str = ""


@dataclass(frozen=True, eq=False)
class StudyPart:
    """One problem's panels, in the order of the page.

    problem: its name; line: one line about it. verdict: one sentence on this problem, shown where the page has several.
    score_label, metric_label: what `score` and `metric` of the rows are ("test loss", "test accuracy").
    metric_higher: whether a higher metric is better. notes: remarks below the table, a sentence each ("Timings shared
    a machine: compare steps only."). failures: of all phases.
    """

    problem: str
    line: str
    score_label: str
    rows: tuple[Row, ...]
    verdict: str = ""
    metric_label: str = ""
    metric_higher: bool = True
    target: Target | None = None
    curves: CurvePanel | None = None
    sensitivity: SensitivityPanel | None = None
    budget: BudgetPanel | None = None
    schedules: SchedulePanel | None = None
    notes: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = ()


@dataclass(frozen=True)
class AcrossRow:
    """A method over all problems.

    algoperf: AlgoPerf's score in [0, 1], higher is better. speedup: geometric mean of the reference's time to target
    over the method's, higher is better. ranks: its rank on each problem, in the order of `Across.problems`, None where
    it has none. times: to the target of each problem, in the same order.
    """

    method: str
    algoperf: Interval | None = None
    speedup: Interval | None = None
    ranks: tuple[int | None, ...] = ()
    times: tuple[TimeToTarget | None, ...] = ()


@dataclass(frozen=True)
class DropOne:
    """The ranking with one problem or one method left out: `places` by method, without the one that is left out.

    flips: methods that change their order relative to some other one; empty where the ranking stands.
    scores: AlgoPerf's score by method, empty where not computed.
    """

    left_out: str
    kind: Literal["problem", "method"]
    places: Mapping[str, int]
    flips: tuple[str, ...] = ()
    scores: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Across:
    """Several problems at once.

    problems: their names. rows: best first, by AlgoPerf's score. profiles: performance profiles, and x_label their
    x axis ("steps to target, relative to the fastest"). reference: the method that speed-ups are relative to.
    notes: say how the scores are defined.
    """

    problems: tuple[str, ...]
    rows: tuple[AcrossRow, ...]
    profiles: tuple[Profile, ...] = ()
    x_label: str = "steps to target, relative to the fastest"
    reference: str = ""
    drop_one: tuple[DropOne, ...] = ()
    notes: tuple[str, ...] = ()


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
class Audit:
    """What was declared, what held, and how to get the same numbers again.

    command: to be pasted into a shell. versions: package to version. machine, protocol, seeds: facts. spaces: in the
    order of the methods. data: where the raw results are and how to read them, one line each.
    """

    command: str
    versions: Mapping[str, str] = field(default_factory=dict)
    machine: tuple[Fact, ...] = ()
    protocol: tuple[Fact, ...] = ()
    seeds: tuple[Fact, ...] = ()
    fairness: tuple[Check, ...] = ()
    spaces: tuple[Space, ...] = ()
    data: tuple[Fact, ...] = ()


@dataclass(frozen=True, eq=False)
class ReportData:
    """Everything on the page, in the order of the page.

    title: the page's heading, "Which optimizer for digits-mlp?". verdict: the answer in one sentence, with its
    uncertainty. details: further sentences: ties, what lacks evidence and how many seeds it would take.
    warnings: what speaks against the result: choices at a border, one seed, shared machines. protocol: one line,
    "6 optimizers × 24 trials × 1,000 steps → 10 fresh seeds; 41 min on 2 cores". code: the winning setting to paste.
    studies: at least one. across: None for one problem. created: the date shown, as text; none by default, so that
    equal results give equal pages.
    """

    title: str
    verdict: str
    studies: tuple[StudyPart, ...]
    audit: Audit
    details: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    protocol: str = ""
    code: tuple[Snippet, ...] = ()
    across: Across | None = None
    created: str = ""
