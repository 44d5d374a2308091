# ruff: noqa: D103 — a function is described by the one of its name in runtime.py
# mypy: allow-untyped-calls, allow-untyped-decorators
"""The LLVM instructions behind each function of the runtime, and how Numba is told of them.

Every function here emits instructions for one call: of the code generation context, the instruction builder, the
call's signature and its arguments' values.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.core.extending import lower_builtin, type_callable
from numba.core.typing.templates import signature
from numba.np.arrayobj import make_array, populate_array

Builder = Any
Value = Any
Types = Callable[..., Any]
"""The signature of a call, by the types of its arguments."""

_I8, _I16, _I32, _I64 = (ir.IntType(bits) for bits in (8, 16, 32, 64))
_F32, _F64 = ir.FloatType(), ir.DoubleType()


def compiled(types_of: Types, emit: Callable[..., Value]) -> Callable[[Any], Any]:
    """Let compiled code run these instructions where it calls the decorated function."""

    def tell(function: Any) -> Any:
        def infer(*args: Any) -> Any:
            return types_of(*args)

        infer.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
        type_callable(function)(lambda context: infer)

        def lower(context: Any, builder: Builder, sig: Any, args: Any) -> Value:
            return emit(context, builder, sig, *args)

        lower_builtin(function, types.VarArg(types.Any))(lower)
        return function

    return tell


def floats(*args: Any) -> Any:
    """All of one float type, the result's too: float32 where every argument is."""
    kind = types.float32 if all(arg == types.float32 for arg in args) else types.float64
    return signature(kind, *(kind for _ in args))


def of(result: Any, *args: Any) -> Types:
    """These types; arguments of others are converted."""
    return lambda *given: signature(result, *args)


def view_of(kind: Any) -> Types:
    """A contiguous array, by an address and a count."""
    return of(types.Array(kind, 1, "C"), types.int64, types.int64)


