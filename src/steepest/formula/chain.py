"""`chain`: rules one after another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, final

from steepest.core.errors import FormulaError, InputTypeError
from steepest.formula.accumulate import Accumulate
from steepest.formula.context import Frame
from steepest.formula.link import Link
from steepest.formula.partition import Partition
from steepest.formula.rule import Rule
from steepest.formula.slots import Slot


@final
@dataclass(frozen=True, repr=False)
class Chain(Rule):
    """Rules one after another: the update that leaves one enters the next. Made by `chain`."""

    rules: tuple[Link | Partition, ...]
    name: str = "chain"
    call: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        names = [link.name for link in self.rules]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise FormulaError(
                f"chain: names must differ, got {twice[0]} twice; rename one: {twice[0]}(…).named('other')"
            )
        ended = False
        for link in self.rules:
            last = isinstance(link, Link) and link.formula.last
            if ended and not last:
                raise FormulaError(f"chain: {link.name} comes after a rule that must be last, got {', '.join(names)}")
            ended = ended or last
        for kind in ("query", "answer"):
            found = [path for path, link in self.links() if getattr(link.formula, f"{kind}_function") is not None]
            if len(found) > 1:
                raise FormulaError(f"chain: one rule may define the {kind} point, got {' and '.join(found)}")

    def links(self, path: str = "") -> Iterator[tuple[str, Link]]:
        for link in self.rules:
            yield from link.links(path)

    @property
    def text(self) -> str:
        inside = ", ".join(link.text for link in self.rules)
        return f"chain({inside})" if self.name == "chain" else f"chain({inside}).named({self.name!r})"

    def __repr__(self) -> str:
        return self.call or self.text

    def named(self, name: str) -> Chain:
        return replace(self, name=name, call="")

    def slots_of(self, name: str, shape: tuple[int, ...]) -> Mapping[str, Slot]:
        return {path: slot for link in self.rules for path, slot in link.slots_of(name, shape).items()}

    def part_of(self, name: str, shape: tuple[int, ...]) -> str:
        return " ".join(filter(None, (link.part_of(name, shape) for link in self.rules)))

    def apply(self, frame: Frame, u: Any, path: str) -> Any:
        for link in self.rules:
            u = link.apply(frame, u, path)
        return u


def chain(*rules: Rule) -> Chain:
    """Rules one after another, and flat: a chain within a chain is one chain.

    The first receives the gradient; at the end p ← p − u. Raises FormulaError where two have one name, or where a
    rule that reads the final p − u is not last.
    """
    for item in rules:
        if not isinstance(item, Rule):
            raise InputTypeError(f"chain: every argument must be a rule, got {item!r}; call it with its settings first")
        if isinstance(item, Accumulate):
            raise FormulaError("chain: accumulate must be the outermost rule, around the whole chain")
    if not rules:
        raise InputTypeError("chain: needs at least one rule, got none")
    return Chain(tuple(link for item in rules for link in _flat(item)))


def _flat(item: Rule) -> tuple[Link | Partition, ...]:
    if isinstance(item, Chain):
        return item.rules
    assert isinstance(item, Link | Partition), "a rule is a link, a chain or a partition"
    return (item,)
