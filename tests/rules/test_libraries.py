"""Every rule on NumPy, PyTorch and JAX arrays: the same numbers, dtypes and shapes; nothing given is changed."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import rule_field
import torch
from hypothesis import given
from hypothesis import strategies as st
from rule_case import Case
from rule_contract import CONTRACT, base
from rule_field import Field, asked, assert_alike, even_field, field, in_jax, in_numpy, in_torch, walk

from steepest.core.arrays import copy, to_numpy
from steepest.core.errors import InputError, NonfiniteError
from steepest.formula import Rule, State, chain
from steepest.formula.state import MODEL
from steepest.rules import (
    adabelief,
    adagrad,
    adam,
    average,
    clip_norm,
    heavy_ball,
    lamb,
    lars,
    learning_rate,
    lion,
    momentum,
    polyak_average,
    radam,
    rmsprop,
    sgd,
)

each_case = pytest.mark.parametrize("case", CONTRACT, ids=lambda case: case.name)


def plain(case: Case, **settings: Any) -> Rule:
    """The case's rule, with the settings under which libraries are to agree."""
    return base(case, **{**settings, **(case.across or {})})


def world_of(case: Case, seed: int, steps: int, shapes: Mapping[str, tuple[int, ...]] | None = None) -> Field:
    """Gradients on which libraries are to agree."""
    make = field if case.across is None else even_field
    return make(seed, steps) if shapes is None else make(seed, steps, shapes)


def every_variant(case: Case) -> list[Rule]:
    """The case's rule, and one for each change of a hyperparameter that is not fixed."""
    return [
        plain(case),
        *(
            plain(case, **changed.given, **{name: value})
            for name, changed in case.changes.items()
            for value in changed.values
            if name not in (case.across or {})
        ),
    ]


TWO = {"weight": (3, 2), "bias": (2,)}
FEW = [(), (3, 2), (3, 0, 2)]
"""For JAX, which compiles each operation anew for each shape and dtype, once a process."""


def every_case(*checks: Callable[[Case], None]) -> None:
    """Every case in one test, so that what JAX compiles for one serves the others."""
    failed = {}
    for case in CONTRACT:
        try:
            for check in checks:
                check(case)
        except (AssertionError, pytest.fail.Exception) as error:
            failed[case.name] = str(error)
    assert not failed, failed


@each_case
def test_torch_equals_numpy_in_float64(case: Case) -> None:
    for rule in every_variant(case):
        world = world_of(case, 1, 12)
        ours, theirs = walk(rule, world), walk(rule, world, library=in_torch())
        assert_alike(theirs.points, ours.points, rtol=1e-14, atol=1e-14)
        assert_alike(theirs.answers, ours.answers, rtol=1e-14, atol=1e-14)


def check_float32(case: Case, library: Any, shapes: Mapping[str, tuple[int, ...]] | None = None) -> None:
    rule, world = plain(case), world_of(case, 1, 12, shapes)
    wide, narrow = walk(rule, world), walk(rule, world, library=library("float32"))
    assert_alike(narrow.points, wide.points, rtol=3e-6, atol=3e-6)
    assert all(p.dtype == np.float32 for p in (*narrow.points.values(), *narrow.answers.values()))


@each_case
@pytest.mark.parametrize("library", [in_numpy, in_torch], ids=["numpy", "torch"])
def test_float32_equals_float64_to_rounding(case: Case, library: Any) -> None:
    check_float32(case, library)


def test_jax_equals_numpy_in_float32_and_leaves_everything_untouched_by_what_is_not_finite() -> None:
    every_case(lambda case: check_float32(case, in_jax, TWO), lambda case: check_nonfinite(case, in_jax, TWO))


SHAPES = [(), (1,), (7,), (2, 3), (2, 1, 3), (0,), (3, 0, 2)]


@each_case
@pytest.mark.parametrize("kind", ["numpy", "torch"])
def test_dtypes_and_shapes_are_kept(case: Case, kind: str) -> None:
    library, other = (in_numpy, "float16") if kind == "numpy" else (in_torch, "bfloat16")
    check_kept(case, library, ("float32", "float64", other), SHAPES)


