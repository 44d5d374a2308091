"""The line that runs a study again: on the command line, or in Python where objects were given."""

from __future__ import annotations

import functools
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

from steepest.formula import Rule
from steepest.lab.contestant import MethodLike
from steepest.lab.problem_source import ProblemLike
from steepest.lab.spec import StudySpec
from steepest.lab.store import shown

Methods = Sequence[MethodLike] | Mapping[str, MethodLike]


def command(problems: Sequence[ProblemLike], methods: Methods | None, spec: StudySpec, store: str | Path | None) -> str:
    """What to type to get this study again; `spec` is that of the first problem."""
    named = () if methods is None or isinstance(methods, str) else methods
    listed = list(named.values()) if isinstance(named, Mapping) else list(named)
    every = isinstance(methods, str)
    options = _options(spec)
    if store is not None:
        options["store"] = shown(store)
    plain = all(isinstance(item, str) for item in problems) and not isinstance(methods, Mapping)
    if plain and all(isinstance(item, str) for item in listed):
        parts = ["steepest", "compare", *cast(Sequence[str], problems)]
        if every or listed:
            parts += ["--methods", "all" if every else ",".join(str(item) for item in listed)]
        return shlex.join([*parts, *_flags(options)])
    about = [_problem(item, spec) for item in problems]
    parts = [about[0] if len(about) == 1 else f"[{', '.join(about)}]"]
    if isinstance(methods, Mapping):
        parts.append("{" + ", ".join(f"{name!r}: {_expression(item)}" for name, item in methods.items()) + "}")
    elif every:
        parts.append("'all'")
    elif listed:
        parts.append("[" + ", ".join(map(_expression, listed)) + "]")
    return f"steepest.compare({', '.join([*parts, *(f'{name}={value!r}' for name, value in options.items())])})"


def _options(spec: StudySpec) -> dict[str, object]:
    """The arguments that are not at their defaults, and the counts."""
    options: dict[str, object] = {"quick": True} if spec.quick else {}
    options |= {"trials": spec.trials, "steps": spec.steps, "seeds": spec.seeds}
    if spec.schedules != ("constant",):
        options["schedule"] = spec.schedules[0] if len(spec.schedules) == 1 else list(spec.schedules)
    options |= {} if spec.device == "cpu" else {"device": spec.device}
    options |= {} if spec.target is None else {"target": spec.target}
    options |= {} if spec.reference is None else {"reference": spec.reference}
    return options | ({"timing": True} if spec.timing else {})


def _flags(options: Mapping[str, object]) -> list[str]:
    flags: list[str] = []
    for name, value in options.items():
        if value is True:
            flags.append(f"--{name}")
        else:
            flags += [f"--{name}", ",".join(map(str, value)) if isinstance(value, list) else str(value)]
    return flags


def _problem(item: ProblemLike, spec: StudySpec) -> str:
    return _expression(item) if isinstance(item, str) or callable(item) else spec.problem.replace("-", "_")


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
