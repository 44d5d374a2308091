"""An inner rule as the function of an update that a formula calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from steepest.formula.bundle import Bundle
from steepest.formula.context import Frame, SlotBundles, entered
from steepest.formula.functions import where

if TYPE_CHECKING:
    from steepest.formula.rule import Rule


def inner_call(rule: Rule, frame: Frame, path: str) -> Callable[..., Any]:
    """The rule as `inner(u, active=…, age=…)` within the step of `frame`, its slots under `path`.

    active: a condition of the clock under which the rule takes part; where it does not hold, its slots stay as they are
    and what it returns is not to be used. age: what it takes for the tensor's age, where that is not the tensor's own.
    """

    def call(u: Any, *, active: Any = None, age: Any = None) -> Any:
        if isinstance(active, Bundle) and active.shared and not active.parts[0]:
            return u
        with entered(frame if age is None else replace(frame, k=age)) as inner:
            before = set(frame.new)
            result = rule.apply(inner, u, path)
        if active is not None:
            for slot in frame.new.keys() - before:
                frame.new[slot] = _held(frame, slot, active)
        return result

    return call


def _held(frame: Frame, slot: str, active: Any) -> tuple[tuple[str, ...], Any]:
    """A slot's new value, or the old one where the rule takes no part."""
    names, after = frame.new[slot]
    if not isinstance(active, Bundle):
        return names, where(active, after, frame.slots[slot])
    some = active.subset([frame.names.index(name) for name in names])
    return names, where(some, after, SlotBundles(names, frame.slots)[slot])
