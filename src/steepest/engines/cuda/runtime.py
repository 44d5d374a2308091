# mypy: allow-untyped-calls, allow-untyped-decorators
# mypy: disable-error-code="no-untyped-def, no-redef, import-not-found, import-untyped"
"""What generated kernels call: arithmetic with IEEE rounding, formats of storage, random numbers, sums of chunks.

Every function works on float32 and float64, and gives what NumPy gives bit for bit, but for exp, log, tanh and general
powers, which are rounded as NVIDIA's libdevice rounds them. None of Triton's approximate forms is used: its `/` and
`sqrt` on float32, `exp` and `log`.
"""

from __future__ import annotations

import os

import triton
import triton.language as tl

INTERPRETED = os.environ.get("TRITON_INTERPRET", "0").lower() in {"1", "true", "yes", "on", "y"}
"""Whether kernels run in Triton's interpreter, on arrays in host memory."""
SUM_BLOCK = 4_096
"""Chunks that are added at a time."""

if INTERPRETED:
    from steepest.engines.cuda.interpreted import cos, exp, fmod, log, log1p, pow, tanh
else:
    from triton.language.extra.libdevice import (
        cos,
        exp,
        fmod,
        log,
        log1p,
        pow,
        tanh,
    )

__all__ = ["exp", "log", "tanh"]


# Memory


@triton.jit
def at(pointers, offset, TYPE: tl.constexpr, ALIGNED: tl.constexpr):
    """A pointer to numbers of a type, `offset` of them past an address in memory."""
    base = tl.load(pointers).to(tl.pointer_type(TYPE))
    if ALIGNED:
        base = tl.multiple_of(base, 16)
    return base + offset


@triton.jit
def add_chunks(partials, segments, sums, WIDTH: tl.constexpr, BLOCK: tl.constexpr):
    """Add each sum over the chunks of each segment (a tensor, or all), in an order that depends on nothing else."""
    segment = segments + 6 * tl.program_id(0)
    place = tl.program_id(1)
    first, last = tl.load(segment), tl.load(segment + 1)
    total = tl.zeros((BLOCK,), tl.float64)
    for start in range(first, last, BLOCK):
        chunk = start + tl.arange(0, BLOCK)
        total += tl.load(partials + WIDTH * chunk + place, mask=chunk < last, other=0.0)
    tl.store(sums + WIDTH * tl.load(segment + 3) + place, tl.sum(total))


@triton.jit
def over_batches(sums, WIDTH: tl.constexpr, PLACE: tl.constexpr, BATCHES: tl.constexpr):
    """The model's sum: over the batches of tensors, in their order."""
    total = tl.load(sums + PLACE)
    for batch in tl.static_range(1, BATCHES):
        total += tl.load(sums + WIDTH * batch + PLACE)
    return total


@triton.jit
def chunk_sum(x, inside, FULL: tl.constexpr):
    """The sum of a chunk's float64 numbers, without those past the tensor's end."""
    if not FULL:
        x = tl.where(inside, x, 0.0)
    return tl.sum(x)


# Arithmetic


@triton.jit
def divide(a, b):
    """A / b, correctly rounded."""
    if a.dtype == tl.float64:
        return a / b
    else:
        return tl.div_rn(a, b)


@triton.jit
def sqrt(x):
    """√x, correctly rounded."""
    if x.dtype == tl.float64:
        return tl.sqrt(x)
    else:
        return tl.sqrt_rn(x)


@triton.jit
def minimum(a, b):
    """The smaller of the two, NaN where either is; b where they are equal."""
    return tl.where((a < b) | (a != a), a, b)


@triton.jit
def maximum(a, b):
    """The larger of the two, NaN where either is; b where they are equal."""
    return tl.where((a > b) | (a != a), a, b)


@triton.jit
def sign(x):
    """−1, 0 or 1; NaN where x is."""
    return tl.where(x > 0.0, 1.0, tl.where(x < 0.0, -1.0, tl.where(x == 0.0, 0.0, x))).to(x.dtype)


@triton.jit
def remainder(a, b):
    """A − b⌊a/b⌋, of the sign of b; NaN where b is 0."""
    rest = fmod(a, b)
    shifted = tl.where((rest != 0.0) & ((b < 0.0) != (rest < 0.0)), rest + b, rest)
    return tl.where(rest == 0.0, tl.where(b < 0.0, -0.0, 0.0), shifted).to(a.dtype)


@triton.jit
def power(a, b):
    """a**b; for b of 2, 1, 0.5, 0 and −1 the product, number, root, 1 and quotient that NumPy's a**b makes of it."""
    result = tl.where(b == 2.0, a * a, pow(a, b))
    result = tl.where(b == 1.0, a, result)
    result = tl.where(b == 0.5, sqrt(a), result)
    result = tl.where(b == 0.0, 1.0, result)
    return tl.where(b == -1.0, divide(tl.full((), 1.0, a.dtype), a), result).to(a.dtype)


