"""What a schedule's fields may hold: ranges declared as annotations, checked in one way for every schedule."""

from __future__ import annotations

import dataclasses
import functools
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal

from steepest.core.errors import HyperparameterError, InputTypeError
from steepest.core.ranges import Range
from steepest.core.schedule import Schedule

Kind = Literal["number", "choice", "schedule"]


@dataclass(frozen=True)
class Field:
    """One argument of a schedule, as its annotation declares it.

    kinds: what it may be, more than one for a number or a schedule. range: of its numbers. choices: of a `Literal`.
    many: it is a tuple of such. optional: it may be None. default: `dataclasses.MISSING` where it must be given.
    """

    name: str
    kinds: tuple[Kind, ...]
    range: Range
    choices: tuple[object, ...]
    many: bool
    optional: bool
    default: object

    @property
    def required(self) -> bool:
        return self.default is dataclasses.MISSING

    def __str__(self) -> str:
        """What is admissible, in words: "a whole number in [1, inf)"."""
        if self.kinds == ("choice",):
            return " or ".join(map(repr, self.choices))
        number = f"{'a whole number ' if self.range.integer else ''}in {self.range}"
        words = {"number": number, "schedule": "a schedule"}
        text = " or ".join(words[kind] for kind in self.kinds)
        return f"a tuple, each {text}" if self.many else text


def declared(kind: type) -> Mapping[str, Field]:
    """The fields of a schedule's class by name, in the order of its constructor."""
    return _declared(kind)


def check_fields(schedule: Schedule) -> None:
    """Check every field of a frozen schedule against its annotation, and keep it in one form.

    Numbers become Python's floats, or ints where the range is one of whole numbers, and lists become tuples, so that
    equal schedules print alike. Raises HyperparameterError for a number out of range, InputTypeError for another
    type; for the `__post_init__` of a schedule.
    """
    owner = type(schedule).__name__
    for field in _declared(type(schedule)).values():
        value = getattr(schedule, field.name)
        object.__setattr__(schedule, field.name, _checked(owner, field, value))


def fill(schedule: Schedule, name: str, value: float) -> None:
    """Give a field that was left out, so that it is None, the value that follows from the others."""
    if getattr(schedule, name) is None:
        object.__setattr__(schedule, name, value)


@functools.cache
def _declared(kind: type) -> Mapping[str, Field]:
    hints = typing.get_type_hints(kind, include_extras=True)
    return {field.name: _field(field, hints[field.name]) for field in dataclasses.fields(kind)}


def _field(field: dataclasses.Field[Any], hint: Any) -> Field:
    many = typing.get_origin(hint) is tuple
    options = _options(typing.get_args(hint)[0] if many else hint)
    optional = NoneType in options
    kinds: list[Kind] = []
    found, choices = Range(), tuple[object, ...]()
    for option in options:
        base, *notes = typing.get_args(option) if typing.get_origin(option) is Annotated else (option,)
        if typing.get_origin(base) is Literal:
            kinds.append("choice")
            choices = typing.get_args(base)
        elif base in {int, float}:
            kinds.append("number")
            found = next((note for note in notes if isinstance(note, Range)), Range(integer=base is int))
        elif isinstance(base, type) and issubclass(base, Schedule):
            kinds.append("schedule")
    return Field(field.name, tuple(kinds), found, choices, many, optional, field.default)


def _options(hint: Any) -> tuple[Any, ...]:
    union = typing.get_origin(hint) in {typing.Union, UnionType}
    return typing.get_args(hint) if union else (hint,)


def _checked(owner: str, field: Field, value: object) -> object:
    if value is None and field.optional:
        return None
    if not field.many:
        return _one(owner, field, value)
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        raise InputTypeError(f"{owner}: {field.name} must be {field}, got {value!r}")
    return tuple(_one(owner, field, item) for item in value)


def _one(owner: str, field: Field, value: object) -> object:
    if "schedule" in field.kinds and isinstance(value, Schedule):
        return value
    if field.kinds == ("schedule",):
        raise InputTypeError(f"{owner}: {field.name} must be {field}, got {value!r}")
    if field.kinds == ("choice",):
        if not any(type(value) is type(choice) and value == choice for choice in field.choices):
            raise HyperparameterError(owner, field.name, f"must be {field}, got {value!r}")
        return value
    return field.range.check(owner, field.name, value)
