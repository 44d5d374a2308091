"""What a function problem is given and what its functions return, checked with one line each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from steepest.core.errors import InputError, InputTypeError, ProblemError

Vector = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float64]
Real = float | np.floating
Point = Sequence[float] | npt.NDArray[np.floating] | float


def vector(owner: str, name: str, value: object, length: int | None = None) -> Vector:
    """`value` as a new float64 vector of finite numbers; a number is a vector of length 1."""
    try:
        x = np.atleast_1d(np.array(value, dtype=np.float64))
    except (TypeError, ValueError):
        raise InputTypeError(f"{owner}: {name} must be a vector of numbers, got {value!r}") from None
    if x.ndim != 1 or not len(x) or (length is not None and len(x) != length):
        wanted = "a vector" if length is None else f"a vector of length {length}"
        raise InputError(f"{owner}: {name} must be {wanted}, got shape {x.shape}")
    if not np.all(np.isfinite(x)):
        raise InputError(f"{owner}: {name} must be finite, got {value!r}")
    return x


def interval(owner: str, name: str, value: object) -> tuple[float, float] | None:
    """`value` as (low, high) with low < high, or None; an end may be infinite."""
    if value is None:
        return None
    try:
        low, high = (float(end) for end in value)  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        low, high = 1.0, 0.0
    if not low < high:
        raise InputError(f"{owner}: {name} must be (low, high) with low < high, got {value!r}")
    return low, high


def number(owner: str, value: object) -> float:
    """What `fun` returned, as a Python float. Raises ProblemError where it is not one real number."""
    if isinstance(value, float | int):  # np.float64 is a float
        return float(value)
    array = np.asarray(value)
    if array.ndim or array.dtype.kind not in "fiub":
        got = f"an array of shape {array.shape}" if array.ndim else f"{type(value).__name__}"
        raise ProblemError(f"{owner}: fun must return one number, got {got}")
    return float(array)


def shaped(owner: str, name: str, value: object, shape: tuple[int | None, ...]) -> npt.NDArray[np.float64]:
    """What a function returned, as a new float64 array; None in `shape` is any length. Raises ProblemError."""
    found = np.array(value, dtype=np.float64)
    if found.ndim != len(shape) or any(n not in {None, m} for n, m in zip(shape, found.shape, strict=True)):
        wanted = repr(shape).replace("None", "m")
        raise ProblemError(f"{owner}: {name} must return shape {wanted}, got {found.shape}")
    return found


def on_cpu(owner: str, device: str) -> None:
    """Raises InputError where `device` is another."""
    if device != "cpu":
        raise InputError(f"{owner}: device must be 'cpu' for a function of a NumPy vector, got {device!r}")
