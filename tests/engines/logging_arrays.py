"""Arrays that write down each access to them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np


class Log:
    """What kernels did to memory: how often each number was loaded and stored, by pass and address.

    bytes: all that was moved. calls: (pass, first chunk, last chunk) of each call of a kernel. tables: addresses of
    what is not a tensor's array, for the kernel that runs.
    """

    def __init__(self) -> None:
        self.loads: Counter[tuple[int, int]] = Counter()
        self.stores: Counter[tuple[int, int]] = Counter()
        self.bytes = 0
        self.calls: list[tuple[int, int, int]] = []
        self.tables: set[int] = set()
        self.running = 0

    def enter(self, number: int, first: int, last: int, tables: set[int]) -> None:
        """Pass `number` begins."""
        self.calls.append((number, first, last))
        self.running, self.tables = number, tables

    def note(self, counts: Counter[tuple[int, int]], address: int, size: int) -> None:
        counts[self.running, address] += 1
        self.bytes += size

    def loaded(self, number: int, array: Any) -> set[int]:
        """How often pass `number` loaded the elements of an array: {1} where each was loaded once."""
        return self._counted(self.loads, number, array)

    def stored(self, number: int, array: Any) -> set[int]:
        return self._counted(self.stores, number, array)

    def _counted(self, counts: Counter[tuple[int, int]], number: int, array: Any) -> set[int]:
        start, size = address(array), width(array)
        return {counts[number, start + size * place] for place in range(elements(array))}


class LoggingArray:
    """Numbers in memory, each access to which is written down; indices must be inside."""

    def __init__(self, array: np.ndarray, start: int, log: Log) -> None:
        self.array, self.start, self.log = array, int(start), log

    def __getitem__(self, index: int) -> Any:
        self.log.note(self.log.loads, self._address(index), self.array.itemsize)
        return self.array[index]

    def __setitem__(self, index: int, value: Any) -> None:
        self.log.note(self.log.stores, self._address(index), self.array.itemsize)
        kept = np.asarray(value, dtype=self.array.dtype)
        assert kept == value or kept != kept, f"{value!r} is rounded where it is stored as {kept.dtype}"
        self.array[index] = value

    def _address(self, index: int) -> int:
        assert type(index) is int and 0 <= index < len(self.array), f"{index} is outside of its chunk"
        return self.start + self.array.itemsize * index


def address(array: Any) -> int:
    return int(array.ctypes.data if isinstance(array, np.ndarray) else array.data_ptr())


def width(array: Any) -> int:
    return int(array.itemsize if isinstance(array, np.ndarray) else array.element_size())


def elements(array: Any) -> int:
    return int(array.size if isinstance(array, np.ndarray) else array.numel())
