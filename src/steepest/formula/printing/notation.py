"""What a notation must say for the traversal to write in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, Protocol, final

from steepest.formula.printing.symbols import Symbol


class Binding(IntEnum):
    """How tightly a written expression holds together; looser ones get parentheses inside tighter ones."""

    CASES = 0
    OR = 1
    AND = 2
    COMPARISON = 3
    REMAINDER = 4
    SUM = 5
    QUOTIENT = 6
    PRODUCT = 7
    ROOT = 8
    POWER = 9
    ATOM = 10


@final
@dataclass(frozen=True)
class Written:
    """A written expression. minus: it begins with a minus sign, so it cannot follow another sign bare."""

    text: str
    binding: Binding = Binding.ATOM
    minus: bool = False


Row = tuple[str, str | None]
"""A value and the condition under which it is chosen, None for otherwise."""


class Notation(Protocol):
    """How each construct is written; its arguments already have the parentheses that its attributes ask for.

    signs: of "add", "subtract", "negative", the comparisons, "and", "or", "remainder". numerator, denominator,
    radicand, exponent: how tightly each must bind. fraction, root: how tightly those bind. open_end: a product may end
    with a bare fraction, as in "a b / c".
    """

    signs: ClassVar[Mapping[str, str]]
    numerator: Binding
    denominator: Binding
    radicand: Binding
    fraction_binding: Binding
    root_binding: Binding
    open_end: bool

    def group(self, text: str) -> str: ...

    def symbol(self, symbol: Symbol) -> str: ...

    def number(self, value: float) -> Written: ...

    def word(self, text: str) -> str: ...

    def product(self, factors: Sequence[str]) -> str: ...

    def fraction(self, numerator: str, denominator: str) -> str: ...

    def power(self, base: str, exponent: Written) -> str: ...

    def root(self, radicand: str) -> str: ...

    def bars(self, content: str) -> str: ...

    def floor(self, content: str) -> str: ...

    def norm(self, content: str, over: str) -> str: ...

    def inner(self, x: str, y: str, over: str) -> str: ...

    def call(self, function: str, over: str, arguments: Sequence[str]) -> str: ...

    def gradient(self, point: str) -> str: ...

    def distribution(self, kind: str) -> str: ...

    def cases(self, rows: Sequence[Row]) -> str: ...
