"""The gradients of micro-batches, added up in place until they make a step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, final

import numpy as np

from steepest.core.arrays import Array, Tensors, namespace
from steepest.formula import State
from steepest.formula.accumulate import BATCHES, GATHERED, SUM, TAKEN
from steepest.formula.state import MODEL


@final
class Gathering:
    """What `accumulate` keeps on live tensors; see `formula.accumulate.gather` for what it means.

    count: micro-batches a step.
    """

    def __init__(self, count: int, tensors: Tensors) -> None:
        self.count, self.batches = count, 0
        self.sums: dict[str, Any] = {name: namespace(p).zeros_like(_plain(p)) for name, p in tensors.items()}
        self.taken = dict.fromkeys(tensors, 0)

    def add(self, gradients: Mapping[str, Array | None]) -> dict[str, Array | None] | None:
        """Add one micro-batch; the mean gradients where it was the last, which hold until the next is added."""
        if self.batches == 0:
            self._clear()
        for name, gradient in gradients.items():
            if gradient is not None:
                self.sums[name] += _plain(gradient)
                self.taken[name] += 1
        self.batches += 1
        if self.batches < self.count:
            return None
        self.batches = 0
        for total in self.sums.values():
            total /= self.count
        return {name: total if self.taken[name] else None for name, total in self.sums.items()}

    def joined(self, state: State) -> State:
        """The rule's state with the sums so far."""
        begun = self.batches > 0
        sums = {name: (+total if begun else 0 * total) for name, total in self.sums.items()}
        taken = {name: np.float64(number if begun else 0) for name, number in self.taken.items()}
        numbers = {name: self._number(number, self.sums[name]) for name, number in taken.items()}
        first = next(iter(self.sums.values()))
        slots = {SUM: sums, TAKEN: numbers, BATCHES: {MODEL: self._number(np.float64(self.batches), first)}}
        return replace(state, slots={**state.slots, **slots})

    def parted(self, state: State) -> State:
        """Go on from the sums in a state, and give back the rule's own."""
        for name, total in state.slots.get(SUM, {}).items():
            self.sums[name][...] = total
        self.taken.update({name: int(float(n)) for name, n in state.slots.get(TAKEN, {}).items()})  # type: ignore[arg-type]
        self.batches = int(float(state.slots.get(BATCHES, {}).get(MODEL, 0)))  # type: ignore[arg-type]
        return replace(state, slots={path: slot for path, slot in state.slots.items() if path not in GATHERED})

    def _clear(self) -> None:
        for name, total in self.sums.items():
            total[...] = 0
            self.taken[name] = 0

    @staticmethod
    def _number(number: np.float64, like: Any) -> Any:
        xp = namespace(like)
        return xp.asarray(float(number), dtype=xp.float64, device=getattr(like, "device", None))


def _plain(array: Any) -> Any:
    """A PyTorch tensor without its history."""
    return array.detach() if hasattr(array, "detach") else array
