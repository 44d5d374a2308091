"""The CUDA engine against rules as they are written, on NumPy: on a device, or in Triton's interpreter on the host.

`TRITON_INTERPRET=1 pytest tests/engines/test_cuda_agreement.py` runs it without a device, as test_cuda_interpreted.py
does; without that, tests are marked `gpu`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

import example_rules as examples
import numpy as np
import pytest
import random_rules
from printed_rules import OPAQUE

from steepest import rules
from steepest.core.errors import InputError, InputTypeError, NonfiniteError
from steepest.engines.cuda.engine import CudaEngine
from steepest.engines.formats import Storage
from steepest.formula import (
    Rule,
    Slot,
    chain,
    floor,
    maximum,
    mean,
    minimum,
    ndim,
    partition,
    rule,
    sign,
    size,
    sqrt,
    where,
)
from steepest.formula import random as random_numbers
from steepest.formula.counter_random import lowbias32, rounding_keys
from steepest.formula.evaluate import trace, update
from steepest.formula.plan import Unplannable, sums_of
from steepest.formula.values import ByGroup

torch = pytest.importorskip("torch")
pytest.importorskip("triton", reason="the CUDA engine needs Triton")

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
DEVICE = "cpu" if INTERPRETED else "cuda"
pytestmark = (
    []
    if INTERPRETED
    else [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")]
)
SHAPES = {"a": (70, 50), "b": (5,), "c": (1,), "d": (2048,), "e": (0, 3), "f": (3, 1400)}
"""Several chunks, a chunk's size exactly, one element, none."""


@pytest.fixture(autouse=True)
def _ieee() -> Iterator[None]:
    """The interpreter computes by NumPy, which warns where IEEE arithmetic goes on."""
    with np.errstate(all="ignore"):
        yield


@rule
def noisy(u, *, scale: float = 0.1):
    return u + scale * random_numbers(u) + scale * random_numbers(u, "uniform", 1) * random_numbers(u, "rademacher", 2)


@rule
def gated(u, p):
    return where((u > 0.1) & (p < 0.5) | (u < -1.0), u, 0.5 * u)


@rule
def by_shape(u):
    return u / sqrt(size(u)) + ndim(u) * mean(u)


@rule
def shifted(u):
    return u - mean(u, over="model")


@rule(slots=("m", Slot("v", nonnegative=True)))
def larger_than_at_zero(u, m, v):
    """Slots that are farther from 0 where u is 0, as it is past a tensor's end."""
    return u, abs(u) - 20.0, 20.0 / (1.0 + abs(u))


@rule(slots=("a", "b", "c", "d", "e"))
def edges(u, p, a, b, c, d, e):
    a, b, c = minimum(u, p), maximum(u, p), sign(u) * sqrt(abs(p))
    return where(p == 0.0, u, u / p) - (-p) ** 2, a, b, c, u % p, floor(u) * sqrt(u)


LR = rules.learning_rate(lr=0.1)
ADAMW = rules.adamw(lr=0.1)
CLIPPED = chain(rules.clip_norm(max_norm=1.0), ADAMW)
FULL = chain(CLIPPED, rules.average(beta=0.9))
RULES: dict[str, Rule] = {
    **{name: method(lr=0.1) for name, method in rules.METHODS.items() if name not in OPAQUE},
    "amsgrad": rules.adam(lr=0.1, amsgrad=True),
    "clip, adamw, average": FULL,
    "clip by tensor": chain(rules.clip_norm(max_norm=1.0, over="tensor"), LR),
    "random": chain(noisy(), LR),
    "logic": chain(gated(), LR),
    "shape": chain(by_shape(), LR),
    "a number a tensor": chain(examples.normalize_tensor(), LR),
    "a number a model": chain(examples.d_adaptation(), LR),
    "a first gradient": chain(examples.difference(), LR),
    "a start": chain(LR, examples.slow_weights(every=2)),
    "inner rules": chain(examples.grafted(size=rules.scale_by_adam(), direction=rules.scale_by_lion()), LR),
}


