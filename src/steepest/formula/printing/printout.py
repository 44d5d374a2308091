"""A rule read for printing: its lines in order, and the symbol of each named value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, final

from steepest.core.schedule import Schedule
from steepest.formula.graph import Graph, LinkTrace, Node
from steepest.formula.printing.lines import Line, Printout, Start
from steepest.formula.printing.points import point_node
from steepest.formula.printing.readers import readers
from steepest.formula.printing.symbols import Symbol, SymbolBook, symbol_of
from steepest.formula.slots import Slot

if TYPE_CHECKING:
    from steepest.formula.rule import Rule

_LONG = 30
"""An update that leaves a formula, of more symbols than this, has a line of its own."""
_SHARED = 12
"""An unnamed value that is used more than once, of more symbols than this, gets a name."""


def printout(rule: Rule) -> Printout:
    """Read a rule's graph for printing."""
    return _Reader(rule).read()


@final
class _Reader:
    """Names the nodes step by step; what stays unnamed is written inside what reads it."""

    def __init__(self, rule: Rule) -> None:
        self.rule, self.graph = rule, rule.graph()
        self.after = self.graph.after
        self.query, self.answer = (point_node(rule, self.graph, kind) for kind in ("query", "answer"))
        self.links = dict(rule.links())
        self.symbols: dict[Node, Symbol] = {}
        self._changing: dict[Node, bool] = {}
        self._entering: set[Node] = set()
        self.slots = {path: slot for path, slot in rule.slots().items() if path in self.graph.slots}
        self.slot_symbols: dict[str, Symbol] = {}
        roots = [self.after, *self.graph.slots.values(), *(one for one in (self.query, self.answer) if one is not None)]
        self.read_by = readers(roots)
        self.used = {str(dict(node.attributes)["name"]) for node in self.read_by if node.op == "leaf"}
        self._index = {node: index for index, node in enumerate(self.after.tracer.nodes())}
        self.book = SymbolBook(*(Symbol(letter) for letter in "gptf"))
        if "t" in self.used:
            self.book.take(Symbol("k"))

    def read(self) -> Printout:
        settings = self._name_leaves()
        self._name_slots()
        self._name_locals()
        self._name_updates()
        self._name_shared()
        lines = self._lines()
        indexed = self._ambiguous(lines)
        self.symbols = {n: replace(s, indexed=s.stem in indexed) for n, s in self.symbols.items()}
        lines = [Line(tuple(replace(s, indexed=s.stem in indexed) for s in line.targets), line.node) for line in lines]
        inputs = [(name, self.symbols[leaf]) for name, leaf in self.graph.inputs.items() if name.startswith("input:")]
        return Printout(
            starts=tuple(self._starts()),
            lines=tuple(lines),
            symbols=self.symbols,
            settings=settings,
            query=self.query,
            answer=self.answer,
            age=self._age(lines),
            inputs=tuple((name, symbol) for name, symbol in inputs if name in self.used),
        )

    def _age(self, lines: list[Line]) -> Symbol | None:
        """The age's symbol, where some line writes it: not where it only tells a slot's first value."""
        points = [Line((), node) for node in (self.query, self.answer) if node is not None]
        leaf = self.graph.inputs["k"]
        return self.symbols[leaf] if any(leaf in self._read_symbols(line) for line in [*lines, *points]) else None

    def _name_leaves(self) -> tuple[tuple[Symbol, float | Schedule], ...]:
        leaves = self.graph.inputs
        self.symbols[leaves["u"]] = Symbol("g", when="t")
        self.symbols[leaves["p"]] = Symbol("p", when="t-1")
        self.symbols[leaves["k"]] = Symbol("k" if "t" in self.used else "t")
        self.symbols[leaves["t"]] = Symbol("t")
        for name, letter in (("input:value", "f"), ("input:hessian_diagonal", "h")):
            if name in leaves:
                symbol = Symbol("f") if letter == "f" else self.book.take(Symbol(letter))
                self.symbols[leaves[name]] = symbol.at("t")
        settings = []
        for path, setting in self.rule.hyperparameters().items():
            if f"value:{path}" in self.used:
                symbol = self.book.take(self._setting_symbol(path.rpartition(".")[2]))
                symbol = symbol.at("t") if isinstance(setting, Schedule) else symbol
                self.symbols[leaves[f"value:{path}"]] = symbol
                settings.append((symbol, setting))
        return tuple(settings)

    def _setting_symbol(self, name: str) -> Symbol:
        """A hyperparameter d0 beside a slot d is no d₀, which is what the slot starts at."""
        symbol = symbol_of(name)
        slots = {symbol_of(slot.name) for slot in self.slots.values()}
        meant = symbol.subscript == "0" and replace(symbol, subscript="") in slots
        return replace(symbol, subscript="init") if meant else symbol

    def _name_slots(self) -> None:
        self.symbols.setdefault(self.after, Symbol("p", when="t"))
        for path, slot in self.slots.items():
            averaged = slot.init == "p" and slot.name in {"mean", "average"}
            stem = self.book.take(Symbol("p", "bar") if averaged else symbol_of(slot.name))
            self.slot_symbols[path] = stem
            leaf = self.graph.inputs[f"slot:{path}"]
            self.symbols[leaf] = stem if self._stays(path) else stem.at("t-1")
            if slot.init == "first":
                incoming = self._link_of(path).incoming
                self.symbols[_first_or(self.graph, incoming, leaf)] = stem.at("t-1")
                self._entering.add(incoming)
        for path, node in self.graph.slots.items():
            if node is self._link_of(path).incoming:
                self._entering.add(node)
            if node not in self._entering:
                self.symbols.setdefault(node, self.slot_symbols[path].at("t"))

    def _name_locals(self) -> None:
        for trace in self.graph.links:
            formula = self.links[trace.path].formula
            taken = {*formula.arguments, *formula.hyperparameters}
            order = sorted(trace.names.items(), key=lambda item: self._index[item[1]])
            for name, node in order:
                if self._nameable(node) and name not in taken and not name.startswith("_"):
                    self.symbols[node] = self.book.take(symbol_of(name)).at("t" if self._changes(node) else "")

    def _name_updates(self) -> None:
        """What leaves a formula, unless it is short and read once; random numbers, and results that are not traced."""
        whole = {node for node in self.read_by if node.op == "item"} | self._entering
        for trace in self.graph.links:
            if trace.incoming in whole:
                self._name(trace.incoming, "u")
            mine = [trace.names["u"]] if "u" in trace.names else []
            for node in (*mine, trace.outgoing):
                if self._nameable(node) and (node in whole or self._stands_alone(node)):
                    self._name(node, "u")
        for node in self.read_by:
            if node in whole or node.op == "random":
                self._name(node, "xi" if node.op == "random" else "u")
            elif node.op == "opaque" and len(self.read_by[node]) > 1 and self._is_update(node):
                self.symbols[node] = self.book.take(Symbol("u")).at("t")

    def _is_update(self, node: Node) -> bool:
        """Whether what is not traced is one value: with slots, it is several, its items."""
        return all(reader.op != "item" for reader in self.read_by[node])

    def _name(self, node: Node, letter: str) -> None:
        if self._nameable(node):
            self.symbols[node] = self.book.take(Symbol(letter)).at("t")

    def _stands_alone(self, node: Node) -> bool:
        weight = self._weight(node, {})
        shared = len(self.read_by[node]) > 1 and weight > 3
        return node.op == "where" or shared or weight > _LONG or self._reads_old_slots(node)

    def _name_shared(self) -> None:
        heavy: list[Node] = []
        for node in sorted(self.read_by, key=self._index.__getitem__):
            if self._nameable(node) and len(self.read_by[node]) > 1 and self._weight(node, {}) > _SHARED:
                heavy.append(node)
                self.symbols[node] = Symbol("z")
        for number, node in enumerate(heavy, 1):
            symbol = Symbol("z", subscript=str(number) if len(heavy) > 1 else "")
            self.symbols[node] = self.book.take(symbol).at("t")

    def _lines(self) -> list[Line]:
        """In the order of the formula: a node is made after those that it reads."""
        own = {self.graph.inputs[f"slot:{path}"]: path for path in self.slots}
        placed: list[tuple[int, int, Line]] = []
        aliases: list[tuple[str, Node]] = []
        whole: dict[Node, dict[int, Symbol]] = {}
        for node in self.read_by:
            symbol = self.symbols.get(node)
            if node.op == "item" and symbol is not None:
                index = dict(node.attributes)["index"]
                whole.setdefault(node.args[0], {})[int(index)] = symbol
            elif symbol is not None and node.op != "leaf" and not self._is_old(node):
                placed.append((self._index[node], 0, Line((symbol,), node)))
        for node, results in whole.items():
            targets = tuple(results[index] for index in sorted(results))
            placed.append((self._index[node], 0, Line(targets, node)))
        for path, node in self.graph.slots.items():
            if self.symbols[node] != self.slot_symbols[path].at("t") and not self._stays(path):
                aliases.append((path, node))
        for path, node in aliases:
            olds = [leaf for leaf, owner in own.items() if owner == path]
            after = [index for index, _, line in placed if any(self._reads(line, old) for old in olds)]
            line = Line((self.slot_symbols[path].at("t"),), node)
            begin = self._index[self._link_of(path).incoming]
            placed.append((max([self._index[node], begin, *after]), 1, line))
        return [line for _, _, line in sorted(placed, key=lambda item: item[:2])]

    def _ambiguous(self, lines: list[Line]) -> set[Symbol]:
        """Quantities whose old value is read after the new one is there."""
        old = {symbol.stem: symbol for symbol in self.symbols.values() if symbol.when == "t-1"}
        there: set[Symbol] = set()
        found: set[Symbol] = set()
        for line in lines:
            read = {self.symbols[node] for node in self._read_symbols(line)}
            found |= {stem for stem in there if old.get(stem) in read}
            there |= {target.stem for target in line.targets if target.stem in old}
        return found

    def _starts(self) -> Iterator[Start]:
        groups: dict[tuple[str, float | Symbol | None], list[Symbol]] = {}
        for path, slot in self.slots.items():
            value = self._start(path, slot)
            symbol = self.slot_symbols[path] if self._stays(path) else self.slot_symbols[path].at("0")
            groups.setdefault((type(value).__name__, value), []).append(symbol)
        for (_, value), symbols in groups.items():
            yield Start(tuple(symbols), value)

    def _start(self, path: str, slot: Slot) -> float | Symbol | None:
        if slot.init == "p":
            return Symbol("p", when="0")
        if slot.init == "first":
            incoming = self.symbols.get(self._link_of(path).incoming)
            return 0.0 if incoming is None else incoming.at("1")
        return None if slot.init == "eye" else float(slot.init)

    def _stays(self, slot: str) -> bool:
        """Whether no update changes it, so that it needs no line and no index."""
        return self.graph.slots[slot] is self.graph.inputs[f"slot:{slot}"]

    def _link_of(self, slot: str) -> LinkTrace:
        owner = slot.rpartition(".")[0]
        return next(trace for trace in self.graph.links if trace.path == owner)

    def _nameable(self, node: Node) -> bool:
        return node in self.read_by and node not in self.symbols and node.op not in {"leaf", "constant", "opaque"}

    def _changes(self, node: Node) -> bool:
        """Whether a node's value is another at another update: not where it reads fixed hyperparameters only."""
        if node not in self._changing:
            if node.op == "leaf":
                ages = node is self.graph.inputs["k"] or node is self.graph.inputs["t"]
                self._changing[node] = ages or node not in self.symbols or self.symbols[node].when != ""
            else:
                self._changing[node] = any([self._changes(arg) for arg in node.args])
        return self._changing[node]

    def _is_old(self, node: Node) -> bool:
        return self.symbols[node].when == "t-1"

    def _weight(self, node: Node, known: dict[Node, int]) -> int:
        """How many symbols a node is when it is written out."""
        if node not in known:
            known[node] = 1 + sum(1 if arg in self.symbols else self._weight(arg, known) for arg in node.args)
        return known[node]

    def _reads_old_slots(self, node: Node) -> bool:
        return any(
            self.symbols[one].when == "t-1" and one is not self.graph.inputs["p"]
            for one in self._read_symbols(Line((), node))
        )

    def _reads(self, line: Line, node: Node) -> bool:
        symbol = self.symbols[node]
        return any(self.symbols[one] == symbol for one in self._read_symbols(line))

    def _read_symbols(self, line: Line) -> set[Node]:
        """The named nodes that a line's right side writes."""
        node = line.node
        named = node in self.symbols and self.symbols[node] not in line.targets
        found, seen, stack = set(), {node}, [node] if named else list(node.args)
        while stack:
            one = stack.pop()
            if one in self.symbols:
                found.add(one)
            elif one not in seen:
                seen.add(one)
                stack.extend(one.args)
        return found


def _first_or(graph: Graph, incoming: Node, old: Node) -> Node:
    """The node of a slot that starts at the first incoming update: that one at age 1, else the slot's."""
    tracer = old.tracer
    return tracer.apply("where", tracer.apply("less_equal", graph.inputs["k"], 1), incoming, old)
