"""The CUDA engine's generated kernels: their text, what Triton compiles them to, and how they are launched.

Triton compiles for a device that is not there: up to PTX, which says how every operation is rounded.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

import example_rules as examples
import pytest
from printed_rules import OPAQUE

from steepest import rules
from steepest.core.errors import EngineUnavailable
from steepest.engines.cuda import engine as engine_module
from steepest.engines.cuda.layout import Layout, Places
from steepest.engines.cuda.program import WARPS, Program, options
from steepest.engines.cuda.source import TABLES
from steepest.engines.cuda.upload import Upload
from steepest.engines.formats import Storage
from steepest.formula import Rule, chain, exp, maximum, minimum, rule, sign, tanh, where
from steepest.formula import random as random_numbers
from steepest.formula.evaluate import trace

torch = pytest.importorskip("torch")
triton = pytest.importorskip("triton", reason="the CUDA engine needs Triton")
compiler = pytest.importorskip("triton.backends.compiler")
if triton.knobs.runtime.interpret:
    pytest.skip("needs Triton's compiler, not its interpreter", allow_module_level=True)

POINTERS = {"chunks": "*i64", "segments": "*i64", "pointers": "*i64", "keys": "*i32"}
LR = rules.learning_rate(lr=0.1)
FULL = chain(rules.clip_norm(max_norm=1.0), rules.adamw(lr=0.1), rules.average(beta=0.9))


@rule
def noisy(u, p):
    return where((u > 0.0) & (p < 1.0), u, 0.5 * u) + random_numbers(u) * random_numbers(u, "rademacher", 1)


@rule
def transcendental(u, p, k, *, rate: float = 0.1):
    return exp(u) + tanh(p) + minimum(u, 1.0) - maximum(p, u) % 0.75 + abs(u) ** (rate * k) + sign(p) - -u


EVERYTHING: dict[str, tuple[Rule, str, Storage]] = {
    **{name: (m(lr=0.1), "float32", Storage()) for name, m in rules.METHODS.items() if name not in OPAQUE},
    "clip, adamw, average": (FULL, "float32", Storage()),
    "adamw in float64": (rules.adamw(lr=0.1), "float64", Storage()),
    "lamb in 8 bits": (rules.lamb(lr=0.1), "bfloat16", Storage(moments="8bit", rounding="stochastic")),
    "adamw by kahan": (rules.adamw(lr=0.1), "bfloat16", Storage(moments="bfloat16", rounding="kahan")),
    "a number a tensor": (chain(examples.normalize_tensor(), LR), "float32", Storage()),
    "a number a model": (chain(examples.d_adaptation(), LR), "float32", Storage()),
    "random": (chain(noisy(), LR), "float32", Storage()),
}


@pytest.fixture(autouse=True)
def _tests_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """What Triton compiles is kept between runs beside the tests' other kernels, not among the user's own."""
    monkeypatch.setenv("TRITON_CACHE_DIR", str(Path(os.environ["XDG_CACHE_HOME"]) / "triton"))


def program(made: Rule, numbers: str = "float32", storage: Storage | None = None, **given: Any) -> Program:
    slots = {f"slot:{path}": slot.dtype or "float64" for path, slot in made.slots().items() if slot.scalar}
    formats = (Storage() if storage is None else storage).formats(made.slots(), numbers, False)
    layout = Layout(trace(made), Places(), check=False)
    return Program(layout, formats, slots, title=made.name, **given)


def ptx(kernel: Any, constants: dict[str, Any], capability: int = 90, **changed: Any) -> str:
    """What Triton makes of a kernel for a device."""
    signature = {name: POINTERS.get(name, "*fp64") for name in TABLES} | dict.fromkeys(constants, "constexpr")
    source = triton.compiler.ASTSource(kernel, signature=signature, constexprs=constants)
    target = compiler.GPUTarget("cuda", capability, 32)
    return str(triton.compile(source, target=target, options={"num_warps": WARPS, **options(), **changed}).asm["ptx"])


def operations(text: str) -> Counter[str]:
    """How often each instruction occurs."""
    return Counter(re.findall(r"^\s+(?:@%p\d+\s+)?([a-z][\w.:]+)", text, re.MULTILINE))


def inexact(text: str) -> list[str]:
    """Instructions that round otherwise than IEEE arithmetic, one operation at a time, does."""
    return [name for name in operations(text) if re.search(r"approx|\.full|\.ftz|^fma|^mad\.\w*\.?f", name)]


@pytest.mark.parametrize("name", EVERYTHING)
def test_every_kernel_compiles_and_rounds_as_ieee(name: str) -> None:
    made, numbers, storage = EVERYTHING[name]
    ready = program(made, numbers, storage)
    # Normal numbers take a logarithm and a cosine, and powers are taken of numbers a tensor that are kept: they are
    # sums of products, the only ones, and in float64.
    summed = name in {"random", "schedule-free-sgd", "schedule-free-adamw", "adahessian"}
    sums_of_products = {"fma.rn.f64", "rcp.approx.ftz.f64"} if summed else set()
    for kernel in ready.kernels:
        text = ptx(kernel, {"BATCHES": 2, "ALIGNED": True})
        assert set(inexact(text)) <= sums_of_products
        assert any(found.startswith("ld.global.v") for found in operations(text)), (
            "whole chunks are read 16 bytes a time"
        )
    if ready.finish is not None:
        assert set(inexact(ptx(ready.finish, {"BATCHES": 2}, num_warps=1))) <= sums_of_products


@pytest.mark.parametrize("capability", [75, 80, 120])
def test_other_devices(capability: int) -> None:
    ready = program(FULL, "bfloat16", Storage(moments="8bit", rounding="stochastic"))
    for kernel in ready.kernels:
        assert not inexact(ptx(kernel, {"BATCHES": 1, "ALIGNED": True}, capability))


def test_contraction_and_approximation_would_be_seen() -> None:
    """The check can fail: with a product and a sum fused, and for functions that are only approximated."""
    (adamw,) = program(rules.adamw(lr=0.1)).kernels
    assert "fma.rn.f32" in inexact(ptx(adamw, {"BATCHES": 1, "ALIGNED": True}, enable_fp_fusion=True))
    (others,) = program(chain(transcendental(), LR)).kernels
    found = inexact(ptx(others, {"BATCHES": 1, "ALIGNED": True}))
    assert "fma.rn.f32" in found and not any(name.startswith(("mul", "add", "abs")) for name in found), "no flush to 0"


def test_addresses_that_are_not_on_16_bytes_are_read_one_by_one() -> None:
    (kernel,) = program(rules.adamw(lr=0.1)).kernels
    found = operations(ptx(kernel, {"BATCHES": 1, "ALIGNED": False}))
    assert not any(name.startswith(("ld.global.v", "st.global.v")) for name in found)


def test_a_pass_reads_and_writes_what_the_plan_says() -> None:
    """In the text: one load and one store for each array of the plan, each number of a row read once."""
    for made, _, _ in EVERYTHING.values():
        ready = program(made)
        texts = re.split(r"^def _chunk_\d+", ready.source.text, flags=re.MULTILINE)[1:]
        assert len(texts) == len(ready.plan.passes)
        for step, whole in zip(ready.plan.passes, texts, strict=True):
            text = whole.partition("@triton.jit")[0]
            named = {m[1]: m[2] for m in re.finditer(r"^    (a\d+) = at\(.*# (.*)$", text, re.MULTILINE)}
            assert {named[a] for a in re.findall(r"tl\.load\((a\d+), mask", text)} == set(step.loads)
            assert Counter(named[a] for a in re.findall(r"tl\.store\((a\d+),", text)) == Counter(step.stores.keys())
            read = re.findall(r"tl\.load\(row \+ (\d+)\)", text)
            assert len(read) == len(set(read))


def test_the_text_is_the_same_for_the_same_plan() -> None:
    assert program(FULL).source.text == program(FULL).source.text
    assert program(FULL).kernels == program(FULL).kernels


def test_parts_of_an_upload_begin_on_16_bytes() -> None:
    upload = Upload(torch.device("cpu"))
    parts = [
        upload.part(count, dtype) for count, dtype in ((3, "int64"), (5, "uint32"), (0, "float64"), (1, "float64"))
    ]
    parts[0].host[:] = [1, 2, 3]
    upload.allot()
    parts[1].host[:], parts[3].host[:] = 2**32 - 1, 0.5
    upload.send()
    assert all(part.device.data_ptr() % 16 == 0 for part in parts)
    found = [part.device[: part.host.size].tolist() for part in parts]
    assert found == [[1, 2, 3], [-1] * 5, [], [0.5]]


class _NoDevice:
    """A driver of a device that compiles and does not run."""

    def get_current_device(self) -> int:
        return 0

    def get_current_stream(self, device: int) -> int:
        return 0

    def get_current_target(self) -> Any:
        return compiler.GPUTarget("cuda", 90, 32)

    def get_active_torch_device(self) -> Any:
        return torch.device("cpu")


Launch = tuple[str, tuple[int, ...], str]


@pytest.fixture
def launches(monkeypatch: pytest.MonkeyPatch) -> list[Launch]:
    """Every launch by its kernel, its grid and a hash of what was compiled for it."""
    if torch.cuda.is_available():
        pytest.skip("there is a device")
    jit = triton.runtime.jit.JITFunction
    found: list[Launch] = []
    run = jit.run

    def compiled(self: Any, *args: Any, grid: tuple[int, ...], warmup: bool, **given: Any) -> Any:
        kernel = run(self, *args, grid=grid, warmup=True, **given)
        found.append((self.fn.__name__, grid, kernel.hash))
        return kernel

    monkeypatch.setattr(jit, "run", compiled)
    monkeypatch.setattr(engine_module, "_check_device", lambda params: None)
    monkeypatch.setattr(triton.runtime.driver, "_active", _NoDevice())
    return found


def test_a_step_launches_each_pass_once_for_all_tensors(launches: list[Launch]) -> None:
    params = {f"p{n}": torch.ones(size) for n, size in enumerate((5000, 3, 0, 2048, 1))}
    engine = engine_module.CudaEngine(FULL, params)
    (ready,) = engine._variant(scaled=False).values()
    ready.compile(batches=1)
    warm = {(name, hashed) for name, _, hashed in launches}
    launches.clear()
    for _ in range(2):
        engine.update(params, {n: torch.ones_like(p) for n, p in params.items()}, FULL.values(0), {})
    assert [launch[:2] for launch in launches] == 2 * [("pass_0", (6,)), ("add_chunks", (6, 1)), ("pass_1", (6,))]
    assert {(name, hashed) for name, _, hashed in launches} == warm, "what was compiled before the first step"


def test_a_tensor_that_is_not_on_16_bytes_changes_the_kernel(launches: list[Launch]) -> None:
    made, whole = rules.adamw(lr=0.1), torch.ones(100)
    hashes: dict[bool, set[str]] = {}
    for p in (whole[:50], whole[4:54], whole[1:51], whole[2:52]):
        engine = engine_module.CudaEngine(made, {"x": p})
        launches.clear()
        engine.update({"x": p}, {"x": torch.ones(50)}, made.values(0), {})
        hashes.setdefault(p.data_ptr() % 16 == 0, set()).add(launches[0][2])
    assert len(hashes[True]) == len(hashes[False]) == 1 and hashes[True] != hashes[False]


def test_kinds_of_tensors_share_a_step(launches: list[Launch]) -> None:
    params = {"a": torch.ones(9), "b": torch.ones(9, dtype=torch.float64), "c": torch.ones(2100)}
    made = chain(examples.d_adaptation(), LR)
    engine = engine_module.CudaEngine(made, params)
    engine.update(params, {n: torch.ones_like(p) for n, p in params.items()}, made.values(0), {})
    names = Counter((name, grid) for name, grid, _ in launches)
    passes = next(iter(engine._variant(scaled=False).values())).plan.passes
    assert names["finish", (2,)] == names["finish", (1,)] == 1
    assert all(names[f"pass_{index}", (3,)] == names[f"pass_{index}", (1,)] == 1 for index, _ in enumerate(passes))


def test_what_triton_cannot_compile_is_said(launches: list[Launch], monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*args: Any, **given: Any) -> None:
        raise RuntimeError("Failed to find C compiler.\nPlease specify")

    monkeypatch.setattr(triton.runtime.jit.JITFunction, "run", fails)
    with pytest.raises(
        EngineUnavailable, match=r"Triton cannot compile here: RuntimeError: Failed to find C compiler\.$"
    ):
        program(FULL).compile(batches=1)


def test_only_cuda_tensors_are_taken() -> None:
    with pytest.raises(Exception, match="the CUDA engine runs on CUDA tensors, got cpu"):
        engine_module.CudaEngine(FULL, {"x": torch.ones(3)})
