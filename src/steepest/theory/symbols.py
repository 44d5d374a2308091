"""What formulas are written in: symbols, abbreviations, and terms of sequences."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import final

from steepest.theory.expression import Expression, Printed, Values


@final
@dataclass(frozen=True)
class Symbol(Expression):
    """A number that is given from outside. key: its name in `Values`. meaning: in words, for messages."""

    key: str
    name: str
    tex: str
    meaning: str

    def __call__(self, values: Values) -> float:
        return values[self.key]

    def printed(self) -> Printed:
        return Printed(self.name, self.tex, 5)

    def parts(self) -> tuple[Expression, ...]:
        return ()

    def symbols(self) -> dict[str, Symbol]:
        return {self.key: self}


@final
@dataclass(frozen=True)
class Named(Expression):
    """An abbreviation: prints as its name, evaluates as its meaning, which `definitions` states."""

    name: str
    tex: str
    meaning: Expression

    def __call__(self, values: Values) -> float:
        return self.meaning(values)

    def printed(self) -> Printed:
        return Printed(self.name, self.tex, 5)

    def parts(self) -> tuple[Expression, ...]:
        return (self.meaning,)

    def definitions(self) -> Iterator[tuple[str, str]]:
        yield f"{self.name} = {self.meaning.text()}", f"{self.tex} = {self.meaning.latex()}"
        yield from super().definitions()


@final
@dataclass(frozen=True)
class Sequence(Expression):
    """A term of a sequence that a recurrence defines: e.g. t_N. `compute` gets the values, N among them.

    uses: the symbols that `compute` reads.
    """

    name: str
    tex: str
    compute: Callable[[Values], float]
    definition: tuple[str, str]
    uses: tuple[Expression, ...] = ()

    def __call__(self, values: Values) -> float:
        return self.compute(values)

    def printed(self) -> Printed:
        return Printed(self.name, self.tex, 5)

    def parts(self) -> tuple[Expression, ...]:
        return self.uses

    def definitions(self) -> Iterator[tuple[str, str]]:
        yield self.definition
        yield from super().definitions()
