"""Compiled sweeps: made once for what decides their source, and kept for the process."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, final

import numpy as np

from steepest.core.errors import InputError
from steepest.engines.sweep.outline import Outline
from steepest.engines.sweep.recipe import Recipe
from steepest.engines.sweep.source import Source, source

WIDTHS = (64, 32, 16)
"""Runs in a block: as many as keep the block's numbers in the second-level cache."""
SECOND_LEVEL = 256 * 1024


@final
@dataclass(eq=False)
class Kernel:
    """A compiled sweep.

    columns, rows: how its tables are computed. seconds: what a step of one block took last, None before it was run.
    """

    source: Source
    address: int
    columns: Recipe
    rows: Recipe
    seconds: float | None = None


def kernel(outline: Outline, runs: int) -> Kernel:
    """The kernel of an outline for so many runs; raises InputError where Numba cannot compile what was given."""
    wanted = next((width for width in WIDTHS[::-1] if width >= runs), WIDTHS[0])
    try:
        hash(outline)
    except TypeError:  # a user's schedule in the rule may have no hash
        return _compiled.__wrapped__(outline, wanted)
    return _compiled(outline, wanted)


@lru_cache(maxsize=128)
def _compiled(outline: Outline, wanted: int) -> Kernel:
    from numba.core.errors import NumbaError

    from steepest.engines.cpu.cache import load

    made = _sized(outline, wanted)
    try:
        module: Any = load(made.text, "sweep")
    except NumbaError as error:
        raise InputError(f"sweep: Numba cannot compile gradient or value ({_reason(error)})") from error
    kinds, tables = made.traced.kinds, made.tables
    columns, rows = (
        Recipe((node for node, _ in keys if node.op != "random"), kinds, outline.dimensions)
        for keys in (tables.columns, tables.rows)
    )
    return Kernel(made, int(module.sweep.address), columns, rows)


def _sized(outline: Outline, wanted: int) -> Source:
    """The source for as many runs a block as are wanted, or fewer where a block's rows are many."""
    made = source(outline, wanted)
    for width in WIDTHS:
        size = made.state.count * np.dtype(outline.dtype).itemsize + made.lanes.count * 8
        if outline.unrolled or made.width * size <= SECOND_LEVEL:
            break
        if width < made.width:
            made = source(outline, width)
    return made


def _reason(error: Exception) -> str:
    """The line of Numba's message that says what is wrong."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    plain = (re.sub(r"\x1b\[[0-9;]*m", "", line) for line in lines)
    telling = (line for line in plain if not line.startswith(("Failed in", "File", "During", "-", "Enable", "<")))
    return next(telling, type(error).__name__)[:200]
