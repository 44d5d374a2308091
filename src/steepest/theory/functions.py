"""Functions of expressions: root, logarithm, extremes, absolute value."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, final

from steepest.theory.expression import Expression, Printed, Values, as_expression


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
