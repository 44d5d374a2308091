"""A reader of printed formulas that knows nothing of the printer: the usual precedence, over a finite field.

Arithmetic is exact there, so a printed formula and the graph that it was printed from have the same value or are
different functions. Roots, signs, norms and the like are arbitrary functions of residues: only which arguments they
get is looked at.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from fractions import Fraction

from steepest.formula import Node

PRIME = 2**61 - 1
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ᵏᵗⁿⁱ", "0123456789+−ktni")
_COMPARISONS = {"<": "less", "≤": "less_equal", ">": "greater", "≥": "greater_equal", "=": "equal", "≠": "not_equal"}
_LATEX = {
    r"\left": "",
    r"\right": "",
    r"\cdot": "·",
    r"\,": " ",
    r"\le ": "≤ ",
    r"\ge ": "≥ ",
    r"\ne ": "≠ ",
    r"\land": "and",
    r"\lor": "or",
    r"\bmod": "mod",
    r"\lvert": "⦗",
    r"\rvert": "⦘",
    r"\lVert": "⦇",
    r"\rVert": "⦈",
    r"\lfloor": "⌊",
    r"\rfloor": "⌋",
    r"\langle": "⟨",
    r"\rangle": "⟩",
    r"_{\mathrm{model}}": "_model",
    r"\sqrt": "√",
    r"\text{if }": "if",
    r"\text{otherwise}": "otherwise",
}


def some_function(name: str, *args: int) -> int:
    """An arbitrary function of residues."""
    digest = hashlib.blake2b(f"{name} {args}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % PRIME


def residue(value: float | str) -> int:
    exact = Fraction(value if isinstance(value, str) else repr(value))
    return exact.numerator * inverse(exact.denominator) % PRIME


def inverse(x: int) -> int:
    return pow(x, PRIME - 2, PRIME)


def raised(base: int, exponent: int, whole: int | None) -> int:
    if whole is None:
        return some_function("power", base, exponent)
    return pow(base, whole, PRIME) if whole >= 0 else pow(inverse(base), -whole, PRIME)


def elementary(op: str, args: list[int]) -> int:
    """The operations that both sides compute alike."""
    x, y = args[0], args[-1]
    exact = {"add": x + y, "subtract": x - y, "multiply": x * y, "negative": -x}
    if op in exact:
        return exact[op] % PRIME
    if op == "divide":
        return x * inverse(y) % PRIME
    if op in {"minimum", "maximum"}:
        return (min if op == "minimum" else max)(args)
    truths = {"less": x < y, "less_equal": x <= y, "greater": x > y, "greater_equal": x >= y, "equal": x == y}
    truths |= {"not_equal": x != y, "and": x != 0 and y != 0, "or": x != 0 or y != 0}
    return int(truths[op]) if op in truths else some_function(op, *args)


def value_of(node: Node, leaves: Mapping[str, int]) -> int:
    """A graph's node in the field."""
    attributes = dict(node.attributes)
    if node.op == "leaf":
        return leaves[str(attributes["name"])]
    if node.op == "constant":
        return residue(attributes["value"])
    args = [value_of(arg, leaves) for arg in node.args]
    over = "_model" if attributes.get("over") == "model" else ""
    if node.op == "power":
        exponent = dict(node.args[1].attributes).get("value")
        whole = int(exponent) if exponent is not None and float(exponent).is_integer() else None
        return raised(*args, whole)
    if node.op == "where":
        return args[1] if args[0] else args[2]
    if node.op == "dot" and node.args[0] is node.args[1]:
        return pow(some_function(f"norm{over}", args[0]), 2, PRIME)
    return elementary(f"{node.op}{over}", args)


def _whole(exponent: str) -> int | None:
    plain = exponent.replace("−", "-")
    return int(plain) if re.fullmatch(r"-?\d+", plain) else None


