"""The tensors of one kind of numbers in a step: their tables on the device, and the launches of their kernels."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from typing import Any, final

import numpy as np
import numpy.typing as npt

from steepest.engines.cpu.memory import addresses_of, converted, is_row_major, row_major_addresses
from steepest.engines.cuda.program import WARPS, Program, options
from steepest.engines.cuda.rows import Rows
from steepest.engines.cuda.scalars import SEGMENT
from steepest.engines.cuda.source import CHUNK
from steepest.engines.cuda.upload import Upload
from steepest.engines.formats import Format
from steepest.formula.counter_random import keys, rounding_keys
from steepest.formula.graph import Node


@final
class Batch:
    """One program on some of a step's tensors.

    names: of its tensors. places: of these among all. rows: of their numbers. first: the row of its first tensor's
    sums; number: the row of its own among those of `batches`. upload: the step's table, of which pointers, numbers and
    keys take their parts. seed: of random numbers. parameters: their addresses.
    """

    def __init__(
        self,
        program: Program,
        names: Sequence[str],
        places: Sequence[int],
        params: Mapping[str, Any],
        rows: Rows,
        first: int,
        number: int,
        batches: int,
        seed: int,
        upload: Upload,
    ) -> None:
        self.program, self.names, self.rows, self.seed = program, tuple(names), rows, seed
        own = [params[name] for name in names]
        self.device, self.dtype = own[0].device, own[0].dtype
        self._row_of = np.asarray(rows.row_of)
        self._row_major = all(map(is_row_major, own))
        self._constants = {"BATCHES": batches}
        sizes = np.array([math.prod(p.shape) for p in own], dtype=np.int64)
        self.elements = int(sizes.sum())
        self._planes = {plane: place for place, plane in enumerate(program.source.planes)}
        self.chunk_count, chunks, segments = _tables(sizes, places, rows.row_of, first, number)
        self._chunks, self.segments = self._sent(chunks), self._sent(segments)
        self._pointers = upload.part(len(sizes) * len(self._planes), np.int64)
        self._numbers = upload.part(len(rows) * program.layout.width, np.float64)
        self._keys = upload.part(len(sizes) * program.source.words, np.uint32)
        width = program.layout.sums
        self._partials = _torch().zeros(max(self.chunk_count * width, 1), dtype=_torch().float64, device=self.device)
        self._known: dict[tuple[str, int], list[int]] = {}
        self._aligned = False
        self.parameters: list[int] = []
        self._temporary = self._temporaries(sizes)

    def point(self, array: str, addresses: list[int], plane: int = 0) -> None:
        """Say where the tensors' parts of an array lie."""
        key = (array, plane)
        if key in self._planes and self._known.get(key) != addresses:
            table = self._pointers.host.reshape(len(self.names), len(self._planes))
            table[:, self._planes[key]] = addresses
            self._known[key] = addresses
            self._aligned = not (self._pointers.host & 15).any()

    def locate(self, array: str, tensors: Mapping[str, Any], params: Sequence[Any], trusted: bool) -> list[Any]:
        """Say where gradients or the like lie now; those in another order or dtype are copied, and returned."""
        if (array, 0) not in self._planes:
            return []
        given, held = [tensors[name] for name in self.names], []
        found = row_major_addresses(given, self.dtype) if self._row_major else None
        if found is None or not (trusted or all(tensor.device == self.device for tensor in given)):
            given = held = [converted(name, t, p) for name, t, p in zip(self.names, given, params, strict=True)]
            found = addresses_of(given)
        self.point(array, found)
        return held

    def fill(self, clock: int, needed: Mapping[str, Any], counts: Mapping[str, int]) -> None:
        """Each row's numbers at this step, and the keys. counts: elements of the tensors that share a reduction."""
        layout, source = self.program.layout, self.program.source
        if layout.width:
            own = tuple(float(counts[path]) for path in layout.counts)
            rows = [(*layout.row(numbers), *own) for numbers in self.rows.numbers(clock, needed)]
            self._numbers.host.reshape(len(rows), layout.width)[:] = rows
        if not source.words:
            return
        table = self._keys.host.reshape(len(self.names), source.words)
        ages = np.asarray(self.rows.ages)[self._row_of]
        for owner, first in source.randoms.items():
            if isinstance(owner, str):
                table[:, first : first + 2] = rounding_keys(self.seed, self.names, owner, ages)
            else:
                self._draw(table, first, owner, ages)

    def walk(self, index: int, tables: Mapping[str, Any]) -> None:
        """Run a pass. tables: sums and scalars on the device."""
        if self.chunk_count:
            kernel = self.program.kernels[index]
            self._launch(kernel, self.chunk_count, tables, ALIGNED=self._aligned, num_warps=WARPS)

    def add(self, tables: Mapping[str, Any]) -> None:
        """Add the passes' sums up, by tensor and over this batch."""
        from steepest.engines.cuda.runtime import SUM_BLOCK, add_chunks

        width = self.program.layout.sums
        add_chunks[len(self.names) + 1, width](
            self._partials, self.segments, tables["sums"], WIDTH=width, BLOCK=SUM_BLOCK, num_warps=WARPS, **options()
        )

    def finish(self, tables: Mapping[str, Any]) -> None:
        """Compute the new values of slots that are one number into `scratch`."""
        self._launch(self.program.finish, len(self.names), tables, num_warps=1)

    def _launch(self, kernel: Any, count: int, tables: Mapping[str, Any], **settings: Any) -> None:
        kernel[(count,)](
            self._chunks,
            self.segments,
            self._pointers.device,
            self._numbers.device,
            self._keys.device,
            tables["sums"],
            tables["scalars"],
            self._partials,
            tables["scratch"],
            **self._constants,
            **settings,
            **options(),
        )

    def _draw(self, table: npt.NDArray[np.uint32], first: int, node: Node, ages: npt.NDArray[np.int64]) -> None:
        attributes = dict(node.attributes)
        kind, stream = str(attributes["kind"]), int(attributes["stream"])
        for number, (name, age) in enumerate(zip(self.names, ages.tolist(), strict=True)):
            found = keys(kind, self.seed, name, age, stream)
            table[number, first : first + len(found)] = found

    def _temporaries(self, sizes: npt.NDArray[np.int64]) -> list[Any]:
        """Memory for what lives between passes; each tensor's part starts on 16 bytes."""
        arrays: list[Any] = []
        room = -(-sizes // 4) * 4
        starts = np.cumsum(room) - room
        for name in self.program.plan.temporaries:
            form: Format = self.program.formats[name]
            dtype = getattr(_torch(), form.kind)
            arrays.append(_torch().empty(int(room.sum()), dtype=dtype, device=self.device))
            self.point(name, (arrays[-1].data_ptr() + starts * arrays[-1].element_size()).tolist())
        return arrays

    def _sent(self, table: npt.NDArray[np.int64]) -> Any:
        return _torch().from_numpy(table).to(self.device)


def _tables(
    sizes: npt.NDArray[np.int64],
    places: Sequence[int],
    row_of: Sequence[int],
    first: int,
    number: int,
) -> tuple[int, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """How many chunks there are, and the tables of chunks and of segments, the batch's own segment first."""
    chunks = -(-sizes // CHUNK)
    count, ends = int(chunks.sum()), np.cumsum(chunks)
    tensor = np.repeat(np.arange(len(sizes)), chunks)
    start = (np.arange(count) - np.repeat(ends - chunks, chunks)) * CHUNK
    rows = np.asarray(row_of, dtype=np.int64)
    table = np.stack([tensor, start, np.minimum(CHUNK, sizes[tensor] - start), rows[tensor]], axis=1)
    segments = np.zeros((len(sizes) + 1, SEGMENT), dtype=np.int64)
    segments[0] = (0, count, sizes.sum(), number, 0, 0)
    segments[1:] = np.stack([ends - chunks, ends, sizes, first + np.arange(len(sizes)), places, rows], axis=1)
    return count, table.astype(np.int64), segments


def _torch() -> Any:
    return sys.modules["torch"]