def numbers(step: int, dtype: str = "float32", shapes: Mapping[str, tuple[int, ...]] = SHAPES) -> dict[str, Any]:
    """Gradients of a step, of differing size; step −1 for where it starts."""
    rng = np.random.default_rng([7, step + 1])
    return {name: np.asarray(rng.normal(size=shape) * 10.0 ** rng.integers(-2, 2, shape), dtype=dtype)
            for name, shape in shapes.items()}  # fmt: skip


def on_device(arrays: Mapping[str, Any]) -> dict[str, Any]:
    return {name: torch.from_numpy(np.array(array)).to(DEVICE) for name, array in arrays.items()}


def back(tensor: Any) -> Any:
    wide = tensor.detach().float() if tensor.dtype == torch.bfloat16 else tensor.detach()
    return wide.cpu().numpy()


def run(made: Rule, params: dict[str, Any], gradients: Any, *, inputs: Any = None, **settings: Any) -> CudaEngine:
    """A few updates in place."""
    engine = CudaEngine(made, params, **settings)
    for step, given in enumerate(gradients):
        engine.update(params, given, made.values(step), inputs or {})
    return engine


def on_numpy(made: Rule, params: Any, gradients: Any, seed: int = 0, **options: Any) -> Any:
    state = made.init(params, seed=seed)
    for given in gradients:
        params, state, report = made.update(params, given, state, **options)
    return params, state, report


def assert_agree(
    made: Rule, params: Any, engine: CudaEngine, wanted: Any, dtype: str = "float32", part: Any = None
) -> None:
    """Equal to the bit in float32, but for a device's order of adding; float64 to rounding."""
    exact = dtype == "float32" and (INTERPRETED or not sums_of(trace(made, tensor=part)))
    rtol = 0.0 if exact else 1e-11 if dtype == "float64" else 2e-6
    for name, p in wanted[0].items():
        np.testing.assert_allclose(back(params[name]), p, rtol=rtol, atol=rtol, err_msg=name)
    state = engine.state
    assert (state.step, state.ages, state.slots.keys()) == (wanted[1].step, wanted[1].ages, wanted[1].slots.keys())
    for path, tensors in wanted[1].slots.items():
        for name, array in tensors.items():
            ours, theirs = back(state.slots[path][name]), np.asarray(array)
            assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
            tolerance = max(rtol, 1e-11 if theirs.ndim == 0 else 0.0)
            np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=rtol, err_msg=f"{path} of {name}")


@pytest.mark.parametrize("name", RULES)
def test_float32_equals_numpy_to_the_bit(name: str) -> None:
    params = on_device(numbers(-1))
    asked: dict[str, Any] = {"value": 1.5, "hessian_diagonal": numbers(7)}
    given = {need: asked[need] for need in RULES[name].needs}
    inputs = {need: on_device(x) if isinstance(x, dict) else x for need, x in given.items()}
    engine = run(RULES[name], params, [on_device(numbers(step)) for step in range(2)], seed=5, inputs=inputs)
    wanted = on_numpy(RULES[name], numbers(-1), [numbers(step) for step in range(2)], seed=5, **given)
    assert_agree(RULES[name], params, engine, wanted)


@pytest.mark.parametrize("name", ["adamw", "lamb", "clip, adamw, average", "random", "a number a model"])
def test_float64_equals_numpy_to_rounding(name: str) -> None:
    params = on_device(numbers(-1, "float64"))
    engine = run(RULES[name], params, [on_device(numbers(step, "float64")) for step in range(3)])
    wanted = on_numpy(RULES[name], numbers(-1, "float64"), [numbers(step, "float64") for step in range(3)])
    assert_agree(RULES[name], params, engine, wanted, "float64")


