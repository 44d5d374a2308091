"""What kernels read besides the tensors: numbers that the host knows, sums, and slots that are one number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, final

from steepest.engines.cpu.host import UNUSUAL, Host
from steepest.formula.graph import Graph, Level, Node
from steepest.formula.plan import GRADIENT, Sum, sums_of


@final
class Places:
    """The places of sums in the rows of their table, one row a tensor; the parts of a rule share them."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}

    def of(self, name: str) -> int:
        """The place of a sum, by a name that stands for the same in all parts."""
        return self._places.setdefault(name, len(self._places))

    def __len__(self) -> int:
        return len(self._places)


@final
class Layout:
    """The places of a graph's values below ELEMENT in device memory; one for all kinds of tensors.

    early: what depends on hyperparameters, the clock, ages and dimensions only: the host computes it once a step and
    row, in float64. The rest waits for sums or slots, and is computed in the kernels, in float64 too, so that no step
    waits for the device.

    reduced: each reduction's place in a row of sums; stored: the places where a sum belongs. paths: reductions over
    the model by their first path; seen: every path in the report. counts: the places in a row of numbers of how many
    elements a mean over the model is of, by its path. models, tensors: slots that are one number of the model, or one
    a tensor, by leaf name, with their place. check: the sum of squared gradients, where it is asked for.
    """

    def __init__(self, graph: Graph, places: Places, *, check: bool) -> None:
        self.graph, self.host, self._places = graph, Host(graph), places
        sums: Mapping[Node, Sum] = sums_of(graph)
        self.seen = {path: node for path, node in graph.seen.items() if node in sums}
        self.paths = {node: path for path, node in reversed(self.seen.items())}
        own = {total: f"tensor {number}" for number, total in enumerate(dict.fromkeys(sums.values()))}
        names = {node: self.paths.get(node, own[total]) for node, total in sums.items()}
        self.reduced = {node: places.of(name) for node, name in names.items()}
        self.stored: dict[Sum, tuple[int, ...]] = {
            total: tuple(dict.fromkeys(self.reduced[node] for node in sums if sums[node] == total)) for total in own
        }
        self.taken = {self.paths[node]: total for node, total in sums.items() if node in self.paths}
        if check:
            squares = Sum((graph.inputs[GRADIENT],) * 2)
            self.check = places.of("check")
            self.stored[squares] = (*self.stored.get(squares, ()), self.check)
        leaves = [name for name in graph.inputs if name.startswith("slot:")]
        self.models = _numbered(name for name in leaves if graph.inputs[name].level is Level.MODEL)
        self.tensors = _numbered(name for name in leaves if graph.inputs[name].level is Level.TENSOR)
        self._early: dict[Node, bool] = {}
        self.early = _numbered(self._borders())
        means = [path for node, path in self.paths.items() if node.op == "mean"]
        self.counts = {path: len(self.early) + number for number, path in enumerate(means)}
        self._quick, self._careful = self.host.rows(tuple(self.early))
        self._unknown = [0.0] * len(self.host.model)

    @property
    def sums(self) -> int:
        """How many places a row of sums has, once all parts are laid out."""
        return len(self._places)

    @property
    def width(self) -> int:
        """How many numbers the host sends for a row of tensors."""
        return len(self.early) + len(self.counts)

    def is_early(self, node: Node) -> bool:
        """Whether the host can compute it before the step."""
        if node not in self._early:
            self._early[node] = self._infer(node)
        return self._early[node]

    def row(self, numbers: Sequence[float]) -> tuple[float, ...]:
        """The values of `early` for a row's numbers: of the host's leaves, and the number of dimensions."""
        try:
            return self._quick(*numbers, *self._unknown)
        except UNUSUAL:
            return self._careful(*numbers, *self._unknown)

    def _infer(self, node: Node) -> bool:
        if node.level is Level.ELEMENT:
            return False
        if node.op == "leaf":
            return node.level <= Level.HOST or dict(node.attributes)["name"] == "k"
        return node.op == "ndim" or all(map(self.is_early, node.args))

    def _borders(self) -> list[Node]:
        """Early values that something later reads: other arithmetic, or a slot."""
        nodes = [*self.graph.nodes(), self.graph.after]
        read = dict.fromkeys(arg for node in nodes if not self.is_early(node) for arg in node.args)
        read |= dict.fromkeys((*self.graph.slots.values(), *(arg for total in self.stored for arg in total.args)))
        return [node for node in read if node.op != "constant" and self.is_early(node)]


def _numbered(items: Iterable[Any]) -> dict[Any, int]:
    return {item: place for place, item in enumerate(items)}
