"""A rule in Unicode text, for a terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, final

from steepest.formula.latex import decimal
from steepest.formula.printing import GREEK, Binding, Expressions, Line, Printout, Symbol, Written, printout
from steepest.formula.printing.notation import Row

if TYPE_CHECKING:
    from steepest.formula.rule import Rule

_SUPERSCRIPT = str.maketrans("0123456789+−ktni", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ᵏᵗⁿⁱ")
_SUBSCRIPT = str.maketrans("0123456789-aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₋ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ")
_ACCENTS = {"hat": "\N{COMBINING CIRCUMFLEX ACCENT}", "bar": "\N{COMBINING MACRON}", "tilde": "\N{COMBINING TILDE}"}


def equations(rule: Rule) -> str:
    """How the slots start, one line for each value in their order, and what the symbols are.

    A slot on the right of an arrow is its old value, until its own arrow. Where both are read, they have the index
    of their update.

    >>> from steepest.rules import heavy_ball
    >>> print(equations(heavy_ball(lr=0.1, form="average")))
    v = 0 at the start
    v ← β v + (1 − β) g
    p ← p − η v
    with β = 0.9, η = 0.1; g is the gradient

    A partitioned rule has the lines of each part, under the part's name.
    """
    from steepest.formula.variants import variants

    found = {}
    for part, within in variants(rule):
        with within:
            found[part] = _equations(rule)
    if len(found) == 1:
        return next(iter(found.values()))
    indented = {part: "\n".join(f"  {line}" for line in text.splitlines()) for part, text in found.items()}
    return "\n\n".join(f"{part}:\n{text}" for part, text in indented.items())


def _equations(rule: Rule) -> str:
    shown = printout(rule)
    notation = TextNotation()
    expressions = Expressions(notation, shown.symbols)
    lines = []
    if shown.starts:
        starts = [
            " = ".join((*(notation.symbol(s.stem) for s in start.symbols), notation.start(start.value)))
            for start in shown.starts
        ]
        lines.append(f"{', '.join(starts)} at the start")
    if shown.query is not None:
        lines.append(f"g ← {notation.gradient(expressions.text(shown.query))}")
    lines += [_line(notation, expressions, shown, line) for line in shown.lines]
    if shown.answer is not None:
        lines.append(f"evaluated at {expressions.text(shown.answer)}")
    return "\n".join((*lines, _legend(notation, shown)))


def _line(notation: TextNotation, expressions: Expressions, shown: Printout, line: Line) -> str:
    left = ", ".join(notation.symbol(symbol) for symbol in line.targets)
    if shown.symbols.get(line.node, line.targets[0]) not in line.targets:
        return f"{left} ← {expressions.text(line.node)}"
    arrow = "~" if line.node.op == "random" else "←"
    return f"{left} {arrow} {expressions.definition(line.node)}"


def _legend(notation: TextNotation, shown: Printout) -> str:
    parts = []
    for symbol, setting in shown.settings:
        number = notation.number(setting).text if isinstance(setting, float | int) else repr(setting)
        parts.append(f"{notation.symbol(symbol)} = {number}")
    known = {"input:value": "the objective's value", "input:hessian_diagonal": "the Hessian's diagonal"}
    meanings = ["g is the gradient", *(f"{notation.symbol(s)} {known[name]}" for name, s in shown.inputs)]
    if shown.age is not None:
        meanings.append(f"{notation.symbol(shown.age)} the tensor's age: its updates, this one included")
    settings = f"with {', '.join(parts)}; " if parts else ""
    return settings + ", ".join(meanings)


@final
class TextNotation:
    """Unicode on one line: β₁ᵗ, √, ‖·‖, a if c else b."""

    signs: ClassVar[Mapping[str, str]] = {
        "add": "+",
        "subtract": "−",
        "negative": "−",
        "less": "<",
        "less_equal": "≤",
        "greater": ">",
        "greater_equal": "≥",
        "equal": "=",
        "not_equal": "≠",
        "and": "and",
        "or": "or",
        "remainder": "mod",
    }
    numerator = Binding.PRODUCT
    denominator = Binding.ROOT
    radicand = Binding.ATOM
    fraction_binding = Binding.QUOTIENT
    root_binding = Binding.ROOT
    open_end = True

    def group(self, text: str) -> str:
        return f"({text})"

    def symbol(self, symbol: Symbol) -> str:
        base = GREEK.get(symbol.letters, symbol.letters)
        base = unicodedata.normalize("NFC", base + _ACCENTS.get(symbol.accent, ""))
        if symbol.subscript == "star":
            return f"{base}*" + _primes(symbol.primes)
        index = symbol.when if symbol.indexed or symbol.when in {"0", "1"} else ""
        return base + _lowered(symbol.subscript) + _primes(symbol.primes) + index.translate(_SUBSCRIPT)

    def start(self, value: float | Symbol | None) -> str:
        if value is None:
            return "I"
        if isinstance(value, Symbol):
            return f"the first {self.symbol(value.stem)}" if value.when == "1" else self.symbol(value.stem)
        return self.number(value).text

    def number(self, value: float) -> Written:
        mantissa, exponent = decimal(value)
        if mantissa.startswith("-"):
            return Written(f"−{self.number(-value).text}", Binding.SUM, True)
        if exponent is None:
            return Written({"inf": "∞", "nan": "NaN"}.get(mantissa, mantissa))
        power = f"10{str(exponent).replace('-', '−').translate(_SUPERSCRIPT)}"
        if mantissa == "1":
            return Written(power, Binding.POWER)
        return Written(f"{mantissa}·{power}", Binding.PRODUCT)

    def word(self, text: str) -> str:
        return text

    def product(self, factors: Sequence[str]) -> str:
        text = factors[0]
        for factor in factors[1:]:
            text += (" · " if factor[0].isdigit() else " ") + factor
        return text

    def fraction(self, numerator: str, denominator: str) -> str:
        return f"{numerator} / {denominator}"

    def power(self, base: str, exponent: Written) -> str:
        raised = exponent.text.replace(" + ", "+").replace(" − ", "−")
        if all(letter in "0123456789+−ktni" for letter in raised) and exponent.binding in {Binding.SUM, Binding.ATOM}:
            return base + raised.translate(_SUPERSCRIPT)
        inside = exponent.text if exponent.binding is Binding.ATOM else self.group(exponent.text)
        return f"{base}^{inside}"

    def root(self, radicand: str) -> str:
        return f"√{radicand}"

    def bars(self, content: str) -> str:
        return f"abs({content})" if "|" in content else f"|{content}|"

    def floor(self, content: str) -> str:
        return f"⌊{content}⌋"

    def norm(self, content: str, over: str) -> str:
        return f"norm{_over(over)}({content})" if "‖" in content else f"‖{content}‖{_over(over)}"

    def inner(self, x: str, y: str, over: str) -> str:
        return f"⟨{x}, {y}⟩{_over(over)}"

    def call(self, function: str, over: str, arguments: Sequence[str]) -> str:
        return f"{function}{_over(over)}({', '.join(arguments)})"

    def gradient(self, point: str) -> str:
        return f"∇f({point})"

    def distribution(self, kind: str) -> str:
        return {"normal": "N(0, 1)", "uniform": "U(0, 1)", "rademacher": "U{−1, 1}"}[kind]

    def cases(self, rows: Sequence[Row]) -> str:
        return " else ".join(value if condition is None else f"{value} if {condition}" for value, condition in rows)


def _primes(count: int) -> str:
    return "‴" * (count // 3) + ("", "′", "″")[count % 3]


def _lowered(text: str) -> str:
    text = "∞" if text == "inf" else text
    lowered = text.translate(_SUBSCRIPT)
    return lowered if all(old != new for old, new in zip(text, lowered, strict=True)) else f"_{text}"


def _over(over: str) -> str:
    return "_model" if over == "model" else ""