@triton.jit
def both(a, b):
    """Whether a and b hold. (Triton's interpreter has no & of a block and a scalar.)"""
    return tl.where(a, b, False)


@triton.jit
def either(a, b):
    """Whether a or b holds."""
    return tl.where(a, True, b)


# Formats of storage


@triton.jit
def from_bfloat16(bits):
    """The float32 of the bfloat16 that has these bits."""
    return (bits.to(tl.uint32) << 16).to(tl.float32, bitcast=True)


@triton.jit
def to_bfloat16(x):
    """The bits of the bfloat16 nearest to a float32, ties to even; 0x7FC0 for every NaN."""
    bits = x.to(tl.uint32, bitcast=True)
    return tl.where(x != x, 0x7FC0, (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).to(tl.uint16)


@triton.jit
def to_bfloat16_stochastic(x, index, key, key2):
    """One of the two bfloat16 around a float32, the farther from 0 with the probability of the part that is cut off."""
    bits = x.to(tl.uint32, bitcast=True)
    return tl.where(x != x, 0x7FC0, (bits + (_word(index, key, key2) >> 16)) >> 16).to(tl.uint16)


@triton.jit
def largest(x, inside, FULL: tl.constexpr):
    """The largest magnitude of each row of float32 numbers, as a column; NaN where a row has one."""
    # As whole numbers, the bits of floats ≥ 0 are in the floats' order, with NaN above all.
    bits = tl.abs(x).to(tl.int32, bitcast=True)
    if not FULL:
        bits = tl.where(inside, bits, 0)
    return tl.max(bits, axis=1)[:, None].to(tl.float32, bitcast=True)


@triton.jit
def inverse(scale):
    """1 / scale; 0 where the scale is 0 or NaN."""
    return tl.where(scale > 0.0, divide(tl.full((), 1.0, tl.float32), scale), 0.0)


@triton.jit
def encode_signed8(x, inverse):
    """The 8-bit code of x in a block whose largest magnitude is 1/inverse: sign(x) √(|x|·inverse) in 127ths."""
    code = _code(sqrt(tl.abs(x) * inverse), 127.0)
    return tl.where(x < 0.0, -code, code).to(tl.uint8)


@triton.jit
def decode_signed8(code, scale):
    """What a signed code stands for in a block of that largest magnitude."""
    root = code.to(tl.int8, bitcast=True).to(tl.float32) * (1 / 127)
    return root * tl.abs(root) * scale


@triton.jit
def encode_unsigned8(x, inverse):
    """The 8-bit code of x ≥ 0 in a block whose maximum is 1/inverse: (x·inverse)^¼ in 255ths; 0 where x is negative."""
    return _code(sqrt(sqrt(x * inverse)), 255.0).to(tl.uint8)


@triton.jit
def decode_unsigned8(code, scale):
    """What an unsigned code stands for in a block of that maximum."""
    root = code.to(tl.float32) * (1 / 255)
    square = root * root
    return square * square * scale


@triton.jit
def _code(root, TOP: tl.constexpr):
    """A root in [0, 1] as the nearest whole number up to `TOP`; 0 for NaN."""
    scaled = root * TOP
    scaled = tl.where(scaled > TOP, TOP, scaled)
    return (tl.where(scaled != scaled, 0.0, scaled) + 0.5).to(tl.int32)


# Random numbers


@triton.jit
def uniform(index, key, key2):
    """The element's uniform number in [0, 1) with 24 bits, by the two words of its key; see formula.counter_random."""
    return (_word(index, key, key2) >> 8).to(tl.float64) * 5.9604644775390625e-08


@triton.jit
def rademacher(index, key, key2):
    """The element's random sign: −1 or 1."""
    return tl.where(_word(index, key, key2) < 0x80000000, -1.0, 1.0)


@triton.jit
def normal(index, key, key2, key3, key4):
    """The element's normal number, of mean 0 and variance 1, by the two keys of two words."""
    first, second = uniform(index, key, key2), uniform(index, key3, key4)
    angle = second * tl.full((), 6.283185307179586, tl.float64)
    return tl.sqrt(log1p(first * -1.0) * -2.0) * cos(angle)


@triton.jit
def _word(index, key, key2):
    return _lowbias32(_lowbias32(index + key) ^ key2)


@triton.jit
def _lowbias32(x):
    x = (x ^ (x >> 16)) * 0x7FEB352D
    x = (x ^ (x >> 15)) * 0x846CA68B
    return x ^ (x >> 16)
