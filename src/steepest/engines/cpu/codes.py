"""What stored bits stand for, array by array: the reading that formulas outside the kernels need."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import numpy.typing as npt

from steepest.engines.formats import BLOCK, Kind


def decoded(kind: Kind, array: Any, scale: Any) -> Any:
    """The numbers of a rounded array as float32, in its library, shape and memory order.

    scale: the maxima of the blocks of 256 elements in memory order, for 8-bit codes.

    >>> decoded("unsigned8", np.array([0, 255], np.uint8), np.array([2.0], np.float32))
    array([0., 2.], dtype=float32)
    """
    if isinstance(array, np.ndarray):
        if kind in {"bfloat16", "stochastic"}:
            return (array.astype(np.uint32) << 16).view(np.float32)
        flat = array.ravel(order="K")
        return _into(_from_codes(kind, flat, scale), np.empty_like(array, dtype=np.float32))
    torch = sys.modules["torch"]
    if kind in {"bfloat16", "stochastic"}:
        return array.float()
    result = torch.empty_like(array, dtype=torch.float32)
    flat = array.as_strided((array.numel(),), (1,)).numpy()
    result.as_strided((array.numel(),), (1,)).copy_(torch.from_numpy(_from_codes(kind, flat, scale.numpy())))
    return result


def _into(flat: npt.NDArray[np.float32], shaped: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Fill an array in the order of its memory."""
    np.lib.stride_tricks.as_strided(shaped, (flat.size,), (shaped.itemsize,))[...] = flat
    return shaped


def _from_codes(kind: Kind, codes: npt.NDArray[np.uint8], scale: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    largest = np.repeat(scale, BLOCK)[: codes.size]
    if kind == "signed8":
        root = codes.view(np.int8).astype(np.float32) * np.float32(1 / 127)
        return np.asarray(root * abs(root) * largest)
    square = (codes.astype(np.float32) * np.float32(1 / 255)) ** 2
    return np.asarray(square * square * largest)
