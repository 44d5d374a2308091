"""What a report shows, taken from studies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from steepest.core.status import Status
from steepest.lab.audit import audit
from steepest.lab.findings import warnings
from steepest.lab.panels import budget_panel, curve_panel, schedule_panel, seconds_per_step, sensitivity_panel
from steepest.lab.reach import Goal, arrival, goal
from steepest.lab.records import EXPLODED, Phase, Run
from steepest.lab.result import Result
from steepest.lab.study import Study
from steepest.lab.suite import Suite
from steepest.report.data import Failure, ReportData, Row, Snippet, StudyPart, Target, TimeToTarget
from steepest.statistics import Interval, relative_change

_PHASES: dict[Phase, str] = {
    "tune": "tuning",
    "confirm": "tuning",
    "final": "judging",
    "default": "default setting",
    "rates": "learning rates",
}


def report_data(study: Study) -> ReportData:
    """Everything on the page of a study. Its traces are read from the store."""
    best = study.best()
    code = study.about.code.get(best.method, "")
    return ReportData(
        title=f"Which optimizer for {study.spec.problem}?",
        verdict=study.sentence,
        details=study.details,
        warnings=warnings(study),
        protocol=_protocol(study),
        code=(Snippet(best.method, "python", code),) if code else (),
        studies=(_part(study),),
        audit=audit([study]),
    )


def suite_report_data(suite: Suite) -> ReportData:
    """Everything on the page of several studies."""
    studies = list(suite.studies.values())
    snippets = []
    for study in studies:
        best = study.best()
        if code := study.about.code.get(best.method, ""):
            snippets.append(Snippet(f"{study.spec.problem}: {best.method}", "python", code))
    return ReportData(
        title=f"Which optimizer across {len(studies)} problems?",
        verdict=suite.sentence,
        details=suite.details,
        warnings=_together({study.spec.problem: warnings(study) for study in studies}),
        protocol=_protocol(studies[0]),
        code=tuple(snippets),
        studies=tuple(_part(study, study.details) for study in studies),
        audit=audit(studies),
        across=suite.across.panel(),
    )


def _together(lines: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Sentences on several problems: what holds for all is said once."""
    everywhere = [line for line in next(iter(lines.values())) if all(line in others for others in lines.values())]
    apart = [f"{name}: {line}" for name, found in lines.items() for line in found if line not in everywhere]
    return (*everywhere, *apart)


def _part(study: Study, notes: tuple[str, ...] = ()) -> StudyPart:
    results = study.table()
    wanted = goal(study)
    metric = any(result.metric is not None for result in results)
    return StudyPart(
        problem=study.spec.problem,
        line=study.about.problem,
        score_label=study.label,
        rows=rows(study),
        verdict=study.sentence,
        metric_label=study.metric_label if metric else "",
        metric_higher=study.about.higher_is_better,
        target=None if wanted is None else Target(wanted.label, wanted.value, wanted.rule),
        curves=curve_panel(study, wanted),
        sensitivity=sensitivity_panel(study),
        budget=budget_panel(study),
        schedules=schedule_panel(study),
        notes=notes,
        failures=tuple(_failures(study)),
    )


def rows(study: Study) -> tuple[Row, ...]:
    """The league table."""
    wanted = goal(study)
    return tuple(_row(study, result, wanted) for result in study.table())


def _row(study: Study, result: Result, wanted: Goal | None) -> Row:
    runs = study.phase("final", study.entry(result.method))
    gained, default_score = _gain(study, result)
    alone = bool(runs) and all(run.alone for run in runs)
    return Row(
        rank=result.rank,
        method=result.method,
        schedule=result.schedule if len(study.spec.schedules) > 1 else "",
        tie_group=1 if result.rank == 1 or result.tied else 2,
        setting=dict(result.setting or {}),
        score=result.score,
        iqm=result.iqm,
        seeds=result.seeds,
        metric=result.metric,
        target=None if wanted is None else _time(study, result.method, wanted),
        seconds_per_step=seconds_per_step(study.traces(result.method)) if alone else None,
        state_bytes=study.about.state_bytes.get(result.method),
        diverged=result.diverged,
        failed=result.failed,
        p_first_better=result.improvement,
        p_adjusted=result.p_adjusted,
        tied=result.tied,
        gain=gained,
        default_score=default_score,
        remarks=tuple(f"{remark[:1].upper()}{remark[1:]}." for remark in result.remarks),
    )


def _gain(study: Study, result: Result) -> tuple[Interval | None, Interval | None]:
    """By which share the chosen setting lowers the score of the default one; None where that was not run."""
    entry = study.entry(result.method)
    if not study.phase("default", entry) or result.setting is None:
        return None, None
    default = study.scores_of("default", entry)
    change = relative_change(study.scores[result.method], default)
    gained = (
        None
        if change is None
        else Interval(
            -change.estimate, -change.high, -change.low, level=change.level, coverage=change.coverage, n=change.n
        )
    )
    return gained, study.interval(default)


def _time(study: Study, method: str, wanted: Goal) -> TimeToTarget | None:
    found = arrival(study, method, wanted)
    if found is None:
        return None
    seconds = None if found.seconds is None else found.seconds.median
    return TimeToTarget(found.steps.hits, found.steps.n, found.steps.median, found.gradient_calls.median, seconds)


def _protocol(study: Study) -> str:
    spec, about = study.spec, study.about
    under = f" under each of {len(spec.schedules)} schedules" if len(spec.schedules) > 1 else ""
    return (
        f"{len(spec.methods)} methods × {spec.trials} trials × {spec.steps:,} steps{under} → {spec.seeds} fresh seeds; "
        f"equal trials and steps; {_minutes(about.seconds)} on {about.cores} cores"
    )


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def _failures(study: Study) -> list[Failure]:
    """Runs that were not meant to find the edge: those of the ladder of learning rates are drawn, not listed."""
    found = []
    for run in study.runs:
        if (run.diverged and run.phase != "rates") or run.failed:
            found.append(
                Failure(run.method, dict(run.setting), run.seed, _PHASES[run.phase], _reason(run), _last(study, run))
            )
    return found


def _reason(run: Run) -> str:
    if run.error:
        return run.error
    return f"the loss ended above {EXPLODED:g} times its start" if run.diverged else "failed"


def _last(study: Study, run: Run) -> int | None:
    """The step of the first value that is not finite."""
    if run.status != Status.NONFINITE:
        return None
    trace = study.trace(run)
    return None if trace is None else int(trace.steps["step"][-1])
