"""What stored bits stand for, as PyTorch tensors of any device."""

from __future__ import annotations

import sys
from typing import Any

from steepest.engines.formats import BLOCK, Kind


def decoded(kind: Kind, array: Any, scale: Any) -> Any:
    """The numbers of a rounded tensor as float32, in its shape and memory order.

    scale: the maxima of the blocks of 256 elements in memory order, for 8-bit codes.

    >>> import torch
    >>> decoded("unsigned8", torch.tensor([0, 255], dtype=torch.uint8), torch.tensor([2.0]))
    tensor([0., 2.])
    """
    torch: Any = sys.modules["torch"]
    if kind in {"bfloat16", "stochastic"}:
        return array.float()
    codes = array.as_strided((array.numel(),), (1,))
    if kind == "signed8":
        root = codes.view(torch.int8).float() * _STEPS[kind]
        numbers = root * root.abs()
    else:
        square = (codes.float() * _STEPS[kind]) ** 2
        numbers = square * square
    result = torch.empty_like(array, dtype=torch.float32)
    result.as_strided((array.numel(),), (1,)).copy_(numbers * scale.repeat_interleave(BLOCK)[: codes.numel()])
    return result


_STEPS = {"signed8": 1 / 127, "unsigned8": 1 / 255}
