"""What `steepest methods NAME` prints: all that there is to know of one rule or schedule."""

from __future__ import annotations

import dataclasses
import inspect
import re
import textwrap
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Literal

from steepest import rules, schedules
from steepest.core.errors import FormulaError, HyperparameterError, SteepestError, UnknownNameError
from steepest.core.ranges import Range
from steepest.core.schedule import Schedule
from steepest.engines.explain import explain
from steepest.formula import Formula, Rule
from steepest.schedules.fields import declared

WIDTH: Final = 100
_PLOT_WIDTH, _PLOT_HEIGHT = 64, 8
_BLOCKS = " ▁▂▃▄▅▆▇█"
_SAMPLES: Final[Mapping[str, Callable[[], Schedule]]] = {
    "constant": lambda: schedules.constant(1.0),
    "step_decay": lambda: schedules.step_decay(1.0, every=25, factor=0.5),
    "multi_step": lambda: schedules.multi_step(1.0, milestones=(50, 75), factor=0.3),
    "exponential": lambda: schedules.exponential(1.0, rate=0.03),
    "geometric": lambda: schedules.geometric(1.0, steps=100, final=0.01),
    "inverse_time": lambda: schedules.inverse_time(1.0, rate=0.1),
    "inverse_sqrt": lambda: schedules.inverse_sqrt(1.0, warmup=10),
    "polynomial": lambda: schedules.polynomial(1.0, steps=100, power=2.0),
    "linear": lambda: schedules.linear(1.0, steps=100),
    "cosine": lambda: schedules.cosine(1.0, steps=100),
    "cosine_restarts": lambda: schedules.cosine_restarts(1.0, period=15, growth=2),
    "linear_warmup": lambda: schedules.linear_warmup(1.0, warmup=20),
    "warmup_cosine": lambda: schedules.warmup_cosine(1.0, steps=100, warmup=10),
    "warmup_linear": lambda: schedules.warmup_linear(1.0, steps=100, warmup=10),
    "warmup_stable_decay": lambda: schedules.warmup_stable_decay(1.0, steps=100, warmup=10, decay=30),
    "one_cycle": lambda: schedules.one_cycle(1.0, steps=100),
    "cyclic": lambda: schedules.cyclic(1.0, initial=0.1, up=15, shape="triangular2"),
    "noam": lambda: schedules.noam(width=512, warmup=20),
    "join": lambda: schedules.join((schedules.linear_warmup(1.0, 20), schedules.cosine(1.0, 80)), at=(20,)),
    "scale": lambda: schedules.scale(schedules.cosine(1.0, 100), factor=schedules.linear_warmup(1.0, 20)),
    "clip": lambda: schedules.clip(schedules.exponential(1.0, rate=0.05), low=0.2),
}
"""What is drawn of each schedule."""


def described(name: str) -> Iterator[str]:
    """The lines for one rule or schedule, by the name that studies or Python have for it.

    A rule: what it is, formula, source, dialect, hyperparameters with ranges and defaults, slots, passes and bytes. A
    schedule: what it is, arguments, source, and a plot. Raises UnknownNameError with the nearest names.
    """
    plain = name.replace("-", "_")
    known: dict[str, Any] = {key: getattr(rules, key) for key in rules.__all__ if key != "METHODS"}
    known |= {key.replace("-", "_"): method for key, method in rules.METHODS.items()}
    shapes: dict[str, type[Schedule]] = {**schedules.SCHEDULES, "step": schedules.step_decay}
    if plain in known:
        yield from _rule(name, known[plain])
    elif plain in shapes:
        yield from _schedule(shapes[plain])
    else:
        raise UnknownNameError("method or schedule", name, sorted({*rules.METHODS, *known, *shapes}))


def _rule(name: str, factory: Callable[..., Rule]) -> Iterator[str]:
    made = factory(**_required(factory))
    inner = [] if isinstance(factory, Formula) else [_document(link.formula) for _, link in made.links()]
    documents = [_document(factory), *inner]
    yield from _filled(f"{name}: {_first(documents[0])}", "")
    yield from _explained(made)
    yield ""
    yield from _told(documents)
    yield from _table("hyperparameters", dict(_hyperparameters(factory)))
    yield from _table("slots", {path: _slot(slot) for path, slot in made.slots().items()})
    if made.needs:
        yield f"  needs beside the gradient: {', '.join(sorted(made.needs)).replace('_', ' ')}"


def _schedule(kind: type[Schedule]) -> Iterator[str]:
    document = _document(kind)
    yield from _filled(f"{kind.__name__}: {_first(document)}", "")
    yield ""
    lines = [line for line in document.partition(">>>")[0].rstrip().splitlines()[1:]]
    yield from (f"  {line}".rstrip() for line in lines[next((i for i, line in enumerate(lines) if line), 0) :])
    yield ""
    fields = declared(kind)
    yield from _table("arguments", {field.name: _argument(str(field), field.default) for field in fields.values()})
    sample = _SAMPLES[kind.__name__]()
    yield f"  {sample!r}"
    yield from _plotted(sample, sample.length or 100)


