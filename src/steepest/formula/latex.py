"""A rule in LaTeX."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar, final

from steepest.formula.printing import GREEK, Binding, Expressions, Line, Printout, Start, Symbol, Written, printout
from steepest.formula.printing.notation import Row

if TYPE_CHECKING:
    from steepest.formula.rule import Rule


def latex(rule: Rule) -> str:
    r"""The body of an `aligned` environment: how the slots start, then one line for each value in their order.

    g_t is the gradient, u_t an update between two rules of a chain; t counts the tensor's own updates, this one
    included (its age). Norms and means over the whole model have the index "model", others are of one tensor.

    >>> from steepest.rules import heavy_ball
    >>> print(latex(heavy_ball(lr=0.1, form="average")))
    v_0 &= 0 \\
    v_t &= \beta v_{t-1} + (1 - \beta) g_t \\
    p_t &= p_{t-1} - \eta v_t

    A partitioned rule has the lines of each part, under the part's name.
    """
    from steepest.formula.variants import variants

    found = {}
    for part, within in variants(rule):
        with within:
            found[part] = _lines(rule)
    if len(found) == 1:
        return next(iter(found.values()))
    titles = {part: part.replace("_", r"\_") for part in found}
    return " \\\\\n".join(f"&\\text{{{titles[part]}:}} \\\\\n{lines}" for part, lines in found.items())


def _lines(rule: Rule) -> str:
    shown = printout(rule)
    notation = LatexNotation()
    expressions = Expressions(notation, shown.symbols)
    lines = [line for line in (_start(notation, start) for start in shown.starts) if line]
    if shown.query is not None:
        point = notation.gradient(expressions.text(shown.query))
        lines.append(f"{notation.symbol(Symbol('g', when='t'))} &= {point}")
    lines += [_line(notation, expressions, shown, line) for line in shown.lines]
    return " \\\\\n".join(lines)


def _start(notation: LatexNotation, start: Start) -> str:
    """Empty where all that would be said is that p_0 is p_0."""
    value = "I" if start.value is None else notation.value(start.value)
    symbols = [symbol for symbol in map(notation.symbol, start.symbols) if symbol != value]
    return f"{symbols[0]} &= {' = '.join((*symbols[1:], value))}" if symbols else ""


def _line(notation: LatexNotation, expressions: Expressions, shown: Printout, line: Line) -> str:
    targets = ", ".join(notation.symbol(symbol) for symbol in line.targets)
    left = f"({targets})" if len(line.targets) > 1 else targets
    if shown.symbols.get(line.node, line.targets[0]) not in line.targets:
        return f"{left} &= {expressions.text(line.node)}"
    sign = r"\sim" if line.node.op == "random" else "="
    return f"{left} &{sign} {expressions.definition(line.node)}"


@final
class LatexNotation:
    """LaTeX, of amsmath."""

    signs: ClassVar[Mapping[str, str]] = {
        "add": "+",
        "subtract": "-",
        "negative": "-",
        "less": "<",
        "less_equal": r"\le",
        "greater": ">",
        "greater_equal": r"\ge",
        "equal": "=",
        "not_equal": r"\ne",
        "and": r"\land",
        "or": r"\lor",
        "remainder": r"\bmod",
    }
    numerator = denominator = radicand = Binding.CASES
    fraction_binding = root_binding = Binding.POWER
    open_end = False

    def group(self, text: str) -> str:
        high = any(command in text for command in (r"\frac", r"\sqrt", r"\begin"))
        return rf"\left( {text} \right)" if high else f"({text})"

    def symbol(self, symbol: Symbol) -> str:
        letters = symbol.letters
        if letters == "epsilon":
            base = r"\epsilon"
        elif letters in GREEK:
            base = f"\\{letters}" if letters != "omicron" else "o"
        else:
            base = letters if len(letters) == 1 else rf"\mathrm{{{_escaped(letters)}}}"
        if symbol.accent:
            base = rf"\{symbol.accent}{{{base}}}"
        base += "'" * symbol.primes
        if symbol.subscript == "star":
            return f"{base}^*"
        parts = [part for part in (_subscript(symbol.subscript), symbol.when) if part]
        if not parts:
            return base
        inside = ",".join(parts)
        return f"{base}_{inside}" if len(inside) == 1 or inside == r"\infty" else f"{base}_{{{inside}}}"

    def value(self, value: float | Symbol) -> str:
        return self.symbol(value) if isinstance(value, Symbol) else self.number(value).text

    def number(self, value: float) -> Written:
        mantissa, exponent = decimal(value)
        if exponent is None:
            return Written({"inf": r"\infty", "nan": r"\mathrm{NaN}"}.get(mantissa, mantissa))
        power = f"10^{{{exponent}}}"
        if mantissa == "1":
            return Written(power, Binding.POWER)
        return Written(rf"{mantissa} \cdot {power}", Binding.PRODUCT)

    def word(self, text: str) -> str:
        return rf"\text{{{_escaped(text)}}}"

    def product(self, factors: Sequence[str]) -> str:
        text = factors[0]
        for before, factor in pairwise(factors):
            wide = before.startswith(r"\mathrm") or factor.startswith(r"\mathrm")
            text += (r" \cdot " if factor[0].isdigit() else r" \, " if wide else " ") + factor
        return text

    def fraction(self, numerator: str, denominator: str) -> str:
        return rf"\frac{{{numerator}}}{{{denominator}}}"

    def power(self, base: str, exponent: Written) -> str:
        base = f"{{{base}}}" if base.endswith("^*") or "'" in base else base
        return f"{base}^{exponent.text}" if len(exponent.text) == 1 else f"{base}^{{{exponent.text}}}"

    def root(self, radicand: str) -> str:
        return rf"\sqrt{{{radicand}}}"

    def bars(self, content: str) -> str:
        return rf"\left\lvert {content} \right\rvert"

    def floor(self, content: str) -> str:
        return rf"\left\lfloor {content} \right\rfloor"

    def norm(self, content: str, over: str) -> str:
        return rf"\left\lVert {content} \right\rVert{_over(over)}"

    def inner(self, x: str, y: str, over: str) -> str:
        return rf"\left\langle {x}, {y} \right\rangle{_over(over)}"

    def call(self, function: str, over: str, arguments: Sequence[str]) -> str:
        known = function in {"min", "max", "exp", "log", "tanh"}
        name = rf"\{function}" if known else rf"\operatorname{{{_escaped(function)}}}"
        return f"{name}{_over(over)}{self.group(', '.join(arguments))}"

    def gradient(self, point: str) -> str:
        return rf"\nabla f{self.group(point)}"

    def distribution(self, kind: str) -> str:
        return {
            "normal": r"\mathcal{N}(0, 1)",
            "uniform": r"\mathcal{U}(0, 1)",
            "rademacher": r"\mathcal{U}\{-1, 1\}",
        }[kind]

    def cases(self, rows: Sequence[Row]) -> str:
        written = [
            rf"{value} & \text{{otherwise}}" if condition is None else rf"{value} & \text{{if }} {condition}"
            for value, condition in rows
        ]
        return r"\begin{cases} " + r" \\ ".join(written) + r" \end{cases}"


def decimal(value: float) -> tuple[str, int | None]:
    """A number's shortest digits, and its power of ten where they are not enough.

    >>> decimal(0.999), decimal(2.0), decimal(1e-06), decimal(2.5e-7), decimal(1e9)
    (('0.999', None), ('2', None), ('1', -6), ('2.5', -7), ('1', 9))
    """
    if isinstance(value, bool):
        return str(value).lower(), None
    mantissa, _, exponent = repr(value).partition("e")
    mantissa = mantissa.removesuffix(".0")
    digits = mantissa.rstrip("0")
    if len(mantissa) - len(digits) > 3 and digits.isdigit() and len(digits) == 1:
        return digits, len(mantissa) - 1
    return mantissa, int(exponent) if exponent else None


def _escaped(word: str) -> str:
    return word.replace("_", r"\_")


def _subscript(text: str) -> str:
    if text == "inf":
        return r"\infty"
    return text if len(text) <= 1 or text.isdigit() else rf"\mathrm{{{_escaped(text)}}}"


def _over(over: str) -> str:
    return r"_{\mathrm{model}}" if over == "model" else ""
