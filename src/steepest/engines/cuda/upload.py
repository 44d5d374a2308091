"""What the host sends at every step: addresses, rows of numbers and keys, in one copy that nobody waits for."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
import numpy.typing as npt


@final
@dataclass
class Part:
    """A stretch of the table: as the host fills it, and as kernels read it."""

    host: npt.NDArray[Any]
    device: Any


@final
@dataclass
class Upload:
    """A table of parts, all in one buffer on the device.

    `part` reserves; `allot` makes the memory, once everything is reserved; `send` copies.
    """

    device: Any
    _reserved: list[tuple[Part, int, int]] = field(default_factory=list)
    _words: int = 0

    def part(self, count: int, dtype: Any) -> Part:
        """Room for so many numbers of a dtype, on 16 bytes."""
        part = Part(np.zeros(count, dtype=dtype), None)
        words = 2 * -(-part.host.nbytes // 16)
        self._reserved.append((part, self._words, words))
        self._words += words
        return part

    def allot(self) -> None:
        """Make the memory; what parts hold already stays."""
        torch: Any = sys.modules["torch"]
        self._host = np.zeros(self._words, dtype=np.int64)
        self._is_host = self.device.type == "cpu"
        whole = torch.from_numpy(self._host)
        self._device = whole if self._is_host else torch.empty(self._words, dtype=torch.int64, device=self.device)
        for part, first, words in self._reserved:
            mine = self._host[first : first + words].view(part.host.dtype)[: part.host.size]
            mine[:] = part.host
            part.host = mine
            part.device = self._device[first : first + words].view(_device_types()[part.host.dtype.name])

    def send(self) -> None:
        """Copy everything, in the order of the stream, without waiting: each step has pinned memory of its own."""
        if not self._is_host:
            torch: Any = sys.modules["torch"]
            pinned = torch.empty(self._words, dtype=torch.int64, pin_memory=True)
            pinned.numpy()[:] = self._host
            self._device.copy_(pinned, non_blocking=True)


def _device_types() -> dict[str, Any]:
    torch: Any = sys.modules["torch"]
    return {"int64": torch.int64, "float64": torch.float64, "uint32": torch.int32}