def _plotted(schedule: Schedule, steps: int) -> Iterator[str]:
    """Columns of blocks as high as the schedule's values, over `steps` steps; the axis begins at 0."""
    values = [schedule(column * steps // _PLOT_WIDTH) for column in range(_PLOT_WIDTH)]
    top = max(values)
    for row in reversed(range(_PLOT_HEIGHT)):
        eighths = [round(8 * _PLOT_HEIGHT * value / top) - 8 * row for value in values]
        label = f"{top:.3g}" if row == _PLOT_HEIGHT - 1 else "0" if row == 0 else ""
        yield f"  {label:>7} │{''.join(_BLOCKS[min(8, max(0, part))] for part in eighths)}".rstrip()
    yield f"  {'':>7} └{'─' * _PLOT_WIDTH}"
    yield f"  {'':>7}  0{f'step {steps}':>{_PLOT_WIDTH - 1}}"


def _told(documents: list[str]) -> Iterator[str]:
    """Source and dialect, each from the first document that has it."""
    for word in ("Source", "Dialect"):
        found = next((text for document in documents if (text := _after(document, word))), None)
        if found is not None:
            yield from _filled(f"{word.lower()}: {found}", "  ")


def _after(document: str, word: str) -> str | None:
    """What stands after "Word: " up to the next such word or the end of its paragraph."""
    for paragraph in document.split("\n\n"):
        flat = " ".join(paragraph.split())
        match = re.search(rf"{word}: (.*?)(?= (?:Source|Dialect|Raises|Shapes|Units): |$)", flat)
        if match:
            return match.group(1)
    return None


def _first(document: str) -> str:
    """The first sentence, without what it is called again."""
    flat = " ".join(document.partition("\n\n")[0].split())
    return re.split(r"(?<=[a-z)\]…∞0-9])\. |: see ", flat)[0].rstrip(".:,")


def _hyperparameters(factory: Any) -> Iterator[tuple[str, str]]:
    function = getattr(factory, "__wrapped__", factory)
    hints = typing.get_type_hints(function, include_extras=True)
    for parameter in inspect.signature(factory).parameters.values():
        options = _choices(hints.get(parameter.name))
        admissible = " or ".join(map(repr, options)) if options else _range(factory, parameter.name)
        yield parameter.name, _argument(admissible, parameter.default)


def _argument(admissible: str, default: object) -> str:
    if default is inspect.Parameter.empty or default is dataclasses.MISSING:
        return admissible
    return f"{admissible}{' or None' if default is None else f', default {default!r}'}"


def _range(factory: Any, name: str) -> str:
    """What the rule says when it is given what no range has."""
    try:
        factory(**{**_required(factory), name: float("nan")})
    except HyperparameterError as error:
        match = re.match(r"must be (.*), got nan$", error.complaint)
        return match.group(1) if match else error.complaint
    except (SteepestError, TypeError, ValueError):
        pass
    hint = typing.get_type_hints(getattr(factory, "__wrapped__", factory)).get(name)
    return "a rule" if _is_rule(hint) else str(inspect.signature(factory).parameters[name].annotation)


def _choices(hint: Any) -> tuple[object, ...]:
    if hint is bool:
        return (True, False)
    if typing.get_origin(hint) is Literal:
        return typing.get_args(hint)
    parts = typing.get_args(hint)
    return next((found for part in parts if part is not hint and (found := _choices(part))), ())


def _required(factory: Any) -> dict[str, object]:
    """A value for each argument that must be given; the formula and its cost do not depend on it."""
    given: dict[str, object] = {}
    hints = typing.get_type_hints(getattr(factory, "__wrapped__", factory), include_extras=True)
    for parameter in inspect.signature(factory).parameters.values():
        if parameter.default is parameter.empty and parameter.kind is not parameter.VAR_POSITIONAL:
            hint = hints.get(parameter.name)
            given[parameter.name] = rules.adam() if _is_rule(hint) else 1 if _is_whole(hint) else 0.1
    return given


def _is_whole(hint: object) -> bool:
    base, *notes = typing.get_args(hint) or (hint,)
    return base is int or any(isinstance(note, Range) and note.integer for note in notes)


def _is_rule(hint: object) -> bool:
    return isinstance(hint, type) and issubclass(hint, Rule)


def _slot(slot: Any) -> str:
    shapes = {"param": "like the parameter", "tensor": "a number a tensor", "model": "a number for the whole model"}
    shape = "of its own shape" if callable(slot.like) else shapes[slot.like]
    return f"{shape}, from {slot.init if isinstance(slot.init, str) else f'{slot.init:g}'}"


def _explained(rule: Rule) -> list[str]:
    """Formula, passes and bytes, without the rule's call."""
    try:
        return str(explain(rule)).splitlines()[1:]
    except FormulaError as error:
        return ["", *(f"  {line}" for line in rule.equations().splitlines()), "", f"  not planned: {error}"]


def _table(title: str, rows: Mapping[str, str]) -> Iterator[str]:
    if not rows:
        return
    yield f"  {title}:"
    widest = max(map(len, rows))
    for key, text in rows.items():
        yield from _filled(f"{key:{widest}}  {text}", "    ", indent=widest + 2)


def _filled(text: str, margin: str, indent: int = 2) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=margin, subsequent_indent=margin + " " * indent, break_on_hyphens=False
    )


def _document(item: object) -> str:
    return inspect.cleandoc((item.__wrapped__ if isinstance(item, Formula) else item).__doc__ or "")
