"""What generated kernels call: each function is plain NumPy when called from Python, and a few instructions compiled.

Compiled, every function is inlined as LLVM instructions without fast-math flags, so loops over them vectorize and
results equal NumPy's bit for bit (exp, log, tanh and power to rounding). Floats keep their type: float32 in, float32
out; where types are mixed, float64. Nothing raises: a root of −1 is NaN, a logarithm of 0 is −inf.
"""

from __future__ import annotations

import ctypes
import hashlib
import inspect
import sys
from typing import Any

import numpy as np
import numpy.typing as npt
from numba.core.types import float32, float64, int64, none, uint8, uint16, uint32

from steepest.engines.cpu import instructions as emit
from steepest.engines.cpu.instructions import compiled, floats, of, view_of

Float = Any
"""A float32 or a float64."""
Integer = Any
"""An integer of any width; a result has the width that the format says."""

_TEXT = "".join(inspect.getsource(module) for module in (sys.modules[__name__], emit))
RUNTIME_VERSION = hashlib.blake2b(_TEXT.encode(), digest_size=8).hexdigest()
"""A hash of the text of these functions: a compiled kernel is only good for the text it was compiled with."""

_POWERS: dict[float, Any] = {2.0: np.square, 1.0: np.positive, 0.5: np.sqrt, 0.0: np.ones_like, -1.0: np.reciprocal}


# Arrays on raw memory


@compiled(view_of(float32), emit.view)
def view_float32(address: int, count: int) -> npt.NDArray[np.float32]:
    """`count` float32 numbers at an address, as an array; loop over range(count), so that the loop vectorizes."""
    return _view(np.float32, address, count)


@compiled(view_of(float64), emit.view)
def view_float64(address: int, count: int) -> npt.NDArray[np.float64]:
    """`count` float64 numbers at an address."""
    return _view(np.float64, address, count)


@compiled(view_of(uint8), emit.view)
def view_uint8(address: int, count: int) -> npt.NDArray[np.uint8]:
    """`count` bytes at an address."""
    return _view(np.uint8, address, count)


@compiled(view_of(uint16), emit.view)
def view_uint16(address: int, count: int) -> npt.NDArray[np.uint16]:
    """`count` uint16 at an address: how bfloat16 numbers are kept."""
    return _view(np.uint16, address, count)


@compiled(view_of(uint32), emit.view)
def view_uint32(address: int, count: int) -> npt.NDArray[np.uint32]:
    """`count` uint32 at an address."""
    return _view(np.uint32, address, count)


@compiled(view_of(int64), emit.view)
def view_int64(address: int, count: int) -> npt.NDArray[np.int64]:
    """`count` int64 at an address."""
    return _view(np.int64, address, count)


def _view(dtype: Any, address: int, count: int) -> npt.NDArray[Any]:
    size = int(count) * np.dtype(dtype).itemsize
    memory = (ctypes.c_char * size).from_address(int(address)) if size else b""
    return np.frombuffer(memory, dtype)


# Functions by their address


@compiled(of(none, int64, int64, int64, int64), emit.call_kernel)
def call_kernel(address: int, first: int, last: int, tables: int) -> None:
    """Call a kernel: void(int64, int64, int64)."""
    ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)(address)(first, last, tables)


@compiled(of(int64, int64), emit.call_number)
def call_number(address: int) -> int:
    """Call an `int f(void)`."""
    return ctypes.CFUNCTYPE(ctypes.c_int)(address)()


# Arithmetic


@compiled(of(float64, float64, float64), emit.accumulate)
def accumulate(total: float, x: float) -> float:
    """Total + x in float64, as an addition that may be reordered: sums vectorize, NaN and inf stay right."""
    return float(total) + float(x)


@compiled(of(float32, float32, float32), emit.largest)
def largest(a: Float, b: Float) -> Float:
    """The larger of two float32 that are not negative, NaN where either is; running maxima over it vectorize."""
    return np.maximum(a, b)


@compiled(floats, emit.minimum)
def minimum(a: Float, b: Float) -> Float:
    """The smaller of the two, NaN where either is; b where they are equal."""
    return np.minimum(a, b)


@compiled(floats, emit.maximum)
def maximum(a: Float, b: Float) -> Float:
    """The larger of the two, NaN where either is; b where they are equal."""
    return np.maximum(a, b)


@compiled(floats, emit.sign)
def sign(x: Float) -> Float:
    """−1, 0 or 1; NaN where x is."""
    return np.sign(x)


@compiled(floats, emit.remainder)
def remainder(a: Float, b: Float) -> Float:
    """A − b⌊a/b⌋, of the sign of b; NaN where b is 0."""
    return np.remainder(a, b)


@compiled(floats, emit.power)
def power(a: Float, b: Float) -> Float:
    """a**b; for b of 2, 1, 0.5, 0 and −1 the product, number, root, 1 and quotient that NumPy's a**b makes of it."""
    special = _POWERS.get(float(b))
    return np.power(a, b) if special is None else special(a)


@compiled(floats, emit.sqrt)
def sqrt(x: Float) -> Float:
    """√x, correctly rounded."""
    return np.sqrt(x)


@compiled(floats, emit.exp)
def exp(x: Float) -> Float:
    """eˣ."""
    return np.exp(x)


@compiled(floats, emit.log)
def log(x: Float) -> Float:
    """The natural logarithm."""
    return np.log(x)


