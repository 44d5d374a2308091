"""The few vector operations that differ between NumPy and PyTorch; all else is written once with `+ * @ .dot`."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import array_api_compat
import numpy as np
import numpy.typing as npt
from scipy.linalg.blas import ddot

Vector: TypeAlias = Any
"""A flat vector: a NumPy float64 array, or a PyTorch tensor of any device for the methods that are `on_device`."""
Matrix: TypeAlias = npt.NDArray[np.float64]
Real: TypeAlias = npt.NDArray[np.float64]


def dot(a: Vector, b: Vector) -> float:
    """aᵀb."""
    if type(a) is np.ndarray:
        found: float = ddot(a, b)
        return found
    return float(a.dot(b))


def norm(v: Vector) -> float:
    """‖v‖₂, also where the square of it is beyond the largest number.

    >>> norm(np.array([3e-200, 4e-200]))
    5e-200
    """
    square = ddot(v, v) if type(v) is np.ndarray else float(v.dot(v))
    if 1e-280 < square < math.inf:
        return math.sqrt(square)
    largest = largest_entry(v)
    if largest == 0.0 or not math.isfinite(largest):
        return largest
    scaled = v / largest
    return largest * math.sqrt(float(scaled.dot(scaled)))


def largest_entry(v: Vector) -> float:
    """maxᵢ |vᵢ|; NaN where an entry is."""
    return float(abs(v).max())


def all_finite(v: Vector) -> bool:
    """Whether every entry is finite."""
    if math.isfinite(float(v.dot(v))):
        return True
    return math.isfinite(largest_entry(v))


def zeros(rows: int, like: Vector) -> Vector:
    """A matrix of zeros, each row a vector like this one."""
    if type(like) is np.ndarray:
        return np.zeros((rows, like.shape[0]))
    return like.new_zeros((rows, like.shape[0]))


def to_host(small: Vector) -> Real:
    """A few numbers as a NumPy float64 array on the host."""
    if type(small) is np.ndarray:
        return small
    return np.asarray(small.detach().cpu().numpy(), dtype=np.float64)


def to_device(small: Real, like: Vector) -> Vector:
    """A few numbers of the host in the library, dtype and device of `like`."""
    if type(like) is np.ndarray:
        return small
    return like.new_tensor(small)


def is_torch(v: Vector) -> bool:
    """Whether it is a PyTorch tensor."""
    return type(v) is not np.ndarray and array_api_compat.is_torch_array(v)
