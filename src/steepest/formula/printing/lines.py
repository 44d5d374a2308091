"""What is printed of a rule, in no notation yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from steepest.core.schedule import Schedule
from steepest.formula.graph import Node
from steepest.formula.printing.symbols import Symbol


@final
@dataclass(frozen=True, eq=False)
class Line:
    """Values by their symbols, and the node that they are: several only for a formula that is not traced."""

    targets: tuple[Symbol, ...]
    node: Node


@final
@dataclass(frozen=True)
class Start:
    """Slots that start alike: at a number, at p, at a node's first value, or as the identity."""

    symbols: tuple[Symbol, ...]
    value: float | Symbol | None


@final
@dataclass(frozen=True, eq=False)
class Printout:
    """A rule's lines, each after what it reads.

    settings: each hyperparameter that is read, with its number or schedule. query: where the gradient is taken,
    answer: what is evaluated, each where it is not p. age: the symbol of the tensor's age, where it is read.
    """

    starts: tuple[Start, ...]
    lines: tuple[Line, ...]
    symbols: Mapping[Node, Symbol]
    settings: tuple[tuple[Symbol, float | Schedule], ...]
    query: Node | None
    answer: Node | None
    age: Symbol | None
    inputs: tuple[tuple[str, Symbol], ...]
