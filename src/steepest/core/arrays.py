"""Array-namespace helpers: the same few operations on arrays of NumPy, PyTorch and JAX."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any, Protocol

import array_api_compat
import numpy as np


class Array(Protocol):
    """An array of NumPy, PyTorch or JAX."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> object: ...


Tensors = Mapping[str, Array]
"""Named arrays: the parameters of a model, or gradients by the same names."""

_NAMESPACES: dict[type, ModuleType] = {}


def is_array(value: object) -> bool:
    """Whether `value` is an array of a library that steepest knows."""
    return array_api_compat.is_array_api_obj(value)


def namespace(array: object) -> ModuleType:
    """The array-API namespace of `array`, looked up once a type."""
    kind = type(array)
    found = _NAMESPACES.get(kind)
    if found is None:
        found = _NAMESPACES[kind] = array_api_compat.array_namespace(array)
    return found


def like(value: float, array: Any) -> Any:
    """`value` as a 0-d array of the library, dtype and device of `array`."""
    return namespace(array).asarray(value, dtype=array.dtype, device=array_api_compat.device(array))


def is_finite(array: Any) -> bool:
    """Whether every element is finite."""
    return bool(namespace(array).all(namespace(array).isfinite(array)))


def assign(target: Any, source: Any) -> None:
    """Write `source` into the memory of `target`; shapes alike. JAX arrays cannot be written and are refused."""
    if array_api_compat.is_torch_array(target):
        target.detach().copy_(source)
    elif array_api_compat.is_numpy_array(target):
        np.copyto(target, source)
    else:
        raise TypeError(f"arrays of type {type(target).__name__} cannot be changed in place")


def copy(array: Any) -> Any:
    """A copy that shares no memory and carries no autograd history."""
    if array_api_compat.is_torch_array(array):
        return array.detach().clone()
    return namespace(array).asarray(array, copy=True)


def clone(array: Any) -> Any:
    """A copy that shares no memory; gradients flow through it where the library has them."""
    return array.clone() if array_api_compat.is_torch_array(array) else namespace(array).asarray(array, copy=True)


def to_float(value: Any) -> float:
    """A 0-d array or a number as a Python float, without autograd history."""
    return float(value.detach()) if array_api_compat.is_torch_array(value) else float(value)


def to_numpy(array: Any) -> np.ndarray[Any, np.dtype[Any]]:
    """The values as a NumPy array on the host."""
    if array_api_compat.is_torch_array(array):
        return np.asarray(array.detach().cpu().numpy())
    return np.asarray(array)