def test_dtypes_and_shapes_are_kept_in_jax() -> None:
    every_case(lambda case: check_kept(case, in_jax, ("bfloat16",), FEW))


def check_kept(case: Case, library: Any, dtypes: Sequence[str], shapes: Sequence[tuple[int, ...]]) -> None:
    """Of parameters and of slots, also where gradients are of size 0 or have no dimension; what is no tensor for the
    rule is refused."""
    rule = base(case)
    rng = np.random.default_rng(0)
    for dtype in dtypes:
        convert = library(dtype)
        every = {str(shape): convert(rng.normal(size=shape)) for shape in shapes}
        params = {name: p for name, p in every.items() if case.takes(tuple(p.shape))}
        for name in every.keys() - params.keys():
            with pytest.raises(InputError, match=re.escape(name)):
                rule.init({name: every[name]})
        state = rule.init(params)
        before = {path: {n: a.dtype for n, a in tensors.items()} for path, tensors in state.slots.items()}
        after = params
        for _ in range(3):
            grads = {name: convert(rng.normal(size=tuple(p.shape))) for name, p in params.items()}
            after, state, _ = rule.update(after, grads, state, **asked(rule, grads))
        for found in (after, rule.query(after, state, grads), rule.answer(after, state)):
            assert {n: (type(p), p.dtype, tuple(p.shape)) for n, p in found.items()} == {
                n: (type(p), p.dtype, tuple(p.shape)) for n, p in params.items()
            }
        assert {path: {n: a.dtype for n, a in t.items()} for path, t in state.slots.items()} == before
        for path, tensors in state.slots.items():
            slot = rule.slots()[path]
            assert tensors.keys() == owners(rule, path, params), path
            for name, array in tensors.items():
                shape = () if slot.scalar else tuple(params[name].shape)
                assert tuple(array.shape) == (slot.like(shape) if callable(slot.like) else shape), path


def owners(rule: Rule, path: str, params: Mapping[str, Any]) -> set[str]:
    """The names under which a state has this slot."""
    if rule.slots()[path].like == "model":
        return {MODEL}
    return {name for name, p in params.items() if path in rule.slots_of(name, tuple(p.shape))}


@each_case
def test_each_dtype_of_a_mixed_model_is_kept(case: Case) -> None:
    rule = base(case)
    kinds = {"half": np.float32, "full": np.float64}
    params = {f"{kind}{shape}": np.ones(shape, dtype) for kind, dtype in kinds.items() for shape in ((3,), (3, 2))}
    after, state, _ = rule.update(params, params, rule.init(params), **asked(rule, params))
    assert {name: p.dtype for name, p in after.items()} == {name: p.dtype for name, p in params.items()}
    for path, tensors in state.slots.items():
        if rule.slots()[path].scalar:
            assert {a.dtype for a in tensors.values()} == {np.dtype(np.float64)}, path
        else:
            expected = {name: params[name].dtype for name in owners(rule, path, params)}
            assert {name: a.dtype for name, a in tensors.items()} == expected


@each_case
def test_memory_layout_does_not_matter(case: Case) -> None:
    rule, world = plain(case), world_of(case, 1, 3, {"a": (3, 2), "b": (7, 6)})
    in_torch_strided = {name: torch.from_numpy(p) for name, p in strided(world.start).items()}
    runs: list[Any] = [world.start, strided(world.start), in_torch_strided]
    states = [rule.init(p) for p in runs]
    for noise in world.noise:
        given = [noise, strided(noise), {name: torch.tensor(g) for name, g in noise.items()}]
        for i in range(3):
            runs[i], states[i], _ = rule.update(runs[i], given[i], states[i], **asked(rule, given[i]))
    # Sums may be added in another order, so what holds a norm is not equal to the bit.
    tolerance = 1e-13 if case.coupled or case.normed else 0.0
    assert_alike(runs[0], runs[1], rtol=tolerance, atol=tolerance)
    # The condition number of b's Gram matrix, 6² (see `even_field`), magnifies roundings: 36 · 2⁻⁵² is 8e-15.
    assert_alike(runs[2], runs[0], rtol=1e-14, atol=1e-15 if case.across is None else 1e-14)


