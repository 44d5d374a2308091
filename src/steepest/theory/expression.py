"""Formulas that are computed and printed from one text: what a theorem states is what is evaluated."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, final

if TYPE_CHECKING:
    from steepest.theory.symbols import Symbol

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


_RAISED: Final = dict(zip("0123456789N+−()kTts", "⁰¹²³⁴⁵⁶⁷⁸⁹ᴺ⁺⁻⁽⁾ᵏᵀᵗˢ", strict=True))


def _product(left: float, right: float) -> float:
    """0 · ∞ is 0: a bound with a vanished factor is 0 however far the other overflowed."""
    return 0.0 if left == 0 or right == 0 else left * right


def _inside(part: Printed, needed: int) -> Printed:
    """In parentheses where it binds less tightly than needed."""
    if part.binds >= needed:
        return part
    return Printed(f"({part.text})", rf"\left({part.latex}\right)", 5)