@compiled(floats, emit.tanh)
def tanh(x: Float) -> Float:
    """The hyperbolic tangent."""
    return np.tanh(x)


@compiled(floats, emit.floor)
def floor(x: Float) -> Float:
    """The largest whole number that is not above x, as a float."""
    return np.floor(x)


# Formats of storage


@compiled(of(uint32, float32), emit.bits_of)
def bits_of(x: Float) -> Integer:
    """The bits of a float32, as a uint32."""
    return np.float32(x).view(np.uint32)


@compiled(of(float32, uint32), emit.float_from_bits)
def float_from_bits(bits: int) -> Float:
    """The float32 that has these bits."""
    return np.uint32(bits).view(np.float32)


@compiled(of(float32, uint16), emit.from_bfloat16)
def from_bfloat16(bits: int) -> Float:
    """The float32 of the bfloat16 that has these bits."""
    return float_from_bits(int(bits) << 16)


@compiled(of(uint16, float32), emit.to_bfloat16)
def to_bfloat16(x: Float) -> Integer:
    """The bits of the bfloat16 nearest to a float32, ties to even; 0x7FC0 for every NaN."""
    bits = int(bits_of(x))
    return np.uint16(0x7FC0 if np.isnan(x) else (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16)


@compiled(of(uint16, float32, uint32, uint32, uint32), emit.to_bfloat16_stochastic)
def to_bfloat16_stochastic(x: Float, index: int, key: int, key2: int) -> Integer:
    """One of the two bfloat16 around a float32, the farther from 0 with the probability of the part that is cut off.

    index, key, key2: as for `uniform`; 16 bits of that word are used. 0x7FC0 for every NaN.
    """
    noise = int(_word(index, key, key2)) >> 16
    return np.uint16(0x7FC0 if np.isnan(x) else (int(bits_of(x)) + noise) >> 16)


@compiled(of(uint8, float32, float32), emit.encode_signed8)
def encode_signed8(x: Float, inverse: Float) -> Integer:
    """The 8-bit code of x in a block whose largest magnitude is 1/inverse: sign(x) √(|x|·inverse) in 127ths."""
    code = _code(np.sqrt(abs(np.float32(x)) * np.float32(inverse)), 127)
    return np.uint8((-code if x < 0 else code) & 0xFF)


@compiled(of(float32, uint8, float32), emit.decode_signed8)
def decode_signed8(code: int, scale: Float) -> Float:
    """What a signed code stands for in a block of that largest magnitude."""
    root = np.float32(np.uint8(code).view(np.int8)) * np.float32(1 / 127)
    return root * abs(root) * np.float32(scale)


@compiled(of(uint8, float32, float32), emit.encode_unsigned8)
def encode_unsigned8(x: Float, inverse: Float) -> Integer:
    """The 8-bit code of x ≥ 0 in a block whose maximum is 1/inverse: (x·inverse)^¼ in 255ths; 0 where x is negative."""
    return np.uint8(_code(np.sqrt(np.sqrt(np.float32(x) * np.float32(inverse))), 255))


@compiled(of(float32, uint8, float32), emit.decode_unsigned8)
def decode_unsigned8(code: int, scale: Float) -> Float:
    """What an unsigned code stands for in a block of that maximum."""
    root = np.float32(code) * np.float32(1 / 255)
    square = root * root
    return square * square * np.float32(scale)


def _code(root: Float, top: int) -> int:
    """A root in [0, 1] as the nearest whole number up to `top`; 0 for NaN."""
    scaled = root * np.float32(top)
    return 0 if np.isnan(scaled) else int(min(scaled, np.float32(top)) + np.float32(0.5))


# Random numbers


@compiled(of(uint32, uint32), emit.lowbias32)
def lowbias32(x: int) -> Integer:
    """A bijection on 32-bit words with low bias (Ellis and Wellons)."""
    x = int(x)
    x = ((x ^ (x >> 16)) * 0x7FEB352D) & 0xFFFFFFFF
    x = ((x ^ (x >> 15)) * 0x846CA68B) & 0xFFFFFFFF
    return np.uint32(x ^ (x >> 16))


@compiled(of(float64, uint32, uint32, uint32), emit.uniform)
def uniform(index: int, key: int, key2: int) -> float:
    """The element's uniform number in [0, 1) with 24 bits, by the two words of its key; see formula.counter_random."""
    return float(int(_word(index, key, key2)) >> 8) * 2.0**-24


@compiled(of(float64, uint32, uint32, uint32), emit.rademacher)
def rademacher(index: int, key: int, key2: int) -> float:
    """The element's random sign: −1 or 1."""
    return -1.0 if uniform(index, key, key2) < 0.5 else 1.0


@compiled(of(float64, uint32, uint32, uint32, uint32, uint32), emit.normal)
def normal(index: int, key: int, key2: int, key3: int, key4: int) -> float:
    """The element's normal number, of mean 0 and variance 1, by the two keys of two words."""
    first, second = uniform(index, key, key2), uniform(index, key3, key4)
    return float(np.sqrt(-2.0 * np.log1p(-first)) * np.cos(2.0 * np.pi * second))


def _word(index: int, key: int, key2: int) -> Integer:
    return lowbias32(int(lowbias32((int(index) + int(key)) & 0xFFFFFFFF)) ^ int(key2))
