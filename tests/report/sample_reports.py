"""Reports of many sizes, generated: what a study would fill in, with plausible numbers from fixed seeds."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from steepest.plots import BudgetCurve, Curve, Ladder, Profile, RateSensitivity
from steepest.report import (
    Across,
    AcrossRow,
    Audit,
    BudgetPanel,
    Check,
    CurvePanel,
    DropOne,
    Fact,
    Failure,
    Measure,
    ReportData,
    Row,
    ScheduleCell,
    SchedulePanel,
    SensitivityPanel,
    Snippet,
    Space,
    StudyPart,
    Target,
    TimeToTarget,
)
from steepest.statistics import Interval

NAMES = (
    "adamw",
    "nadamw",
    "lion",
    "sgd-momentum",
    "adam",
    "adafactor",
    "muon",
    "soap",
    "lamb",
    "rmsprop",
    "schedule-free",
    "adagrad",
)
SCHEDULES = ("constant", "cosine", "step", "warmup-cosine")
LONG = "a_very_long_method_name_that_somebody_gave_to_a_method_of_their_own_" + "x" * 40
INF = math.inf
CODE = """import steepest.torch

optimizer = steepest.torch.AdamW(
    model.parameters(),
    lr=steepest.schedules.warmup_cosine(2.1e-3, 1000, warmup=50),
    betas=(0.9, 0.99),
    weight_decay=0.05,
)
if loss < 1 and "a" != '<b>':  # & so on
    ...
