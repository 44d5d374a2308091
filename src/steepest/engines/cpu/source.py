"""Generated source: one serial kernel a pass, readable, in the order and types of the rule on NumPy."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np

from steepest.engines.cpu.expressions import expression, is_boolean, label
from steepest.engines.formats import BLOCK, Format
from steepest.formula.graph import Level, Node
from steepest.formula.plan import Pass, Plan
from steepest.formula.widths import Widths

TABLES = ("chunks", "pointers", "rows", "columns", "partials", "keys", "tensors", "chunk_count")
"""What the addresses that a kernel is given stand for, in this order; the last two are numbers."""
_VIEWS = {"float32": 4, "float64": 8, "uint16": 2, "uint8": 1}
_WORDS = {"uniform": 2, "rademacher": 2, "normal": 4}
_RUNTIME = frozenset(
    "accumulate decode_signed8 decode_unsigned8 encode_signed8 encode_unsigned8 exp floor from_bfloat16 largest log "
    "maximum minimum normal power rademacher remainder sign sqrt tanh to_bfloat16 to_bfloat16_stochastic uniform "
    "view_float32 view_float64 view_int64 view_uint8 view_uint16 view_uint32".split()
)
_NUMBA = frozenset({"float32", "float64", "uint32"})


@final
@dataclass(frozen=True, eq=False)
class PassLayout:
    """What a kernel reads besides the arrays.

    rows, columns: values of a row of hyperparameters and of a tensor, float64, in their order in the tables. sums: how
    many partial sums it writes for each chunk. randoms: nodes and rounded arrays, with their first key.
    """

    rows: tuple[Node, ...]
    columns: tuple[Node, ...]
    randoms: Mapping[Node | str, int]
    words: int


@final
@dataclass(frozen=True, eq=False)
class Source:
    """A module's text with a kernel for each pass, and what each must be given; a call has a layout but no kernel."""

    text: str
    planes: tuple[tuple[str, int], ...]
    layouts: tuple[PassLayout, ...]


def source(plan: Plan, formats: Mapping[str, Format], *, per_row: frozenset[Node], title: str) -> Source:
    """Kernels for a plan whose arrays have these formats; `per_row` is what differs by row, not by tensor."""
    planes = tuple((name, index) for name in plan.arrays for index in range(len(formats[name].planes)))
    steps = [(index, step) for index, step in enumerate(plan.passes) if step.call is None]
    writers = {index: _Writer(plan, step, index, formats, planes, per_row) for index, step in steps}
    kernels = "\n\n".join(writer.kernel() for writer in writers.values())
    names = ", ".join(f"pass_{index}" for index in writers)
    words = set(re.findall(r"\w+", re.sub(r"#.*", "", kernels)))
    imports = [f"from numba import {', '.join(sorted({'cfunc', *(_NUMBA & words)}))}"]
    imports += ["import numpy as np"] if "np" in words else []
    runtime = "".join(f"    {name},\n" for name in sorted(_RUNTIME & words))
    text = (
        f'"""{title}: {plan.bytes:g} bytes an element in {len(writers)} passes."""\n\n'
        + "\n".join(imports)
        + f"\n\nfrom steepest.engines.cpu.runtime import (\n{runtime})\n\n\n{kernels}\n\nPASSES = ({names},)\n"
    )
    layouts = tuple(
        writers[index].layout() if step.call is None else PassLayout(step.call.numbers, (), {}, 0)
        for index, step in enumerate(plan.passes)
    )
    return Source(text, planes, layouts)