def view(context: Any, builder: Builder, sig: Any, address: Value, count: Value) -> Value:
    array = make_array(sig.return_type)(context, builder)
    size = context.get_constant(types.intp, sig.return_type.dtype.bitwidth // 8)
    pointer = builder.inttoptr(address, array.data.type)
    populate_array(array, pointer, [count], [size], size, None)
    return array._getvalue()


def call_kernel(context: Any, builder: Builder, _sig: Any, address: Value, *args: Value) -> Value:
    kind = ir.FunctionType(ir.VoidType(), [_I64] * len(args))
    builder.call(builder.inttoptr(address, kind.as_pointer()), args)
    return context.get_dummy_value()


def call_number(_context: Any, builder: Builder, _sig: Any, address: Value) -> Value:
    kind = ir.FunctionType(_I32, [])
    return builder.sext(builder.call(builder.inttoptr(address, kind.as_pointer()), []), _I64)


def accumulate(_context: Any, builder: Builder, _sig: Any, total: Value, x: Value) -> Value:
    return builder.fadd(total, x, flags=("reassoc",))


def largest(_context: Any, builder: Builder, _sig: Any, a: Value, b: Value) -> Value:
    # As whole numbers, the bits of floats ≥ 0 are in the floats' order, with NaN above all.
    x, y = builder.bitcast(a, _I32), builder.bitcast(b, _I32)
    return builder.bitcast(builder.select(builder.icmp_unsigned(">", x, y), x, y), _F32)


def minimum(_context: Any, builder: Builder, _sig: Any, a: Value, b: Value) -> Value:
    return _extremum(builder, "<", a, b)


def maximum(_context: Any, builder: Builder, _sig: Any, a: Value, b: Value) -> Value:
    return _extremum(builder, ">", a, b)


def _extremum(builder: Builder, order: str, a: Value, b: Value) -> Value:
    return builder.select(builder.or_(builder.fcmp_ordered(order, a, b), _is_nan(builder, a)), a, b)


def sign(_context: Any, builder: Builder, _sig: Any, x: Value) -> Value:
    zero, one, minus_one = (ir.Constant(x.type, number) for number in (0.0, 1.0, -1.0))
    result = builder.select(builder.fcmp_ordered("==", x, zero), zero, x)
    result = builder.select(builder.fcmp_ordered("<", x, zero), minus_one, result)
    return builder.select(builder.fcmp_ordered(">", x, zero), one, result)


def remainder(_context: Any, builder: Builder, _sig: Any, a: Value, b: Value) -> Value:
    zero = ir.Constant(a.type, 0.0)
    rest = builder.frem(a, b)
    signs_differ = builder.xor(builder.fcmp_ordered("<", b, zero), builder.fcmp_ordered("<", rest, zero))
    shifted = builder.select(signs_differ, builder.fadd(rest, b), rest)
    return builder.select(builder.fcmp_ordered("==", rest, zero), _call(builder, "copysign", zero, b), shifted)


def power(_context: Any, builder: Builder, _sig: Any, a: Value, b: Value) -> Value:
    one = ir.Constant(a.type, 1.0)
    cases: tuple[tuple[float, Callable[[], Value]], ...] = (
        (2.0, lambda: builder.fmul(a, a)),
        (1.0, lambda: a),
        (0.5, lambda: _call(builder, "sqrt", a)),
        (0.0, lambda: one),
        (-1.0, lambda: builder.fdiv(one, a)),
    )
    end = builder.append_basic_block("power")
    results: list[tuple[Value, Any]] = []
    # Branches, not selects: b is most often the same all through a loop, which then is split by its value.
    for number, result in cases:
        here, other = builder.append_basic_block(), builder.append_basic_block()
        builder.cbranch(builder.fcmp_ordered("==", b, ir.Constant(b.type, number)), here, other)
        builder.position_at_end(here)
        results.append((result(), here))
        builder.branch(end)
        builder.position_at_end(other)
    results.append((_call(builder, "pow", a, b), builder.block))
    builder.branch(end)
    builder.position_at_end(end)
    chosen = builder.phi(a.type)
    for value, block in results:
        chosen.add_incoming(value, block)
    return chosen


def sqrt(_context: Any, builder: Builder, _sig: Any, x: Value) -> Value:
    return _call(builder, "sqrt", x)


def exp(_context: Any, builder: Builder, _sig: Any, x: Value) -> Value:
    return _call(builder, "exp", x)


def log(_context: Any, builder: Builder, _sig: Any, x: Value) -> Value:
    return _call(builder, "log", x)


def floor(_context: Any, builder: Builder, _sig: Any, x: Value) -> Value:
    return _call(builder, "floor", x)


def tanh(context: Any, builder: Builder, sig: Any, x: Value) -> Value:
    return context.get_function(math.tanh, sig)(builder, [x])


def bits_of(_context: Any, builder: Builder, _sig: Any, x: Value) -> Value:
    return builder.bitcast(x, _I32)


def float_from_bits(_context: Any, builder: Builder, _sig: Any, bits: Value) -> Value:
    return builder.bitcast(bits, _F32)


def from_bfloat16(_context: Any, builder: Builder, _sig: Any, bits: Value) -> Value:
    return builder.bitcast(builder.shl(builder.zext(bits, _I32), _I32(16)), _F32)


def to_bfloat16(_context: Any, builder: Builder, _sig: Any, x: Value) -> Value:
    odd = builder.and_(builder.lshr(builder.bitcast(x, _I32), _I32(16)), _I32(1))
    return _upper_half(builder, x, builder.add(odd, _I32(0x7FFF)))


def to_bfloat16_stochastic(_context: Any, builder: Builder, _sig: Any, x: Value, *words: Value) -> Value:
    return _upper_half(builder, x, builder.lshr(_word(builder, *words), _I32(16)))


def _upper_half(builder: Builder, x: Value, bias: Value) -> Value:
    upper = builder.lshr(builder.add(builder.bitcast(x, _I32), bias), _I32(16))
    return builder.trunc(builder.select(_is_nan(builder, x), _I32(0x7FC0), upper), _I16)


def encode_signed8(_context: Any, builder: Builder, _sig: Any, x: Value, inverse: Value) -> Value:
    code = _code(builder, _call(builder, "sqrt", builder.fmul(_call(builder, "fabs", x), inverse)), 127.0)
    negative = builder.fcmp_ordered("<", x, _F32(0.0))
    return builder.trunc(builder.select(negative, builder.neg(code), code), _I8)


def decode_signed8(_context: Any, builder: Builder, _sig: Any, code: Value, scale: Value) -> Value:
    root = builder.fmul(builder.sitofp(builder.sext(code, _I32), _F32), _F32(float(np.float32(1 / 127))))
    return builder.fmul(builder.fmul(root, _call(builder, "fabs", root)), scale)


def encode_unsigned8(_context: Any, builder: Builder, _sig: Any, x: Value, inverse: Value) -> Value:
    root = _call(builder, "sqrt", _call(builder, "sqrt", builder.fmul(x, inverse)))
    return builder.trunc(_code(builder, root, 255.0), _I8)


def decode_unsigned8(_context: Any, builder: Builder, _sig: Any, code: Value, scale: Value) -> Value:
    root = builder.fmul(builder.sitofp(builder.zext(code, _I32), _F32), _F32(float(np.float32(1 / 255))))
    square = builder.fmul(root, root)
    return builder.fmul(builder.fmul(square, square), scale)


def _code(builder: Builder, root: Value, top: float) -> Value:
    scaled = builder.fmul(root, _F32(top))
    scaled = builder.select(builder.fcmp_ordered(">", scaled, _F32(top)), _F32(top), scaled)
    scaled = builder.select(_is_nan(builder, scaled), _F32(0.0), scaled)
    return builder.fptosi(builder.fadd(scaled, _F32(0.5)), _I32)


def lowbias32(_context: Any, builder: Builder, _sig: Any, x: Value) -> Value:
    return _mixed(builder, x)


def uniform(_context: Any, builder: Builder, _sig: Any, *words: Value) -> Value:
    number = builder.sitofp(builder.lshr(_word(builder, *words), _I32(8)), _F64)
    return builder.fmul(number, _F64(2.0**-24))


def rademacher(_context: Any, builder: Builder, _sig: Any, *words: Value) -> Value:
    lower = builder.icmp_unsigned("<", _word(builder, *words), _I32(0x80000000))
    return builder.select(lower, _F64(-1.0), _F64(1.0))


def normal(context: Any, builder: Builder, sig: Any, index: Value, *keys: Value) -> Value:
    first, second = (uniform(context, builder, sig, index, *pair) for pair in (keys[:2], keys[2:]))
    wide = signature(types.float64, types.float64)
    logarithm = context.get_function(math.log1p, wide)(builder, [builder.fneg(first)])
    cosine = context.get_function(math.cos, wide)(builder, [builder.fmul(_F64(2.0 * math.pi), second)])
    return builder.fmul(_call(builder, "sqrt", builder.fmul(_F64(-2.0), logarithm)), cosine)


def _word(builder: Builder, index: Value, key: Value, key2: Value) -> Value:
    return _mixed(builder, builder.xor(_mixed(builder, builder.add(index, key)), key2))


def _mixed(builder: Builder, x: Value) -> Value:
    x = builder.mul(builder.xor(x, builder.lshr(x, _I32(16))), _I32(0x7FEB352D))
    x = builder.mul(builder.xor(x, builder.lshr(x, _I32(15))), _I32(0x846CA68B))
    return builder.xor(x, builder.lshr(x, _I32(16)))


def _is_nan(builder: Builder, x: Value) -> Value:
    return builder.fcmp_unordered("uno", x, x)


def _call(builder: Builder, name: str, *args: Value) -> Value:
    """One of LLVM's functions on floats of one type."""
    kind = args[0].type
    function = builder.module.declare_intrinsic(f"llvm.{name}", [kind], ir.FunctionType(kind, [kind] * len(args)))
    return builder.call(function, args)
