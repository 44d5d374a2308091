"""`compare`: which method is better on this problem, on equal budgets?"""

from __future__ import annotations

import functools
import importlib.util
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import numpy as np

from steepest import rules
from steepest.core.errors import FormulaError, InputError, InputTypeError, MissingExtraError, SteepestError
from steepest.core.oracle import Objective, Oracle
from steepest.core.ranges import Range
from steepest.core.sources import Source, blame
from steepest.core.stepper import StepReport
from steepest.engines import RuleStepper
from steepest.formula import Rule
from steepest.lab.bench import Bench, Order
from steepest.lab.conduct import conduct
from steepest.lab.contestant import Contestant, MethodLike, contestant
from steepest.lab.design import settings
from steepest.lab.events import Event, Progress
from steepest.lab.problem_source import ProblemLike, absolute, checked, resolve
from steepest.lab.schedule_families import check_family
from steepest.lab.spec import FULL, QUICK, StudySpec
from steepest.lab.store import Store, database, shown
from steepest.lab.study import About, Study
from steepest.lab.workers import one_thread, packed, usable_cores
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
    each method, whole numbers from 1 like steps and seeds; defaults 20 × 1,000 steps and 10 fresh seeds, or 6 × 200 and
    3 with `quick`, a look and not a claim. schedule: "constant", "cosine", "step" or "warmup-cosine". store: a file or
    a database's URL that keeps runs, so that the same call continues a stopped study and a larger one extends it,
    default: in memory; a run that failed is not kept: the same call tries it again. report: where to write the page;
    default: nowhere. jobs: runs at once, default the usable cores (1 on other devices than the CPU). device: as PyTorch
    names it. progress: told of every run.

    Everything is checked before anything is written. Raises InputError, UnknownNameError, ProblemError or StoreError,
    one line that names the argument, its range and its value. On Ctrl-C finished runs are kept.

    >>> study = compare("bowl", ["sgd", "adam"], trials=4, steps=50, seeds=1, jobs=1)
    >>> study.best().method, len(study.runs)
    ('sgd', 22)
    """
    usual = QUICK if quick else FULL
    counts = {"trials": trials, "steps": steps, "seeds": seeds}
    budget = {name: _whole(name, usual[name] if value is None else value) for name, value in counts.items()}
    _check_text("schedule", schedule)
    check_family(schedule)
    _check_text("device", device)
    _check_device(device)
    workers = _whole("jobs", (usable_cores() if device == "cpu" else 1) if jobs is None else jobs)
    listed = rules.METHODS.keys() if methods is None else _listed(methods)
    if report is not None:
        _check_report(report, store, problem, methods)
    entrants = _entrants(listed)
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
    _try(bench, spec.trials)
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


def _check_report(path: str | Path, store: str | Path | None, problem: ProblemLike, methods: Methods | None) -> None:
    """Refuse a page that could not be written after all the work, or would replace what the study reads."""
    for module, name in (("jinja2", "Jinja2"), ("plotly", "Plotly")):
        if importlib.util.find_spec(module) is None:
            raise MissingExtraError(name, "lab")
    items = methods.values() if isinstance(methods, Mapping) else methods or ()
    sources = [Source.parse(item) for item in (problem, *items) if isinstance(item, str)]
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


def _try(bench: Bench, trials: int) -> None:
    """Make every method in all its settings and take one step with it: what cannot run is refused, nothing written."""
    with _blaming(bench.problem.name):
        checked(bench.problem, bench.device)
    for name, entrant in bench.methods.items():
        for setting in settings(entrant.space, trials):
            with _blaming(name), _placing(entrant.make(setting, bench.schedule, bench.steps)):
                entrant.key(setting, bench.schedule, bench.steps)
        middle = entrant.space.setting([0.5] * len(entrant.space.dimensions))
        method: Any = entrant.make(middle, bench.schedule, bench.steps)
        length = getattr(method, "length", None)
        if length is not None and length < bench.steps:
            raise InputError(
                f"{name}: its schedule must have at least {bench.steps} steps, as many as the run, got {length}"
            )
        with _blaming(bench.problem.name):
            objective = bench.problem.start(0, bench.device)
            objective.advance()
            Oracle(objective).value_and_gradient()
        with _blaming(name), _placing(method):
            _step(name, method, objective)


def _step(name: str, method: Any, objective: Objective) -> None:
    """One step, as a run takes it."""
    with one_thread(), np.errstate(all="ignore"):
        stepper: Any = (
            RuleStepper(method, objective.tensors)
            if isinstance(method, Rule)
            else method.start(objective.tensors, seed=0)
        )
        report = stepper.step(Oracle(objective))
        with stepper.evaluating():
            pass
    if not isinstance(report, StepReport):
        raise InputTypeError(f"{name}: step must return a StepReport, got {type(report).__name__}")


@contextmanager
def _blaming(owner: str) -> Iterator[None]:
    """What is raised inside becomes one line that names the owner or the formula, and the place in the user's code."""
    try:
        yield
    except SteepestError:
        raise
    except Exception as error:
        raise blame(error, owner=owner) from error


