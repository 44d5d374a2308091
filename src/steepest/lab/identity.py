"""What decides the runs of a user's method, as a hash: its code, the values that the code reaches, its attributes."""

from __future__ import annotations

import functools
import inspect
import secrets
import sys
from collections.abc import Iterator
from types import FunctionType

from steepest.core.schedule import Schedule
from steepest.core.sources import is_library
from steepest.formula import Rule
from steepest.problems.fingerprint import fingerprint


def identity(item: object) -> str:
    """A hash of a method, or of a class or function that makes one; the same in every process.

    It follows functions, classes and their attributes, closures, and the globals that they name. Installed packages
    count by their version. What cannot be read has another hash each time, so that no stored run is taken for its own.
    """
    try:
        return fingerprint(*_parts(item))
    except Exception:
        return f"unreadable {secrets.token_hex(16)}"


def rule_identity(rule: Rule) -> str:
    """A rule's own fingerprint, and what the formulas and schedules in it that are a user's reach."""
    found: list[object] = []
    for _, link in rule.links():
        formula = link.formula
        found += [formula.function, formula.query_function, formula.answer_function]
        found += [part for _, value in link.settings for part in _schedules(value)]
    users = [item for item in found if item is not None and not is_library(_module(item))]
    return fingerprint(rule.fingerprint(), *map(identity, users)) if users else rule.fingerprint()


def _schedules(value: object) -> Iterator[Schedule]:
    """A schedule, and those that it is made of: a user's own may be joined, scaled or clipped by ours."""
    if isinstance(value, list | tuple):
        for item in value:
            yield from _schedules(item)
    if isinstance(value, Schedule):
        yield value
        for part in _attributes(value).values():
            yield from _schedules(part)


def _parts(item: object) -> Iterator[object]:
    while isinstance(item, functools.partial):
        yield from (_readable(item.args), _readable(item.keywords))
        item = item.func
    yield _version(_module(item))
    if isinstance(item, FunctionType | type):
        yield item
    kind = item if isinstance(item, type) else type(item)
    for base in kind.__mro__:
        if not is_library(base.__module__):
            yield from (base, dict(_members(base)))
    if not isinstance(item, FunctionType | type):
        yield _readable(_attributes(item))


def _members(kind: type) -> Iterator[tuple[str, object]]:
    """What the class defines: data, and functions with what they close over; not what Python or a decorator adds."""
    for name, member in vars(kind).items():
        if isinstance(member, property):
            yield name, [part for part in (member.fget, member.fset) if part is not None]
        elif isinstance(member, staticmethod | classmethod):
            yield name, member.__func__
        elif isinstance(member, FunctionType):
            if not member.__code__.co_filename.startswith("<string"):
                yield name, member
        elif not (name.startswith("__") or name == "_abc_impl" or inspect.isdatadescriptor(member)):
            yield name, _readable(member)


def _attributes(item: object) -> dict[str, object]:
    slots = [name for base in type(item).__mro__ for name in _names(vars(base).get("__slots__", ()))]
    return {**{name: getattr(item, name) for name in slots if hasattr(item, name)}, **getattr(item, "__dict__", {})}


def _names(slots: object) -> tuple[str, ...]:
    names = (slots,) if isinstance(slots, str) else tuple(slots)  # type: ignore[arg-type]
    return tuple(name for name in names if not name.startswith("__"))


def _readable(value: object) -> object:
    """Rules by their fingerprints: they remember what they have computed, which must not count."""
    if isinstance(value, Rule):
        return rule_identity(value)
    if type(value) in {list, tuple}:
        return [_readable(item) for item in value]  # type: ignore[attr-defined]
    if type(value) is dict:
        return {key: _readable(item) for key, item in value.items()}
    return value


def _module(item: object) -> str:
    own = item if isinstance(item, FunctionType | type) else type(item)
    return own.__module__


def _version(module: str) -> str:
    """The version of an installed package, "" for the user's own code."""
    top = sys.modules.get(module.partition(".")[0])
    return str(getattr(top, "__version__", "")) if is_library(module) else ""
