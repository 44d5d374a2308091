"""The figures of a study's page as data: curves, sensitivity to the learning rate, budget, schedules."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from steepest.lab.along import along, grid
from steepest.lab.reach import Goal
from steepest.lab.study import Study
from steepest.lab.tuning import learning_rate_of, rate_name
from steepest.lab.usable import usable
from steepest.plots import BudgetCurve, Curve, Ladder, RateSensitivity
from steepest.report.panels import BudgetPanel, CurvePanel, Measure, ScheduleCell, SchedulePanel, SensitivityPanel
from steepest.statistics import best_after, best_by_budget, median_band, relative_change, segments_text
from steepest.trace import Column, Trace


def curve_panel(study: Study, goal: Goal | None) -> CurvePanel | None:
    """The judging runs along their steps: the loss, and the metric where there is one; None without any."""
    metric = f"validation {study.about.metric}" if study.about.metric else ""
    measures = [_measure(study, study.curve_column, study.curve_label, False, goal)]
    if metric:
        measures.append(_measure(study, "validation_metric", metric, study.about.higher_is_better, goal))
    drawn = tuple(measure for measure in measures if measure.curves)
    title = f"The chosen settings on {study.spec.seeds} fresh seeds"
    return CurvePanel(title, drawn) if drawn else None


def _measure(study: Study, column: str, label: str, higher: bool, goal: Goal | None) -> Measure:
    found = [_curve(study, result.method, column, higher) for result in study.table()]
    target = goal.value if goal is not None and goal.column == column else None
    return Measure(label, tuple(curve for curve in found if curve is not None), target, higher, log=not higher)


def _curve(study: Study, method: str, column: str, higher: bool) -> Curve | None:
    """The median over seeds at each evaluation; from where a run ended early it is the worst there is."""
    values = along(study, method, column)
    if not np.isfinite(values).any():
        return None
    sign = -1.0 if higher else 1.0
    rows = np.where(np.isnan(values), sign * math.inf, values)
    band = median_band(sign * rows)
    traces = study.traces(method)
    runs = study.phase("final", study.entry(method))
    ended = [trace for trace in traces.values() if not trace.status.ok]
    alone = all(run.alone for run in runs)
    return Curve(
        name=method,
        steps=grid(study),
        median=sign * band.median,
        low=np.minimum(sign * band.low, sign * band.high),
        high=np.maximum(sign * band.low, sign * band.high),
        seeds=rows,
        seed_names=tuple(run.seed for run in runs),
        diverged=np.array([float(trace.steps["step"][-1]) for trace in ended]),
        samples_per_step=_per_step(traces, "sample_gradients"),
        gradient_calls_per_step=_per_step(traces, "gradient_calls"),
        seconds_per_step=seconds_per_step(traces) if alone else None,
    )


def _per_step(traces: Mapping[int, Trace], column: str) -> float | None:
    counts = [
        float(trace.steps[column][-1]) / float(trace.steps["step"][-1])
        for trace in traces.values()
        if trace.steps["step"][-1] > 0
    ]
    return float(np.median(counts)) if counts and max(counts) > 0 else None


def seconds_per_step(traces: Mapping[int, Trace]) -> float | None:
    """The median over runs of the time of a step after the first, which warms up; None where there is none."""
    times = [
        (float(trace.steps["seconds"][-1]) - float(trace.steps["seconds"][1])) / (len(trace.steps["seconds"]) - 2)
        for trace in traces.values()
        if len(trace.steps["seconds"]) > 2
    ]
    return float(np.median(times)) if times else None


def sensitivity_panel(study: Study) -> SensitivityPanel | None:
    """Trials and the ladder of learning rates about the chosen one; None where no method has a learning rate."""
    panels = [found for result in study.table() if (found := _sensitivity(study, result.method)) is not None]
    return SensitivityPanel(study.curve_label, tuple(panels)) if panels else None


def _sensitivity(study: Study, method: str) -> RateSensitivity | None:
    name = rate_name(study.spec.spaces[method])
    if name is None:
        return None
    trials = study.trials(method)
    choice = study.choice(method)
    defaults = study.phase("default", study.entry(method))
    dimension = next(item for item in study.spec.spaces[method].dimensions if item.name == name)
    found = usable(study, method)
    return RateSensitivity(
        name=method,
        rates=np.array([run.setting[name] for run in trials]),
        losses=np.array([run.validation for run in trials]),
        ladder=None if found is None else _ladder(found.rates, found.values),
        chosen=None if choice is None else choice.setting[name],
        default=learning_rate_of(defaults[0].setting) if defaults else None,
        usable=None if found is None else (found.interval.low, found.interval.high),
        first_diverged=None if found is None else found.interval.first_diverged,
        searched=(dimension.low, dimension.high),
        flags=() if choice is None else choice.remarks,
    )


def _ladder(rates: Column, values: Column) -> Ladder:
    band = median_band(values.T)
    return Ladder(rates, band.median, band.low, band.high)


def budget_panel(study: Study) -> BudgetPanel | None:
    """What the best of k trials is expected to be; None where nothing is tuned."""
    known = {name: [run.validation for run in study.trials(name)] for name in study.verdict.order}
    most = max(map(len, known.values()))
    if most < 2:
        return None
    found = {name: best_after(values) for name, values in known.items() if values}
    curves = tuple(
        BudgetCurve(name, item.k.astype(np.float64), item.median, item.low, item.high) for name, item in found.items()
    )
    # What is not tuned is after any number of trials what it is after one.
    even = {name: best_after(known[name] * most) if item.k.size == 1 else item for name, item in found.items()}
    text = segments_text(best_by_budget(even))
    lines = (f"By {study.curve_label} in tuning: {text}.",) if text else ()
    return BudgetPanel(f"best {study.curve_label} after k trials", curves, lines)


def schedule_panel(study: Study) -> SchedulePanel | None:
    """Every method under every schedule beside the first one, each tuned for itself; None for one schedule."""
    if len(study.spec.schedules) < 2:
        return None
    cells = []
    first = study.spec.schedules[0]
    for entry in study.spec.entries:
        choice = study.choices.get(entry)
        scores = study.scores_of("final", entry)
        base = study.scores_of("final", entry._replace(schedule=first))
        cells.append(
            ScheduleCell(
                method=entry.method,
                schedule=entry.schedule,
                change=None if entry.schedule == first or choice is None else relative_change(scores, base),
                score=None if choice is None else study.interval(scores),
                rate=None if choice is None else learning_rate_of(choice.setting),
                text="every trial diverged or failed" if choice is None else "",
            )
        )
    return SchedulePanel(study.verdict.order, study.spec.schedules, tuple(cells))
