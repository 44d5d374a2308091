"""Formulas that are computed and printed from one text: what a theorem states is what is evaluated."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple, final

Values = Mapping[str, float]
"""Numbers by symbol key: {"L": 10.0, "mu": 1.0, "N": 3}."""


class Printed(NamedTuple):
    """One expression as text, and how tightly it binds: sums 1, products 2, negation 3, powers 4, atoms 5."""

    text: str
    latex: str
    binds: int


class Expression(ABC):
    """A real number as a function of named numbers. Built with + − × / ** and the functions of this module."""

    @abstractmethod
    def __call__(self, values: Values) -> float:
        """Its value; KeyError for a symbol without one, inf where it overflows."""

    @abstractmethod
    def printed(self) -> Printed:
        """Both notations."""

    @abstractmethod
    def parts(self) -> tuple[Expression, ...]:
        """What it is made of."""

    def text(self) -> str:
        """In Unicode."""
        return self.printed().text

    def latex(self) -> str:
        """In LaTeX's math mode."""
        return self.printed().latex

    def symbols(self) -> dict[str, Symbol]:
        """Its free symbols by key, in the order of reading."""
        found: dict[str, Symbol] = {}
        for part in self.parts():
            found |= {key: symbol for key, symbol in part.symbols().items() if key not in found}
        return found

    def definitions(self) -> Iterator[tuple[str, str]]:
        """What it abbreviates, each once, as text and LaTeX, outer ones first."""
        seen = set()
        for part in self.parts():
            for definition in part.definitions():
                if definition not in seen:
                    seen.add(definition)
                    yield definition

    def __add__(self, other: Expression | float) -> Expression:
        return Sum(self, as_expression(other), 1)

    def __radd__(self, other: float) -> Expression:
        return Sum(as_expression(other), self, 1)

    def __sub__(self, other: Expression | float) -> Expression:
        return Sum(self, as_expression(other), -1)

    def __rsub__(self, other: float) -> Expression:
        return Sum(as_expression(other), self, -1)

    def __mul__(self, other: Expression | float) -> Expression:
        return Product(self, as_expression(other))

    def __rmul__(self, other: float) -> Expression:
        return Product(as_expression(other), self)

    def __truediv__(self, other: Expression | float) -> Expression:
        return Quotient(self, as_expression(other))

    def __rtruediv__(self, other: float) -> Expression:
        return Quotient(as_expression(other), self)

    def __pow__(self, other: Expression | float) -> Expression:
        return Power(self, as_expression(other))

    def __neg__(self) -> Expression:
        return Negative(self)

    def __str__(self) -> str:
        return self.text()


def as_expression(value: Expression | float) -> Expression:
    """A number as an expression."""
    return value if isinstance(value, Expression) else Number(value)


@final
@dataclass(frozen=True)
class Number(Expression):
    """A constant."""

    value: float

    def __call__(self, values: Values) -> float:
        return float(self.value)

    def printed(self) -> Printed:
        text = f"{self.value:.15g}".replace("-", "−")
        return Printed(text, text.replace("−", "-"), 5 if self.value >= 0 else 3)

    def parts(self) -> tuple[Expression, ...]:
        return ()


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


@final
@dataclass(frozen=True)
class Sum(Expression):
    """Left ± right."""

    left: Expression
    right: Expression
    sign: int

    def __call__(self, values: Values) -> float:
        return self.left(values) + self.sign * self.right(values)

    def printed(self) -> Printed:
        left, right = self.left.printed(), _inside(self.right.printed(), 1 if self.sign > 0 else 2)
        left = _inside(left, 1)
        return Printed(
            f"{left.text} {'+' if self.sign > 0 else '−'} {right.text}",
            f"{left.latex} {'+' if self.sign > 0 else '-'} {right.latex}",
            1,
        )

    def parts(self) -> tuple[Expression, ...]:
        return (self.left, self.right)


@final
@dataclass(frozen=True)
class Product(Expression):
    """Left times right; printed side by side."""

    left: Expression
    right: Expression

    def __call__(self, values: Values) -> float:
        return _product(self.left(values), self.right(values))

    def printed(self) -> Printed:
        left, right = _inside(self.left.printed(), 2), _inside(self.right.printed(), 3)
        dot = right.text[0].isdigit() or isinstance(self.left, Quotient)
        sign, tex_sign = ("·", r" \cdot ") if dot else (" ", " ")
        return Printed(f"{left.text}{sign}{right.text}", f"{left.latex}{tex_sign}{right.latex}", 2)

    def parts(self) -> tuple[Expression, ...]:
        return (self.left, self.right)


