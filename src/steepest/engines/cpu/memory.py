"""Arrays in memory: where NumPy's and PyTorch's CPU arrays lie, and in which order."""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Callable, Sequence
from functools import cache
from operator import attrgetter
from typing import Any

import array_api_compat
import numpy as np

from steepest.core.arrays import Array
from steepest.core.errors import InputError, InputTypeError

_DTYPE = attrgetter("dtype")
_KINDS = {
    "float32": "float32",
    "float64": "float64",
    "torch.float32": "float32",
    "torch.float64": "float64",
    "torch.bfloat16": "bfloat16",
}


def kind_of(array: Any) -> str | None:
    """The kind of numbers it holds: "float32", "float64", "bfloat16"; None for another or for memory out of reach."""
    if isinstance(array, np.ndarray):
        reachable = array.flags.writeable and array.dtype.isnative and array.flags.aligned
        return _KINDS.get(str(array.dtype)) if reachable else None
    if not array_api_compat.is_torch_array(array) or array.device.type != "cpu" or array.layout is not _strided():
        return None
    return _KINDS.get(str(array.dtype))


def address_of(array: Any) -> int:
    """The address of its first element."""
    return int(array.ctypes.data if isinstance(array, np.ndarray) else array.data_ptr())


def addresses_of(tensors: Sequence[Any]) -> list[int]:
    """The address of each."""
    if isinstance(tensors[0], np.ndarray):
        return [tensor.ctypes.data for tensor in tensors]
    return list(map(_tensors().data_ptr, tensors))


def row_major_addresses(tensors: Sequence[Any], dtype: object, *, on_host: bool = False) -> list[int] | None:
    """The address of each, None where one is of another dtype, not in row-major order without gaps, or out of reach.

    on_host: they are known to be in host memory.
    """
    try:
        if isinstance(tensors[0], np.ndarray):
            found = [t.ctypes.data for t in tensors if t.dtype == dtype and t.flags.c_contiguous]
            return found if len(found) == len(tensors) else None
        kind = _tensors()
        if set(map(_DTYPE, tensors)) != {dtype} or not all(map(kind.is_contiguous, tensors)):
            return None
        if not on_host and not all(tensor.is_cpu for tensor in tensors):
            return None
        return list(map(kind.data_ptr, tensors))
    except (AttributeError, TypeError, RuntimeError):  # sparse, or another library's
        return None


def shapes_of(tensors: Sequence[Any]) -> list[Any]:
    """What says whether a parameter at its old address is still what it was; NumPy's arrays cannot change in place."""
    if isinstance(tensors[0], np.ndarray):
        return []
    kind = _tensors()
    if all(map(kind.is_contiguous, tensors)):
        return list(map(kind.numel, tensors))
    return [(tensor.shape, tensor.stride()) for tensor in tensors]


def is_dense(array: Any) -> bool:
    """Whether its elements fill a stretch of memory without gaps, in whatever order of dimensions."""
    expected = 1
    for stride, length in sorted(zip(_strides(array), array.shape, strict=True)):
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
    ours, theirs = _strides(array), _strides(model)
    if all(a == b or length == 1 for a, b, length in zip(ours, theirs, model.shape, strict=True)):
        return array
    if isinstance(model, np.ndarray):
        result = np.empty_like(model, dtype=array.dtype, subok=False)
        np.copyto(result, array)
        return result
    return sys.modules["torch"].empty_like(model, dtype=array.dtype, requires_grad=False).copy_(array)


def empty_like(p: Any, dtype: str) -> Any:
    """Memory for as many numbers of a dtype, in the shape and memory order of a parameter."""
    if isinstance(p, np.ndarray):
        return np.empty_like(p, dtype=dtype, subok=False)
    torch = sys.modules["torch"]
    return torch.empty_like(p, dtype=getattr(torch, dtype), requires_grad=False)


def converted(name: str, tensor: Any, p: Any) -> Any:
    """A gradient, or what is like one, in the dtype and memory order of its parameter.

    Raises InputTypeError where it is sparse, on another device or of another library.
    """
    if isinstance(p, np.ndarray):
        return laid_out_like(np.asarray(tensor, dtype=p.dtype), p)
    if not array_api_compat.is_torch_array(tensor):
        raise InputTypeError(f"update: the gradient of {name} must be a PyTorch tensor, got {type(tensor).__name__}")
    if tensor.layout is not _strided():
        raise InputTypeError(f"update: the gradient of {name} is sparse; this rule needs dense gradients")
    if tensor.device != p.device:
        raise InputTypeError(f"update: the gradient of {name} must be on {p.device}, got {tensor.device}")
    return laid_out_like(tensor.detach().to(p.dtype), p)


def refuse_overlap(names: Sequence[str], arrays: Sequence[Any], owner: str) -> None:
    """Raise InputError where two arrays share memory: they would be updated twice, and in a race."""
    spans = sorted(
        (address_of(array), address_of(array) + math.prod(array.shape) * _itemsize(array), name)
        for name, array in zip(names, arrays, strict=True)
        if math.prod(array.shape)
    )
    for (_, end, one), (start, _, other) in itertools.pairwise(spans):
        if start < end:
            first, second = sorted((one, other), key=list(names).index)
            raise InputError(f"{owner}: {first} and {second} share memory; give tied parameters once")


@cache
def version_bump() -> Callable[[Any], None]:
    """PyTorch's way to be told that tensors were changed, so that autograd refuses a stale graph."""
    import torch

    return torch.autograd.graph.increment_version


@cache
def _tensors() -> Any:
    """PyTorch's class of tensors, whose methods `map` calls fastest."""
    return sys.modules["torch"].Tensor


@cache
def _strided() -> object:
    return sys.modules["torch"].strided


def _strides(array: Any) -> tuple[int, ...]:
    """Elements between neighbours, by dimension."""
    if isinstance(array, np.ndarray):
        return tuple(stride // array.itemsize for stride in array.strides)
    return tuple(array.stride())


def _itemsize(array: Any) -> int:
    return int(array.itemsize if isinstance(array, np.ndarray) else array.element_size())
