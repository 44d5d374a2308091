"""Checks of a method's settings, one message form for all."""

from __future__ import annotations

from collections.abc import Mapping

from steepest.core.errors import HyperparameterError
from steepest.core.ranges import Range


def check_numbers(settings: object, ranges: Mapping[str, Range]) -> None:
    """Check fields of a frozen dataclass against their ranges, and keep them as Python numbers; None stays None.

    Raises HyperparameterError naming the class, the field, its range and its value.
    """
    owner = type(settings).__name__
    for name, accepted in ranges.items():
        value = getattr(settings, name)
        if value is not None:
            object.__setattr__(settings, name, accepted.check(owner, name, value))


def check_choice(settings: object, name: str, choices: tuple[str, ...]) -> None:
    """Check a field that holds one of a few words. Raises HyperparameterError."""
    value = getattr(settings, name)
    if value not in choices:
        words = ", ".join(map(repr, choices))
        raise HyperparameterError(type(settings).__name__, name, f"must be one of {words}, got {value!r}")