@pytest.mark.parametrize("seed", range(25))
def test_random_rules(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of one dtype: where dtypes are mixed, NumPy's own results change theirs from step to step."""
    monkeypatch.setattr(random_rules, "SLOTS", [slot for slot in random_rules.SLOTS if slot.name != "wide"])
    rng = np.random.default_rng(seed)
    drawn = random_rules.random_chain(lambda below: int(rng.integers(below)), transcendental=INTERPRETED)
    params = on_device(numbers(-1))
    engine = run(drawn.rule, params, [on_device(numbers(step)) for step in range(2)])
    assert_agree(drawn.rule, params, engine, on_numpy(drawn.rule, numbers(-1), [numbers(0), numbers(1)]))


def kept(kind: str, x: Any, name: str, array: str, age: int, seed: int) -> Any:
    """What is read back of float32 numbers that are kept in a format, by its definition."""
    flat = np.asarray(x, dtype=np.float32).ravel()
    bits = flat.view(np.uint32)
    if kind in {"bfloat16", "kahan"}:
        high = torch.from_numpy(flat.copy()).bfloat16().float()
        low = (torch.from_numpy(flat.copy()) - high).bfloat16().float()
        result = (high if kind == "bfloat16" else high + low).numpy()
    elif kind == "stochastic":
        key, key2 = rounding_keys(seed, [name], array, np.array([age]))[0]
        noise = lowbias32(lowbias32(np.arange(flat.size, dtype=np.uint32) + key) ^ key2) >> np.uint32(16)
        result = ((bits + noise) & np.uint32(0xFFFF0000)).view(np.float32)
    elif kind.endswith("8"):
        blocks = np.zeros((-(-flat.size // 256), 256), np.float32)
        blocks.ravel()[: flat.size] = flat
        scale = np.abs(blocks).max(axis=1, keepdims=True)
        share = np.abs(blocks) * np.where(scale > 0, np.float32(1) / scale, np.float32(0))
        root, top = (np.sqrt(share), 127) if kind == "signed8" else (np.sqrt(np.sqrt(share)), 255)
        code = np.floor(np.minimum(root * np.float32(top), np.float32(top)) + np.float32(0.5))
        root = np.sign(blocks) * code * np.float32(1 / top)
        full = root * abs(root) * scale if kind == "signed8" else (root * root) * (root * root) * scale
        result = full.ravel()[: flat.size]
    else:
        result = flat
    return np.array(result, dtype=np.float32).reshape(np.shape(x))


ROUNDINGS = {
    "bfloat16": ("bfloat16", Storage()),
    "bfloat16, stochastic": ("bfloat16", Storage(rounding="stochastic", moments="bfloat16")),
    "bfloat16, kahan": ("bfloat16", Storage(rounding="kahan", moments="bfloat16")),
    "8 bits": ("float32", Storage(moments="8bit")),
    "bfloat16, stochastic, 8 bits": ("bfloat16", Storage(rounding="stochastic", moments="8bit")),
}


@pytest.mark.parametrize("made", [ADAMW, chain(larger_than_at_zero(), LR)], ids=["adamw", "past the end"])
@pytest.mark.parametrize("name", ROUNDINGS)
def test_rounded_formats_keep_what_their_definition_says(name: str, made: Rule) -> None:
    dtype, storage = ROUNDINGS[name]
    shapes = {"a": (70, 90), "b": (5,), "c": (4100,)}
    params = {n: p.to(getattr(torch, dtype)) for n, p in on_device(numbers(-1, shapes=shapes)).items()}
    wanted: dict[str, Any] = {n: back(p).copy() for n, p in params.items()}
    steps = [
        {n: g.to(getattr(torch, dtype)) for n, g in on_device(numbers(s, shapes=shapes)).items()} for s in range(3)
    ]
    engine = run(made, params, steps, storage=storage, seed=11)
    state = made.init(wanted, seed=11)
    for age, given in enumerate(steps, 1):
        wanted, state, _ = made.update(wanted, {n: back(g) for n, g in given.items()}, state)
        for path, tensors in (("p", wanted), *((f"slot:{path}", slots) for path, slots in state.slots.items())):
            for n, array in tensors.items():
                form = storage.formats(made.slots(), dtype, np.size(array) < 4096)[path]
                array[...] = kept(form.kind, array, n, path, age, 11)
    low = engine.state.slots.get("p.low")
    for n, p in wanted.items():
        ours = back(params[n]) + (back(low[n]) if low is not None else np.float32(0))
        np.testing.assert_array_equal(ours, p, err_msg=n)
        for path, slots in state.slots.items():
            np.testing.assert_array_equal(back(engine.readable.slots[path][n]), slots[n], err_msg=f"{path} of {n}")


def test_zeros_infinities_and_nan_are_numpys() -> None:
    """Every pair of them; but for the bits of a NaN."""
    special = [0.0, -0.0, 1.0, -1.0, 0.75, -2.5, 1e-42, -1e-42, 3e38, -3e38, np.inf, -np.inf, np.nan]
    u, p = (np.ravel(values).astype("f4") for values in np.meshgrid(special, special))
    made = chain(edges(), rules.learning_rate(lr=1.0))
    params = on_device({"x": p})
    state = run(made, params, [on_device({"x": u})]).state
    wanted, after, _ = on_numpy(made, {"x": p}, [{"x": u}])
    pairs = [(params["x"], wanted["x"]), *((state.slots[path]["x"], after.slots[path]["x"]) for path in after.slots)]
    for ours, theirs in pairs:
        np.testing.assert_array_equal(back(ours), theirs)
        real = ~np.isnan(theirs)
        np.testing.assert_array_equal(np.signbit(back(ours))[real], np.signbit(theirs)[real])


@pytest.mark.parametrize("chosen", ["clip, adamw, average", "random"])
def test_groups_ages_and_tensors_without_a_gradient(chosen: str) -> None:
    group_of = {name: place % 2 for place, name in enumerate(SHAPES)}
    params, wanted, made = on_device(numbers(-1)), numbers(-1), RULES[chosen]
    engine, state = CudaEngine(made, params), made.init(wanted)
    for step in range(4):
        values = {**made.values(step), "learning_rate.lr": ByGroup(group_of, [0.1 / (step + 1), 0.3])}
        held = {name: g for name, g in numbers(step).items() if step != 1 or name in {"a", "c"}}
        engine.update(params, on_device(held), values, {})
        wanted, state, _ = update(made, wanted, held, state, values)
    assert_agree(made, params, engine, (wanted, state))
    assert state.ages["a"] == 4 and state.ages["b"] == 3


def by_size(name: str, shape: tuple[int, ...]) -> str:
    return "few" if name in {"b", "c"} else "many"


PARTS = {
    "elementwise": chain(rules.clip_norm(max_norm=1.0), partition(by_size, few=rules.sgd(lr=0.1), many=ADAMW)),
    "reductions inside": partition(by_size, few=chain(rules.clip_norm(max_norm=0.5), LR), many=CLIPPED),
    "means": chain(shifted(), partition(by_size, few=chain(shifted(), LR), many=rules.lamb(lr=0.1))),
    "a number a part": partition(
        by_size, few=chain(examples.d_adaptation(), LR), many=chain(examples.normalize_tensor(), LR)
    ),
    "a part without sums": partition(by_size, few=LR, many=CLIPPED),
    "a norm that waits for a part": chain(
        partition(by_size, few=LR, many=rules.lamb(lr=0.1)), rules.clip_norm(max_norm=0.01)
    ),
    "one that nobody is in": partition(by_size, few=ADAMW, many=LR, none=chain(examples.d_adaptation(), LR)),
}


@pytest.mark.parametrize("nonfinite", ["apply", "skip"])
@pytest.mark.parametrize("name", PARTS)
def test_parts_of_a_rule(name: str, nonfinite: Any) -> None:
    made, params = PARTS[name], on_device(numbers(-1))
    engine = CudaEngine(made, params, nonfinite=nonfinite)
    if nonfinite == "skip":
        bad = on_device(numbers(0))
        bad["b"][1] = float("inf")
        assert not engine.update(params, bad, made.values(0), {}).applied
    reports = [engine.update(params, on_device(numbers(step)), made.values(step), {}) for step in range(3)]
    wanted, state, report = on_numpy(made, numbers(-1), [numbers(step) for step in range(3)])
    assert_agree(made, params, engine, (wanted, state), part=("a", SHAPES["a"]))
    assert dict(reports[-1].seen) == pytest.approx(dict(report.seen), rel=1e-12)


def test_options_are_those_of_the_rule() -> None:
    polyak = chain(examples.polyak_step(), LR)
    for made, options in (
        (ADAMW, {"maximize": True, "scale": 128.0}),
        (polyak, {"value": 2.5, "maximize": True}),
        (chain(examples.precondition(), LR), {"hessian_diagonal": numbers(50), "scale": 0.25}),
    ):
        inputs = {name: value for name, value in options.items() if name != "maximize"}
        if "hessian_diagonal" in inputs:
            inputs["hessian_diagonal"] = on_device(inputs["hessian_diagonal"])
        params = on_device(numbers(-1))
        gradients = [on_device(numbers(step)) for step in range(2)]
        engine = run(made, params, gradients, inputs=inputs, maximize=options.get("maximize", False))
        assert_agree(made, params, engine, on_numpy(made, numbers(-1), [numbers(0), numbers(1)], **options))


@pytest.mark.parametrize("name", ["adamw", "lamb", "a number a model"])
@pytest.mark.parametrize("policy", ["skip", "raise"])
def test_a_gradient_that_is_not_finite_changes_nothing(name: str, policy: Any) -> None:
    params, made = on_device(numbers(-1)), RULES[name]
    engine = CudaEngine(made, params, nonfinite=policy, zero_gradients=True)
    first = on_device(numbers(0))
    assert engine.update(params, first, made.values(0), {}).finite is True
    assert all(not g.any() for g in first.values())
    before = {n: back(p).copy() for n, p in params.items()}, engine.state
    slots = {path: {n: back(a).copy() for n, a in tensors.items()} for path, tensors in before[1].slots.items()}
    bad = on_device(numbers(1))
    bad["f"][1, 2] = float("nan")
    if policy == "raise":
        with pytest.raises(NonfiniteError, match="the gradient of f is not finite at step 2"):
            engine.update(params, bad, made.values(1), {})
    else:
        report = engine.update(params, bad, made.values(1), {})
        assert (report.step, report.applied, report.finite) == (1, False, False)
    for n, p in params.items():
        np.testing.assert_array_equal(back(p), before[0][n])
    for path, tensors in engine.state.slots.items():
        for n, array in tensors.items():
            np.testing.assert_array_equal(back(array), slots[path][n])
    engine.update(params, on_device(numbers(1)), made.values(1), {})
    assert_agree(made, params, engine, on_numpy(made, numbers(-1), [numbers(0), numbers(1)]))


def test_a_large_gradient_is_not_taken_for_an_infinite_one() -> None:
    params = {"x": torch.ones(3, device=DEVICE, dtype=torch.float64)}
    engine = CudaEngine(RULES["sgd"], params, nonfinite="raise")
    assert engine.update(params, {"x": torch.full_like(params["x"], 1e200)}, RULES["sgd"].values(0), {}).applied


def test_memory_order_is_that_of_the_parameter() -> None:
    """Channels last, and a gradient in another order and dtype; the copy's original is set to zero too."""
    wide = torch.from_numpy(numbers(-1)["f"].reshape(3, 7, 10, 20)).to(DEVICE)
    params = {"x": wide.to(memory_format=torch.channels_last), "y": wide.flatten()[1:2100]}
    gradients = {"x": torch.sin(wide).double(), "y": torch.cos(wide.flatten()[1:2100])}
    wanted = {n: back(p).copy() for n, p in params.items()}, {n: back(g).astype("f4") for n, g in gradients.items()}
    engine = CudaEngine(ADAMW, params, zero_gradients=True)
    engine.update(params, gradients, ADAMW.values(0), {})
    assert_agree(ADAMW, params, engine, on_numpy(ADAMW, wanted[0], [wanted[1]]))
    assert engine.state.slots["scale_by_adam.m"]["x"].stride() == params["x"].stride()
    assert not any(g.any() for g in gradients.values())


def test_a_state_goes_on_elsewhere() -> None:
    made = RULES["a number a model"]
    params = on_device(numbers(-1))
    engine = run(made, params, [on_device(numbers(0))])
    saved = engine.state
    other = CudaEngine(made, params)
    other.state = saved
    other.update(params, on_device(numbers(1)), made.values(1), {})
    assert float(saved.slots["d_adaptation.r"][""]) != float(other.state.slots["d_adaptation.r"][""])
    assert_agree(made, params, other, on_numpy(made, numbers(-1), [numbers(0), numbers(1)]))


def test_kinds_share_a_norm_and_a_report_reads_it_when_it_is_looked_at() -> None:
    params = on_device({**numbers(-1), "w": numbers(-1, "float64")["a"]})
    gradients = [on_device({**numbers(s), "w": numbers(s, "float64")["a"]}) for s in range(2)]
    engine = CudaEngine(FULL, params)
    reports = [engine.update(params, given, FULL.values(0), {}) for given in gradients]
    given_arrays = [{n: back(g) for n, g in given.items()} for given in gradients]
    assert_agree(
        FULL, params, engine, on_numpy(FULL, {**numbers(-1), "w": numbers(-1, "float64")["a"]}, given_arrays), ""
    )
    for report, given in zip(reports, gradients, strict=True):
        norm = np.sqrt(sum(np.sum(back(g).astype("f8") ** 2) for g in given.values()))
        assert dict(report.seen) == {"clip_norm.norm": pytest.approx(norm, rel=1e-12)}
        assert (report.finite, report.applied) == (None, True)


def test_autograd_is_told() -> None:
    x = torch.ones(3, device=DEVICE, requires_grad=True)
    loss = (x * x).sum()
    engine = CudaEngine(ADAMW, {"x": x})
    engine.update({"x": x}, {"x": torch.ones_like(x)}, ADAMW.values(0), {})
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_what_cannot_be_run_is_refused_before_anything_changes() -> None:
    both = torch.ones(10, device=DEVICE)
    with pytest.raises(InputError, match="a and b share memory"):
        CudaEngine(ADAMW, {"a": both[:6], "b": both[5:]})
    with pytest.raises(Unplannable, match="x is not a dense tensor"):
        CudaEngine(ADAMW, {"x": both[::2]})
    with pytest.raises(Unplannable, match="x is not a dense tensor"):
        CudaEngine(ADAMW, {"x": both.half()})
    with pytest.raises(Unplannable, match="PyTorch tensors"):
        CudaEngine(ADAMW, {"x": np.ones(3)})
    params = {"x": both}
    engine = CudaEngine(ADAMW, params)
    wrong = {"sparse": both.to_sparse(), "PyTorch tensor": np.ones(10), "must be on": torch.ones(10, device="meta")}
    for message, gradient in wrong.items():
        with pytest.raises(InputTypeError, match=message):
            engine.update(params, {"x": gradient}, ADAMW.values(0), {})
    with pytest.raises(InputError, match="shape"):
        engine.update(params, {"x": both[:3]}, ADAMW.values(0), {})
    with pytest.raises(InputTypeError, match="x must stay what it was"):
        engine.update({"x": both.double()}, {"x": both}, ADAMW.values(0), {})
    assert engine.state.step == 0 and bool((both == 1).all())


def test_sums_of_chunks_are_those_of_their_segments() -> None:
    from steepest.engines.cuda.runtime import add_chunks

    partials = torch.arange(80, dtype=torch.float64, device=DEVICE) ** 2
    segments = torch.tensor([[0, 40, 0, 0, 0, 0], [0, 37, 0, 1, 0, 0], [37, 37, 0, 2, 0, 0], [37, 40, 0, 3, 0, 0]])
    sums = torch.zeros(8, dtype=torch.float64, device=DEVICE)
    add_chunks[4, 2](partials, segments.to(DEVICE), sums, WIDTH=2, BLOCK=16, enable_fp_fusion=False)
    table = back(partials).reshape(40, 2)
    wanted = [table.sum(0), table[:37].sum(0), [0.0, 0.0], table[37:].sum(0)]
    np.testing.assert_allclose(back(sums).reshape(4, 2), wanted, rtol=1e-14)


@pytest.mark.gpu
@pytest.mark.skipif(INTERPRETED or not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_step_does_not_wait_for_the_device() -> None:
    for made in (FULL, RULES["lamb"], RULES["a number a model"]):
        params, gradients = on_device(numbers(-1)), on_device(numbers(0))
        engine = run(made, params, [gradients])
        torch.cuda.set_sync_debug_mode("error")
        try:
            engine.update(params, gradients, made.values(1), {})
        finally:
            torch.cuda.set_sync_debug_mode("default")
