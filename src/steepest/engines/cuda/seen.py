"""Reductions over the model, for the step report: read from the device when they are first looked at."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, final


@final
@dataclass(frozen=True)
class Reduction:
    """One reduction over the model: what it is, the place of its sum, and over how many elements."""

    op: str
    place: int
    elements: int


@final
class Seen(Mapping[str, float]):
    """What a step reduced over the model, by the path in its report.

    sums: rows of partial sums, one a batch of tensors. Looking at a number waits for the device; a step whose report
    nobody reads does not.
    """

    def __init__(self, reductions: Mapping[str, Reduction], sums: Any) -> None:
        self._reductions, self._device = reductions, sums
        self._read: list[float] | None = None

    def __getitem__(self, path: str) -> float:
        reduction = self._reductions[path]
        if self._read is None:
            self._read = self._device.sum(0).tolist()
            self._device = None
        total = self._read[reduction.place]
        if reduction.op == "norm":
            return math.sqrt(total)
        return total / reduction.elements if reduction.op == "mean" else total

    def __iter__(self) -> Iterator[str]:
        return iter(self._reductions)

    def __len__(self) -> int:
        return len(self._reductions)

    def __repr__(self) -> str:
        return repr(dict(self))
