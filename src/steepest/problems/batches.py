"""The order of batches: random reshuffling, drawn from the run's seed alone."""

from __future__ import annotations

from typing import final

import torch

from steepest.problems.seeding import NOISE, ORDER, READING, nth, stream
from steepest.problems.splits import CHUNK, ArraySplit, Batch, Split


@final
class BatchOrder:
    """Endless batches of equal size: every epoch a new random permutation, without replacement.

    What is left at an epoch's end and does not fill a batch is dropped; the next permutation gives it a new chance.
    The permutations come from a generator of their own, so no method and no network can shift them. Rows are
    gathered up to 1,024 at a time and handed out as views, which costs a small network a few microseconds a batch.
    """

    def __init__(self, split: Split, size: int, seed: int) -> None:
        self._split, self._size = split, size
        self._generator = torch.Generator().manual_seed(stream(seed, ORDER))
        self._noise, self._reading = stream(seed, NOISE), stream(seed, READING)
        self._together = size * max(1, CHUNK // size) if isinstance(split, ArraySplit) else size
        self._rows = torch.empty(0, dtype=torch.int64)
        self._ready: list[Batch] = []
        self.drawn = 0

    def __next__(self) -> Batch:
        if not self._ready:
            self._gather()
        self.drawn += 1
        return self._ready.pop()

    @property
    def noise_seed(self) -> int:
        """The seed of what the network draws on the batch drawn last: the same however often it is evaluated."""
        return nth(self._noise, self.drawn)

    def _gather(self) -> None:
        if not len(self._rows):
            count = len(self._split)
            self._rows = torch.randperm(count, generator=self._generator)[: count - count % self._size]
        rows, self._rows = self._rows[: self._together], self._rows[self._together :]
        self._ready = self._split.batches(rows, self._size, nth(self._reading, self.drawn))[::-1]
