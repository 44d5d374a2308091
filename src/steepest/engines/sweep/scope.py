"""Names and statements for the values of a graph, in one loop over the runs of a block."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import final

from steepest.engines.cpu.expressions import expression, is_boolean
from steepest.engines.sweep.kinds import BOTH, ELEMENT, REDUCTIONS, RUN, STEP, name_of
from steepest.engines.sweep.outline import Outline, Traced
from steepest.formula.graph import Node

Key = tuple[Node, int]
"""A value that the host gives: a node, and which word of its keys it is, for random numbers; else 0."""
WORDS = {"uniform": 2, "rademacher": 2, "normal": 4}


@final
class Tables:
    """Which values kernels read, in the order in which the host must give them.

    columns: one number a step, the same for all runs. rows: one number a run. scheduled: one number a run and step.
    products: powers baseᵏ whose base is a run's own, multiplied up step by step.
    """

    def __init__(self) -> None:
        self.columns: dict[Key, int] = {}
        self.rows: dict[Key, int] = {}
        self.scheduled: dict[Key, int] = {}
        self.products: dict[Node, int] = {}


@final
class Memory:
    """Rows of one number a run, given out one after another."""

    def __init__(self) -> None:
        self.rows: dict[str, int] = {}
        self.count = 0

    def row(self, name: str, count: int = 1) -> int:
        """The first of `count` rows under this name."""
        if name not in self.rows:
            self.rows[name] = self.count
            self.count += count
        return self.rows[name]


@final
class Scope:
    """The numbers that one loop over a block's runs uses, and statements that compute more of them.

    before: lines above the loop. inside: lines at its top. names: variables of values, float64 where they are one
    number a run.
    """

    def __init__(self, outline: Outline, traced: Traced, tables: Tables, lanes: Memory, width: int) -> None:
        self.outline, self.traced, self.tables, self.lanes, self.width = outline, traced, tables, lanes, width
        self.before: dict[str, str] = {}
        self.inside: dict[str, str] = {}
        self.names: dict[Node, str] = {}

    def element(self, node: Node, at: Callable[[Node], str], index: str) -> str:
        """The source of an elementwise value; `at` names elementwise arguments, `index` is the coordinate's."""
        dtype = self.outline.dtype
        if node.op == "random":
            kind = str(dict(node.attributes)["kind"])
            keys = ", ".join(f"uint32({self._key(node, word)})" for word in range(WORDS[kind]))
            drawn = f"{kind}(uint32({index}), {keys})"
            return f"float32({drawn})" if dtype == "float32" else drawn
        return expression(node, [self._argument(node, arg, at) for arg in node.args])

    def number(self, node: Node) -> str:
        """The source of a value that is one number a run, in float64, of the names of its arguments."""
        if node.op in REDUCTIONS:  # of one number: its own sum
            x, *_ = names = [self.scalar(arg) for arg in node.args]
            return {"norm": f"sqrt({x} * {x})", "dot": " * ".join(names)}.get(node.op, x)
        return expression(node, [self._number_argument(node, arg) for arg in node.args])

    def scalar(self, node: Node) -> str:
        """The variable of a value below ELEMENT, float64 or bool; what the host computes is loaded."""
        if node in self.names:
            return self.names[node]
        kind = self.traced.kinds[node]
        if node.op == "constant":
            value = dict(node.attributes)["value"]
            return repr(bool(value)) if is_boolean(node) else literal(float(value))
        if kind == BOTH and not self.given(node):
            raise AssertionError(f"{node} is computed before it is used")
        return self._loaded(node, 0)

    def given(self, node: Node) -> bool:
        """Whether the value is loaded, not computed: from the host, or a power that is multiplied up."""
        if self.traced.kinds[node] in {STEP, RUN}:
            return True
        return (node.op == "leaf" and name_of(node).startswith("value:")) or self.is_product(node)

    def is_product(self, node: Node) -> bool:
        """Whether it is baseᵏ with a base of the run's own."""
        kinds = self.traced.kinds
        if node.op != "power" or kinds[node] != BOTH or kinds[node.args[0]] != RUN:
            return False
        exponent = node.args[1]
        return exponent.op == "leaf" and name_of(exponent) in {"k", "t"} and kinds[exponent] == STEP

    def next_products(self) -> list[str]:
        """Statements that multiply up every power once more, to be used at the end of an update.

        A power is the sum of two numbers, so that it stays as exact as Python's after any number of steps: the
        product's own rounding error is computed exactly (Dekker 1971) and kept in the second.
        """
        lines = []
        for node, place in self.tables.products.items():
            high, low = (
                f"lanes[{(self.lanes.row(f'product {place}', 2) + part) * self.width} + lane]" for part in (0, 1)
            )
            q = f"q{place}"
            lines += [
                f"{q}_base = {self._loaded(node.args[0], 0)}",
                f"{q}_high = {high}",
                f"{q}_next = {q}_high * {q}_base",
                f"{q}_split = 134217729.0 * {q}_high",
                f"{q}_a = {q}_split - ({q}_split - {q}_high)",
                f"{q}_b = {q}_high - {q}_a",
                f"{q}_split = 134217729.0 * {q}_base",
                f"{q}_c = {q}_split - ({q}_split - {q}_base)",
                f"{q}_d = {q}_base - {q}_c",
                f"{q}_error = (({q}_a * {q}_c - {q}_next) + {q}_a * {q}_d + {q}_b * {q}_c) + {q}_b * {q}_d",
                f"{q}_error = {q}_error + {low} * {q}_base if {q}_next - {q}_next == 0.0 else 0.0",
                f"{high} = {q}_next + {q}_error",
                f"{low} = {q}_error - (({q}_next + {q}_error) - {q}_next)",
            ]
        return lines

    def _key(self, node: Node, word: int) -> str:
        return self._loaded(node, word)

    def _loaded(self, node: Node, word: int) -> str:
        tables, width = self.tables, self.width
        kind = self.outline.seeds if node.op == "random" else self.traced.kinds[node]
        if kind == STEP:
            place = tables.columns.setdefault((node, word), len(tables.columns))
            name, text, where = f"c{place}", f"host[at + {place}]", self.before
        elif kind == RUN:
            place = tables.rows.setdefault((node, word), len(tables.rows))
            row = self.lanes.row(f"run {place}")
            name, text, where = f"r{place}", f"lanes[{row * width} + lane]", self.inside
        elif self.is_product(node):
            base = self.tables.rows.setdefault((node.args[0], 0), len(tables.rows))
            self.lanes.row(f"run {base}")
            place = tables.products.setdefault(node, len(tables.products))
            row = self.lanes.row(f"product {place}", 2)
            name, text, where = f"q{place}", f"lanes[{row * width} + lane]", self.inside
        else:
            place = tables.scheduled.setdefault((node, word), len(tables.scheduled))
            name, text, where = f"w{place}", f"schedule[{place * width} + lane]", self.inside
        where[name] = f"{name} = {text}{' != 0.0' if is_boolean(node) else ''}"
        return name

    def _argument(self, node: Node, arg: Node, at: Callable[[Node], str]) -> str:
        dtype = self.outline.dtype
        elementwise = self.traced.kinds[arg] == ELEMENT
        name = at(arg) if elementwise else self.scalar(arg)
        if is_boolean(arg):
            logical = node.op in {"where", "and", "or"}
            return name if logical else f"{dtype}({name})"
        return name if elementwise or dtype == "float64" else f"float32({name})"

    def _number_argument(self, node: Node, arg: Node) -> str:
        name = self.scalar(arg)
        return name if node.op in {"where", "and", "or"} or not is_boolean(arg) else f"float64({name})"


def literal(value: float) -> str:
    """A float64 in Python source."""
    return repr(value) if math.isfinite(value) else f'float("{value}")'
