"""Source of the values below ELEMENT that one kernel reads or computes: one number for a tensor or for all."""

from __future__ import annotations

from typing import final

from steepest.engines.cpu.expressions import is_boolean, label
from steepest.engines.cuda.expressions import expression, literal, wants_number
from steepest.engines.cuda.layout import Layout
from steepest.formula.graph import Level, Node

SEGMENT = 6
"""Numbers of a segment: first chunk, last chunk, elements, row of sums, place among all tensors, row of numbers."""


@final
class Scalars:
    """The lines of one kernel that bring or compute its scalars, in the order they are asked for.

    The kernel has `row` (its row of numbers), `segment` (its tensor's), `sums`, `scalars` and BATCHES. waits: the paths
    of the reductions over the model that it reads.
    """

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.lines: list[str] = []
        self.waits: set[str] = set()
        self._names: dict[tuple[Node, str], str] = {}

    def name(self, node: Node, dtype: str) -> str:
        """The name of a value in the type of what it meets: "float32", "float64", or true or false."""
        if is_boolean(node) and dtype != "bool":
            return f"{self.name(node, 'bool')}.to(tl.{dtype})"
        if (node, dtype) not in self._names:
            if node.op == "constant":
                text = literal(node, dtype)
            elif dtype == "float32":
                text = f"{self.name(node, 'float64')}.to(tl.float32)"
            else:
                text = self._wide(node)
            prefix = "h" if dtype == "float64" else "c"
            name = self._names[node, dtype] = f"{prefix}{len(self._names)}"
            comment = f"  # {label(node)}" if node.op != "constant" and dtype != "float32" else ""
            self.lines.append(f"{name} = {text}{comment}")
        return self._names[node, dtype]

    def _wide(self, node: Node) -> str:
        """A value in float64, or true or false."""
        layout = self.layout
        if node in layout.early:
            text = f"tl.load(row + {layout.early[node]})"
            return f"{text} != 0.0" if is_boolean(node) else text
        if node.op == "leaf":
            name = str(dict(node.attributes)["name"])
            if name in layout.models:
                return f"tl.load(scalars + {layout.models[name]})"
            start, step = len(layout.models), len(layout.tensors)
            return f"tl.load(scalars + {start + layout.tensors[name]} + {step} * tl.load(segment + 4))"
        if node.op == "size":
            return "tl.load(segment + 2).to(tl.float64)"
        if node in layout.reduced:
            return self._reduction(node)
        args = []
        for place, arg in enumerate(node.args):
            number = wants_number(node, place) or not is_boolean(arg)
            args.append(self.name(arg, "float64" if number else "bool"))
        return expression(node, args)

    def _reduction(self, node: Node) -> str:
        """A reduction from the sum behind it: of the tensor, or over the batches of tensors that have it."""
        layout, place = self.layout, self.layout.reduced[node]
        if node.level is Level.MODEL:
            path = layout.paths[node]
            self.waits.add(path)
            total = f"over_batches(sums, {layout.sums}, {place}, BATCHES)"
            count = f"tl.load(row + {layout.counts[path]})" if node.op == "mean" else ""
        else:
            total = f"tl.load(sums + {layout.sums} * tl.load(segment + 3) + {place})"
            count = "tl.load(segment + 2).to(tl.float64)"
        return {"norm": f"sqrt({total})", "mean": f"{total} / {count}"}.get(node.op, total)