class Reader:
    """A recursive-descent reader; `symbols` are the values of written symbols."""

    def __init__(self, text: str, symbols: Mapping[str, int], *, latex: bool = False) -> None:
        self.symbols, self.latex = symbols, latex
        for command, plain in _LATEX.items() if latex else ():
            text = text.replace(command, plain)
        names = "|".join(re.escape(name) for name in sorted(symbols, key=len, reverse=True))
        self.tokens = re.findall(
            rf"\\frac|\\begin{{cases}}|\\end{{cases}}|\\\\|&|otherwise|\b(?:if|else|and|or|mod)\b"
            rf"|(?:\\operatorname{{\w+}}|\\?[a-z]+)(?:_model)?\(|{names}|\d+(?:\.\d+)?|_model"
            rf"|[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ᵏᵗⁿⁱ]+|[^\s]",
            text,
        )
        self.place, self.bars = 0, 0

    def read(self) -> int:
        value = self._choice()
        assert self.place == len(self.tokens), f"left over: {self.tokens[self.place :]}"
        return value

    def _next(self) -> str:
        return self.tokens[self.place] if self.place < len(self.tokens) else ""

    def _take(self, token: str | None = None) -> str:
        found = self._next()
        assert token is None or found == token, f"wanted {token}, found {found} at {self.tokens[self.place :]}"
        self.place += 1
        return found

    def _choice(self) -> int:
        chosen = self._or()
        if self._next() != "if":
            return chosen
        self._take("if")
        condition = self._or()
        self._take("else")
        other = self._choice()
        return chosen if condition else other

    def _or(self) -> int:
        value = self._and()
        while self._next() == "or":
            self._take()
            value = elementary("or", [value, self._and()])
        return value

    def _and(self) -> int:
        value = self._comparison()
        while self._next() == "and":
            self._take()
            value = elementary("and", [value, self._comparison()])
        return value

    def _comparison(self) -> int:
        value = self._remainder()
        if self._next() in _COMPARISONS:
            return elementary(_COMPARISONS[self._take()], [value, self._remainder()])
        return value

    def _remainder(self) -> int:
        value = self._sum()
        if self._next() == "mod":
            self._take()
            return elementary("remainder", [value, self._sum()])
        return value

    def _sum(self) -> int:
        minus = self._next() in {"−", "-"}
        if minus:
            self._take()
        value = -self._quotient() if minus else self._quotient()
        while self._next() in {"+", "−", "-"}:
            plus = self._take() == "+"
            value += self._quotient() if plus else -self._quotient()
        return value % PRIME

    def _quotient(self) -> int:
        value = self._product()
        if self._next() == "/":
            self._take()
            return value * inverse(self._factor()) % PRIME
        return value

    def _product(self) -> int:
        value = self._factor()
        while self._next() == "·" or self._starts_factor():
            if self._next() == "·":
                self._take()
            value = value * self._factor() % PRIME
        return value

    def _starts_factor(self) -> bool:
        token = self._next()
        if token in {"|", "‖"}:
            return not self.bars
        return bool(token) and (
            token in self.symbols
            or token[0].isdigit()
            or token.endswith("(")
            or token in {"√", "⌊", "⟨", "⦗", "⦇", "{", r"\frac", r"\begin{cases}"}
        )

    def _factor(self) -> int:
        if self._next() == "√" and not self.latex:
            self._take()
            return some_function("sqrt", self._atom())
        base = self._atom()
        token = self._next()
        if token == "^":
            self._take()
            begin = self.place
            exponent = self._atom()
            return raised(base, exponent, _whole("".join(self.tokens[begin : self.place]).strip("{}()")))
        if token and token[0] in "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ᵏᵗⁿⁱ":
            text = self._take().translate(_RAISED)
            return raised(base, Reader(text, self.symbols).read(), _whole(text))
        return base

    def _atom(self) -> int:
        token = self._take()
        if token in self.symbols:
            return self.symbols[token]
        if token[0].isdigit():
            return residue(token)
        if token.endswith("(") and len(token) > 1:
            return self._call(token[:-1])
        if token in {"(", "{"}:
            bars, self.bars = self.bars, 0
            value = self._choice()
            self._take({"(": ")", "{": "}"}[token])
            self.bars = bars
            return value
        if token == "√":
            return some_function("sqrt", self._braced())
        if token == r"\frac":
            numerator = self._braced()
            return numerator * inverse(self._braced()) % PRIME
        if token == r"\begin{cases}":
            return self._cases()
        if token == "⌊":
            return self._closed("⌋", "floor")
        if token in {"|", "⦗"}:
            return self._closed({"|": "|", "⦗": "⦘"}[token], "abs")
        if token in {"‖", "⦇"}:
            return self._closed({"‖": "‖", "⦇": "⦈"}[token], "norm")
        assert token == "⟨", f"no atom: {token} before {self.tokens[self.place :]}"
        first = self._choice()
        self._take(",")
        second = self._choice()
        self._take("⟩")
        return some_function(f"dot{self._over()}", first, second)

    def _closed(self, close: str, op: str) -> int:
        bars, self.bars = self.bars, 1 if len(close) == 1 else 0
        value = self._choice()
        self._take(close)
        self.bars = bars
        return some_function(f"{op}{self._over() if op == 'norm' else ''}", value)

    def _over(self) -> str:
        return self._take() if self._next() == "_model" else ""

    def _braced(self) -> int:
        self._take("{")
        value = self._choice()
        self._take("}")
        return value

    def _call(self, name: str) -> int:
        name = re.sub(r"\\operatorname{(\w+)}|\\(\w+)", r"\1\2", name)
        bars, self.bars = self.bars, 0
        args = [self._choice()]
        while self._next() == ",":
            self._take()
            args.append(self._choice())
        self._take(")")
        self.bars = bars
        name = re.sub(r"^sum", "total", {"min": "minimum", "max": "maximum"}.get(name, name))
        return elementary(name, args)

    def _cases(self) -> int:
        result = None
        while True:
            value = self._choice_free()
            self._take("&")
            otherwise = self._next() == "otherwise"
            self._take("otherwise" if otherwise else "if")
            if otherwise:
                self._take(r"\end{cases}")
                return value if result is None else result
            holds = self._or()
            if holds and result is None:
                result = value
            self._take(r"\\")

    def _choice_free(self) -> int:
        return self._or()
