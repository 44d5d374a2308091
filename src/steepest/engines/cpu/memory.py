"""Arrays in memory: where NumPy's and PyTorch's CPU arrays lie, and in which order."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import array_api_compat
import numpy as np

from steepest.core.arrays import Array
from steepest.core.errors import InputError

_KINDS = {"float32": "float32", "float64": "float64", "torch.float32": "float32", "torch.float64": "float64"}
_BFLOAT16 = "torch.bfloat16"


def kind_of(array: Any) -> str | None:
    """The kind of numbers it holds: "float32", "float64", "bfloat16"; None for another or for memory out of reach."""
    if array_api_compat.is_numpy_array(array):
        writable = array.flags.writeable and array.dtype.isnative and array.flags.aligned
        return _KINDS.get(str(array.dtype)) if writable else None
    if not array_api_compat.is_torch_array(array) or array.device.type != "cpu" or array.is_sparse:
        return None
    return "bfloat16" if str(array.dtype) == _BFLOAT16 else _KINDS.get(str(array.dtype))


def address_of(array: Any) -> int:
    """The address of its first element."""
    if isinstance(array, np.ndarray):
        return int(array.__array_interface__["data"][0])
    return int(array.data_ptr())


def strides_of(array: Any) -> tuple[int, ...]:
    """Elements between neighbours, by dimension."""
    if isinstance(array, np.ndarray):
        return tuple(stride // array.itemsize for stride in array.strides)
    return tuple(array.stride())


def is_dense(array: Any) -> bool:
    """Whether its elements fill a stretch of memory without gaps, in whatever order of dimensions."""
    expected = 1
    for stride, length in sorted(zip(strides_of(array), array.shape, strict=True)):
        if length == 1:
            continue
        if stride != expected:
            return math.prod(array.shape) == 0
        expected *= length
    return True


def is_row_major(array: Any) -> bool:
    """Whether memory order is the order of the flat index."""
    return bool(array.flags.c_contiguous) if isinstance(array, np.ndarray) else bool(array.is_contiguous())


def laid_out_like(array: Any, model: Any) -> Array:
    """The same numbers in the memory order of `model`: itself where it has that already, else a copy."""
    if same_order(array, model):
        return array
    if isinstance(model, np.ndarray):
        result = np.empty_like(model, dtype=array.dtype, subok=False)
        np.copyto(result, array)
        return result
    torch = sys.modules["torch"]
    return torch.empty_like(model, dtype=array.dtype, requires_grad=False).copy_(array)


def same_order(array: Any, model: Any) -> bool:
    """Whether equal places in memory hold equal indices; strides of dimensions of length 1 mean nothing."""
    ours, theirs = strides_of(array), strides_of(model)
    return ours == theirs or all(a == b or length == 1 for a, b, length in zip(ours, theirs, array.shape, strict=True))


def refuse_overlap(names: Sequence[str], arrays: Sequence[Any], owner: str) -> None:
    """Raise InputError where two arrays share memory: they would be updated twice, and in a race."""
    spans = sorted(
        (address_of(array), address_of(array) + math.prod(array.shape) * _itemsize(array), name)
        for name, array in zip(names, arrays, strict=True)
        if math.prod(array.shape)
    )
    for (_, end, one), (start, _, other) in zip(spans, spans[1:], strict=False):
        if start < end:
            first, second = sorted((one, other), key=list(names).index)
            raise InputError(f"{owner}: {first} and {second} share memory; give tied parameters once")


def bump_versions(arrays: Iterable[Any]) -> None:
    """Tell PyTorch's autograd that these tensors were changed, so that a stale graph is refused."""
    import torch

    torch.autograd.graph.increment_version(list(arrays))


def _itemsize(array: Any) -> int:
    return int(array.itemsize if isinstance(array, np.ndarray) else array.element_size())
