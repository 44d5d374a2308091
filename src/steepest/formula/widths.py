"""The width of a value's numbers: float64 where a float64 array takes part, else float32, as NumPy promotes."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, final

from steepest.formula.graph import BOOLEAN, Level, Node

Width = Literal["float32", "float64", "bool", "scalar"]


@final
class Widths:
    """The types of a graph's elementwise values, where arrays are float32 or float64.

    wide: names of the float64 arrays. What is below ELEMENT is "scalar": it takes the type of what it meets, and where
    only scalars meet under a condition, that of what was compared.
    """

    def __init__(self, wide: Collection[str]) -> None:
        self._wide = frozenset(wide)
        self._known: dict[Node, Width] = {}
        self._compared: dict[Node, bool] = {}

    def of(self, node: Node) -> Width:
        """The type of a value."""
        if node.level < Level.ELEMENT:
            return "scalar"
        if node not in self._known:
            self._known[node] = "bool" if node.op in BOOLEAN else "float64" if self._is_wide(node) else "float32"
        return self._known[node]

    def operands(self, node: Node) -> Literal["float32", "float64"]:
        """The type that scalars take among an operation's arguments."""
        found = [self.of(arg) for arg in node.args]
        if node.op == "where" and not {"float32", "float64"} & set(found[1:]):
            return "float64" if self._compares_wide(node.args[0]) else "float32"
        return "float64" if "float64" in found else "float32"

    def _is_wide(self, node: Node) -> bool:
        if node.op == "leaf":
            return dict(node.attributes)["name"] in self._wide
        if node.op == "random":
            (x,) = node.args
            return self.of(x) == "float64" if x.level is Level.ELEMENT else "p" in self._wide
        return self.operands(node) == "float64"

    def _compares_wide(self, condition: Node) -> bool:
        """Whether a condition compares float64 numbers; one that compares scalars alone is as wide as parameters."""
        if condition.level < Level.ELEMENT:
            return "p" in self._wide
        if condition not in self._compared:
            parts = [arg for arg in condition.args if arg.level is Level.ELEMENT]
            self._compared[condition] = any(
                self._compares_wide(arg) if self.of(arg) == "bool" else self.of(arg) == "float64" for arg in parts
            )
        return self._compared[condition]
