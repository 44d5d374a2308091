"""The numbers of a sweep's runs in blocks, as kernels read and write them."""

from __future__ import annotations

from typing import Any, final

import numpy as np
import numpy.typing as npt

from steepest.engines.cpu.pool import launch
from steepest.engines.sweep.kernels import Kernel
from steepest.engines.sweep.outline import Outline
from steepest.engines.sweep.tables import HostTables

_BYTES = 64 * 2**20
"""Memory for what is recorded and scheduled in one stretch of steps."""


@final
class Blocks:
    """Runs in blocks of `width`; the last block is filled up with copies of the last run."""

    def __init__(
        self,
        compiled: Kernel,
        outline: Outline,
        points: npt.NDArray[np.float64],
        data: list[npt.NDArray[Any]],
        limits: tuple[float, float],
    ) -> None:
        made = compiled.source
        self.compiled, self.made, self.outline, self.data = compiled, made, outline, data
        self.runs, self.d = points.shape
        self.width = made.width
        self.count = -(-self.runs // self.width)
        self.limits = np.array(limits)
        self.state = np.zeros((self.count, made.state.count, self.width), outline.dtype)
        self.lanes = np.zeros((self.count, made.lanes.count, self.width))
        self.none = np.zeros(1)
        self._start(points)

    def set_rows(self, rows: npt.NDArray[np.float64]) -> None:
        """Write each run's own numbers, and the first powers of those that are multiplied up."""
        places = self.made.lanes.rows
        for place, numbers in enumerate(rows):
            self.lanes[:, places[f"run {place}"]] = self._blocked(numbers[:, None])[:, 0]
        for node, place in self.made.tables.products.items():
            base = places[f"run {self.made.tables.rows[node.args[0], 0]}"]
            self.lanes[:, places[f"product {place}"]] = self.lanes[:, base]

    def recording(self, count: int) -> tuple[npt.NDArray[Any], npt.NDArray[np.float64] | None]:
        """Memory for `count` points and values of every run."""
        points = np.empty((self.runs, count, self.d), self.outline.dtype)
        return points, None if self.outline.value is None else np.empty((self.runs, count))

    def most_steps(self, share: float) -> int:
        """How many steps fit into memory for what is scheduled, and recorded at a share of the steps."""
        one = self.count * self.width * 8 * (share * (self.d + 1) + len(self.made.tables.scheduled))
        return max(1, min(2**16, int(_BYTES / max(one, 1.0))))

    def advance(
        self, first: int, count: int, tables: HostTables, due: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[Any], npt.NDArray[np.float64]]:
        """Updates first, first + 1, … of every run; points and values, recorded when `due` updates were made."""
        made = self.made
        saved = np.empty((self.count, max(1, len(due)), self.d, self.width), self.outline.dtype)
        values = np.empty((self.count, max(1, len(due)), self.width))
        turns = np.full(count + 1, -1, np.int64)
        turns[due] = np.arange(len(due))
        host = tables.columns(first, count)
        scheduled = self.none
        if made.tables.scheduled and count:
            given = tables.scheduled(first, count)
            padded = np.concatenate(
                [given, np.repeat(given[:, :, -1:], self.count * self.width - self.runs, axis=2)], axis=2
            )
            shape = (count, -1, self.count, self.width)
            scheduled = np.ascontiguousarray(padded.reshape(shape).transpose(2, 0, 1, 3))
        arrays = (self.state, self.lanes, host, scheduled, saved, values, turns, self.limits)
        entries = [array.ctypes.data for array in arrays]
        entries += [count, first, self.runs, max(1, len(due))]
        for array in self.data:
            entries += [array.ctypes.data, *array.shape]
        table = np.array(entries, np.int64)
        launch(self.compiled.address, table.ctypes.data, self.count)
        return self._unblocked(saved), self._unblocked(values[:, :, None])[:, :, 0]

    def answers(self, tables: HostTables) -> tuple[npt.NDArray[Any], npt.NDArray[np.float64] | None]:
        """The answer points now, and the objective there."""
        if self.made.traced.answer is None and self.outline.value is None:
            return self.points(), None
        points, values = self.advance(0, 0, tables, np.zeros(1, np.int64))
        return points[:, 0], None if self.outline.value is None else values[:, 0]

    def points(self) -> npt.NDArray[Any]:
        """The parameters of every run, [runs, d]."""
        return self._unblocked(self.state[:, None, : self.d])[:, 0]

    def codes(self) -> npt.NDArray[np.int64]:
        """How every run stands: 0 goes on, 1 converged, 2 not finite."""
        return self._row("code").astype(np.int64)

    def taken(self) -> npt.NDArray[np.int64]:
        """Updates of every run."""
        return self._row("taken").astype(np.int64)

    def running(self) -> int:
        """How many runs go on."""
        return int((self._row("code") == 0).sum())

    def _start(self, points: npt.NDArray[np.float64]) -> None:
        rows = self.made.state.rows
        start = self._blocked(points)
        self.state[:, : self.d] = start
        for path, slot in self.made.traced.slots.items():
            if slot.scalar:
                if f"slot {path}" in self.made.lanes.rows:
                    self.lanes[:, self.made.lanes.rows[f"slot {path}"]] = float(slot.init)
            elif f"slot:{path}" in rows:
                first = rows[f"slot:{path}"]
                value = start if slot.init == "p" else 0.0 if slot.init == "first" else float(slot.init)
                self.state[:, first : first + self.d] = value

    def _row(self, name: str) -> npt.NDArray[np.float64]:
        return self.lanes[:, self.made.lanes.rows[name]].reshape(-1)[: self.runs]

    def _blocked(self, numbers: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """[runs, n] as [blocks, n, width]."""
        missing = self.count * self.width - self.runs
        padded = np.concatenate([numbers, np.repeat(numbers[-1:], missing, axis=0)]) if missing else numbers
        return padded.reshape(self.count, self.width, -1).transpose(0, 2, 1)

    def _unblocked(self, saved: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """[blocks, n, d, width] as [runs, n, d], a copy."""
        blocks, n, d, width = saved.shape
        return saved.transpose(0, 3, 1, 2).reshape(blocks * width, n, d)[: self.runs]
