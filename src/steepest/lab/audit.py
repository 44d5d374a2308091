"""How a study was made and whether it was fair, for the end of a report."""

from __future__ import annotations

from collections.abc import Sequence

from steepest.jax import LEARNING_RATE
from steepest.lab.records import EXPLODED
from steepest.lab.spec import CONFIRMED, RATE_FACTORS
from steepest.lab.study import Study
from steepest.lab.tuning import at_border
from steepest.report.data import Audit, Check, Fact, Space

CLAIM = 10
"""Fresh seeds from which a study counts as a claim; with fewer it is a look."""


def audit(studies: Sequence[Study]) -> Audit:
    """What was declared, what held, and how to get the same numbers again; of studies of the same methods."""
    first = studies[0]
    about = first.about
    return Audit(
        command=about.command,
        versions=about.versions,
        machine=(
            Fact("System", about.system),
            Fact("Cores", f"{about.cores}, of which {about.jobs} trained at once"),
            *(Fact("Time", _time(study, len(studies) > 1)) for study in studies),
        ),
        protocol=_protocol(first),
        seeds=(
            Fact("Tuning", ", ".join(map(str, first.spec.tuning_seeds))),
            Fact("Judging", _span(first.spec.fresh_seeds)),
        ),
        fairness=tuple(check for study in studies for check in _fairness(study, len(studies) > 1)),
        spaces=_spaces(first),
        data=(
            Fact("Raw results", f"steepest export {first.where} --parquet runs.parquet")
            if first.where != "memory"
            else Fact("Raw results", "were kept in memory; compare(…, store=…) keeps them"),
        ),
    )


def _time(study: Study, several: bool) -> str:
    about = study.about
    stored = "; the others were stored" if about.trained < len(study.runs) else ""
    count = f"{about.trained} of {len(study.runs)}" if stored else str(about.trained)
    return f"{about.seconds:.0f} s for {count} runs{f' of {study.spec.problem}' if several else ''}{stored}"


def _span(seeds: Sequence[int]) -> str:
    return str(seeds[0]) if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"


def _protocol(study: Study) -> tuple[Fact, ...]:
    spec = study.spec
    tuning = ", ".join(str(seed) for seed in spec.tuning_seeds)
    each = "method under each schedule" if len(spec.schedules) > 1 else "tuned method"
    factors = ", ".join(f"{factor:.2g}" for factor in RATE_FACTORS)
    return (
        Fact("Budget", f"{spec.trials} trials × {spec.steps:,} steps for each {each}"),
        Fact("Settings", "the same quasi-random points for all methods, mapped through each one's ranges"),
        Fact(
            "Choice",
            f"the best {CONFIRMED} trials by {study.curve_label} run again; least median over tuning seeds {tuning}"
            + ("; then the schedule with the least" if len(spec.schedules) > 1 else ""),
        ),
        Fact("Judging", f"{study.label} of what was chosen, on fresh seeds {_span(spec.fresh_seeds)}"),
        Fact("Schedules" if len(spec.schedules) > 1 else "Schedule", ", ".join(spec.schedules)),
        Fact("Learning rates", f"the chosen one times {factors} on the tuning seeds, all else as chosen"),
        Fact("Divergence", f"a run that is not finite, or ends above {EXPLODED:g} times its start; it ranks last"),
        Fact(
            "Test",
            "permutations of the methods within each seed, in which the best is chosen anew; stepwise over rivals; "
            "two methods: the exact signed-rank test",
        ),
        Fact("Device", spec.device),
        Fact("Times", "judging runs had the machine to themselves" if spec.timing else "runs shared the machine"),
        *([Fact("Training", study.about.batched)] if study.about.batched else []),
    )


def _fairness(study: Study, several: bool) -> tuple[Check, ...]:
    spec = study.spec
    fixed = [name for name in spec.methods if len(study.trials(name)) < spec.trials]
    unscheduled = [name for name, space in spec.spaces.items() if not set(space.names) & set(LEARNING_RATE)]
    shaped = [name for name in spec.schedules if name != "constant"]
    calls = {name: study.gradients_per_step(name) for name in spec.methods}
    short = sorted({run.method for run in study.runs if run.steps != spec.steps})
    tuned_on = {run.seed for run in study.runs if run.phase in {"tune", "confirm"}}
    shared = sorted(tuned_on & {run.seed for run in study.finals})
    costly = [f"{name} {count:.3g}" for name, count in calls.items() if count is not None and count > 1]
    border = [
        entry.method
        for entry, choice in study.choices.items()
        if choice is not None and entry == study.entry(entry.method) and _flagged(study, entry.method)
    ]
    judged = study.judged_by
    where = f" ({spec.problem})" if several else ""
    checks = (
        ("Equal steps", not short, f"not for {_names(short)}" if short else f"{spec.steps:,} in every run"),
        ("Equal trials", not fixed, f"fewer for {_names(fixed)}" if fixed else f"{spec.trials} for every method"),
        (
            "Same schedules",
            not shaped or not unscheduled,
            f"{_names(shaped)}: not for {_names(unscheduled)}"
            if unscheduled and shaped
            else f"{_names(spec.schedules)} for every method",
        ),
        (
            "Equal oracle calls",
            not costly,
            f"gradients a step: {_names(costly)}, 1 for the others" if costly else "one gradient a step for all",
        ),
        *_same_starts(study),
        (
            "Seeds disjoint",
            not shared,
            f"tuning saw {shared}" if shared else "tuning saw none of the seeds that judge",
        ),
        (
            "Judged on data not tuned on",
            judged == "test_loss",
            "tuned on validation, judged on test data" if judged == "test_loss" else f"judged by {study.label}",
        ),
        (
            "Learning rates inside their ranges",
            not border,
            f"at a border: {_names(border)}" if border else "no choice lies in the outermost 5 % of its range",
        ),
        ("Enough seeds for a claim", spec.seeds >= CLAIM, f"{spec.seeds} of at least {CLAIM}"),
    )
    return tuple(Check(f"{label}{where}", passed, text) for label, passed, text in checks)


def _flagged(study: Study, method: str) -> bool:
    choice = study.choice(method)
    return choice is not None and at_border(study.spec.spaces[method], choice.setting)


def _same_starts(study: Study) -> tuple[tuple[str, bool, str], ...]:
    """What the traces show of the starts, nothing where there are none."""
    equal = study.starts_equal()
    if equal is None:
        return ()
    text = "on each seed all methods began with the same measurements and first value"
    if not equal:
        text = "on some seed the methods began with different measurements or first values"
    elif study.seedless:
        text = "runs do not depend on the seed: all begin alike, one run a method"
    return (("Same starts and batches", equal, text),)


def _names(items: Sequence[str]) -> str:
    return ", ".join(items)


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
