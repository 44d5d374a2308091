"""A method with its setting as code that a person can paste into a program."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from steepest import rules
from steepest.core.schedule import Schedule
from steepest.core.sources import Source
from steepest.formula import Rule
from steepest.jax import LEARNING_RATE, OptaxMethod
from steepest.lab.contestant import Contestant
from steepest.lab.schedule_families import learning_rate
from steepest.lab.spaces import Setting
from steepest.lab.wrapped import wrapped


def code(entrant: Contestant, setting: Setting, schedule: str, steps: int, *, network: bool, problem: str) -> str:
    """Python that makes the `optimizer` of a PyTorch network `model`; for a function, that runs it as `trace`.

    "" for what has no name that could be imported: an object made in a notebook, a lambda.
    """
    named = _named(entrant)
    if named is None:
        return ""
    imports, call, kind = named
    rate = next((name for name in LEARNING_RATE if name in setting), None)
    peak = None if rate is None else learning_rate(schedule, setting[rate], steps)
    made = peak if isinstance(peak, Schedule) else None
    arguments = {name: repr(value) for name, value in setting.items()}
    lines = [*imports]
    if made is not None:
        lines.append(f"from steepest.schedules import {', '.join(_names(made))}")
    if kind == "torch":
        return _torch(lines, call, arguments, made) if network else ""
    if kind == "optax":
        return _optax(lines, call, arguments, rate, made, steps)
    if made is not None and rate is not None:
        arguments[rate] = repr(made)
    rule = _call(call, arguments)
    if kind == "unscaled":
        step = arguments.pop("lr")
        inner = call if isinstance(_referred(entrant), Rule) else f"{call}({_listed(arguments)})"
        lines.append("from steepest.formula import chain")
        lines.append("from steepest.rules import learning_rate")
        rule = f"chain({inner}, learning_rate(lr={step}))"
    if kind == "fixed":
        rule = call
    if network:
        lines = ["from steepest.torch import Optimizer", *lines]
        return _text(lines, f"rule = {rule}", "optimizer = Optimizer(model.named_parameters(), rule)")
    lines += ["from steepest.problems import get", "from steepest.run import run"]
    return _text(lines, f"rule = {rule}", f'trace = run(get("{problem}"), rule, steps={steps})')


def _named(entrant: Contestant) -> tuple[list[str], str, str] | None:
    """The imports, the expression to call, and what kind of thing it makes."""
    reference = entrant.reference
    if isinstance(reference, str) and (source := Source.parse(reference)) is None:
        if "+" in reference:
            return ["from steepest.lab.wrapped import wrapped"], f'wrapped("{reference}")', "rule"
        function = rules.METHODS[reference].__name__
        return [f"from steepest.rules import {function}"], function, "rule"
    found = _referred(entrant)
    inner: Any = found.func if isinstance(found, functools.partial) else found
    if isinstance(reference, str) and source is not None:
        folder = Path(source.module)
        module = folder.stem if source.is_file else source.module
        imports, call = [f"from {module} import {source.name}"], source.name
    elif isinstance(found, functools.partial):
        return None
    else:
        module, call = str(getattr(inner, "__module__", "")), str(getattr(inner, "__qualname__", ""))
        if not call.isidentifier() or not module or module == "__main__":
            return None
        public = {"torch": "torch.optim", "optax": "optax"}.get(module.partition(".")[0], module)
        imports = [f"from {public} import {call}"]
    kind = _kind(entrant, found)
    return None if kind is None else (imports, call, kind)


def _kind(entrant: Contestant, found: object) -> str | None:
    if isinstance(found, type) and any(base.__module__.startswith("torch.optim") for base in found.__mro__):
        return "torch"
    if isinstance(found, Rule):
        return "fixed" if found.sets_step else "unscaled"
    made = entrant.make(entrant.space.setting([0.5] * len(entrant.space.dimensions)), "constant", 1)
    if isinstance(made, Rule):
        takes = inspect.signature(found).parameters if callable(found) else {}
        return "rule" if any(name in takes for name in LEARNING_RATE) or not entrant.space.names else "unscaled"
    return "optax" if isinstance(made, OptaxMethod) else None


def _referred(entrant: Contestant) -> Any:
    """What the reference names."""
    reference = entrant.reference
    if not isinstance(reference, str):
        return reference
    source = Source.parse(reference)
    if source is None:
        return wrapped(reference) if "+" in reference else rules.METHODS[reference]
    return source.load()


def _torch(imports: list[str], call: str, arguments: Mapping[str, str], schedule: Schedule | None) -> str:
    given = "".join(f", {name}={value}" for name, value in arguments.items())
    lines = [f"optimizer = {call}(model.parameters(){given})"]
    if schedule is not None:
        imports = [*imports, "from torch.optim.lr_scheduler import LambdaLR"]
        lines.append(f"rate = {schedule!r}")
        lines.append("# after each optimizer.step(): scheduler.step()")
        lines.append(f"scheduler = LambdaLR(optimizer, lambda k: rate(k) / {arguments['lr']})")
    return _text(imports, *lines)


def _optax(
    imports: list[str],
    call: str,
    arguments: Mapping[str, str],
    rate: str | None,
    schedule: Schedule | None,
    steps: int,
) -> str:
    given, lines = dict(arguments), []
    if schedule is not None and rate is not None:
        imports = [*imports, "import jax.numpy as jnp"]
        lines += [f"rate = {schedule!r}", f"rates = jnp.array([rate(k) for k in range({steps})])"]
        given[rate] = "lambda k: rates[k]"
    return _text(imports, *lines, f"optimizer = {call}({_listed(given)})")


def _call(name: str, arguments: Mapping[str, str]) -> str:
    """A call on one line where it is short, else an argument a line."""
    line = f"{name}({_listed(arguments)})"
    if len(line) <= _SHORT:
        return line
    return "\n".join([f"{name}(", *(f"    {key}={value}," for key, value in arguments.items()), ")"])


_SHORT: Final = 59
"""Characters of a call that shows on a page without scrolling, after "rule = "."""


def _listed(arguments: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in arguments.items())


def _names(schedule: Schedule) -> list[str]:
    """The constructors in a schedule's text."""
    return sorted(set(re.findall(r"\b([A-Za-z_]\w*)\(", repr(schedule))))


def _text(imports: list[str], *lines: str) -> str:
    plain = sorted({line for line in imports if line.startswith("import ")})
    named = sorted({line for line in imports if not line.startswith("import ")})
    return "\n".join([*plain, *named, "", *lines]) + "\n"
