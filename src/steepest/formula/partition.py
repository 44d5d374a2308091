"""`partition`: one optimizer that treats some tensors by one rule and others by another."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, final

from steepest.core.errors import FormulaError, InputTypeError, UnknownNameError
from steepest.formula.bundle import Bundle
from steepest.formula.code import code_text
from steepest.formula.context import Frame, entered
from steepest.formula.link import Link
from steepest.formula.plan import Unplannable
from steepest.formula.rule import Rule
from steepest.formula.slots import Slot

Select = Callable[[str, tuple[int, ...]], str]
"""The label of a tensor's part, from its name and shape."""


@final
@dataclass(frozen=True, repr=False)
class Partition(Rule):
    """Rules side by side, each for its part of the tensors. Made by `partition`."""

    select: Select
    parts: tuple[tuple[str, Rule], ...]
    name: str = "partition"

    def __post_init__(self) -> None:
        for label, rule in self.parts:
            rule.refuse_outer_parts(f"{self.name}: {label}")

    def links(self, path: str = "") -> Iterator[tuple[str, Link]]:
        for label, rule in self.parts:
            yield from rule.links(f"{path}{self.name}.{label}.")

    @property
    def text(self) -> str:
        code = hashlib.sha256(code_text(self.select).encode()).hexdigest()[:16]
        parts = ", ".join(f"{label}={rule.text}" for label, rule in self.parts)
        return f"partition({code}, {parts})" + ("" if self.name == "partition" else f".named({self.name!r})")

    def __repr__(self) -> str:
        name = getattr(self.select, "__qualname__", repr(self.select))
        return f"partition({name}, {', '.join(f'{label}={rule!r}' for label, rule in self.parts)})"

    def named(self, name: str) -> Partition:
        if not name.isidentifier():
            raise FormulaError(f"named: name must be an identifier, got {name!r}")
        return replace(self, name=name)

    def slots_of(self, name: str, shape: tuple[int, ...]) -> Mapping[str, Slot]:
        label, rule = self._part(name, shape)
        prefix = f"{self.name}.{label}."
        return {f"{prefix}{path}": slot for path, slot in rule.slots_of(name, shape).items()}

    def apply(self, frame: Frame, u: Any, path: str) -> Any:
        if not isinstance(u, Bundle):
            return self._apply_part(frame, u, path)
        labels = [self._part(name, tuple(p.shape))[0] for name, p in zip(frame.names, frame.p.parts, strict=True)]
        updates: list[Any] = [None] * len(labels)
        for label, rule in self.parts:
            indices = [index for index, other in enumerate(labels) if other == label]
            if not indices:
                continue
            with entered(frame.part(indices)) as part:
                result = rule.apply(part, u.subset(indices), f"{path}{self.name}.{label}.")
            for place, index in enumerate(indices):
                updates[index] = result.parts[0 if result.shared else place]
        return Bundle(updates)

    def part_of(self, name: str, shape: tuple[int, ...]) -> str:
        label, rule = self._part(name, shape)
        return " ".join(filter(None, (f"{self.name}.{label}", rule.part_of(name, shape))))

    def _apply_part(self, frame: Frame, u: Any, path: str) -> Any:
        """The part of the one tensor that is traced."""
        if frame.shape is None and label_of(self) is None:
            raise Unplannable(f"{self.name}: has a graph for each part; give `graph` the name and shape of a tensor")
        label, rule = self._part(frame.names[0], frame.shape or ())
        outer, frame.scope = frame.scope, f"{path}{self.name}.{label}"
        result = rule.apply(frame, u, f"{frame.scope}.")
        frame.scope = outer
        return result

    def _part(self, name: str, shape: tuple[int, ...]) -> tuple[str, Rule]:
        label = label_of(self) or self.select(name, shape)
        for known, rule in self.parts:
            if known == label:
                return known, rule
        raise UnknownNameError(f"part of {name}", str(label), [known for known, _ in self.parts])


_CHOSEN: ContextVar[Mapping[int, str]] = ContextVar("chosen", default=MappingProxyType({}))


def label_of(partition: Partition) -> str | None:
    """The part that every tensor goes to, where one was `chosen`."""
    return _CHOSEN.get().get(id(partition))


@contextmanager
def chosen(labels: Mapping[Partition, str]) -> Iterator[None]:
    """Inside, these partitions treat every tensor by the part of this label: to look at a part without a tensor."""
    token = _CHOSEN.set({**_CHOSEN.get(), **{id(partition): label for partition, label in labels.items()}})
    try:
        yield
    finally:
        _CHOSEN.reset(token)


def partition(select: Select, **parts: Rule) -> Partition:
    """Treat each tensor by the rule that `select(name, shape)` names.

    Each part is a rule of its own with its own learning rate and state; a reduction over the model is over the part.
    Raises InputTypeError where a part is not a rule, UnknownNameError where `select` names none, FormulaError for a
    part with a query or answer point (those belong in the outer chain).

    >>> import numpy as np
    >>> from steepest.rules import adam, sgd
    >>> def by_shape(name, shape):
    ...     return "vectors" if len(shape) < 2 else "rest"
    >>> r = partition(by_shape, vectors=sgd(lr=1.0), rest=adam(lr=0.5))
    >>> params = {"W": np.zeros((1, 2)), "b": np.zeros(2)}
    >>> after, _, _ = r.update(params, {"W": np.ones((1, 2)), "b": np.ones(2)}, r.init(params))
    >>> after["W"].round(6), after["b"]
    (array([[-0.5, -0.5]]), array([-1., -1.]))
    """
    for label, rule in parts.items():
        if not isinstance(rule, Rule):
            raise InputTypeError(f"partition: {label} must be a rule, got {rule!r}")
    if not parts:
        raise InputTypeError("partition: needs at least one part, got none")
    return Partition(select, tuple(parts.items()))
