"""Generated source: Triton kernels for a plan's passes, one program instance for each chunk of a tensor."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from steepest.engines.cpu.expressions import is_boolean
from steepest.engines.cuda.expressions import FUNCTIONS, expression, wants_number
from steepest.engines.cuda.layout import Layout
from steepest.engines.cuda.scalars import SEGMENT, Scalars
from steepest.engines.formats import BLOCK, Format
from steepest.formula.graph import Level, Node
from steepest.formula.plan import Pass, Plan, Sum

CHUNK = 2_048
"""Elements of a program instance: a power of two, and a multiple of a block of 8-bit codes."""
TABLES = ("chunks", "segments", "pointers", "rows", "keys", "sums", "scalars", "partials", "scratch")
"""The arguments of every kernel, in this order."""
_WORDS = {"uniform": 2, "rademacher": 2, "normal": 4}
_RUNTIME = FUNCTIONS | frozenset(
    "at chunk_sum decode_signed8 decode_unsigned8 encode_signed8 encode_unsigned8 from_bfloat16 inverse largest normal "
    "over_batches rademacher to_bfloat16 to_bfloat16_stochastic uniform".split()
)


@final
@dataclass(frozen=True, eq=False)
class Source:
    """A module's text with a kernel for each pass, and for the slots that are one number.

    planes: the arrays in memory that a tensor has, in their order in the table of pointers. randoms: nodes and rounded
    arrays, with their first key among `words` keys a tensor. waits: the paths of the reductions over the model that
    each pass reads. finishes: whether there is a kernel `finish`.
    """

    text: str
    planes: tuple[tuple[str, int], ...]
    randoms: Mapping[Node | str, int]
    words: int
    waits: tuple[frozenset[str], ...]
    finishes: bool


def source(plan: Plan, formats: Mapping[str, Format], layout: Layout, slots: Mapping[str, str], title: str) -> Source:
    """Kernels for a plan.

    formats: of every array of the graph, and of temporaries. slots: the types of the slots that are one number, by
    leaf name.
    """
    planes = tuple((name, index) for name in plan.arrays for index in range(len(formats[name].planes)))
    keys = _Keys()
    writers = [_Writer(plan, step, index, formats, planes, layout, keys) for index, step in enumerate(plan.passes)]
    kernels = [writer.text for writer in writers]
    own = {name: dtype for name, dtype in slots.items() if name.partition(":")[2] in layout.graph.slots}
    if own:
        kernels.append(_finish(layout, own))
    body = "\n\n".join(text.replace("@words@", str(keys.words)) for text in kernels)
    imports = "".join(f"    {name},\n" for name in sorted(_RUNTIME & set(re.findall(r"\w+", re.sub("#.*", "", body)))))
    runtime = f"\nfrom steepest.engines.cuda.runtime import (\n{imports})\n" if imports else ""
    heading = f'"""{title}: {plan.bytes:g} bytes an element in {len(plan.passes)} passes."""\n\n'
    text = f"{heading}import triton\nimport triton.language as tl\n{runtime}\n\n{body}"
    waits = tuple(frozenset(writer.scalars.waits) for writer in writers)
    return Source(text, planes, keys.first, keys.words, waits, bool(own))


@final
class _Keys:
    """The keys of random numbers and roundings, numbered through all passes."""

    def __init__(self) -> None:
        self.first: dict[Node | str, int] = {}
        self.words = 0

    def of(self, owner: Node | str, words: int) -> range:
        if owner not in self.first:
            self.first[owner] = self.words
            self.words += words
        return range(self.first[owner], self.first[owner] + words)


def _finish(layout: Layout, slots: Mapping[str, str]) -> str:
    """The kernel, one instance a tensor, that computes the new values of slots that are one number."""
    scalars = Scalars(layout)
    first, step = len(layout.models), len(layout.tensors)
    stores: dict[bool, list[str]] = {True: [], False: []}
    for name, dtype in slots.items():
        value = scalars.name(layout.graph.slots[name.partition(":")[2]], "float64")
        value = value if dtype == "float64" else f"{value}.to(tl.{dtype}).to(tl.float64)"
        is_model = name in layout.models
        to = str(layout.models[name]) if is_model else f"{first + layout.tensors[name]} + {step} * tl.load(segment + 4)"
        stores[is_model].append(f"tl.store(scratch + {to}, {value})")
    lines = [
        f"segment = segments + {SEGMENT} * (tl.program_id(0) + 1)",
        f"row = rows + {layout.width} * tl.load(segment + 5)",
        *scalars.lines,
        *stores[False],
    ]
    if stores[True]:
        lines += ["if tl.program_id(0) == 0:", *(f"    {line}" for line in stores[True])]
    head = f"@triton.jit\ndef finish({', '.join(TABLES)}, BATCHES: tl.constexpr):\n"
    return head + "".join(f"    {line}\n" for line in lines)


@final
class _Writer:
    """The text of one pass's kernel, collected line by line."""

    def __init__(
        self,
        plan: Plan,
        step: Pass,
        index: int,
        formats: Mapping[str, Format],
        planes: tuple[tuple[str, int], ...],
        layout: Layout,
        keys: _Keys,
    ) -> None:
        self.step, self.formats, self.layout, self.keys = step, formats, layout, keys
        self.places = {plane: number for number, plane in enumerate(planes)}
        self.touched = tuple(dict.fromkeys((*step.loads, *step.stores)))
        self.blocked = any(formats[name].blocked for name in self.touched)
        self.variables = {name: f"a{number}" for number, name in enumerate(plan.arrays)}
        self.loaded = {node: f"x_{self.variables[name]}" for name, node in step.loads.items()}
        self.computed = {node: f"x{number}" for number, node in enumerate(step.nodes)}
        self.scalars = Scalars(layout)
        self.used_keys: dict[int, None] = {}
        self.types: dict[Node, str] = {}
        self.text = self._kernel(index)

    def _kernel(self, index: int) -> str:
        elements = self._elements()
        keys = [f"key{n} = tl.load(keys + @words@ * tensor + {n}).to(tl.uint32, bitcast=True)" for n in self.used_keys]
        lines = [
            "tensor = tl.load(chunks + 4 * chunk)",
            f"start = tl.multiple_of(tl.load(chunks + 4 * chunk + 1), {CHUNK})",
            f"row = rows + {self.layout.width} * tl.load(chunks + 4 * chunk + 3)",
            f"segment = segments + {SEGMENT} * (tensor + 1)",
            *self._indices(),
            *self.scalars.lines,
            *keys,
            *elements,
        ]
        arguments = ", ".join(TABLES)
        call = f"_chunk_{index}({arguments}, chunk, BATCHES, ALIGNED"
        return (
            f"@triton.jit\ndef _chunk_{index}(\n    {arguments},\n"
            "    chunk, BATCHES: tl.constexpr, ALIGNED: tl.constexpr, FULL: tl.constexpr,\n):\n"
            + "".join(f"    {line}\n" for line in lines)
            + f"\n\n@triton.jit\ndef pass_{index}({arguments}, BATCHES: tl.constexpr, ALIGNED: tl.constexpr):\n"
            "    chunk = tl.program_id(0)\n"
            f"    if tl.load(chunks + 4 * chunk + 2) == {CHUNK}:\n"
            f"        {call}, True)\n"
            "    else:\n"
            f"        {call}, False)\n"
        )

    def _indices(self) -> list[str]:
        """The elements of a chunk; in rows of one block, where blocks share a scale."""
        lines = [f"i = tl.arange(0, {CHUNK})"]
        if self.blocked:
            lines = [
                f"block = tl.arange(0, {CHUNK // BLOCK})[:, None]",
                f"i = {BLOCK} * block + tl.arange(0, {BLOCK})[None, :]",
            ]
        lines += ["inside = None", *(["inside_block = None"] if self.blocked else []), "if not FULL:"]
        lines += ["    inside = i < tl.load(chunks + 4 * chunk + 2)"]
        if self.blocked:
            lines += [f"    inside_block = {BLOCK} * block < tl.load(chunks + 4 * chunk + 2)"]
        return lines

    def _elements(self) -> list[str]:
        pointers = [self._pointer(n, plane) for n in self.touched for plane in range(len(self.formats[n].planes))]
        loads = [line for name in self.step.loads for line in self._load(name)]
        computed = [f"{self.computed[node]} = {self._compute(node)}" for node in self.step.nodes]
        stores = [line for name, node in self.step.stores.items() for line in self._store(name, node)]
        return [*pointers, *loads, *computed, *stores, *(line for total in self.step.sums for line in self._add(total))]

    def _pointer(self, name: str, plane: int) -> str:
        dtype, variable = self.formats[name].planes[plane], self._plane(name, plane)
        place = f"pointers + {len(self.places)} * tensor + {self.places[name, plane]}"
        scale = self.formats[name].blocked and plane == 1
        start, index = (f"start // {BLOCK}", "block") if scale else ("start", "i")
        comment = f"  # {name}" if plane == 0 else ""
        return f"{variable} = at({place}, {start}, tl.{dtype}, ALIGNED) + {index}{comment}"

    def _plane(self, name: str, plane: int) -> str:
        return self.variables[name] + "b" * plane

    def _load(self, name: str) -> list[str]:
        kind, a = self.formats[name].kind, self.variables[name]
        value = f"tl.load({a}, mask=inside)"
        if self.formats[name].blocked:
            scale = f"tl.load({a}b, mask=inside_block)"
            return [f"x_{a} = decode_{kind}({value}, {scale})"]
        if kind == "kahan":
            return [f"x_{a} = from_bfloat16({value}) + from_bfloat16(tl.load({a}b, mask=inside))"]
        return [f"x_{a} = from_bfloat16({value})" if kind in {"bfloat16", "stochastic"} else f"x_{a} = {value}"]

    def _store(self, name: str, node: Node) -> list[str]:
        kind, a = self.formats[name].kind, self.variables[name]
        dtype = "float64" if self.formats[name].wide else "float32"
        value = self._operand(node, dtype)
        if self._type(node) not in {dtype, "scalar"}:
            value = f"{value}.to(tl.{dtype})"
        if kind in {"float32", "float64"}:
            return [f"tl.store({a}, {value}, mask=inside)"]
        if kind == "bfloat16":
            return [f"tl.store({a}, to_bfloat16({value}), mask=inside)"]
        if kind == "stochastic":
            rounded = f"to_bfloat16_stochastic({value}, {self._index()}, {self._key_names(name, 2)})"
            return [f"tl.store({a}, {rounded}, mask=inside)"]
        if kind == "kahan":
            return [
                f"{a}_high = to_bfloat16({value})",
                f"tl.store({a}, {a}_high, mask=inside)",
                f"tl.store({a}b, to_bfloat16({value} - from_bfloat16({a}_high)), mask=inside)",
            ]
        if self._type(node) == "scalar":
            value = f"tl.broadcast_to({value}, i.shape)"
        return [
            f"{a}_scale = largest({value}, inside, FULL)",
            f"tl.store({a}b, {a}_scale, mask=inside_block)",
            f"tl.store({a}, encode_{kind}({value}, inverse({a}_scale)), mask=inside)",
        ]

    def _add(self, total: Sum) -> list[str]:
        name, product = f"s{self.step.sums.index(total)}", " * ".join(self._wide(arg) for arg in total.args)
        lines = [f"{name} = chunk_sum({product}, inside, FULL)"]
        for place in self.layout.stored[total]:
            lines.append(f"tl.store(partials + {self.layout.sums} * chunk + {place}, {name})")
        return lines

    def _wide(self, node: Node) -> str:
        value = self._operand(node, "float64")
        return value if self._type(node) in {"float64", "scalar"} else f"{value}.to(tl.float64)"

    def _compute(self, node: Node) -> str:
        if node.op == "random":
            attributes = dict(node.attributes)
            kind = str(attributes["kind"])
            return f"{kind}({self._index()}, {self._key_names(node, _WORDS[kind])}).to(tl.{self._type(node)})"
        dtype = self._operand_type(node)
        return expression(node, [self._argument(node, place, arg, dtype) for place, arg in enumerate(node.args)])

    def _argument(self, node: Node, place: int, arg: Node, dtype: str) -> str:
        """An operand in the operation's type; one that is true or false counts as 1 or 0 where it is computed with."""
        number = wants_number(node, place) or not is_boolean(arg)
        name = self._operand(arg, dtype if number else "bool")
        return f"{name}.to(tl.{dtype})" if number and self._type(arg) not in {dtype, "scalar"} else name

    def _index(self) -> str:
        """The elements' counters for random numbers: their place in the tensor."""
        return "(start + i).to(tl.uint32)"

    def _key_names(self, owner: Node | str, words: int) -> str:
        found = self.keys.of(owner, words)
        self.used_keys |= dict.fromkeys(found)
        return ", ".join(f"key{number}" for number in found)

    def _operand(self, node: Node, dtype: str) -> str:
        """The name of a value: loaded, computed, or a scalar in the type of what it meets."""
        if node.level is Level.ELEMENT:
            return self.loaded.get(node) or self.computed[node]
        return self.scalars.name(node, dtype)

    def _operand_type(self, node: Node) -> str:
        """The type that scalars among an operation's arguments take."""
        types = {self._type(arg) for arg in node.args if arg.level is Level.ELEMENT} - {"bool"}
        return "float64" if "float64" in types else "float32" if types else self._default()

    def _type(self, node: Node) -> str:
        if node.level < Level.ELEMENT:
            return "scalar"
        if node not in self.types:
            self.types[node] = self._infer(node)
        return self.types[node]

    def _infer(self, node: Node) -> str:
        if node in self.loaded or node.op == "leaf":
            name = next((name for name, loaded in self.step.loads.items() if loaded is node), None)
            return "float64" if self.formats[name or str(dict(node.attributes)["name"])].wide else "float32"
        return "bool" if is_boolean(node) else self._operand_type(node)

    def _default(self) -> str:
        return "float64" if self.formats["p"].wide else "float32"
