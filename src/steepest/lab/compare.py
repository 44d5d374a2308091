"""`compare`: which method is better on this problem, on equal budgets?"""

from __future__ import annotations

import importlib.util
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from steepest import rules
from steepest.core.errors import InputError, InputTypeError, MissingExtraError, SteepestError
from steepest.core.ranges import Range
from steepest.engines import EagerStepper
from steepest.formula import Rule
from steepest.lab.bench import Bench, Order
from steepest.lab.conduct import conduct
from steepest.lab.contestant import Contestant, MethodLike, contestant
from steepest.lab.events import Event, Progress
from steepest.lab.problem_source import ProblemLike, absolute, checked, resolve
from steepest.lab.schedule_families import check_family
from steepest.lab.sources import blame
from steepest.lab.spec import FULL, QUICK, StudySpec
from steepest.lab.store import Store, shown
from steepest.lab.study import About, Study
from steepest.lab.workers import packed, usable_cores
from steepest.problems.problem import Problem
from steepest.report import check_writable

_COUNT = Range(low=1, integer=True)
Methods = Sequence[MethodLike] | Mapping[str, MethodLike]


def compare(
    problem: ProblemLike,
    methods: Methods | None = None,
    *,
    trials: int | None = None,
    steps: int | None = None,
    seeds: int | None = None,
    schedule: str = "constant",
    store: str | Path | None = None,
    report: str | Path | None = None,
    jobs: int | None = None,
    device: str = "cpu",
    quick: bool = False,
    progress: Progress | None = None,
) -> Study:
    """Tune every method on the same budget, judge the winners on fresh seeds, and say what may be said.

    problem: a built-in problem's name, "file.py:make", a `Problem`, or a function that makes one. methods: names,
    "file.py:object", rules, functions that return them, `torch.optim` classes, optax transformations or factories, or
    objects with `start`; a mapping gives them names; default: every rule in `rules.METHODS`. trials: settings tried of
    each method, whole numbers from 1 like steps and seeds; defaults 20 × 1,000 steps and 10 fresh seeds, or 6 × 200
    and 3 with `quick`, a look and not a claim. schedule: "constant", "cosine", "step" or "warmup-cosine". store: a
    file or a database's URL that keeps runs, so that the same call continues a stopped study and a larger one extends
    it; default: in memory. report: where to write the page; default: nowhere. jobs: runs at once, default the usable
    cores (1 on other devices than the CPU). device: as PyTorch names it. progress: told of every run.

    Everything is checked before anything is written. Raises InputError, UnknownNameError, ProblemError or StoreError,
    one line that names the argument, its range and its value. On Ctrl-C finished runs are kept.

    >>> study = compare("bowl", ["sgd", "adam"], trials=4, steps=50, seeds=1, jobs=1)
    >>> study.best().method, len(study.runs)
    ('sgd', 22)
    """
    usual = QUICK if quick else FULL
    counts = {"trials": trials, "steps": steps, "seeds": seeds}
    budget = {name: _whole(name, usual[name] if value is None else value) for name, value in counts.items()}
    check_family(schedule)
    _check_device(device)
    workers = _whole("jobs", (usable_cores() if device == "cpu" else 1) if jobs is None else jobs)
    if report is not None:
        _check_report(report)
    entrants = _entrants(rules.METHODS.keys() if methods is None else methods)
    found = resolve(problem)
    spec = StudySpec(
        problem=found.name,
        methods=tuple(entrants),
        spaces={name: entrant.space for name, entrant in entrants.items()},
        schedule=schedule,
        device=device,
        quick=quick,
        **budget,
    )
    order = Order(absolute(problem), {n: e.reference for n, e in entrants.items()}, schedule, spec.steps, device)
    bench = Bench(found, entrants, schedule, spec.steps, device)
    _try(bench)
    if workers > 1:
        packed(order)
    command = _command(problem, methods, spec, store)
    kept = Store(store)
    done = conduct(spec, order, bench, kept, workers, progress or _silent)
    about = About(
        problem=found.summary,
        metric=str(getattr(found, "metric_name", "metric")),
        command=command,
        trained=done.trained,
        seconds=done.seconds,
        jobs=workers,
    )
    study = Study(spec, done.runs, done.choices, kept, about)
    if report is not None:
        study.report(report)
    return study


def _silent(event: Event) -> None:
    """Nobody watches."""


def _whole(name: str, value: object) -> int:
    return int(_COUNT.check("compare", name, value))


def _entrants(methods: Methods | Any) -> dict[str, Contestant]:
    if isinstance(methods, str | bytes) or not hasattr(methods, "__iter__"):
        raise InputTypeError(f"compare: methods must be a sequence or a mapping of methods, got {methods!r}")
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


def _check_report(path: str | Path) -> None:
    """Refuse a page that could not be written after all the work."""
    for module, name in (("jinja2", "Jinja2"), ("plotly", "Plotly")):
        if importlib.util.find_spec(module) is None:
            raise MissingExtraError(name, "lab")
    check_writable(path)


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


def _try(bench: Bench) -> None:
    """Begin a run of every method, once: what cannot start is refused before anything is written."""
    checked(bench.problem, bench.device)
    for name, entrant in bench.methods.items():
        method: Any = entrant.make(entrant.space.setting([0.5] * 16), bench.schedule, bench.steps)
        length = getattr(method, "length", None)
        if length is not None and length < bench.steps:
            raise InputError(
                f"{name}: its schedule must have at least {bench.steps} steps, as many as the run, got {length}"
            )
        objective = _started(bench.problem, bench.device)
        try:
            if isinstance(method, Rule):
                EagerStepper(method, objective.tensors)
            else:
                method.start(objective.tensors, seed=0)
        except SteepestError:
            raise
        except Exception as error:
            raise blame(error, owner=name) from error


def _started(problem: Problem, device: str) -> Any:
    try:
        return problem.start(0, device)
    except SteepestError:
        raise
    except Exception as error:
        raise blame(error, owner=problem.name) from error


def _command(problem: ProblemLike, methods: Methods | None, spec: StudySpec, store: str | Path | None) -> str:
    """The line that runs the study again: on the command line, or in Python where objects were given."""
    listed = None if methods is None else (list(methods.values()) if isinstance(methods, Mapping) else list(methods))
    plain = isinstance(problem, str) and not isinstance(methods, Mapping)
    if plain and all(isinstance(item, str) for item in listed or ()):
        parts = ["steepest", "compare", cast(str, problem)]
        parts += [] if listed is None else ["--methods", ",".join(str(item) for item in listed)]
        parts += ["--trials", str(spec.trials), "--steps", str(spec.steps), "--seeds", str(spec.seeds)]
        parts += [] if spec.schedule == "constant" else ["--schedule", spec.schedule]
        parts += [] if spec.device == "cpu" else ["--device", spec.device]
        parts += [] if store is None else ["--store", shown(store)]
        return shlex.join(parts)
    what = repr(problem) if isinstance(problem, str) else spec.problem.replace("-", "_")
    items = "" if listed is None else f", [{', '.join(spec.methods)}]"
    budget = f"trials={spec.trials}, steps={spec.steps}, seeds={spec.seeds}, schedule={spec.schedule!r}"
    return f"steepest.compare({what}{items}, {budget})"
