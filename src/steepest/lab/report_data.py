"""What a report shows, taken from a study."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Sequence
from importlib import metadata

import numpy as np

import steepest
from steepest.core.status import Status
from steepest.jax import LEARNING_RATE
from steepest.lab.records import EXPLODED, Phase, Run
from steepest.lab.spec import CONFIRMED
from steepest.lab.study import Result, Study
from steepest.lab.tuning import at_border, learning_rate_of
from steepest.plots import Curve, Trials
from steepest.report.data import (
    Check,
    CurvePanel,
    Fact,
    Failure,
    ReportData,
    Reproduction,
    Row,
    SensitivityPanel,
    Space,
)
from steepest.statistics import median_band

_PHASES: dict[Phase, str] = {"tune": "tuning", "confirm": "tuning", "final": "judging"}
_PACKAGES = ("numpy", "scipy", "torch", "jax", "optax", "scikit-learn")
CLAIM = 10
"""Fresh seeds from which a study counts as a claim; with fewer it is a look."""


def report_data(study: Study) -> ReportData:
    """Everything on the page of a study. Its traces are read from the store."""
    results = study.table()
    metric = any(result.metric is not None for result in results)
    return ReportData(
        title=f"Which optimizer for {study.spec.problem}?",
        problem=study.about.problem,
        verdict=study.sentence,
        score_label=study.label,
        metric_label=study.metric_label if metric else "",
        rows=tuple(_row(study, result) for result in results),
        notes=_notes(study, results),
        curves=_curves(study, results),
        sensitivity=_sensitivity(study, results),
        protocol=_protocol(study),
        fairness=_fairness(study, results),
        spaces=_spaces(study),
        failures=_failures(study),
        reproduction=_reproduction(study),
    )


def _row(study: Study, result: Result) -> Row:
    alone = study.about.jobs == 1 and study.about.trained == len(study.runs)
    seconds = [run.seconds / run.steps for run in study.finals if run.method == result.method and not run.failed]
    return Row(
        rank=result.rank,
        method=result.method,
        setting=dict(result.setting or {}),
        score=result.score,
        seeds=result.seeds,
        metric=result.metric,
        diverged=result.diverged,
        failed=result.failed,
        p_adjusted=result.p_adjusted,
        tied_with_best=result.tied,
        seconds_per_step=float(np.median(seconds)) if alone and seconds else None,
    )


def _notes(study: Study, results: Sequence[Result]) -> tuple[str, ...]:
    notes = [f"{result.method}: {remark}." for result in results for remark in result.remarks]
    failed = [f"{result.method} on {result.failed} of {result.seeds} seeds" for result in results if result.failed]
    if failed:
        notes.append(f"Runs that raised an error rank last, as diverged ones do: {', '.join(failed)}.")
    if study.seedless:
        notes.append("Runs on this problem do not depend on the seed: every method has one run, repeated.")
    if study.about.jobs > 1:
        notes.append("Runs shared the machine, so their times are not shown: compare steps only.")
    elif study.about.trained < len(study.runs):
        notes.append("Some runs came from the store, so their times are not shown: compare steps only.")
    return tuple(notes)


def _curves(study: Study, results: Sequence[Result]) -> tuple[CurvePanel, ...]:
    curves = []
    for result in results:
        runs = [run for run in study.finals if run.method == result.method]
        curve = _curve(study, result.method, runs)
        if curve is not None:
            curves.append(curve)
    if not curves:
        return ()
    label = _curve_column(study).replace("_", " ")
    title = f"{label[0].upper()}{label[1:]} of the chosen settings on {study.spec.seeds} fresh seeds"
    return (CurvePanel(title, label, tuple(curves)),)


def _curve(study: Study, method: str, runs: Sequence[Run]) -> Curve | None:
    """The median over seeds at each evaluation; +inf from where a run ended early."""
    every, last = study.spec.evaluate_every, study.spec.steps
    grid = [*range(0, last, every), last]
    column = _curve_column(study)
    rows, diverged = [], []
    for run in runs:
        trace = study.trace(run)
        known = {} if trace is None or column not in trace.evaluations else _known(trace.evaluations, column)
        rows.append([known.get(step, math.inf) for step in grid])
        if trace is not None and trace.status is Status.NONFINITE:
            diverged.append(float(trace.steps["step"][-1]))
    if not rows or not np.isfinite(rows).any():
        return None
    band = median_band(np.array(rows))
    x = np.array(grid, dtype=np.float64)
    return Curve(method, x, band.median, band.low, band.high, np.array(diverged))


def _known(evaluations: object, column: str) -> dict[int, float]:
    table = dict(evaluations)  # type: ignore[call-overload]
    pairs = zip(table["step"], table[column], strict=True)
    return {int(step): float(value) if math.isfinite(value) else math.inf for step, value in pairs}


def _curve_column(study: Study) -> str:
    return "value" if study.judged_by == "value" else "validation_loss"


def _sensitivity(study: Study, results: Sequence[Result]) -> SensitivityPanel | None:
    panels = []
    for result in results:
        tried = [(learning_rate_of(run.setting), run) for run in study.trials(result.method)]
        known = [(rate, run) for rate, run in tried if rate is not None]
        if known:
            chosen = next((i for i, (_, run) in enumerate(known) if run.setting == result.setting), None)
            rates, losses = np.array([rate for rate, _ in known]), np.array([run.validation for _, run in known])
            panels.append(Trials(result.method, rates, losses, chosen))
    return SensitivityPanel(_curve_column(study).replace("_", " "), tuple(panels)) if panels else None


def _protocol(study: Study) -> tuple[Fact, ...]:
    spec = study.spec
    tuning = ", ".join(str(seed) for seed in spec.tuning_seeds)
    fresh = spec.fresh_seeds
    return (
        Fact("Budget", f"{spec.trials} trials × {spec.steps:,} steps for each tuned method"),
        Fact("Settings", "the same quasi-random points for all methods, mapped through each one's ranges"),
        Fact(
            "Choice",
            f"the best {CONFIRMED} trials by {_curve_column(study).replace('_', ' ')} run again; "
            f"least median over tuning seeds {tuning}",
        ),
        Fact("Judging", f"{study.label} of the chosen setting on fresh seeds {fresh[0]} to {fresh[-1]}"),
        Fact("Schedule", spec.schedule),
        Fact("Divergence", f"a run that is not finite, or ends above {EXPLODED:g} times its start; it ranks last"),
        Fact("Test", "two-sided signed-rank test over paired seeds against the first, Holm-corrected"),
        Fact("Device", spec.device),
    )


def _fairness(study: Study, results: Sequence[Result]) -> tuple[Check, ...]:
    spec = study.spec
    fixed = [name for name in spec.methods if len(study.trials(name)) < spec.trials]
    unscheduled = [name for name, space in spec.spaces.items() if not set(space.names) & set(LEARNING_RATE)]
    calls = {name: study.gradients_per_step(name) for name in spec.methods}
    short = sorted({run.method for run in study.runs if run.steps != spec.steps})
    tuned_on = {run.seed for run in study.runs if run.phase != "final"}
    shared = sorted(tuned_on & {run.seed for run in study.finals})
    costly = [f"{name} {count:.3g}" for name, count in calls.items() if count is not None and count > 1]
    chosen = {result.method: result.setting for result in results if result.setting is not None}
    border = [name for name, setting in chosen.items() if at_border(spec.spaces[name], setting)]
    judged = study.judged_by
    return (
        Check("Equal steps", not short, f"not for {', '.join(short)}" if short else f"{spec.steps:,} in every run"),
        Check(
            "Equal trials", not fixed, f"fewer for {', '.join(fixed)}" if fixed else f"{spec.trials} for every method"
        ),
        Check(
            "Same schedule",
            spec.schedule == "constant" or not unscheduled,
            f"{spec.schedule}; not for {', '.join(unscheduled)}"
            if unscheduled and spec.schedule != "constant"
            else f"{spec.schedule} for every method",
        ),
        Check(
            "Equal oracle calls",
            not costly,
            f"gradients a step: {', '.join(costly)}, 1 for the others" if costly else "one gradient a step for all",
        ),
        *_same_starts(study),
        Check(
            "Seeds disjoint",
            not shared,
            f"tuning saw {shared}" if shared else "tuning saw none of the seeds that judge",
        ),
        Check(
            "Judged on data not tuned on",
            judged == "test_loss",
            "tuned on validation, judged on test data" if judged == "test_loss" else f"judged by {study.label}",
        ),
        Check(
            "Learning rates inside their ranges",
            not border,
            f"at a border: {', '.join(border)}" if border else "no choice lies in the outermost 5 % of its range",
        ),
        Check("Enough seeds for a claim", spec.seeds >= CLAIM, f"{spec.seeds} of at least {CLAIM}"),
    )


def _same_starts(study: Study) -> tuple[Check, ...]:
    """What the traces show of the starts, nothing where there are none."""
    equal = study.starts_equal()
    if equal is None:
        return ()
    text = "on each seed all methods began with the same measurements and first value"
    if not equal:
        text = "on some seed the methods began with different measurements or first values"
    elif study.seedless:
        text = "runs do not depend on the seed: all begin alike, one run a method"
    return (Check("Same starts and batches", equal, text),)


def _spaces(study: Study) -> tuple[Space, ...]:
    rows = []
    for name, space in study.spec.spaces.items():
        for dimension in space.dimensions:
            what = f"1 − {dimension.name}" if dimension.complement else dimension.name
            scale = "logarithmic" if dimension.scale == "log" else "linear"
            rows.append(Space(name, what, f"{dimension.low:g} to {dimension.high:g}, {scale}"))
        if not space.dimensions:
            rows.append(Space(name, "–", "fixed settings, not tuned"))
    return tuple(rows)


def _failures(study: Study) -> tuple[Failure, ...]:
    rows = []
    for run in study.runs:
        if run.failed or run.diverged:
            trace = study.trace(run)
            reason = run.error or ("diverged" if run.diverged else "failed")
            if run.diverged and not run.error:
                reason = f"the loss ended above {EXPLODED:g} times its start"
            last = None if trace is None or run.status != Status.NONFINITE else int(trace.steps["step"][-1])
            rows.append(Failure(run.method, dict(run.setting), run.seed, _PHASES[run.phase], reason, last))
    return tuple(rows)


def _reproduction(study: Study) -> Reproduction:
    versions = {"steepest": steepest.__version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    about = study.about
    machine = (
        Fact("System", f"{platform.system()} {platform.machine()}"),
        Fact("Cores", f"{os.cpu_count()}, of which {about.jobs} trained at once"),
        Fact(
            "Time",
            f"{about.seconds:.0f} s for {about.trained} of {len(study.runs)} runs; the others were stored"
            if about.trained < len(study.runs)
            else f"{about.seconds:.0f} s for {about.trained} runs",
        ),
    )
    return Reproduction(about.command, versions, machine)
