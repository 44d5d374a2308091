"""Schedules as plain data, for JSON and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steepest.core.errors import InputError, InputTypeError, UnknownNameError
from steepest.core.schedule import Schedule
from steepest.schedules.fields import declared
from steepest.schedules.registry import SCHEDULES

KIND = "name"
"""The key under which a schedule's name stands; no schedule has an argument of that name."""


def to_dict(schedule: Schedule) -> dict[str, Any]:
    """The schedule's name and arguments, schedules in it likewise: strings, numbers, lists and None only.

    `json.dumps` keeps every float's bits, and `from_dict` makes an equal schedule of it. Raises InputTypeError for a
    schedule that is not of this library.

    >>> from steepest.schedules import cosine
    >>> to_dict(cosine(0.1, steps=100))
    {'name': 'cosine', 'peak': 0.1, 'steps': 100, 'final': 0.0}
    """
    if SCHEDULES.get(type(schedule).__name__) is not type(schedule):
        raise InputTypeError(f"to_dict: schedule must be one of steepest.schedules, got {schedule!r}")
    arguments = {name: _plain(getattr(schedule, name)) for name in declared(type(schedule))}
    return {KIND: type(schedule).__name__, **arguments}


def from_dict(data: Mapping[str, Any]) -> Schedule:
    """The schedule that `to_dict` gave this for.

    Arguments with a default may be missing. Raises UnknownNameError for an unknown name or argument, InputError for a
    missing one, HyperparameterError for a value out of range, InputTypeError for what is no such data.

    >>> from_dict({"name": "cosine", "peak": 0.1, "steps": 100})
    cosine(peak=0.1, steps=100, final=0.0)
    """
    name = _name(data)
    if name not in SCHEDULES:
        raise UnknownNameError("schedule", name, SCHEDULES)
    fields = declared(SCHEDULES[name])
    given = {key: value for key, value in data.items() if key != KIND}
    for key in given:
        if key not in fields:
            raise UnknownNameError(f"argument of {name}", key, fields)
    if missing := [field.name for field in fields.values() if field.required and field.name not in given]:
        raise InputError(f"from_dict: {name} needs {missing[0]}, got {sorted(given)}")
    return SCHEDULES[name](**{key: _made(value) for key, value in given.items()})


def _name(data: object) -> str:
    name = data.get(KIND) if isinstance(data, Mapping) else None
    if not isinstance(name, str):
        raise InputTypeError(f"from_dict: data must be a mapping with a schedule's {KIND!r}, got {data!r}")
    return name


def _plain(value: object) -> Any:
    if isinstance(value, Schedule):
        return to_dict(value)
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _made(value: Any) -> Any:
    if isinstance(value, Mapping):
        return from_dict(value)
    return tuple(map(_made, value)) if isinstance(value, list | tuple) else value
