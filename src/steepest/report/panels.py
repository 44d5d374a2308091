"""The figures of a page as plain data: what `plots` draws, with what is written beside it."""

from __future__ import annotations

from dataclasses import dataclass

from steepest.plots import BudgetCurve, Curve, RateSensitivity
from steepest.statistics import Interval


@dataclass(frozen=True, eq=False)
class Measure:
    """One measurement along the runs, "validation loss": a curve for each method, on steps.

    target: the height of the target line, None where this measurement has none. higher_is_better: as accuracy is; its
    curves then hold −inf where runs diverged. log: whether a logarithmic axis makes sense for it at all.
    """

    label: str
    curves: tuple[Curve, ...]
    target: float | None = None
    higher_is_better: bool = False
    log: bool = True


@dataclass(frozen=True, eq=False)
class CurvePanel:
    """The figure of learning curves: its heading, and the measurements among which the page switches, first shown."""

    title: str
    measures: tuple[Measure, ...]


@dataclass(frozen=True, eq=False)
class SensitivityPanel:
    """Results of each method against its learning rate; y_label says what they are ("validation loss")."""

    y_label: str
    rates: tuple[RateSensitivity, ...]


@dataclass(frozen=True, eq=False)
class BudgetPanel:
    """What the best of k trials reaches, a curve for each method.

    y_label: "best validation loss after k trials". lines: advice in words, "With 1–3 trials take adam; from 4 adamw.".
    """

    y_label: str
    curves: tuple[BudgetCurve, ...]
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class ScheduleCell:
    """One method under one schedule, tuned for itself.

    change: of the score relative to the reference schedule's (−0.08: 8 % lower), None for the reference itself and
    where there is nothing to compare; +inf where the runs diverged. score: the score itself. rate: the tuned learning
    rate. text: a word on the cell where it has no number ("diverged", "not run").
    """

    method: str
    schedule: str
    change: Interval | None = None
    score: Interval | None = None
    rate: float | None = None
    text: str = ""


@dataclass(frozen=True)
class SchedulePanel:
    """Methods × schedules. schedules: the reference first; cells: in any order, missing ones stay empty."""

    methods: tuple[str, ...]
    schedules: tuple[str, ...]
    cells: tuple[ScheduleCell, ...]
    notes: tuple[str, ...] = ()
