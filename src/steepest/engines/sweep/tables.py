"""What a sweep computes on the host in float64: numbers that all runs share, by step, and numbers of each run."""

from __future__ import annotations

from typing import Any, final

import numpy as np
import numpy.typing as npt

from steepest.engines.sweep.kernels import Kernel
from steepest.engines.sweep.kinds import name_of
from steepest.engines.sweep.recipe import ages
from steepest.engines.sweep.settings import Settings
from steepest.formula.counter_random import keys
from steepest.formula.graph import Node

Vector = npt.NDArray[np.float64]


@final
class HostTables:
    """The tables that a kernel reads, for some steps at a time. seeds: one for all runs, or one a run."""

    def __init__(self, compiled: Kernel, settings: Settings, seeds: list[int]) -> None:
        self.compiled, self.tables, self.settings, self.seeds = compiled, compiled.source.tables, settings, seeds

    def columns(self, first: int, count: int) -> Vector:
        """[count + 1, columns]: the numbers of updates first, first + 1, …; the last row has only what never varies."""
        table = np.zeros((count + 1, max(1, len(self.tables.columns))))

        def leaf(name: str) -> Any:
            return ages(first, count) if name in {"k", "t"} else self.settings.over_steps(name[6:], first, count)

        values = iter(self.compiled.columns.follow(leaf))
        for (node, word), place in self.tables.columns.items():
            if node.op == "random":
                table[:count, place] = _keys(node, word, self.seeds[0], first, count)
                continue
            value = next(values)
            if np.ndim(value) == 0:
                table[:, place] = value
            else:
                table[:count, place] = value
        return table

    def rows(self) -> Vector:
        """[rows, runs]: one number a run."""
        values = self.compiled.rows.follow(lambda name: self.settings.over_runs(name[6:]))
        return np.array(values, dtype=np.float64).reshape(-1, self.settings.runs)

    def scheduled(self, first: int, count: int) -> Vector:
        """[count, scheduled, runs]: one number a run and update."""
        table = np.empty((count, len(self.tables.scheduled), self.settings.runs))
        for (node, word), place in self.tables.scheduled.items():
            if node.op == "random":
                table[:, place] = np.transpose([_keys(node, word, seed, first, count) for seed in self.seeds])
            else:
                table[:, place] = self.settings.over_both(name_of(node)[6:], first, count).T
        return table


def _keys(node: Node, word: int, seed: int, first: int, count: int) -> list[int]:
    """One of the keys of a tensor's random numbers at each update, for the bare array "x"."""
    attributes = dict(node.attributes)
    kind, stream = str(attributes["kind"]), int(attributes["stream"])
    return [keys(kind, seed, "x", age, stream)[word] for age in range(first + 1, first + count + 1)]
