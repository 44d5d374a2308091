"""When the judging runs of a study reached its target, in steps, oracle calls and seconds."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from steepest.lab.along import along, grid
from steepest.lab.study import Study
from steepest.statistics import TimeToTarget, first_crossing, target_of, time_to_target
from steepest.trace import Trace

SHARE = 0.75
"""Of the steps: what the reference reaches in the median within them is the target, where nobody set one."""


@dataclass(frozen=True)
class Goal:
    """What runs are timed to.

    column: of the evaluations. label: that in words. value: to be reached. rule: how it was set. higher: whether the
    measurement is better when higher.
    """

    column: str
    label: str
    value: float
    rule: str
    higher: bool


@dataclass(frozen=True)
class Arrival:
    """A method's runs at the goal: in steps, in gradient calls, and in seconds where runs had the machine alone."""

    steps: TimeToTarget
    gradient_calls: TimeToTarget
    seconds: TimeToTarget | None


def goal(study: Study) -> Goal | None:
    """The user's target, else the problem's, else what the reference reaches; None where that is nowhere finite."""
    by_metric = bool(study.about.metric)
    given = study.spec.target if study.spec.target is not None else study.about.target
    if given is not None:
        column = "validation_metric" if by_metric else study.curve_column
        label = f"validation {study.about.metric}" if by_metric else study.curve_label
        whose = "set by the user" if study.spec.target is not None else "the problem's own"
        return Goal(column, label, given, whose, by_metric and study.about.higher_is_better)
    reference = study.spec.reference or study.verdict.order[0]
    values = along(study, reference, study.curve_column)
    if not values.size:
        return None
    value = target_of(grid(study), values, budget=study.spec.steps, share=SHARE)
    if value is None:
        return None
    rule = f"median of what {reference} reaches within {SHARE:.0%} of the steps"
    return Goal(study.curve_column, study.curve_label, value, rule, False)


def arrival(study: Study, method: str, goal: Goal) -> Arrival | None:
    """When a method's runs reached the goal; None where it has no runs. A run that diverged has missed it."""
    runs = study.phase("final", study.entry(method))
    if not runs:
        return None
    traces = study.traces(method)
    points = grid(study)
    crossings = [
        math.inf if run.diverged else first_crossing(points, values, goal.value, higher_is_better=goal.higher)
        for run, values in zip(runs, along(study, method, goal.column), strict=True)
    ]
    seeds = [run.seed for run in runs]

    def timed(column: str) -> TimeToTarget:
        """The same crossings by another clock."""
        ends = [float(trace.steps[column][-1]) for trace in traces.values()]
        at = [_at(traces.get(seed), column, step) for seed, step in zip(seeds, crossings, strict=True)]
        return time_to_target(at, max([*ends, 1e-9]))

    return Arrival(
        time_to_target(crossings, study.spec.steps),
        timed("gradient_calls"),
        timed("seconds") if all(run.alone for run in runs) else None,
    )


def _at(trace: Trace | None, column: str, step: float) -> float:
    if trace is None or math.isinf(step):
        return math.inf
    return float(trace.steps[column][int(np.searchsorted(trace.steps["step"], step))])