@final
@dataclass(frozen=True)
class Quotient(Expression):
    """Left over right; ∞ where only the right is 0."""

    left: Expression
    right: Expression

    def __call__(self, values: Values) -> float:
        above, below = self.left(values), self.right(values)
        if below == 0:
            return math.copysign(math.inf, above) if above else 0.0
        return above / below

    def printed(self) -> Printed:
        left, right = _inside(self.left.printed(), 2), _inside(self.right.printed(), 3)
        latex = rf"\frac{{{self.left.latex()}}}{{{self.right.latex()}}}"
        return Printed(f"{left.text}/{right.text}", latex, 2)

    def parts(self) -> tuple[Expression, ...]:
        return (self.left, self.right)


@final
@dataclass(frozen=True)
class Power(Expression):
    """Base to the exponent."""

    base: Expression
    exponent: Expression

    def __call__(self, values: Values) -> float:
        base, exponent = self.base(values), self.exponent(values)
        try:
            return math.pow(base, exponent)
        except OverflowError:
            return math.inf
        except ValueError:
            return math.inf if base == 0 else math.nan

    def printed(self) -> Printed:
        base, exponent = _inside(self.base.printed(), 5), self.exponent.text()
        raised = exponent.replace(" ", "")
        if all(letter in _RAISED for letter in raised):
            text = base.text + "".join(_RAISED[letter] for letter in raised)
        else:
            text = f"{base.text}^({exponent})"
        return Printed(text, f"{{{base.latex}}}^{{{self.exponent.latex()}}}", 4)

    def parts(self) -> tuple[Expression, ...]:
        return (self.base, self.exponent)


@final
@dataclass(frozen=True)
class Negative(Expression):
    """Minus its part."""

    part: Expression

    def __call__(self, values: Values) -> float:
        return -self.part(values)

    def printed(self) -> Printed:
        part = _inside(self.part.printed(), 2)
        return Printed(f"−{part.text}", f"-{part.latex}", 3)

    def parts(self) -> tuple[Expression, ...]:
        return (self.part,)


@final
@dataclass(frozen=True)
class Function(Expression):
    """A function of its arguments, by name."""

    name: str
    tex: str
    compute: Callable[..., float]
    arguments: tuple[Expression, ...]
    braces: tuple[str, str, str, str] = ("(", ")", "\\left(", "\\right)")

    def __call__(self, values: Values) -> float:
        return self.compute(*(argument(values) for argument in self.arguments))

    def printed(self) -> Printed:
        texts, latexes = [a.text() for a in self.arguments], [a.latex() for a in self.arguments]
        opened, closed, tex_opened, tex_closed = self.braces
        if self.name == "√" and self.arguments[0].printed().binds == 5:
            return Printed(f"√{texts[0]}", rf"\sqrt{{{latexes[0]}}}", 5)
        if self.name == "√":
            return Printed(f"√({texts[0]})", rf"\sqrt{{{latexes[0]}}}", 5)
        return Printed(
            f"{self.name}{opened}{', '.join(texts)}{closed}",
            f"{self.tex}{tex_opened}{', '.join(latexes)}{tex_closed}",
            5,
        )

    def parts(self) -> tuple[Expression, ...]:
        return self.arguments


def sqrt(part: Expression | float) -> Expression:
    """√part; NaN below 0."""
    return Function("√", r"\sqrt", lambda x: math.sqrt(x) if x >= 0 else math.nan, (as_expression(part),))


def ln(part: Expression | float) -> Expression:
    """The natural logarithm."""
    return Function("ln", r"\ln", lambda x: math.log(x) if x > 0 else math.nan, (as_expression(part),))


def maximum(*parts: Expression | float) -> Expression:
    """The largest of its arguments."""
    return Function("max", r"\max", max, tuple(map(as_expression, parts)), _CURLY)


def minimum(*parts: Expression | float) -> Expression:
    """The smallest of its arguments."""
    return Function("min", r"\min", min, tuple(map(as_expression, parts)), _CURLY)


def absolute(part: Expression | float) -> Expression:
    """|part|."""
    return Function("", "", abs, (as_expression(part),), ("|", "|", r"\left|", r"\right|"))


_CURLY: Final = ("{", "}", r"\left\{", r"\right\}")
_RAISED: Final = dict(zip("0123456789N+−()kTts", "⁰¹²³⁴⁵⁶⁷⁸⁹ᴺ⁺⁻⁽⁾ᵏᵀᵗˢ", strict=True))


def _product(left: float, right: float) -> float:
    """0 · ∞ is 0: a bound with a vanished factor is 0 however far the other overflowed."""
    return 0.0 if left == 0 or right == 0 else left * right


def _inside(part: Printed, needed: int) -> Printed:
    """In parentheses where it binds less tightly than needed."""
    if part.binds >= needed:
        return part
    return Printed(f"({part.text})", rf"\left({part.latex}\right)", 5)
