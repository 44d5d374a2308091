"""`compare`: which method is better on this problem, on equal budgets?"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypedDict, Unpack, overload

from steepest import rules
from steepest.core.errors import InputError, InputTypeError, MissingExtraError
from steepest.core.ranges import Range
from steepest.core.sources import Source
from steepest.lab.about import About
from steepest.lab.bench import Bench, Order
from steepest.lab.command import Methods, command
from steepest.lab.conduct import conduct
from steepest.lab.contestant import Contestant, contestant
from steepest.lab.events import Event, Progress
from steepest.lab.plan import Plan
from steepest.lab.problem_source import ProblemLike, absolute, resolve
from steepest.lab.saved import finished, started, suite_finished
from steepest.lab.schedule_families import check_family
from steepest.lab.spec import FULL, QUICK, USUAL, StudySpec
from steepest.lab.store import Store, database
from steepest.lab.study import Study
from steepest.lab.suite import Suite
from steepest.lab.trying import try_out
from steepest.lab.workers import packed, usable_cores
from steepest.report import check_writable

_COUNT = Range(low=1, integer=True)


class _Options(TypedDict, total=False):
    """The keywords of `compare`."""

    trials: int | None
    steps: int | None
    seeds: int | None
    schedule: str | Sequence[str]
    target: float | None
    reference: str | None
    timing: bool
    store: str | Path | None
    report: str | Path | None
    jobs: int | None
    isolated: bool
    device: str
    quick: bool
    progress: Progress | None


_Methods = Methods | Literal["all"] | None


@overload
def compare(  # type: ignore[overload-overlap] # a text is a sequence of texts
    problem: ProblemLike, methods: _Methods = None, **options: Unpack[_Options]
) -> Study: ...
@overload
def compare(problem: Sequence[ProblemLike], methods: _Methods = None, **options: Unpack[_Options]) -> Suite: ...
def compare(
    problem: ProblemLike | Sequence[ProblemLike],
    methods: _Methods = None,
    *,
    trials: int | None = None,
    steps: int | None = None,
    seeds: int | None = None,
    schedule: str | Sequence[str] = "constant",
    target: float | None = None,
    reference: str | None = None,
    timing: bool = False,
    store: str | Path | None = None,
    report: str | Path | None = None,
    jobs: int | None = None,
    isolated: bool = False,
    device: str = "cpu",
    quick: bool = False,
    progress: Progress | None = None,
) -> Study | Suite:
    """Tune every method on the same budget, judge the winners on fresh seeds, and say what may be said.

    problem: a built-in problem's name, "file.py:make", a `Problem`, or a function that makes one; a list of them gives
    a `Suite`, a study of each and a verdict across. methods: names, "file.py:object", rules, functions that return
    them, `torch.optim` classes, optax transformations or factories, or objects with `start`; a mapping gives them
    names; default: the dozen of `lab.USUAL`; "all": every rule in `rules.METHODS`. trials: settings tried of each
    method under each schedule, whole numbers from 1 like steps and seeds; defaults 20 × 1,000 steps and 10 fresh seeds,
    or 6 × 200 and 3 with `quick`, a look and not a claim. schedule: the name of a learning-rate schedule ("constant",
    "cosine", "step", "warmup-cosine", …), or a list: every method is tuned under each, ranked under its best.

    target: the validation metric that counts as reached, where the problem has none the validation loss or value, a
    finite number; default: the problem's own, else what the `reference` method (default: the best) reaches in the
    median within 3/4 of the steps. timing: judging runs one at a time with nothing beside them, so that seconds may be
    compared; they are run anew if the store has them only untimed.

    store: a file or a database's URL that keeps runs, so that the same call continues a stopped study and a larger one
    extends it, default: in memory; a run that failed is not kept: the same call tries it again. report: where to write
    the page; default: nowhere. jobs: runs at once, default the usable cores (1 on other devices than the CPU).
    isolated: a process of its own also for one job, so that a model that crashes costs its run only. device: as PyTorch
    names it. progress: told of every run.

    Everything is checked before anything is written. Raises InputError, UnknownNameError, ProblemError or StoreError,
    one line that names the argument, its range and its value. On Ctrl-C finished runs are kept.

    >>> study = compare("bowl", ["sgd", "adam"], trials=4, steps=50, seeds=1, jobs=1)
    >>> study.best().method, len([run for run in study.runs if run.phase == "tune"])
    ('sgd', 8)
    """
    usual = QUICK if quick else FULL
    counts = {"trials": trials, "steps": steps, "seeds": seeds}
    budget = {name: _whole(name, usual[name] if value is None else value) for name, value in counts.items()}
    schedules = _schedules(schedule)
    wanted = None if target is None else Range().check("compare", "target", target)
    for name, flag in {"timing": timing, "isolated": isolated}.items():
        if not isinstance(flag, bool):
            raise InputTypeError(f"compare: {name} must be True or False, got {flag!r}")
    _check_text("device", device)
    _check_device(device)
    workers = _whole("jobs", (usable_cores() if device == "cpu" else 1) if jobs is None else jobs)
    listed = USUAL if methods is None else rules.METHODS.keys() if methods == "all" else _listed(methods)
    several = not isinstance(problem, str) and isinstance(problem, Sequence)
    problems: Sequence[ProblemLike] = problem if several else [problem]  # type: ignore[assignment, list-item]
    if not problems:
        raise InputError("compare: problem must name at least 1 problem, got none")
    if report is not None:
        _check_report(report, store, problems, methods)
    entrants = _entrants(listed)
    if reference is not None and reference not in entrants:
        raise InputError(f"compare: reference must be one of the methods {sorted(entrants)}, got {reference!r}")
    prepared = []
    for item in problems:
        found = resolve(item)
        spec = StudySpec(
            problem=found.name,
            methods=tuple(entrants),
            spaces={name: entrant.space for name, entrant in entrants.items()},
            schedules=schedules,
            device=device,
            quick=quick,
            timing=timing,
            target=wanted,
            reference=reference,
            **budget,
        )
        order = Order(absolute(item), {n: e.reference for n, e in entrants.items()}, spec.steps, device)
        bench = Bench(found, entrants, spec.steps, device)
        try_out(bench, spec)
        if workers > 1 or isolated:
            packed(order)
        prepared.append((spec, order, bench))
    names = [spec.problem for spec, _, _ in prepared]
    if len(set(names)) < len(names):
        raise InputError(f"compare: problems must have names of their own, got {names}")
    text = command(problems, methods, prepared[0][0], store)
    kept = Store(store)
    studies: list[Study] = []
    keys: list[str] = []
    for spec, order, bench in prepared:
        plan = Plan(spec, bench)
        started(kept, plan, text)
        done = conduct(plan, order, kept, workers, progress or _silent, isolated=isolated)
        about = About.of(bench, done.choices, text, done.trained, done.seconds, workers)
        studies.append(Study(spec, done.runs, done.choices, kept, about))
        keys.append(finished(kept, studies[-1], plan))
    result = Suite(studies) if several else studies[0]
    if several:
        suite_finished(kept, keys, ", ".join(names))
    if report is not None:
        result.report(report)
    return result


def _silent(event: Event) -> None:
    """Nobody watches."""


def _whole(name: str, value: object) -> int:
    return int(_COUNT.check("compare", name, value))


def _schedules(schedule: object) -> tuple[str, ...]:
    named = [schedule] if isinstance(schedule, str) else schedule
    if not isinstance(named, Sequence) or not all(isinstance(item, str) for item in named):
        raise InputTypeError(f"compare: schedule must be text, or a sequence of texts, got {schedule!r}")
    if not named or len(set(named)) < len(named):
        raise InputError(f"compare: schedule must name at least 1 schedule, each once, got {list(named)}")
    for family in named:
        check_family(family)
    return tuple(named)


def _listed(methods: Methods | Any) -> Methods:
    if isinstance(methods, str | bytes) or not hasattr(methods, "__iter__"):
        raise InputTypeError(f"compare: methods must be a sequence or a mapping of methods, got {methods!r}")
    return methods if isinstance(methods, Mapping) else list(methods)


def _entrants(methods: Methods | Any) -> dict[str, Contestant]:
    named = list(methods.items()) if isinstance(methods, Mapping) else [(None, item) for item in methods]
    if not named:
        raise InputError("compare: methods must name at least 1 method, got none")
    entrants: dict[str, Contestant] = {}
    for name, item in named:
        entrant = contestant(item, name)
        if entrant.name in entrants:
            raise InputError(
                f"compare: methods must have names of their own, got {entrant.name!r} twice; name them by a mapping"
            )
        entrants[entrant.name] = entrant
    return entrants


def _check_text(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise InputTypeError(f"compare: {name} must be text, got {value!r}")


def _check_report(
    path: str | Path,
    store: str | Path | None,
    problems: Sequence[ProblemLike],
    methods: _Methods,
) -> None:
    """Refuse a page that could not be written after all the work, or would replace what the study reads."""
    for module, name in (("jinja2", "Jinja2"), ("plotly", "Plotly")):
        if importlib.util.find_spec(module) is None:
            raise MissingExtraError(name, "lab")
    items = methods.values() if isinstance(methods, Mapping) else () if isinstance(methods, str) else methods or ()
    sources = [Source.parse(item) for item in (*problems, *items) if isinstance(item, str)]
    if store is not None and _same_file(path, database(store)):
        raise InputError(f"compare: report must be another file than the store, got {str(path)!r}")
    if any(source.is_file and _same_file(path, source.module) for source in sources if source is not None):
        raise InputError(f"compare: report must be another file than the code it is about, got {str(path)!r}")
    check_writable(path)


def _same_file(one: str | Path, other: str | Path | None) -> bool:
    return other is not None and Path(one).expanduser().resolve() == Path(other).expanduser().resolve()


def _check_device(device: str) -> None:
    """Raise InputError unless PyTorch has the device; the CPU is always there."""
    if device == "cpu":
        return
    try:
        import torch
    except ImportError as error:
        raise InputError(f"compare: device must be 'cpu' without PyTorch, got {device!r}") from error
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, TypeError, NotImplementedError) as error:
        here = [
            "cpu",
            *(["cuda"] if torch.cuda.is_available() else []),
            *(["mps"] if torch.backends.mps.is_available() else []),
        ]
        raise InputError(f"compare: device must be of {here} on this machine, got {device!r}") from error
