"""Parameters and moments in fewer bits: bfloat16 by three roundings, moments as bfloat16 or 8-bit codes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from live import bits, everything, go, grads_like, numpy_params, torch_params
from rounded_reference import Reference, decoded, nearest_codes, to_bfloat16

from steepest.core.arrays import to_numpy
from steepest.core.errors import InputError
from steepest.core.oracle import Evaluation
from steepest.engines import RuleStepper, Storage
from steepest.formula import Rule, chain, norm, rule
from steepest.rules import adam, adamw, average, clip_norm, lamb, learning_rate
from steepest.torch import Optimizer

FULL = chain(clip_norm(max_norm=1.0), adamw(lr=0.1, weight_decay=0.1), average(beta=0.9))
LAMB = lamb(lr=0.1, weight_decay=0.1)
MOMENTS = ("scale_by_adam.m", "scale_by_adam.v")
SHAPES = {"large": (73, 70), "whole": (16, 256), "small": (4095,), "one": (), "none": (0, 3)}
both_rules = pytest.mark.parametrize("made", [adamw(lr=0.1), FULL, LAMB], ids=["adamw", "full", "lamb"])


def stepper_on(params: Any, made: Rule = FULL, seed: int = 0, **storage: Any) -> RuleStepper:
    return RuleStepper(made, params, engine="cpu", storage=Storage(**storage), seed=seed)


def as_float32(tensors: Any) -> dict[str, np.ndarray]:
    return {
        n: t.float().numpy() if isinstance(t, torch.Tensor) else np.asarray(t, "float32") for n, t in tensors.items()
    }


def assert_equal(ours: Any, theirs: Any, what: str) -> None:
    np.testing.assert_array_equal(to_numpy(ours), to_numpy(theirs), err_msg=what)


# bfloat16


@both_rules
@pytest.mark.parametrize("moments", ["float32", "bfloat16"])
@pytest.mark.parametrize("rounding", ["nearest", "kahan"])
def test_bfloat16_is_the_rule_in_float32_between_readings_and_roundings(
    made: Rule, moments: Any, rounding: Any
) -> None:
    params = torch_params("bfloat16", SHAPES)
    rounded = dict.fromkeys(MOMENTS if moments == "bfloat16" else (), to_bfloat16)
    reference = Reference(made, as_float32(params), rounded, rounding)
    stepper = stepper_on(params, made, moments=moments, rounding=rounding)
    for step in range(4):
        grads = grads_like(params, step)
        reference.step(as_float32(grads))
        stepper.apply(Evaluation(0.0, grads))
    for name, p in params.items():
        assert p.dtype == torch.bfloat16
        assert_equal(p.float(), reference.params[name], name)
        for path, tensors in reference.state.slots.items():
            array = stepper.state.slots[path][name]
            kept = torch.bfloat16 if moments == "bfloat16" and path in MOMENTS else torch.float32
            assert array.dtype == kept  # type: ignore[comparison-overlap]
            assert_equal(array.float(), tensors[name], f"{path} of {name}")  # type: ignore[attr-defined]
        if rounding == "kahan":
            assert_equal(stepper.state.slots["p.low"][name].float(), reference.low[name], name)  # type: ignore[attr-defined]


@both_rules
@pytest.mark.parametrize(
    ("numbers", "moments"), [("float32", "bfloat16"), ("float64", "float32"), ("float64", "bfloat16")]
)
@pytest.mark.parametrize("library", [numpy_params, torch_params])
def test_narrower_moments_of_wider_parameters(made: Rule, numbers: str, moments: Any, library: Any) -> None:
    """They are read as float32 arrays; what is kept of the new ones is not what the step goes on with."""
    params = library(numbers, SHAPES)

    def narrowed(x: np.ndarray) -> np.ndarray:
        return to_bfloat16(x.astype("float32")) if moments == "bfloat16" else x.astype("float32")

    rounded = dict.fromkeys(MOMENTS, narrowed)
    reference = Reference(made, {n: to_numpy(p) for n, p in params.items()}, rounded)
    stepper = stepper_on(params, made, moments=moments)
    for step in range(3):
        grads = grads_like(params, step)
        reference.step({n: to_numpy(g) for n, g in grads.items()})
        stepper.apply(Evaluation(0.0, grads))
    tolerance = 0 if numbers == "float32" else 1e-14  # for the norms
    for name, p in params.items():
        np.testing.assert_allclose(to_numpy(p), reference.params[name], rtol=tolerance, atol=tolerance)
    for path in MOMENTS:
        for name, array in stepper.engine.readable.slots[path].items():
            assert_equal(array, reference.state.slots[path][name], f"{path} of {name}")


# Eight bits


@pytest.mark.parametrize("library", [numpy_params, torch_params])
@both_rules
def test_8_bit_moments_are_the_nearest_codes_of_the_moments(made: Rule, library: Any) -> None:
    """And parameters are computed with the moments themselves, before they are kept as codes."""
    params = library("float32", SHAPES)
    stepper = stepper_on(params, made, moments="8bit")
    kinds = dict(zip(MOMENTS, ("signed8", "unsigned8"), strict=True))
    for step in range(3):
        points, before = {n: np.array(to_numpy(p)) for n, p in params.items()}, stepper.engine.readable
        slots = {path: {n: np.array(to_numpy(a)) for n, a in t.items()} for path, t in before.slots.items()}
        grads = grads_like(params, step)
        state = type(before)(before.step, dict(before.ages), slots, before.seed)
        expected, after, _ = made.update(points, {n: to_numpy(g) for n, g in grads.items()}, state)
        stepper.apply(Evaluation(0.0, grads))
        for name, p in params.items():
            assert_equal(p, expected[name], name)
        for path, kind in kinds.items():
            for name in ("large", "whole"):
                codes = to_numpy(stepper.state.slots[path][name]).ravel()
                scales = to_numpy(stepper.state.slots[f"{path}.scale"][name])
                assert codes.dtype == np.uint8 and scales.dtype == np.float32 and scales.size == -(-codes.size // 256)
                root, sign, largest = nearest_codes(kind, np.ravel(after.slots[path][name]))
                np.testing.assert_array_equal(scales, largest.astype("float32"))
                signed = codes.view(np.int8) if kind == "signed8" else codes
                assert abs(abs(signed.astype(float)) - root).max() <= 0.5 + 1e-4
                assert np.all((signed == 0) | (np.sign(signed) == sign))
                read = to_numpy(stepper.engine.readable.slots[path][name]).ravel()
                np.testing.assert_allclose(read, decoded(kind, codes, scales), rtol=1e-6)


def test_small_tensors_keep_their_moments_and_state_is_four_times_smaller() -> None:
    stepper = stepper_on(torch_params("float32", SHAPES), adamw(), moments="8bit")
    for path in MOMENTS:
        dtypes = {n: a.dtype for n, a in stepper.state.slots[path].items()}
        assert dtypes == {
            "large": torch.uint8,
            "whole": torch.uint8,
            **dict.fromkeys(("small", "one", "none"), torch.float32),
        }
        assert stepper.state.slots[f"{path}.scale"].keys() == {"large", "whole"}
    shapes = {"a": (512, 512), "b": (100, 1000)}
    sizes = {m: stepper_on(torch_params("float32", shapes), adamw(), moments=m).state.nbytes() for m in (None, "8bit")}
    assert 3.9 < sizes[None] / sizes["8bit"] < 4
    whole = stepper_on(torch_params("bfloat16", shapes), adamw(), moments="bfloat16").state.nbytes()
    assert sizes[None] / whole == 2


def test_blocks_of_zeros_and_of_nonfinite_numbers() -> None:
    params = numpy_params(shapes={"a": (4096,)})
    stepper = stepper_on(params, adam(lr=0.1), moments="8bit")
    stepper.apply(Evaluation(0.0, {"a": np.zeros(4096, "float32")}))
    assert not any(np.any(a["a"]) for a in stepper.state.slots.values()) and np.isfinite(params["a"]).all()
    bad = np.ones(4096, "float32")
    bad[300] = np.nan
    stepper.apply(Evaluation(0.0, {"a": bad}))
    lost = np.zeros(4096, bool)
    lost[256:512] = True
    for path in MOMENTS:
        np.testing.assert_array_equal(np.isnan(stepper.engine.readable.slots[path]["a"]), lost)
    skipping = RuleStepper(
        adam(lr=0.1), numpy_params(shapes={"a": (4096,)}), engine="cpu", nonfinite="skip", storage=Storage("8bit")
    )
    go(skipping, 2)
    before = everything(skipping)
    assert not skipping.apply(Evaluation(0.0, {"a": bad})).applied
    assert everything(skipping) == before


def test_8_bit_adam_ends_where_float32_adam_ends() -> None:
    """A noisy quadratic with curvatures that differ by e⁸ within a block: a linear code of v would diverge."""
    curvature = np.exp(np.random.default_rng(0).permutation(np.linspace(-4, 4, 4096))).astype("float32")
    ends = {}
    for moments in (None, "8bit", "bfloat16"):
        rng = np.random.default_rng(1)
        params = {"x": np.ones(4096, "float32")}
        stepper = stepper_on(params, adam(lr=0.01), moments=moments)
        losses = []
        for step in range(800):
            noise = rng.standard_normal(4096, dtype="float32")
            stepper.apply(Evaluation(0.0, {"x": curvature * (params["x"] + 0.1 * noise)}))
            if step >= 600:
                losses.append(float(np.mean(curvature * params["x"] ** 2)) / 2)
        ends[moments] = np.mean(losses)
    assert ends["8bit"] < 1.5 * ends[None] < 3 * ends["8bit"]
    assert ends["bfloat16"] == pytest.approx(ends[None], rel=0.3)


def test_memory_order_does_not_matter_to_rounded_state() -> None:
    shapes = {"kernel": (16, 16, 5, 5)}
    plain, turned = torch_params("bfloat16", shapes), torch_params("bfloat16", shapes)
    turned["kernel"] = turned["kernel"].clone(memory_format=torch.channels_last)
    steppers = [stepper_on(p, FULL, moments="bfloat16", rounding="kahan") for p in (plain, turned)]
    for stepper in steppers:
        go(stepper, 3)
    assert_equal(plain["kernel"].float(), turned["kernel"].float(), "kernel")
    coded = stepper_on({"kernel": turned["kernel"].float()}, FULL, moments="8bit")
    go(coded, 2)
    assert coded.state.slots[MOMENTS[0]]["kernel"].stride() == turned["kernel"].stride()  # type: ignore[attr-defined]
    read = coded.engine.readable.slots[MOMENTS[0]]["kernel"]
    assert read.shape == (16, 16, 5, 5) and read.stride() == turned["kernel"].stride()  # type: ignore[attr-defined]


# Keeping and going on


@pytest.mark.parametrize("numbers", ["float32", "bfloat16"])
@pytest.mark.parametrize(
    ("moments", "rounding"), [("8bit", "nearest"), ("8bit", "stochastic"), ("bfloat16", "kahan"), (None, "kahan")]
)
@pytest.mark.parametrize("way", ["state_dict", "save"])
def test_a_saved_optimizer_goes_on_to_the_same_bits(
    way: str, moments: Any, rounding: Any, numbers: str, tmp_path: Path
) -> None:
    def made(params: dict[str, torch.Tensor]) -> Optimizer:
        parameters = [(n, torch.nn.Parameter(p.clone())) for n, p in params.items()]
        return Optimizer(parameters, FULL, moments=moments, rounding=rounding, seed=3, engine="cpu")

    def train(optimizer: Optimizer, first: int, steps: int) -> dict[str, torch.Tensor]:
        params = dict(zip(SHAPES, optimizer.param_groups[0]["params"], strict=True))
        for step in range(first, first + steps):
            for name, g in grads_like(params, step).items():
                params[name].grad = g
            optimizer.step()
        return {n: p.detach() for n, p in params.items()}

    start = torch_params(numbers, SHAPES)
    whole = made(start)
    expected = train(whole, 0, 5)
    first = made(start)
    half = train(first, 0, 3)
    second = made(half)
    if way == "save":
        first.save(str(tmp_path / "state"))
        second.load(str(tmp_path / "state"))
    else:
        second.load_state_dict(first.state_dict())
    for name, p in train(second, 3, 2).items():
        assert bits(p) == bits(expected[name]), name
    plain = Optimizer([(n, torch.nn.Parameter(p.clone())) for n, p in half.items()], FULL)
    if moments == "8bit" or numbers == "bfloat16":
        with pytest.raises(InputError):
            plain.load_state_dict(first.state_dict())


def test_averages_are_read_out_of_rounded_state() -> None:
    """The answer point of an optimizer whose moments are codes."""
    params = torch_params("bfloat16", SHAPES)
    stepper = stepper_on(params, FULL, moments="8bit", rounding="stochastic")
    go(stepper, 3)
    held = {n: bits(p) for n, p in params.items()}
    mean = {n: a.to(torch.bfloat16) for n, a in stepper.state.slots["average.mean"].items()}  # type: ignore[attr-defined]
    with stepper.evaluating():
        for name, p in params.items():
            assert_equal(p.float(), mean[name].float(), name)
    assert held == {n: bits(p) for n, p in params.items()}


# What is refused


@rule
def of_numbers(u):
    """A norm of what is one number a tensor, which is not planned."""
    return u / (1 + norm(norm(u)))


@pytest.mark.parametrize("storage", [Storage("8bit"), Storage("bfloat16"), Storage(rounding="kahan")], ids=str)
def test_rounded_storage_needs_the_compiled_engine(storage: Storage) -> None:
    with pytest.raises(InputError, match=r"moments and rounding need the compiled engine \(engine is 'eager'\)"):
        RuleStepper(adamw(), torch_params(), engine="eager", storage=storage)
    made = chain(of_numbers(), learning_rate(lr=0.1))
    with pytest.raises(InputError, match=r"need the compiled engine \(plan: norm of a value that is one number"):
        RuleStepper(made, torch_params(shapes={"w": (3, 4)}), storage=storage)


def test_choices_that_do_not_exist() -> None:
    with pytest.raises(InputError, match="moments must be None, 'float32', 'bfloat16' or '8bit', got 'int8'"):
        Storage("int8")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="rounding must be 'nearest', 'stochastic' or 'kahan', got 'up'"):
        Storage(rounding="up")  # type: ignore[arg-type]