@contextmanager
def _placing(method: object) -> Iterator[None]:
    """A formula that is refused inside gets the place where it is written."""
    try:
        yield
    except FormulaError as error:
        formulas = [link.formula for _, link in method.links()] if isinstance(method, Rule) else []
        found = [formula.function.__code__ for formula in formulas if str(error).startswith(f"{formula.name}:")]
        place = f" ({Path(found[0].co_filename).name}:{found[0].co_firstlineno})" if found else ""
        raise FormulaError(f"{error}{place}") from error


def _command(problem: ProblemLike, methods: Methods | None, spec: StudySpec, store: str | Path | None) -> str:
    """The line that runs the study again: on the command line, or in Python where objects were given."""
    listed = None if methods is None else (list(methods.values()) if isinstance(methods, Mapping) else list(methods))
    plain = isinstance(problem, str) and not isinstance(methods, Mapping)
    counts = {"trials": spec.trials, "steps": spec.steps, "seeds": spec.seeds}
    if plain and all(isinstance(item, str) for item in listed or ()):
        parts = ["steepest", "compare", cast(str, problem)]
        parts += [] if listed is None else ["--methods", ",".join(str(item) for item in listed)]
        parts += ["--quick"] if spec.quick else []
        parts += [text for name, count in counts.items() for text in (f"--{name}", str(count))]
        parts += [] if spec.schedule == "constant" else ["--schedule", spec.schedule]
        parts += [] if spec.device == "cpu" else ["--device", spec.device]
        parts += [] if store is None else ["--store", shown(store)]
        return shlex.join(parts)
    parts = [_expression(problem) if isinstance(problem, str) or callable(problem) else spec.problem.replace("-", "_")]
    if isinstance(methods, Mapping):
        parts.append("{" + ", ".join(f"{name!r}: {_expression(item)}" for name, item in methods.items()) + "}")
    elif listed is not None:
        parts.append("[" + ", ".join(map(_expression, listed)) + "]")
    options: dict[str, object] = {"quick": True} if spec.quick else {}
    options |= counts
    options |= {} if spec.schedule == "constant" else {"schedule": spec.schedule}
    options |= {} if spec.device == "cpu" else {"device": spec.device}
    options |= {} if store is None else {"store": shown(store)}
    return f"steepest.compare({', '.join([*parts, *(f'{name}={value!r}' for name, value in options.items())])})"


def _expression(item: object) -> str:
    """An object as Python names it, as far as it has a name."""
    if isinstance(item, str | Rule):
        return repr(item)
    if isinstance(item, functools.partial):
        given = [_expression(item.func), *map(repr, item.args), *(f"{key}={v!r}" for key, v in item.keywords.items())]
        return f"functools.partial({', '.join(given)})"
    name = str(getattr(item, "__qualname__", type(item).__qualname__))
    package = str(getattr(item, "__module__", "")).partition(".")[0]
    return {"torch": "torch.optim.", "optax": "optax."}.get(package, "") + name
