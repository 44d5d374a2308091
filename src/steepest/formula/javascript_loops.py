"""The loops of one JavaScript function: rounds of sums, then one walk that writes."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import final

from steepest.formula.graph import Graph, Level, Node
from steepest.formula.slots import Slot


@final
class Loops:
    """The loops of one function.

    Reductions are computed in as many rounds as they depend on one another: a round walks all elements, adds up, and
    then computes what is one number for the model (n5) or a tensor (n5[i]). The last walk computes what is left for
    each element and writes.
    """

    def __init__(
        self, graph: Graph, outputs: Mapping[str, Node], slots: Mapping[str, Slot], names: Mapping[Node, str]
    ) -> None:
        self.outputs, self.slots, self.names = outputs, slots, names
        self.slot_index = {path: index for index, path in enumerate(slots)}
        self.order = _needed(outputs.values(), graph.update.tracer.nodes())
        self.label = {node: f"n{index}" for index, node in enumerate(self.order)}
        self.round: dict[Node, int] = {}
        for node in self.order:
            before = max((self.round[arg] for arg in node.args), default=0)
            self.round[node] = before + (node.op in _SUMS)

    def slot_name(self, path: str) -> str:
        """The variable that holds a slot."""
        return f"slot{self.slot_index[path]}"

    def lines(self) -> list[str]:
        """The statements, in order."""
        lines = [
            f"const {self.label[node]} = [];"
            for node in self.order
            if node.level is Level.TENSOR and node.op != "constant"
        ]
        for number in range(max(self.round.values()) + 1):
            here = [node for node in self.order if self.round[node] == number and node.op != "constant"]
            lines += self._sums([node for node in here if node.op in _SUMS])
            plain = [node for node in here if node.op not in _SUMS]
            lines += [f"const {self._assign(node)}" for node in plain if node.level < Level.TENSOR]
            tensor = [f"  {self._assign(node)}" for node in plain if node.level is Level.TENSOR]
            if tensor:
                lines += ["for (const i of on) {", *tensor, "}"]
        return lines + self._writes()

    def _sums(self, sums: list[Node]) -> list[str]:
        if not sums:
            return []
        lines = [self._zero(node) for node in sums if _model(node)]
        inside = [self._zero(node) for node in sums if not _model(node)]
        walked = {node: None for node in sums if any(arg.level is Level.ELEMENT for arg in node.args)}
        adds = {node: f"{self.label[node]}_sum += {self._term(node)};" for node in sums}
        inside += [adds[node] for node in sums if node not in walked]
        if walked:
            inside += self._walk([arg for node in walked for arg in node.args], [adds[node] for node in walked])
        for node in sums:
            if node.op == "mean":
                inside.append(f"{self.label[node]}_size += {'p[i].length' if node in walked else '1'};")
        inside += [f"{self.label[node]}[i] = {self._finished(node)};" for node in sums if not _model(node)]
        lines += ["for (const i of on) {", *(f"  {line}" for line in inside), "}"]
        return lines + [f"const {self.label[node]} = {self._finished(node)};" for node in sums if _model(node)]

    def _zero(self, node: Node) -> str:
        size = f", {self.label[node]}_size = 0" if node.op == "mean" else ""
        return f"let {self.label[node]}_sum = 0{size};"

    def _term(self, node: Node) -> str:
        x, *rest = (self._read(arg) for arg in node.args)
        return f"{x} * {x}" if node.op == "norm" else f"{x} * {rest[0]}" if rest else x

    def _finished(self, node: Node) -> str:
        label = self.label[node]
        return {"norm": f"Math.sqrt({label}_sum)", "mean": f"{label}_sum / {label}_size"}.get(node.op, f"{label}_sum")

    def _walk(self, roots: list[Node], ends: list[str]) -> list[str]:
        needed = [node for node in _needed(roots, self.order, Level.ELEMENT) if node.op != "constant"]
        inside = [f"const {self._assign(node)}" for node in needed]
        return ["for (let j = 0; j < p[i].length; j += 1) {", *(f"  {line}" for line in (*inside, *ends)), "}"]

    def _writes(self) -> list[str]:
        ends, roots, scalars, models = [], [], [], []
        for name, node in self.outputs.items():
            path = name.removeprefix("slot:")
            if path == name:
                ends.append(f"{name}[i][j] = {self._read(node)};")
            elif self.slots[path].like == "param":
                ends.append(f"{self.slot_name(path)}[i][j] = {self._read(node)};")
            elif self.slots[path].like == "tensor":
                scalars.append(f"{self.slot_name(path)}[i] = {self._read(node)};")
                continue
            else:
                models.append(f"{self.slot_name(path)}[0] = {self._read(node)};")
                continue
            roots.append(node)
        lines = [*self._walk(roots, ends), *scalars]
        return ["for (const i of on) {", *(f"  {line}" for line in lines), "}", *models]

    def _read(self, node: Node) -> str:
        if node.op == "constant":
            return number(dict(node.attributes)["value"])
        return f"{self.label[node]}[i]" if node.level is Level.TENSOR else self.label[node]

    def _assign(self, node: Node) -> str:
        note = f" // {self.names[node]}" if node in self.names else ""
        return f"{self._read(node)} = {self._value(node)};{note}"

    def _value(self, node: Node) -> str:
        args = [self._read(arg) for arg in node.args]
        if node.op == "leaf":
            return self._leaf(str(dict(node.attributes)["name"]))
        if node.op in {"size", "ndim"}:
            whole = node.args[0].level is Level.ELEMENT
            return {"size": "p[i].length" if whole else "1", "ndim": "state.ndims[i]" if whole else "0"}[node.op]
        if node.op in _INFIX:
            return f" {_INFIX[node.op]} ".join(args)
        return _FORMS[node.op].format(*args)

    def _leaf(self, name: str) -> str:
        group, _, path = name.partition(":")
        if group == "value":
            return f"h[{json.dumps(path)}]"
        if group == "slot":
            index = {"param": "[i][j]", "tensor": "[i]", "model": "[0]"}[str(self.slots[path].like)]
            return f"{self.slot_name(path)}{index}"
        return {
            "u": "g[i][j]",
            "g": "g[i][j]",
            "p": "p[i][j]",
            "k": "k[i]",
            "t": "t",
            "input:value": "inputs.value",
            "input:hessian_diagonal": "listed(inputs.hessian_diagonal)[i][j]",
        }[name]


def _needed(roots: Iterable[Node], order: Iterable[Node], lowest: Level = Level.CONSTANT) -> list[Node]:
    """What the roots need at this level or above, in the order given."""
    found: set[Node] = set()
    stack = list(roots)
    while stack:
        node = stack.pop()
        if node.level >= lowest and node not in found:
            found.add(node)
            stack.extend(node.args)
    return [node for node in order if node in found]


def _model(node: Node) -> bool:
    return dict(node.attributes)["over"] == "model"


def number(value: object) -> str:
    """A number as a JavaScript literal."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return json.dumps(value)
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "(-Infinity)"
    return repr(value) if math.copysign(1.0, value) > 0 else f"({value!r})"


_SUMS = frozenset({"norm", "mean", "total", "dot"})
_INFIX = {
    "add": "+",
    "subtract": "-",
    "multiply": "*",
    "divide": "/",
    "less": "<",
    "less_equal": "<=",
    "greater": ">",
    "greater_equal": ">=",
    "equal": "==",
    "not_equal": "!=",
    "and": "&&",
    "or": "||",
}
_FORMS = {
    "negative": "-{0}",
    "power": "power({0}, {1})",
    "remainder": "remainder({0}, {1})",
    "sign": "sign({0})",
    "where": "{0} ? {1} : {2}",
    "minimum": "Math.min({0}, {1})",
    "maximum": "Math.max({0}, {1})",
    **{op: f"Math.{op}({{0}})" for op in ("abs", "sqrt", "exp", "log", "tanh", "floor")},
}
