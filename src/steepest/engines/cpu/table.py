"""The tables that kernels read: chunks of tensors, addresses of arrays, rows of hyperparameters, partial sums."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

import numpy as np
import numpy.typing as npt

from steepest.engines.cpu.program import Program
from steepest.engines.cpu.source import PassLayout
from steepest.formula.plan import Sum

CHUNK = 16_384
"""Elements a chunk: a multiple of a block of 8-bit codes, small enough for the second-level cache."""


@final
class Table:
    """The memory of one program on a fixed list of tensors.

    sizes: elements by tensor. row_of: the row of hyperparameters of each tensor. Addresses are filled in by `point`.
    """

    def __init__(self, program: Program, sizes: Sequence[int], row_of: Sequence[int]) -> None:
        self.program = program
        self.sizes = np.asarray(sizes, dtype=np.int64)
        self.row_of = np.asarray(row_of, dtype=np.int64)
        self.elements = int(self.sizes.sum())
        self.tensors = len(self.sizes)
        chunks = -(-self.sizes // CHUNK)
        self.chunk_count = int(chunks.sum())
        self._tensor = np.repeat(np.arange(self.tensors), chunks)
        first = np.repeat(np.cumsum(chunks) - chunks, chunks)
        start = (np.arange(self.chunk_count) - first) * CHUNK
        count = np.minimum(CHUNK, self.sizes[self._tensor] - start)
        self.chunks = np.stack([self._tensor, start, count, self.row_of[self._tensor]], axis=1).astype(np.int64)
        self.pointers = np.zeros((len(program.source.planes), self.tensors), dtype=np.int64)
        self.rows = [np.zeros((self.tensors, len(layout.rows))) for layout in program.source.layouts]
        self.memory = [memoryview(rows) for rows in self.rows]  # type: ignore[arg-type]
        self.columns = [np.zeros((self.tensors, len(layout.columns))) for layout in program.source.layouts]
        self.keys = [np.zeros((self.tensors, layout.words), np.uint32) for layout in program.source.layouts]
        self.partials = [np.zeros((len(step.sums), self.chunk_count)) for step in program.plan.passes]
        self._addresses = [self._addressed(index) for index, _ in enumerate(program.source.layouts)]
        self.addresses = tuple(int(table.ctypes.data) for table in self._addresses)

    def layout(self, index: int) -> PassLayout:
        """What pass `index` reads."""
        return self.program.source.layouts[index]

    def sums(self, index: int) -> Mapping[Sum, npt.NDArray[np.float64]]:
        """What pass `index` added up, by tensor: each tensor's chunks in their order."""
        return {
            total: np.asarray(
                np.bincount(self._tensor, weights=self.partials[index][place], minlength=self.tensors), dtype=np.float64
            )
            for total, place in self.program.places(index).items()
        }

    def _addressed(self, index: int) -> npt.NDArray[np.int64]:
        arrays = (
            self.chunks,
            self.pointers,
            self.rows[index],
            self.columns[index],
            self.partials[index],
            self.keys[index],
        )
        return np.array([*(array.ctypes.data for array in arrays), self.tensors, self.chunk_count], dtype=np.int64)
