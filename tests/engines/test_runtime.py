"""What kernels call: compiled equals NumPy, PyTorch's rounding and the eager engine's random numbers, bit for bit."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
import pytest

from steepest.engines.cpu import runtime
from steepest.formula.counter_random import draw

Array = npt.NDArray[Any]
RANDOM = np.random.default_rng(0)
SPECIAL = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    2.0,
    -2.0,
    3.0,
    np.inf,
    -np.inf,
    np.nan,
    1e-45,
    -1e-45,
    1e-38,
    3.4028235e38,
    5e-324,
]


def numbers(dtype: Any, count: int = 500) -> Array:
    """Random numbers of every magnitude, their negatives, and what is special."""
    with np.errstate(all="ignore"):
        wild = RANDOM.standard_normal(count) * 10.0 ** RANDOM.uniform(-45, 38, count)
        usual = RANDOM.standard_normal(count)
        ends = [np.finfo(dtype).max, np.finfo(dtype).tiny, np.finfo(dtype).smallest_subnormal, np.finfo(dtype).min]
        return np.concatenate([wild, usual, SPECIAL, ends]).astype(dtype)


def pairs(dtype: Any) -> tuple[Array, Array]:
    """Random pairs, and every pair of special numbers."""
    x, special = numbers(dtype), np.array(SPECIAL[:-1], dtype=dtype)
    a, b = (grid.ravel() for grid in np.meshgrid(special, special))
    return np.concatenate([x, a]), np.concatenate([RANDOM.permutation(x), b])


def compiled(text: str, names: str) -> Callable[..., None]:
    """A compiled loop that sets out[i] to an expression of i and the arrays called `names`."""
    source = f"def loop({names}, out):\n    for i in range(out.size):\n        out[i] = {text}\n"
    scope = dict(vars(runtime)) | {"uint32": numba.uint32, "float32": numba.float32}
    exec(source, scope)
    return numba.njit(error_model="numpy")(scope["loop"])


def bits(x: Array) -> Array:
    """The bits of an array, all NaN alike."""
    return np.where(np.isnan(x), np.array(np.nan, x.dtype), x).view(f"u{x.itemsize}")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["sqrt", "floor", "sign"])
def test_functions_of_one_number_equal_numpy_bit_for_bit(name: str, dtype: Any) -> None:
    x = numbers(dtype)
    out = np.empty_like(x)
    compiled(f"{name}(x[i])", "x")(x, out)
    with np.errstate(all="ignore"):
        assert (bits(out) == bits(getattr(np, name)(x))).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["minimum", "maximum", "remainder"])
def test_functions_of_two_numbers_equal_numpy_bit_for_bit(name: str, dtype: Any) -> None:
    a, b = pairs(dtype)
    out = np.empty_like(a)
    compiled(f"{name}(a[i], b[i])", "a, b")(a, b, out)
    with np.errstate(all="ignore"):
        assert (bits(out) == bits(getattr(np, name)(a, b))).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["exp", "log", "tanh"])
def test_transcendental_functions_equal_numpy_to_rounding(name: str, dtype: Any) -> None:
    x = numbers(dtype)
    out = np.empty_like(x)
    compiled(f"{name}(x[i])", "x")(x, out)
    with np.errstate(all="ignore"):
        expected = getattr(np, name)(x)
    np.testing.assert_allclose(out, expected, rtol=4 * np.finfo(dtype).eps, atol=np.finfo(dtype).smallest_subnormal)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("exponent", [2.0, 1.0, 0.5, 0.0, -1.0])
def test_powers_that_numpy_computes_otherwise_equal_it_bit_for_bit(exponent: float, dtype: Any) -> None:
    x = numbers(dtype)
    out = np.empty_like(x)
    compiled("power(x[i], b)", "x, b")(x, dtype(exponent), out)
    with np.errstate(all="ignore"):
        assert (bits(out) == bits(x**exponent)).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_other_powers_equal_numpy_to_rounding(dtype: Any) -> None:
    a, b = pairs(dtype)
    b = np.where(np.isin(b, [0.5]), dtype(3), b)  # inf ** 0.5 is not √ where the exponent is an array
    out = np.empty_like(a)
    compiled("power(a[i], b[i])", "a, b")(a, b, out)
    with np.errstate(all="ignore"):
        expected = np.power(a, b)
    np.testing.assert_allclose(out, expected, rtol=8 * np.finfo(dtype).eps, atol=np.finfo(dtype).tiny)


def test_float32_stays_float32_and_mixed_types_become_float64() -> None:
    x, y = np.float32(2), np.float64(3)
    for name in ("sqrt", "exp", "log", "tanh", "floor", "sign"):
        assert typed(f"{name}(x)", "x", x) == numba.float32, name
    for name in ("minimum", "maximum", "remainder", "power"):
        assert typed(f"{name}(x, y)", "x, y", x, x) == numba.float32, name
        assert typed(f"{name}(x, y)", "x, y", x, y) == numba.float64, name


def typed(text: str, names: str, *args: Any) -> Any:
    scope = dict(vars(runtime))
    exec(f"def function({names}):\n    return {text}\n", scope)
    function = numba.njit(error_model="numpy")(scope["function"])
    function(*args)
    return function.overloads[function.signatures[0]].signature.return_type


def test_sums_are_right_and_show_what_is_not_finite() -> None:
    @numba.njit
    def add(x: Array) -> float:
        s = 0.0
        for i in range(x.size):
            s = runtime.accumulate(s, np.float64(x[i]) * np.float64(x[i]))
        return s

    x = RANDOM.standard_normal(10_001).astype(np.float32)
    assert add(x) == pytest.approx(float((x.astype(float) ** 2).sum()), rel=1e-14)
    for bad, expected in ((np.nan, np.nan), (np.inf, np.inf)):
        x[7777] = bad
        np.testing.assert_equal(add(x), expected)
    (llvm,) = add.inspect_llvm().values()
    assert set(re.findall(r"= fadd (.*?)(?:double|<)", llvm)) == {"reassoc "}


def test_the_largest_magnitude_is_exact_and_nan_where_a_number_is() -> None:
    @numba.njit
    def top(x: Array) -> float:
        m = np.float32(0)
        for i in range(x.size):
            m = runtime.largest(m, abs(x[i]))
        return m

    x = RANDOM.standard_normal(1_001).astype(np.float32)
    assert top(x) == abs(x).max()
    assert top(np.zeros(5, np.float32)) == 0
    x[500] = -np.inf
    assert top(x) == np.inf
    x[300] = np.nan
    assert np.isnan(top(x))


@pytest.mark.parametrize(
    ("text", "evidence"),
    [
        ("minimum(x[i], y[i])", r"fcmp \w+ <\d+ x float>"),
        ("sqrt(x[i])", r"call (\w+ )*<\d+ x float> @llvm\.sqrt"),
        ("sqrt(x[i]) if x[i] < y[i] else x[i] / y[i]", r"select (\w+ )*<\d+ x i1>.*<\d+ x float>"),
        ("power(x[i], b)", r"fmul <\d+ x float>"),
        ("sign(x[i])", r"select (\w+ )*<\d+ x i1>.*<\d+ x float>"),
        ("from_bfloat16(to_bfloat16(x[i]))", r"lshr <\d+ x i32>"),
        ("float32(uniform(uint32(i), uint32(1), uint32(2)))", r"mul <\d+ x i32>"),
        ("decode_unsigned8(encode_unsigned8(x[i], b), b)", r"fptosi <\d+ x float>|fptoui <\d+ x float>"),
    ],
)
def test_loops_vectorize(text: str, evidence: str) -> None:
    loop: Any = compiled(text, "x, y, b")
    x = np.ones(3, np.float32)
    loop(x, x, np.float32(2), np.empty_like(x))
    (llvm,) = loop.inspect_llvm().values()
    assert re.search(evidence, llvm)


def test_views_read_and_write_raw_memory() -> None:
    scope = dict(vars(runtime))
    for dtype in ("float32", "float64", "uint8", "uint16", "uint32", "int64"):
        exec(f"def double(address, count):\n    x = view_{dtype}(address, count)\n    x[2] = x[1]\n", scope)
        for double in (scope["double"], numba.njit(scope["double"])):
            x = np.arange(250, 254).astype(dtype)
            double(x.ctypes.data, x.size)
            np.testing.assert_array_equal(x, np.array([250, 251, 251, 253]).astype(dtype))
    assert runtime.view_float32(0, 0).size == 0


def test_bfloat16_is_rounded_as_pytorch_does_for_every_upper_half() -> None:
    torch = pytest.importorskip("torch")
    upper = np.arange(2**16, dtype=np.uint32) << 16
    halves = [0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF, *RANDOM.integers(0, 2**16, 10).tolist()]
    x = np.concatenate([upper | np.uint32(lower) for lower in halves]).view(np.float32)
    out = np.empty(x.size, np.uint16)
    compiled("to_bfloat16(x[i])", "x")(x, out)
    expected = torch.from_numpy(x).to(torch.bfloat16).view(torch.int16).numpy().view(np.uint16)
    number = ~np.isnan(x)
    assert (out[number] == expected[number]).all()
    back = np.empty_like(x)
    compiled("from_bfloat16(x[i])", "x")(out, back)
    assert np.isnan(back[~number]).all()
    assert (bits(back) == bits(torch.from_numpy(x).to(torch.bfloat16).float().numpy())).all()


def test_stochastic_rounding_takes_a_neighbour_and_is_right_on_average() -> None:
    x = np.full(100_000, 1.0 + 0.3 * 2.0**-7, np.float32)
    out, back = np.empty(x.size, np.uint16), np.empty_like(x)
    compiled("to_bfloat16_stochastic(x[i], uint32(i), uint32(123), uint32(456))", "x")(x, out)
    compiled("from_bfloat16(x[i])", "x")(out, back)
    assert set(back.tolist()) == {1.0, 1.0 + 2.0**-7}
    assert (back.mean() - x[0]) * 2**7 == pytest.approx(0, abs=5 * (0.3 * 0.7 / x.size) ** 0.5)
    x = np.array([0, -0.0, 1, np.inf, -np.inf, -3], np.float32).repeat(50)
    x[::7] = np.nan
    out, back = np.empty(x.size, np.uint16), np.empty_like(x)
    compiled("to_bfloat16_stochastic(x[i], uint32(i), uint32(123), uint32(456))", "x")(x, out)
    compiled("from_bfloat16(x[i])", "x")(out, back)
    assert (bits(back) == bits(x)).all()


def test_eight_bit_codes_give_back_every_number_within_half_a_step() -> None:
    x = np.concatenate([RANDOM.standard_normal(256), [0.0, 1e-20]]).astype(np.float32)
    top = abs(x).max()
    for name, values, steps, root in (("signed8", x, 127, 1 / 2), ("unsigned8", abs(x), 255, 1 / 4)):
        codes, back = np.empty(x.size, np.uint8), np.empty_like(x)
        compiled(f"encode_{name}(x[i], b)", "x, b")(values, 1 / top, codes)
        compiled(f"decode_{name}(x[i], b)", "x, b")(codes, top, back)
        error = (abs(back) / top) ** root - (abs(values) / top) ** root
        assert abs(error).max() <= 0.5001 / steps
        assert (np.sign(back) == np.sign(values))[back != 0].all()
        assert abs(back).max() == top
        # A block with a NaN has NaN for its scale: every number of it is NaN, none is silently something else.
        compiled(f"encode_{name}(x[i], b)", "x, b")(np.array([np.nan, np.inf, 1], np.float32), np.float32(0), codes[:3])
        assert (codes[:3] == 0).all()


@pytest.mark.parametrize("kind", ["uniform", "rademacher", "normal"])
def test_random_numbers_are_those_of_the_eager_engine(kind: Any) -> None:
    expected = draw(kind, np.empty(5_000), 7, "layer.weight", 3, 1)
    words = {"uniform": 0, "rademacher": 1, "normal": 2}[kind]
    keys: list[np.uint32] = []
    for word in range(words, words + (2 if kind == "normal" else 1)):
        digest = hashlib.blake2b(f"7/layer.weight/3/1/{word}".encode(), digest_size=4).digest()
        keys += [np.frombuffer(digest, "<u4")[0], np.frombuffer(digest[::-1], "<u4")[0]]
    out = np.empty(expected.size)
    names = [f"k{number}" for number in range(len(keys))]
    compiled(f"{kind}(uint32(i), {', '.join(names)})", ", ".join(names))(*keys, out)
    if kind == "normal":
        np.testing.assert_allclose(out, expected, rtol=1e-15)
    else:
        assert (out == expected).all()


def test_called_from_python_the_functions_are_what_they_are_compiled() -> None:
    x, y = pairs(np.float32)
    x, y = x[::7], y[::7]
    codes = RANDOM.integers(0, 2**16, x.size).astype(np.uint16)
    cases = {
        np.float32: (
            "minimum(x[i], y[i])",
            "maximum(x[i], y[i])",
            "remainder(x[i], y[i])",
            "sign(x[i])",
            "sqrt(x[i])",
            "floor(x[i])",
            "power(x[i], float32(2))",
            "largest(abs(x[i]), abs(y[i]))",
            "from_bfloat16(c[i])",
            "float_from_bits(bits_of(x[i]))",
            "decode_signed8(encode_signed8(x[i], float32(0.3)), float32(3))",
            "decode_unsigned8(encode_unsigned8(x[i], float32(0.3)), float32(3))",
        ),
        np.float64: (
            "accumulate(x[i], y[i])",
            "uniform(uint32(i), uint32(8), uint32(9))",
            "rademacher(uint32(i), uint32(8), uint32(9))",
        ),
        np.uint16: ("to_bfloat16(x[i])", "to_bfloat16_stochastic(x[i], uint32(i), uint32(8), uint32(9))"),
        np.uint32: ("lowbias32(c[i])",),
    }
    for dtype, texts in cases.items():
        for text in texts:
            loop: Any = compiled(text, "x, y, c")
            out, plain = np.empty(x.size, dtype), np.empty(x.size, dtype)
            loop(x, y, codes, out)
            with np.errstate(all="ignore"):
                loop.py_func(x, y, codes, plain)
            equal = bits(out) == bits(plain) if np.issubdtype(dtype, np.floating) else out == plain
            assert equal.all(), text


def test_the_version_is_that_of_the_text() -> None:
    assert re.fullmatch("[0-9a-f]{16}", runtime.RUNTIME_VERSION)