"""


def interval(estimate: float, low: float, high: float, n: int = 10) -> Interval:
    return Interval(estimate, low, high, 0.95, 0.978515625 if n >= 6 else 0.0 if n == 1 else 0.9375, n)


def around(value: float, width: float = 0.06, n: int = 10) -> Interval:
    return interval(value, value * (1 - width), value * (1 + 1.2 * width), n)


def losses(steps: np.ndarray, floor: float, rate: float, random: np.random.Generator, seeds: int) -> np.ndarray:
    decay = np.exp(-steps / steps[-1] * rate)
    noise = np.cumsum(random.normal(0, 0.012, (seeds, steps.size)), axis=1)
    return (floor + (2.3 - floor) * decay) * np.exp(noise)


def curve(name: str, place: int, seeds: int, points: int, *, accuracy: bool = False, lost: int = 0) -> Curve:
    random = np.random.default_rng(100 + place)
    steps = np.linspace(0, 1000, points).round()
    values = losses(steps, 0.1 + 0.03 * place, 9 - 0.4 * place, random, seeds)
    if accuracy:
        values = 1 - 0.9 * np.minimum(values / 2.3, 1)
    diverged = steps[points // 4 : points // 4 + lost]
    for run, step in enumerate(diverged):
        values[run, steps >= step] = -INF if accuracy else INF
    ordered = np.sort(values, axis=0)
    low, high = (ordered[1], ordered[-2]) if seeds > 2 else (ordered[0], ordered[-1])
    return Curve(
        name,
        steps,
        np.median(values, axis=0) if seeds % 2 else ordered[seeds // 2],
        low,
        high,
        seeds=values,
        seed_names=tuple(range(1000, 1000 + seeds)),
        diverged=diverged,
        samples_per_step=64.0,
        gradient_calls_per_step=1.0 + (place % 5 == 4),
        seconds_per_step=0.0002 * (1 + 0.3 * place),
    )


def rates(name: str, place: int, trials: int) -> RateSensitivity:
    random = np.random.default_rng(200 + place)
    best = 10.0 ** (-3 + 0.35 * place % 2)
    tried = 10.0 ** random.uniform(-5, 0, trials)

    def result(rate: np.ndarray) -> np.ndarray:
        log = np.log10(rate / best)
        return np.where(rate > 30 * best, INF, 0.1 + 0.03 * place + 0.08 * log**2)

    ladder = best * 10.0 ** np.arange(-1.5, 2.01, 0.25)
    median = result(ladder)
    chosen = float(best)
    return RateSensitivity(
        name,
        tried,
        result(tried) * np.exp(np.abs(random.normal(0, 0.3, trials))),
        Ladder(ladder, median, 0.93 * median, np.where(ladder > 15 * best, INF, 1.1 * median)),
        chosen=chosen,
        default=0.001,
        usable=(best / 2.2, best * 2.4),
        first_diverged=best * 31.6,
        searched=(1e-5, 1.0),
        flags=("The best rate lies at the upper end of its range.",) if place == 3 else (),
    )


def rows(names: tuple[str, ...], seeds: int) -> tuple[Row, ...]:
    found = []
    for place, name in enumerate(names):
        score = around(0.1021 * (1 + 0.09 * place), 0.05, seeds)
        lost = 2 if place == 3 else 0
        if lost:
            score = replace(score, high=INF)
        steps = around(412 * (1 + 0.2 * place), 0.1, seeds)
        hits = max(0, seeds - 2 * max(0, place - 4))
        steps = steps if hits > seeds / 2 else interval(INF, 800.0, INF, seeds)
        found.append(
            Row(
                place + 1,
                name,
                score,
                seeds,
                setting={"lr": 0.0021 * (1 + place), "beta1": 0.9, "beta2": 0.99, "weight_decay": 0.05, "k": 12000},
                schedule="warmup-cosine" if place % 3 else "cosine",
                tie_group=1 if place < 2 else 2,
                iqm=score.estimate * 1.01,
                metric=around(0.9712 - 0.004 * place, 0.003, seeds),
                target=TimeToTarget(hits, seeds, steps, steps, around(0.08 * (1 + place), 0.1, seeds)),
                seconds_per_step=0.0002 * (1 + 0.3 * place),
                state_bytes=(8.0, 8.0, 4.0, 4.0)[place % 4],
                diverged=lost,
                failed=1 if place == 5 else 0,
                p_first_better=None if place == 0 else interval(min(0.99, 0.6 + 0.1 * place), 0.5, 1.0, seeds),
                p_adjusted=None if place == 0 else 0.41 if place == 1 else 0.0008 * place,
                tied=place == 1,
                gain=interval(0.13 + 0.02 * place, 0.08, 0.21, seeds),
                default_score=around(0.13 * (1 + 0.1 * place), 0.06, seeds),
                remarks=("The best learning rate lies at the upper end of its range.",) if place == 3 else (),
            )
        )
    return tuple(found)


def budget(names: tuple[str, ...], trials: int) -> BudgetPanel:
    k = np.arange(1.0, trials + 1)
    lines = []
    for place, name in enumerate(names):
        best = 0.1 * (1 + 0.05 * place)
        median = best * (1 + 3 / (k + 1) / (1 + place))
        lines.append(BudgetCurve(name, k, median, 0.95 * median, np.where(k < 2, INF, 1.25 * median)))
    advice = (f"With 1–3 trials take {names[-1]}; from 4 {names[0]}.", "From 12 trials on the order does not change.")
    return BudgetPanel("best validation loss after k trials", tuple(lines), advice)


def schedules(names: tuple[str, ...]) -> SchedulePanel:
    random = np.random.default_rng(5)
    cells = []
    for name in names:
        cells.append(ScheduleCell(name, "constant", score=around(0.13), rate=0.0011))
        for schedule in SCHEDULES[1:]:
            change = float(random.normal(-0.08, 0.09))
            cells.append(
                ScheduleCell(name, schedule, interval(change, change - 0.05, change + 0.04), around(0.12), 0.0021)
            )
    cells[3] = ScheduleCell(names[0], "warmup-cosine", text="diverged")
    return SchedulePanel(names, SCHEDULES, tuple(cells), ("Each schedule was tuned on the same budget.",))


def failures(count: int, names: tuple[str, ...]) -> tuple[Failure, ...]:
    return tuple(
        Failure(
            names[index % len(names)],
            {"lr": 31.6228, "beta1": 0.9},
            index % 3,
            "tuning",
            "the loss became non-finite" if index % 4 else "RuntimeError: out of memory",
            None if index % 4 == 0 else 3 + index,
            "" if index % 4 else 'Traceback (most recent call last):\n  File "model.py", line 12\nRuntimeError',
        )
        for index in range(count)
    )


def study(
    names: tuple[str, ...] = NAMES[:6],
    *,
    problem: str = "digits-mlp",
    seeds: int = 10,
    trials: int = 24,
    points: int = 51,
    lost: int = 5,
) -> StudyPart:
    loss = [curve(name, place, seeds, points, lost=2 if place == 3 else 0) for place, name in enumerate(names)]
    accuracy = [curve(n, i, seeds, points, accuracy=True, lost=2 if i == 3 else 0) for i, n in enumerate(names)]
    measures = (
        Measure("validation loss", tuple(loss), target=0.16),
        Measure("validation accuracy", tuple(accuracy), higher_is_better=True, log=False),
    )
    return StudyPart(
        problem=problem,
        line="1,797 handwritten digits, 64–32–10 network with ReLU, cross-entropy, batches of 64",
        score_label="test loss",
        metric_label="test accuracy",
        rows=rows(names, seeds),
        verdict=f"{names[0]} is best on {problem}: median test loss 0.102 [0.097, 0.110] over {seeds} seeds.",
        target=Target("validation loss", 0.16, f"median of what {names[0]} reaches in 3/4 of the steps"),
        curves=CurvePanel(f"Curves of the chosen settings on {seeds} fresh seeds", measures),
        sensitivity=SensitivityPanel("validation loss", tuple(rates(n, i, trials) for i, n in enumerate(names))),
        budget=budget(names, trials),
        schedules=schedules(names),
        notes=("The loss of the test set is read once, after the last step.",),
        failures=failures(lost, names),
    )


def audit(names: tuple[str, ...]) -> Audit:
    return Audit(
        command="steepest compare digits-mlp --methods adamw,nadamw,lion,sgd-momentum --trials 24 --seeds 10",
        versions={"steepest": "0.4.0", "python": "3.11.7", "numpy": "2.4.0", "torch": "2.13.0"},
        machine=(
            Fact("System", "Linux x86_64"),
            Fact("Cores", "2, of which 1 trained at once"),
            Fact("Time", "41 min"),
        ),
        protocol=(
            Fact("Budget", "24 trials × 1,000 steps for each tuned method"),
            Fact("Settings", "the same quasi-random points for all methods, mapped through each one's ranges"),
            Fact("Choice", "the best 3 trials run again; least median over tuning seeds 0, 1, 2"),
            Fact("Test", "two-sided signed-rank test over paired seeds against the first, Holm-corrected"),
        ),
        seeds=(Fact("Tuning", "0, 1, 2"), Fact("Judging", "1000 to 1009")),
        fairness=(
            Check("Equal steps", True, "1,000 in every run"),
            Check("Equal trials", True, "24 for every method"),
            Check("Learning rates inside their ranges", False, "at a border: sgd-momentum"),
            Check("Enough seeds for a claim", True, "10 of at least 10"),
        ),
        spaces=tuple(
            Space(name, what, text)
            for name in names
            for what, text in (("lr", "1e-5 to 1, logarithmic"), ("1 − beta1", "0.01 to 0.3, logarithmic"))
        ),
        data=(Fact("Raw results", "digits.sqlite"), Fact("As Parquet", "steepest export digits.sqlite --parquet out/")),
    )


def report(names: tuple[str, ...] = NAMES[:6], **size: int) -> ReportData:
    """One problem with all panels."""
    second = names[min(1, len(names) - 1)]
    return ReportData(
        title="Which optimizer for digits-mlp?",
        verdict=(
            f"Use {names[0]} at learning rate 2.1e-3 (safe: 0.9e-3 to 3.4e-3): median test loss 0.102 [0.097, 0.110] "
            f"over 10 seeds; tied with {second} (p = 0.41), better than the others (p ≤ 0.008, Holm)."
        ),
        details=(
            f"Tied with {second}: probability that {names[0]} is better on a seed 0.70 [0.50, 1.00].",
            "1.7 times [1.4, 2.1] faster to the target than the next that is not tied.",
            f"Not enough evidence for {names[0]} against {names[-1]}: at least 14 seeds are needed.",
        ),
        warnings=("The best learning rate of sgd-momentum lies at the border of its range.",),
        protocol="6 methods × 24 trials × 1,000 steps, tuned on validation loss → 10 fresh seeds; 41 min on 2 cores",
        code=(Snippet("PyTorch", "python", CODE), Snippet("Command line", "shell", "steepest run digits --rule adamw")),
        studies=(study(names, **size),),
        audit=audit(names),
        created="2026-11-22",
    )


def several(
    names: tuple[str, ...] = NAMES[:5], problems: tuple[str, ...] = ("digits-mlp", "tiny-gpt", "cnn")
) -> ReportData:
    """Several problems."""
    parts = tuple(study(names, problem=problem, lost=2) for problem in problems)
    places = {name: place for place, name in enumerate(names, start=1)}
    swapped = {**places, names[0]: 2, names[1]: 1}
    across = Across(
        problems=problems,
        rows=tuple(
            AcrossRow(
                name,
                interval(0.93 - 0.13 * place, max(0.0, 0.53 - 0.1 * place), 0.96 - 0.1 * place, 3),
                interval(1.7 / (1 + 0.3 * place), 1.2 / (1 + 0.3 * place), 2.2 / (1 + 0.3 * place), 3),
                tuple((place + shift) % len(names) + 1 for shift in range(len(problems))),
                tuple(
                    TimeToTarget(max(0, 10 - 3 * place), 10, around(400.0 + 90 * place) if place < 2 else around(INF))
                    for _ in problems
                ),
            )
            for place, name in enumerate(names)
        ),
        profiles=tuple(
            Profile(
                name,
                1.0 + 0.3 * place + np.arange(len(problems)) * 0.4,
                np.arange(1, 1 + len(problems)) / len(problems),
            )
            for place, name in enumerate(names)
        ),
        reference=names[-1],
        drop_one=(
            *(
                DropOne(problem, "problem", swapped if i == 1 else places, names[:2] if i == 1 else ())
                for i, problem in enumerate(problems)
            ),
            DropOne(names[-1], "method", {name: places[name] for name in names[:-1]}),
        ),
        notes=("3 problems are few: read the scores with their intervals.",),
    )
    return replace(report(names), title="Which optimizer for three problems?", studies=parts, across=across)


def minimal() -> ReportData:
    """Two methods, one seed, no verdict, no figures."""
    loss = interval(0.25, 0.25, 0.25, 1)
    return ReportData(
        title="Which optimizer for p?",
        verdict="No verdict: one seed cannot tell methods apart.",
        studies=(StudyPart("p", "a quadratic", "loss", (Row(1, "adam", loss, 1), Row(2, "sgd", loss, 1))),),
        audit=Audit("steepest compare p --seeds 1"),
    )


def diverged(names: tuple[str, ...] = NAMES[:3]) -> ReportData:
    """Every run of every method diverged."""
    points = 11
    steps, gone = np.linspace(0, 100, points), np.full(points, INF)
    lines = [Curve(n, steps, gone, gone, gone, np.full((3, points), INF), (1, 2, 3), [4.0, 9.0, 20.0]) for n in names]
    gone_rates = [RateSensitivity(n, [0.1, 1.0, 10.0], [INF, INF, INF], default=0.1, first_diverged=0.1) for n in names]
    k = np.arange(1.0, 4.0)
    part = StudyPart(
        "cliff",
        "a problem on which everything diverges",
        "loss",
        tuple(Row(i + 1, n, interval(INF, INF, INF, 3), 3, diverged=3) for i, n in enumerate(names)),
        curves=CurvePanel("Curves", (Measure("loss", tuple(lines)),)),
        sensitivity=SensitivityPanel("loss", tuple(gone_rates)),
        budget=BudgetPanel(
            "best loss after k trials", tuple(BudgetCurve(n, k, k * INF, k * INF, k * INF) for n in names)
        ),
        failures=failures(9, names),
    )
    return ReportData(
        "Which optimizer for cliff?", "No verdict: every method diverged.", (part,), Audit("steepest compare cliff")
    )