def strided(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The same matrices in other memory orders: `a` within a larger one, `b` by columns."""
    larger = np.full((2 * len(arrays["a"]), 4 * arrays["a"].shape[1]), math.nan)
    larger[::2, 1::4] = arrays["a"]
    return {"a": larger[::2, 1::4], "b": np.asfortranarray(arrays["b"])}


@each_case
def test_nn_parameters(case: Case) -> None:
    """Parameters that want gradients: the rule does not track itself unless it is asked to."""
    rule, world = plain(case), world_of(case, 1, 5)
    params: Any = {name: torch.nn.Parameter(torch.tensor(p)) for name, p in world.start.items()}
    state = rule.init(params)
    for k in range(5):
        grads = {n: torch.tensor(g) for n, g in world.at(k, {n: to_numpy(p) for n, p in params.items()}).items()}
        with torch.no_grad():
            params, state, _ = rule.update(params, grads, state, **asked(rule, grads))
    assert_alike(params, walk_without_query(rule, world), rtol=1e-14, atol=1e-14)


def walk_without_query(rule: Rule, world: Field) -> dict[str, np.ndarray]:
    params = dict(world.start)
    state = rule.init(params)
    for k in range(world.steps):
        grads = world.at(k, params)
        params, state, _ = rule.update(params, grads, state, **asked(rule, grads))
    return params


@each_case
@pytest.mark.parametrize("kind", ["numpy", "torch"])
def test_nothing_that_is_given_is_changed_or_kept(case: Case, kind: str) -> None:
    """A caller may write into its gradients after the step, as PyTorch does in `zero_grad`; the state is a value."""
    convert = in_numpy() if kind == "numpy" else in_torch()
    rule, world = plain(case), world_of(case, 2, 4)
    clean = walk_without_query(rule, world)
    params = {name: convert(p) for name, p in world.start.items()}
    state = rule.init(params)
    for k in range(4):
        grads = {n: convert(g) for n, g in world.at(k, {n: to_numpy(p) for n, p in params.items()}).items()}
        kept = {n: copy(p) for n, p in params.items()}, {n: copy(g) for n, g in grads.items()}
        slots = {path: {n: copy(a) for n, a in t.items()} for path, t in state.slots.items()}
        after, next_state, _ = rule.update(params, grads, state, **asked(rule, grads))
        assert_alike(params, kept[0], rtol=0, atol=0)
        assert_alike(grads, kept[1], rtol=0, atol=0)
        for path in slots:
            assert_alike(state.slots[path], slots[path], rtol=0, atol=0)
        for g in (*grads.values(), *params.values()):
            g[...] = math.nan
        params, state = after, next_state
    assert_alike(params, clean, rtol=1e-14, atol=1e-15)


BAD = [math.nan, math.inf, -math.inf]


@each_case
@pytest.mark.parametrize("library", [in_numpy, in_torch], ids=["numpy", "torch"])
def test_a_nonfinite_gradient_leaves_everything_untouched(case: Case, library: Any) -> None:
    check_nonfinite(case, library)


def check_nonfinite(case: Case, library: Any, shapes: Mapping[str, tuple[int, ...]] = rule_field.SHAPES) -> None:
    convert = library("float32")
    rule, world = base(case), field(2, 3, shapes)
    params = {name: convert(p) for name, p in world.start.items()}
    state = rule.init(params)
    for k in range(3):
        grads = {n: convert(g) for n, g in world.noise[k].items()}
        params, state, _ = rule.update(params, grads, state, **asked(rule, grads))
    for bad in BAD:
        poisoned = dict(world.noise[0])
        poisoned["weight"] = poisoned["weight"].copy()
        poisoned["weight"][1, 1] = bad
        grads = {n: convert(g) for n, g in poisoned.items()}
        inputs = asked(rule, grads)
        after, same, report = rule.update(params, grads, state, nonfinite="skip", **inputs)
        assert (report.applied, report.finite, report.step, same.step) == (False, False, 3, 3)
        assert_alike(after, params, rtol=0, atol=0)
        assert_same_state(same, state)
        with pytest.raises(NonfiniteError, match="the gradient of weight is not finite at step 4"):
            rule.update(params, grads, state, nonfinite="raise", **inputs)
        after, moved, report = rule.update(params, grads, state, nonfinite="apply", **inputs)
        assert moved.step == 4
        assert report.applied
    for policy in ("skip", "raise"):
        fine = {n: convert(g) for n, g in world.noise[0].items()}
        inputs = asked(rule, fine)
        plain = rule.update(params, fine, state, **inputs)
        checked = rule.update(params, fine, state, nonfinite=policy, **inputs)
        assert_alike(plain[0], checked[0], rtol=0, atol=0)
        assert checked[2].finite is True


def assert_same_state(one: State, other: State) -> None:
    assert (one.step, one.ages, one.seed, one.slots.keys()) == (other.step, other.ages, other.seed, other.slots.keys())
    for path in one.slots:
        assert_alike(one.slots[path], other.slots[path], rtol=0, atol=0)


def test_apply_does_as_pytorch_does() -> None:
    """A NaN stays where it is; clipping by the norm spreads it."""
    p = {"a": np.zeros(3), "b": np.zeros(2)}
    g = {"a": np.array([math.nan, 1.0, -1.0]), "b": np.ones(2)}
    made = adam(lr=0.1)
    after, _, report = made.update(p, g, made.init(p))
    np.testing.assert_array_equal(np.isnan(after["a"]), [True, False, False])
    assert np.isfinite(after["b"]).all()
    assert report.finite is None  # nothing was looked at
    made = chain(clip_norm(max_norm=1.0), learning_rate(lr=0.1))
    after, _, report = made.update(p, g, made.init(p))
    assert np.isnan(after["b"]).all()
    assert report.finite is False


@each_case
@pytest.mark.parametrize("frozen", ["bias", "weight"])
def test_a_tensor_without_a_gradient_does_not_change_or_age(case: Case, frozen: str) -> None:
    rule, world = base(case), field(2, 6)
    params = dict(world.start)
    state = rule.init(params)
    for k in range(3):
        grads: dict[str, Any] = {**world.at(k, params), frozen: None}
        if k == 2:
            del grads[frozen]
        params, state, _ = rule.update(params, grads, state, **asked(rule, grads))
    assert state.step == 3
    assert state.ages == {"weight": 3, "bias": 3, "gain": 3, frozen: 0}
    np.testing.assert_array_equal(params[frozen], world.start[frozen])
    fresh = rule.init(world.start)
    for path, tensors in state.slots.items():
        assert tensors.keys() == fresh.slots[path].keys() == owners(rule, path, params), path
        if frozen in tensors:
            np.testing.assert_array_equal(tensors[frozen], fresh.slots[path][frozen], err_msg=path)


@pytest.mark.parametrize(
    "make",
    [lambda: adam(lr=0.1, beta1=0.5, beta2=0.6), lambda: heavy_ball(lr=0.1), lambda: adagrad(lr=0.1, initial=0.3),
     lambda: rmsprop(lr=0.1), lambda: lion(lr=0.1), lambda: chain(learning_rate(lr=0.1), polyak_average()),
     lambda: radam(lr=0.1, beta2=0.9), lambda: adabelief(lr=0.1), lambda: lamb(lr=0.1), lambda: lars(lr=10.0)],
    ids=["adam", "heavy_ball", "adagrad", "rmsprop", "lion", "polyak_average", "radam", "adabelief", "lamb", "lars"],
)  # fmt: skip
def test_a_tensor_unfrozen_late_runs_as_if_it_had_begun_then(make: Any) -> None:
    """Its averages begin with its first gradient, beside a tensor of another age; a schedule reads the clock."""
    rule, world = make(), field(2, 9)
    params = dict(world.start)
    state = rule.init(params)
    for k in range(9):
        grads: dict[str, Any] = world.at(k, params)
        if k < 4:
            grads["bias"] = None
        params, state, _ = rule.update(params, grads, state)
    assert state.ages["bias"] == 5
    late = Field(
        {"bias": world.start["bias"]},
        tuple({"bias": n["bias"]} for n in world.noise[4:]),
        {"bias": world.slope["bias"]},
    )
    ended = walk(rule, late)
    np.testing.assert_array_equal(params["bias"], ended.points["bias"])
    np.testing.assert_array_equal(rule.answer(params, state)["bias"], ended.answers["bias"])


def test_the_clock_goes_on_where_an_age_stands() -> None:
    from steepest.schedules import step_decay

    made = sgd(lr=step_decay(1.0, every=1, factor=0.5))
    p = {"a": np.zeros(1), "b": np.zeros(1)}
    state = made.init(p)
    for _ in range(3):
        p, state, _ = made.update(p, {"a": np.ones(1)}, state)
    p, state, _ = made.update(p, {"b": np.ones(1)}, state)
    np.testing.assert_array_equal(p["a"], -1.75)
    np.testing.assert_array_equal(p["b"], -0.125)
    p, state, report = made.update(p, {"a": None, "b": None}, state)
    assert (state.step, report.step, report.applied) == (5, 5, True)


@given(seed=st.integers(0, 2**31 - 1), scale=st.floats(1e-20, 1e20))
def test_the_norm_is_taken_in_float64(seed: int, scale: float) -> None:
    """Squares of what float32 can hold may not be held by float32."""
    g = np.random.default_rng(seed).normal(size=64).astype(np.float32) * np.float32(scale)
    made = chain(clip_norm(max_norm=1.0), learning_rate(lr=1.0))
    expected = math.sqrt(math.fsum(float(x) ** 2 for x in g))
    for convert in (in_numpy("float32"), in_torch("float32")):
        p = {"a": convert(np.zeros(64))}
        _, _, report = made.update(p, {"a": convert(g)}, made.init(p))
        assert report.seen["clip_norm.norm"] == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(
    "make",
    [
        lambda: adam(lr=0.1, eps=1e-3),
        lambda: chain(clip_norm(max_norm=0.5), adam(lr=0.1, eps=1e-3)),
        lambda: chain(heavy_ball(lr=0.1), average(beta=0.5)),
        lambda: radam(lr=0.1, beta2=0.8, threshold=4, eps=1e-3),
        lambda: adabelief(lr=0.1, eps=1e-3),
        lambda: lamb(lr=0.1, weight_decay=0.1, eps=1e-3),
        lambda: lars(lr=10.0, weight_decay=0.1),
    ],
    ids=["adam", "clip_norm", "average", "radam", "adabelief", "lamb", "lars"],
)
def test_a_step_is_differentiable_where_the_library_is(make: Any) -> None:
    """The derivative of the end of three steps by the gradients' common factor, against central differences."""
    rule, world = make(), field(6, 3, {"x": (4,)})

    def end(c: Any, convert: Any) -> Any:
        params = {"x": convert(world.start["x"])}
        state = rule.init(params)
        for k in range(3):
            params, state, _ = rule.update(params, {"x": convert(world.noise[k]["x"]) * c}, state)
        return (params["x"] * convert(np.arange(4.0))).sum()

    expected = (end(1.7 + 1e-6, in_numpy()) - end(1.7 - 1e-6, in_numpy())) / 2e-6
    c = torch.tensor(1.7, dtype=torch.float64, requires_grad=True)
    (by_torch,) = torch.autograd.grad(end(c, in_torch()), c)
    assert float(by_torch) == pytest.approx(expected, rel=1e-5, abs=1e-8)
    by_jax = jax.grad(lambda c: end(c, in_jax()))(jnp.asarray(1.7, dtype=jnp.float32))
    assert float(by_jax) == pytest.approx(expected, rel=1e-3, abs=1e-4)


def test_a_step_can_be_compiled_by_jax() -> None:
    made = chain(clip_norm(max_norm=0.5), momentum(), learning_rate(lr=0.1))
    params = {"x": jnp.ones(3)}
    state = made.init(params)
    compiled = jax.jit(lambda p, g: made.update(p, g, state)[0])
    assert_alike(compiled(params, params), made.update(params, params, state)[0], rtol=1e-6, atol=1e-7)
