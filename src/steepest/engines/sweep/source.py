"""Generated source of a sweep: one compiled loop over steps, and in it loops over the runs of a block."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import final

import numpy as np

from steepest.engines.sweep.looped import LoopedWriter
from steepest.engines.sweep.outline import Outline, Traced, trace
from steepest.engines.sweep.scope import Memory, Tables
from steepest.engines.sweep.unrolled import UnrolledWriter

ADDRESSES = ("state", "lanes", "host", "scheduled", "saved", "saved_values", "due", "limits")
NUMBERS = ("steps", "start", "runs", "saves")
"""What a kernel's table has, in this order: addresses, numbers, then the address and shape of each array of data."""
_RUNTIME = frozenset(
    "exp floor log maximum minimum normal power rademacher remainder sign sqrt tanh uniform view_float32 view_float64 "
    "view_int64 view_uint8".split()
)
_NUMBA = frozenset({"float32", "float64", "uint32"})
VIEWS = {"float64": "view_float64", "float32": "view_float32", "int64": "view_int64", "uint8": "view_uint8"}


@final
@dataclass(frozen=True, eq=False)
class Source:
    """A kernel's text, and what it must be given.

    width: runs in a block. state, lanes: their rows, each of `width` numbers, by name; the first of a coordinate's d.
    """

    text: str
    width: int
    traced: Traced
    tables: Tables
    state: Memory
    lanes: Memory


def source(outline: Outline, width: int) -> Source:
    """The kernel of an outline, for blocks of `width` runs."""
    traced = trace(outline)
    writer = (UnrolledWriter if outline.unrolled else LoopedWriter)(outline, traced, width)
    record, update = writer.record(), writer.update()
    tables, state, lanes = writer.tables, writer.state, writer.lanes
    d, real, size = outline.dimensions, outline.dtype, np.dtype(outline.dtype).itemsize
    saved = d * width
    scheduled = max(1, len(tables.scheduled)) * width
    columns = max(1, len(tables.columns))
    places = {name: place for place, name in enumerate((*ADDRESSES, *NUMBERS))}
    body = [
        f"table = view_int64(tables, {len(places) + sum(1 + ndim for _, ndim in outline.data)})",
        *(f"{name} = table[{places[name]}]" for name in NUMBERS),
        f"due = view_int64(table[{places['due']}], steps + 1)",
        f"limits = view_float64(table[{places['limits']}], 2)",
        f"host = view_float64(table[{places['host']}], (steps + 1) * {columns})",
        *_data(outline, len(places)),
        "for block in range(first, last):",
        f"    state = view_{real}(table[{places['state']}] + block * {state.count * width * size}, "
        f"{state.count * width})",
        f"    lanes = view_float64(table[{places['lanes']}] + block * {lanes.count * width * 8}, "
        f"{lanes.count * width})",
        *(f"    {line}" for line in writer.views()),
        "    running = 0",
        f"    for lane in range({width}):",
        "        running += lanes[lane] == 0.0",
        "    for step in range(steps + 1):",
        f"        at = step * {columns}",
        "        if due[step] >= 0:",
        "            row = block * saves + due[step]",
        f"            saved = view_{real}(table[{places['saved']}] + row * {saved * size}, {saved})",
        f"            saved_values = view_float64(table[{places['saved_values']}] + row * {width * 8}, {width})",
        *(f"            {line}" for line in record),
        "        if step == steps or running == 0:",
        "            continue",
        f"        schedule = view_float64(table[{places['scheduled']}] + (block * steps + step) * {scheduled * 8}, "
        f"{scheduled})",
        *(f"        {line}" for line in update),
    ]
    functions = [function for function in (outline.gradient, outline.value) if function is not None]
    cache = "CACHE" if all(function.kept for function in functions) else "False"
    kernel = [
        f'@cfunc("void(int64,int64,int64)", cache={cache}, error_model="numpy")',
        "def sweep(first, last, tables):",
    ]
    text = "\n".join((*kernel, *(f"    {line}" for line in body)))
    return Source(_module(outline, text, width), width, traced, tables, state, lanes)


def _module(outline: Outline, kernel: str, width: int) -> str:
    words = set(re.findall(r"\w+", kernel))
    how = "in registers" if outline.unrolled else "in rows"
    head = f'"""{outline.rule.name} in {outline.dimensions} dimensions, {how}, {width} runs a block."""\n\n'
    imports = [f"from numba import {', '.join(sorted({'cfunc', *(_NUMBA & words)}))}"]
    imports += ["import numpy as np"] if "np" in words else []
    runtime = "".join(f"    {name},\n" for name in sorted(_RUNTIME & words))
    functions = [f'gradient = registered("{outline.gradient.key}")']
    functions += [f'value = registered("{outline.value.key}")'] if outline.value is not None else []
    return (
        head
        + "\n".join(imports)
        + f"\n\nfrom steepest.engines.cpu.runtime import (\n{runtime})\n"
        + "from steepest.engines.sweep.functions import registered\n\n"
        + "\n".join(functions)
        + f"\n\n\n{kernel}\n"
    )


def _data(outline: Outline, first: int) -> list[str]:
    """The arrays that functions take as `data`."""
    lines, place = [], first
    for number, (dtype, ndim) in enumerate(outline.data):
        shape = [f"table[{place + 1 + axis}]" for axis in range(ndim)]
        view = f"{VIEWS[dtype]}(table[{place}], {' * '.join(shape) or '1'})"
        lines.append(f"data{number} = {view}" + (f".reshape(({', '.join(shape)}))" if ndim > 1 else ""))
        place += 1 + ndim
    if outline.data:
        names = ", ".join(f"data{number}" for number in range(len(outline.data)))
        lines.append(f"data = ({names},)" if outline.data_is_tuple else "data = data0")
    return lines
