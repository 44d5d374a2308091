"""The one traversal of a traced expression: operators, parentheses, powers and cases, in any notation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

from steepest.formula.graph import Node
from steepest.formula.printing.notation import Binding, Notation, Written
from steepest.formula.printing.symbols import Symbol

COMPARISONS = frozenset({"less", "less_equal", "greater", "greater_equal", "equal", "not_equal"})


@final
class Expressions:
    """Writes nodes; a node with a symbol is written as that.

    Parentheses stand where the reading without them is another function or could be taken for one. Sums and products
    are associative to a reader: a + (b + c) is written a + b + c, and (a u) u is written a u².
    """

    def __init__(self, notation: Notation, symbols: Mapping[Node, Symbol]) -> None:
        self.notation, self.symbols = notation, symbols

    def definition(self, node: Node) -> str:
        """What a node is, though it has a symbol itself."""
        return self._expand(node).text

    def text(self, node: Node) -> str:
        """A node as it stands alone."""
        return self._write(node).text

    def _write(self, node: Node) -> Written:
        symbol = self.symbols.get(node)
        return self._expand(node) if symbol is None else Written(self.notation.symbol(symbol))

    def _at(self, node: Node, binding: Binding) -> str:
        return self._grouped(self._write(node), binding)

    def _grouped(self, written: Written, binding: Binding) -> str:
        loose = written.binding < binding
        return self.notation.group(written.text) if loose else written.text

    def _expand(self, node: Node) -> Written:
        op, args, attributes = node.op, node.args, dict(node.attributes)
        if op == "constant":
            return self._constant(attributes["value"])
        if op == "leaf":
            return self._leaf(str(attributes["name"]))
        if op in {"add", "subtract"}:
            return self._sum(op, *args)
        if op in {"multiply", "negative"}:
            return self._product(node)
        if op == "divide":
            notation = self.notation
            numerator, denominator = self._at(args[0], notation.numerator), self._at(args[1], notation.denominator)
            return Written(notation.fraction(numerator, denominator), notation.fraction_binding)
        if op == "power":
            return self._power(self._write(args[0]), self._write(args[1]))
        if op == "where":
            rows = self._rows(node, ())
            return Written(self.notation.cases(rows), Binding.CASES)
        if op in COMPARISONS:
            left, right = (self._at(arg, Binding.REMAINDER) for arg in args)
            return Written(f"{left} {self.notation.signs[op]} {right}", Binding.COMPARISON)
        if op in {"and", "or"}:
            binding = Binding.AND if op == "and" else Binding.OR
            left, right = (self._at(arg, binding) for arg in args)
            return Written(f"{left} {self.notation.signs[op]} {right}", binding)
        if op == "remainder":
            left, right = (self._at(arg, Binding.POWER) for arg in args)
            return Written(f"{left} {self.notation.signs[op]} {right}", Binding.REMAINDER)
        return self._function(op, node, str(attributes.get("over", "tensor")))

    def _leaf(self, name: str) -> Written:
        """An unnamed leaf: only "g" is one, the gradient at p in a query point."""
        p = next(s for node, s in self.symbols.items() if node.op == "leaf" and node.attributes == (("name", "p"),))
        return Written(self.notation.gradient(self.notation.symbol(p)) if name == "g" else name)

    def _function(self, op: str, node: Node, over: str) -> Written:
        notation, texts = self.notation, [self.text(arg) for arg in node.args]
        if op == "sqrt":
            return Written(notation.root(self._at(node.args[0], notation.radicand)), notation.root_binding)
        if op == "abs":
            return Written(notation.bars(texts[0]))
        if op == "floor":
            return Written(notation.floor(texts[0]))
        if op == "norm":
            return Written(notation.norm(texts[0], over))
        if op == "dot":
            if node.args[0] is node.args[1]:
                return self._power(Written(notation.norm(texts[0], over)), notation.number(2))
            return Written(notation.inner(texts[0], texts[1], over))
        if op == "random":
            return Written(notation.distribution(str(dict(node.attributes)["kind"])))
        if op in {"minimum", "maximum"}:
            return Written(notation.call(op[:3], over, [self.text(arg) for arg in _flat(op, node, self.symbols)]))
        if op == "opaque":
            return Written(notation.call(str(dict(node.attributes)["formula"]), over, texts))
        if op == "item":
            return Written(notation.call(f"item {dict(node.attributes)['index']} of", over, texts))
        return Written(notation.call("sum" if op == "total" else op, over, texts))

    def _constant(self, value: object) -> Written:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return Written(self.notation.word(str(value)))
        if value < 0:
            return Written(f"{self.notation.signs['negative']}{self.notation.number(-value).text}", Binding.SUM, True)
        return self.notation.number(value)

    def _sum(self, op: str, left: Node, right: Node) -> Written:
        first, second = self._write(left), self._write(right)
        tight = Binding.SUM if op == "add" and not second.minus else Binding.QUOTIENT
        text = f"{self._grouped(first, Binding.SUM)} {self.notation.signs[op]} {self._grouped(second, tight)}"
        return Written(text, Binding.SUM, first.minus and first.binding >= Binding.SUM)

    def _product(self, node: Node) -> Written:
        """Factors in their order, equal ones as a power, all signs in front."""
        factors, negative = self._factors(node)
        written = []
        for factor, count in factors.items():
            one = self._positive(factor)
            written.append(self._power(one, self.notation.number(count)) if count > 1 else one)
        *some, last = written
        open_end = self.notation.open_end and last.binding is Binding.QUOTIENT
        if not some:
            text, binding = self._grouped(last, Binding.QUOTIENT), max(last.binding, Binding.QUOTIENT)
        else:
            end = last.text if open_end else self._grouped(last, Binding.ROOT)
            text = self.notation.product([*(self._grouped(factor, Binding.POWER) for factor in some), end])
            binding = Binding.QUOTIENT if open_end else Binding.PRODUCT
        if negative:
            return Written(f"{self.notation.signs['negative']}{text}", Binding.SUM, True)
        return Written(text, binding)

    def _positive(self, factor: Node) -> Written:
        value = dict(factor.attributes).get("value")
        if factor.op == "constant" and isinstance(value, int | float) and value < 0:
            return self.notation.number(-value)
        return self._write(factor)

    def _factors(self, node: Node) -> tuple[dict[Node, int], bool]:
        factors: dict[Node, int] = {}
        negative, stack = False, [node]
        while stack:
            one = stack.pop()
            whole = one is not node and one in self.symbols
            if one.op == "multiply" and not whole:
                stack.extend(reversed(one.args))
            elif one.op == "negative" and not whole:
                negative = not negative
                stack.append(one.args[0])
            else:
                value = dict(one.attributes).get("value")
                if one.op == "constant" and isinstance(value, int | float) and value < 0:
                    negative = not negative
                factors[one] = factors.get(one, 0) + 1
        return factors, negative

    def _power(self, base: Written, exponent: Written) -> Written:
        return Written(self.notation.power(self._grouped(base, Binding.ATOM), exponent), Binding.POWER)

    def _rows(self, node: Node, conditions: tuple[Node, ...]) -> list[tuple[str, str | None]]:
        """Nested choices as one list, of which the first row that holds is taken."""
        if node.op != "where" or (conditions and node in self.symbols):
            return [(self._at(node, Binding.OR), self._all(conditions))]
        condition, chosen, other = node.args
        rows = self._rows(chosen, (*conditions, condition))
        return [*rows, *self._otherwise(other, conditions)]

    def _otherwise(self, node: Node, conditions: tuple[Node, ...]) -> list[tuple[str, str | None]]:
        if node.op == "where" and node not in self.symbols:
            return self._rows(node, conditions)
        return [(self._at(node, Binding.OR), self._all(conditions))]

    def _all(self, conditions: tuple[Node, ...]) -> str | None:
        if not conditions:
            return None
        if len(conditions) == 1:
            return self._at(conditions[0], Binding.OR)
        return f" {self.notation.signs['and']} ".join(self._at(one, Binding.AND) for one in conditions)


def _flat(op: str, node: Node, symbols: Mapping[Node, Symbol]) -> list[Node]:
    """The arguments of nested minima, or maxima, as of one."""
    return [
        inner
        for arg in node.args
        for inner in (_flat(op, arg, symbols) if arg.op == op and arg not in symbols else [arg])
    ]