@final
class _Writer:
    """The text of one kernel, collected line by line."""

    def __init__(
        self,
        plan: Plan,
        step: Pass,
        index: int,
        formats: Mapping[str, Format],
        planes: tuple[tuple[str, int], ...],
        per_row: frozenset[Node],
    ) -> None:
        self.plan, self.step, self.index, self.formats, self.per_row = plan, step, index, formats, per_row
        self.places = {plane: number for number, plane in enumerate(planes)}
        self.touched = tuple(dict.fromkeys((*step.loads, *step.stores)))
        self._at = "start"
        self.blocked = any(formats[name].blocked for name in self.touched)
        if self.blocked:
            self._at = "at"
        self.variables = {name: f"a{number}" for number, name in enumerate(plan.arrays)}
        self.loaded = {node: f"x_{self.variables[name]}" for name, node in step.loads.items()}
        self.computed = {node: f"x{number}" for number, node in enumerate(step.nodes)}
        self.rows: dict[Node, int] = {}
        self.columns: dict[Node, int] = {}
        self.scalars: dict[tuple[Node, str], str] = {}
        self.hoisted: list[str] = []
        self.randoms: dict[Node | str, int] = {}
        self.words = 0
        self.widths = Widths([name for name, form in formats.items() if form.wide])

    def layout(self) -> PassLayout:
        return PassLayout(tuple(self.rows), tuple(self.columns), self.randoms, self.words)

    def kernel(self) -> str:
        body = self._elements()
        sums = [f"    s{number} = 0.0" for number in range(len(self.step.sums))]
        written = [f"    partials[{n} * chunk_count + chunk] = s{n}" for n in range(len(self.step.sums))]
        inside = [*self._hoisted_keys(), *map(self._placed, self.hoisted), *sums, *body, *written]
        lines = [
            '@cfunc("void(int64,int64,int64)", cache=CACHE, error_model="numpy")',
            f"def pass_{self.index}(first, last, tables):",
            f"    addresses = view_int64(tables, {len(TABLES)})",
            f"    tensors, chunk_count = addresses[{len(TABLES) - 2}], addresses[{len(TABLES) - 1}]",
            "    chunks = view_int64(addresses[0], 4 * chunk_count)",
            f"    pointers = view_int64(addresses[1], {len(self.places)} * tensors)",
            *([f"    rows = view_float64(addresses[2], {len(self.rows)} * tensors)"] if self.rows else []),
            *([f"    columns = view_float64(addresses[3], {len(self.columns)} * tensors)"] if self.columns else []),
            *([f"    partials = view_float64(addresses[4], {len(sums)} * chunk_count)"] if sums else []),
            *([f"    keys = view_uint32(addresses[5], {self.words} * tensors)"] if self.words else []),
            *(f"    t{n} = np.empty({BLOCK}, np.float32)" for n, _ in self._blocked_stores()),
            "    for chunk in range(first, last):",
            "        tensor, start, count = chunks[4 * chunk], chunks[4 * chunk + 1], chunks[4 * chunk + 2]",
            *(["        row = chunks[4 * chunk + 3]"] if self.rows else []),
            *(f"    {line}" for line in inside),
        ]
        return "\n".join(lines) + "\n"

    def _elements(self) -> list[str]:
        """The loop over a chunk's elements; over blocks of them, where blocks share a scale."""
        computed = [f"{self.computed[node]} = {self._compute(node)}" for node in self.step.nodes]
        loads = [f"x_{self.variables[name]} = {self._load(name)}" for name in self.step.loads]
        stores = [line for name, node in self.step.stores.items() for line in self._store(name, node)]
        sums = [f"s{number} = {self._add(number, total.args)}" for number, total in enumerate(self.step.sums)]
        loop = [*loads, *computed, *stores, *sums]
        if not self.blocked:
            views = [self._view(name, plane, "start", "count") for name, plane in self._planes()]
            return [f"    {line}" for line in (*views, "for i in range(count):", *(f"    {line}" for line in loop))]
        views = [self._view(name, plane, "at", "size") for name, plane in self._planes()]
        before, after = self._block_scales(), self._block_codes()
        inner = [*views, *before, "for i in range(size):", *(f"    {line}" for line in loop), *after]
        return [
            f"    for block in range((count + {BLOCK - 1}) // {BLOCK}):",
            f"        at = start + {BLOCK} * block",
            f"        size = min({BLOCK}, count - {BLOCK} * block)",
            *(f"        {line}" for line in inner),
        ]

    def _planes(self) -> list[tuple[str, int]]:
        return [(name, plane) for name in self.touched for plane in range(len(self.formats[name].planes))]

    def _view(self, name: str, plane: int, start: str, count: str) -> str:
        dtype = self.formats[name].planes[plane]
        variable, place = self._plane(name, plane), self.places[name, plane]
        if self.formats[name].blocked and plane == 1:
            return f"{variable} = view_float32(pointers[{place} * tensors + tensor] + 4 * ({start} // {BLOCK}), 1)"
        offset = f"{_VIEWS[dtype]} * {start}" if _VIEWS[dtype] > 1 else start
        comment = f"  # {name}" if plane == 0 else ""
        return f"{variable} = view_{dtype}(pointers[{place} * tensors + tensor] + {offset}, {count}){comment}"

    def _plane(self, name: str, plane: int) -> str:
        return self.variables[name] + "bcd"[plane - 1 : plane] if plane else self.variables[name]

    def _load(self, name: str) -> str:
        kind, a = self.formats[name].kind, self.variables[name]
        return {
            "bfloat16": f"from_bfloat16({a}[i])",
            "stochastic": f"from_bfloat16({a}[i])",
            "kahan": f"from_bfloat16({a}[i]) + from_bfloat16({a}b[i])",
            "signed8": f"decode_signed8({a}[i], {a}_scale)",
            "unsigned8": f"decode_unsigned8({a}[i], {a}_scale)",
        }.get(kind, f"{a}[i]")

    def _store(self, name: str, node: Node) -> list[str]:
        kind, a = self.formats[name].kind, self.variables[name]
        wide = self.formats[name].wide
        value = self._operand(node, "float64" if wide else "float32")
        if kind in {"float32", "float64"}:
            return [f"{a}[i] = {value if self.widths.of(node) == kind else f'{kind}({value})'}"]
        value = value if self.widths.of(node) != "float64" else f"float32({value})"
        if kind == "bfloat16":
            return [f"{a}[i] = to_bfloat16({value})"]
        if kind == "stochastic":
            return [f"{a}[i] = to_bfloat16_stochastic({value}, uint32({self._at} + i), {self._keys(name, 2)})"]
        if kind == "kahan":
            return [
                f"{a}_high = to_bfloat16({value})",
                f"{a}[i] = {a}_high",
                f"{a}b[i] = to_bfloat16({value} - from_bfloat16({a}_high))",
            ]
        return [f"t{self._scratch(name)}[i] = {value}", f"{a}_max = largest({a}_max, abs({value}))"]

    def _blocked_stores(self) -> list[tuple[int, str]]:
        return [(self._scratch(name), name) for name in self.step.stores if self.formats[name].blocked]

    def _scratch(self, name: str) -> int:
        return self.plan.arrays.index(name)

    def _block_scales(self) -> list[str]:
        read = [
            f"{self.variables[n]}_scale = {self.variables[n]}b[0]" for n in self.step.loads if self.formats[n].blocked
        ]
        return [*read, *(f"{self.variables[name]}_max = float32(0.0)" for _, name in self._blocked_stores())]

    def _block_codes(self) -> list[str]:
        before, inside = [], []
        for number, name in self._blocked_stores():
            a, kind = self.variables[name], self.formats[name].kind
            before += [
                f"{a}b[0] = {a}_max",
                f"{a}_inverse = float32(1.0) / {a}_max if {a}_max > float32(0.0) else float32(0.0)",
            ]
            inside.append(f"    {a}[i] = encode_{kind}(t{number}[i], {a}_inverse)")
        return [*before, "for i in range(size):", *inside] if inside else []

    def _add(self, number: int, args: tuple[Node, ...]) -> str:
        x = self._wide(args[0])
        if len(args) == 1:
            return f"accumulate(s{number}, {x})"
        return f"accumulate(s{number}, {x} * {self._wide(args[1])})"

    def _wide(self, node: Node) -> str:
        value = self._operand(node, "float64")
        return value if self.widths.of(node) == "float64" else f"float64({value})"

    def _compute(self, node: Node) -> str:
        if node.op == "random":
            attributes = dict(node.attributes)
            kind = str(attributes["kind"])
            return f"{self.widths.of(node)}({kind}(uint32({self._at} + i), {self._keys(node, _WORDS[kind])}))"
        dtype = self.widths.operands(node)
        return expression(node, [self._argument(node, arg, dtype) for arg in node.args])

    def _argument(self, node: Node, arg: Node, dtype: str) -> str:
        """An operand; one that is true or false counts as 1 or 0 where it is computed with."""
        name = self._operand(arg, dtype)
        logical = node.op in {"where", "and", "or"} or not is_boolean(arg)
        return name if logical else f"{dtype}({name})"

    def _keys(self, owner: Node | str, words: int) -> str:
        if owner not in self.randoms:
            self.randoms[owner] = self.words
            self.words += words
        first = self.randoms[owner]
        return ", ".join(f"key{number}" for number in range(first, first + words))

    def _hoisted_keys(self) -> list[str]:
        return [f"    key{number} = keys[{self.words} * tensor + {number}]" for number in range(self.words)]

    def _operand(self, node: Node, dtype: str) -> str:
        """The name of a value: loaded, computed, or a scalar of the chunk in the type of what it meets."""
        if node.level is Level.ELEMENT:
            return self.loaded.get(node) or self.computed[node]
        if is_boolean(node):
            dtype = "bool"
        if (node, dtype) not in self.scalars:
            name = f"c{len(self.scalars)}"
            self.scalars[node, dtype] = name
            self.hoisted.append(f"    {name} = {self._scalar(node, dtype)}  # {label(node)}")
        return self.scalars[node, dtype]

    def _scalar(self, node: Node, dtype: str) -> str:
        if node.op == "constant":
            value = dict(node.attributes)["value"]
            return repr(bool(value)) if dtype == "bool" else f"{dtype}({_literal(float(value))})"
        table, name = (self.rows, "row") if node in self.per_row else (self.columns, "tensor")
        place = table.setdefault(node, len(table))
        read = f"{'rows' if name == 'row' else 'columns'}[@{name}@{place}]"
        return f"{read} != 0.0" if dtype == "bool" else f"{dtype}({read})"

    def _placed(self, line: str) -> str:
        """A scalar's line with its place in a table, whose width is known at the end."""
        return line.replace("@row@", f"{len(self.rows)} * row + ").replace(
            "@tensor@", f"{len(self.columns)} * tensor + "
        )


def _literal(value: float) -> str:
    return repr(value) if np.isfinite(value) else f'float("{value}")'
