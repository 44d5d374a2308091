"""Counter-based random numbers: a pure function of what they are for, the same on every engine."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Literal

import array_api_compat
import numpy as np
import numpy.typing as npt

from steepest.core.arrays import namespace
from steepest.core.errors import FormulaError

Kind = Literal["normal", "uniform", "rademacher"]
_WORDS = {"uniform": 0, "rademacher": 1, "normal": 2}


def draw(kind: Kind, shaped: Any, seed: int, name: str, age: int, stream: int) -> Any:
    """Random numbers in the shape, dtype and library of the array `shaped`.

    Each element's 32-bit counter is its flat index plus a key of (seed, name, age, stream), mixed by lowbias32
    (a bijection on 32-bit words with low bias, by Ellis and Wellons). "uniform" has 24 bits in [0, 1); "normal" is
    Box-Muller on two words, in float64.
    """
    if kind not in _WORDS:
        raise FormulaError(f"random: kind must be one of {sorted(_WORDS)}, got {kind!r}")
    count = math.prod(shaped.shape)
    first = _uniform(count, seed, name, age, stream, _WORDS[kind])
    if kind == "uniform":
        values = first
    elif kind == "rademacher":
        values = np.where(first < 0.5, -1.0, 1.0)
    else:
        second = _uniform(count, seed, name, age, stream, _WORDS[kind] + 1)
        values = np.sqrt(-2.0 * np.log1p(-first)) * np.cos(2.0 * np.pi * second)
    if array_api_compat.is_numpy_array(shaped):
        return values.reshape(shaped.shape).astype(shaped.dtype)
    xp = namespace(shaped)
    return xp.reshape(xp.asarray(values, dtype=shaped.dtype, device=shaped.device), shaped.shape)


def keys(kind: str, seed: int, name: str, age: int, stream: int) -> tuple[int, ...]:
    """The keys of a tensor's random numbers at an age: two for each word that an element takes."""
    words = (_WORDS[kind], _WORDS[kind] + 1) if kind == "normal" else (_WORDS[kind],)
    return tuple(key for word in words for key in _keys(f"{seed}/{name}/{age}/{stream}/{word}"))


def _keys(text: str) -> tuple[int, int]:
    digest = hashlib.blake2b(text.encode(), digest_size=4).digest()
    return int.from_bytes(digest, "little"), int.from_bytes(digest, "big")


def _uniform(count: int, seed: int, name: str, age: int, stream: int, word: int) -> npt.NDArray[np.float64]:
    first, second = map(np.uint32, _keys(f"{seed}/{name}/{age}/{stream}/{word}"))
    x = lowbias32(lowbias32(np.arange(count, dtype=np.uint32) + first) ^ second)
    return (x >> np.uint32(8)).astype(np.float64) * 2.0**-24


def lowbias32(x: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """Mix 32-bit words: a bijection with low bias."""
    x = (x ^ (x >> np.uint32(16))) * np.uint32(0x7FEB352D)
    x = (x ^ (x >> np.uint32(15))) * np.uint32(0x846CA68B)
    return x ^ (x >> np.uint32(16))


def rounding_keys(seed: int, names: Sequence[str], array: str, ages: npt.NDArray[np.int64]) -> npt.NDArray[np.uint32]:
    """Two keys a tensor for the stochastic rounding of an array, at the tensors' ages."""
    base = np.array([_base_keys(seed, name, array) for name in names], dtype=np.uint32)
    turned = (ages.astype(np.uint64) * np.uint64(0x9E3779B1)).astype(np.uint32)
    return lowbias32(base + turned[:, None])


@lru_cache(maxsize=65_536)
def _base_keys(seed: int, name: str, array: str) -> tuple[int, int]:
    return _keys(f"{seed}/{name}/rounding/{array}")
