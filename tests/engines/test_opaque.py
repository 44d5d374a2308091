"""Formulas on whole arrays within compiled chains: the rest stays compiled, to the bit of the eager engine."""

from __future__ import annotations

from typing import Any, Literal

import example_rules as examples
import numpy as np
import pytest
import torch
from live import SHAPES, assert_same_bits, both, everything, go, grads_like, numpy_params, torch_params

from steepest.core.errors import FormulaError, InputError, NonfiniteError
from steepest.core.oracle import Evaluation
from steepest.engines import RuleStepper, Storage
from steepest.engines.explain import explain
from steepest.formula import Rule, Slot, chain, norm, partition, rule
from steepest.formula.plan import Plan, plan
from steepest.formula.segments import cut
from steepest.rules import (
    adafactor,
    adam,
    adamw,
    agc,
    average,
    centralize,
    clip_norm,
    decay_weights,
    learning_rate,
    momentum,
    muon,
    muon_adamw,
    scale_by_adam,
    sgd,
    shampoo,
    soap,
)

MATRICES: dict[str, tuple[int, ...]] = {"w": (3, 5), "x": (4, 2)}
RATE = learning_rate(lr=0.1)


@rule(opaque=True)
def turned(u, p, k, t, *, share: float = 0.5, kind: Literal["plus", "minus"] = "plus"):
    """All that a formula may be given: the update, the parameter, numbers, a choice."""
    return u[::-1] + share * k * p / t if kind == "plus" else u[::-1] - p


@rule(slots=("seen", Slot("half", when="both")), opaque=True)
def remembering(u, seen, half, *, both: bool = False):
    return u + seen, seen + u, (None if half is None else half + u / 2)


CHAINS: dict[str, Rule] = {
    "alone": chain(examples.factored(), RATE),
    "first": chain(turned(), scale_by_adam(), RATE),
    "middle": chain(
        clip_norm(max_norm=1.0), scale_by_adam(), examples.factored(), decay_weights(weight_decay=0.1), RATE
    ),
    "last": chain(momentum(), RATE, turned(kind="minus")),
    "clipped by unit, first": chain(clip_norm(max_norm=1.0), agc(), adamw(lr=0.1)),
    "clipped by unit, last": chain(clip_norm(max_norm=1.0), adamw(lr=0.1), agc()),
    "centralized": chain(centralize(), adamw(lr=0.1), average(beta=0.5)),
    "two": chain(examples.factored(), turned(), RATE),
    "two apart": chain(turned(), momentum(), examples.whiten(), RATE, average(beta=0.5)),
    "norms on both sides": chain(
        clip_norm(max_norm=1.0), examples.whiten(), clip_norm(max_norm=0.1).named("again"), RATE
    ),
    "slots": chain(remembering(), remembering(both=True).named("other"), RATE),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", CHAINS)
def test_equal_to_the_eager_engine(name: str, dtype: str) -> None:
    if dtype == "float64" and "clip" in repr(CHAINS[name]):
        pytest.skip("sums over a model are added in another order")
    for settings in ({}, {"maximize": True}, {"nonfinite": "skip"}, {"inputs": {"scale": 3.0}}):
        ours, theirs = both(CHAINS[name], dtype, shapes=MATRICES, **settings)
        assert (ours.engine.name, theirs.engine.name) == ("cpu", "eager")
        assert_same_bits(ours, theirs)


@pytest.mark.parametrize("made", [muon_adamw(weight_decay=0.1), shampoo(every=2), soap(every=2), adafactor()],
                         ids=["muon_adamw", "shampoo", "soap", "adafactor"])  # fmt: skip
def test_matrix_methods_on_tensors_of_all_shapes(made: Rule) -> None:
    shapes = {**SHAPES, "kernel": (4, 3, 2, 2)}
    ours, theirs = both(made, shapes=shapes, steps=5)
    assert_same_bits(ours, theirs)
    late = lambda step, grads: {n: g for n, g in grads.items() if step % 2 or n != "kernel"}  # noqa: E731
    assert_same_bits(*both(made, shapes=shapes, steps=5, change=late))


def test_torch_tensors_in_any_memory_order() -> None:
    for engine in ("cpu", "eager"):
        base = torch_params(shapes={"kernel": (4, 3, 2, 2), "w": (3, 5)})
        other = {"kernel": base["kernel"].to(memory_format=torch.channels_last), "w": base["w"].t().contiguous().t()}
        steppers = [RuleStepper(muon_adamw(), params, engine=engine) for params in (base, other)]
        for stepper in steppers:
            go(stepper, 4)
        for name in base:
            torch.testing.assert_close(base[name], other[name], rtol=0, atol=2e-3)  # bfloat16 sums in another order
            assert not torch.equal(base[name], torch_params(shapes={name: tuple(base[name].shape)})[name])


def test_formulas_are_given_gradients_in_the_dtype_of_their_parameters() -> None:
    seen: list[Any] = []

    @rule(opaque=True)
    def noting(u):
        seen.append(u.dtype)
        return u @ u.T @ u

    steppers = [RuleStepper(chain(noting(), RATE), numpy_params(shapes=MATRICES), engine="cpu") for _ in range(2)]
    for step in range(2):
        grads = grads_like(steppers[0].tensors, step)
        steppers[0].apply(Evaluation(0.0, grads))
        steppers[1].apply(Evaluation(0.0, {name: g.astype("float64") for name, g in grads.items()}))
    assert set(seen) == {np.dtype("float32")}
    assert_same_bits(*steppers)


def test_tensors_on_the_elementwise_path_are_wholly_compiled() -> None:
    stepper = RuleStepper(
        muon_adamw(), numpy_params(shapes={"fc.weight": (3, 4), "fc.bias": (3,), "head.weight": (2, 3)})
    )
    go(stepper, 1)
    plans = {batch.names: batch.program.plan for batch in stepper.engine._arranged.batches}  # type: ignore[attr-defined]
    calls = {names: [step.call is not None for step in found.passes] for names, found in plans.items()}
    assert calls == {("fc.weight",): [False, True, False], ("fc.bias", "head.weight"): [False]}
    assert stepper.why_eager == (
        "orthogonalize_flattened computes with whole arrays, on 1 of 3 tensors; the rest is compiled"
    )
    assert RuleStepper(adamw(), numpy_params()).why_eager == ""


def test_a_step_that_is_refused_changes_nothing() -> None:
    for made in (CHAINS["middle"], CHAINS["alone"], muon(), soap()):
        for policy in ("skip", "raise"):
            stepper = RuleStepper(made, numpy_params(shapes=MATRICES), nonfinite=policy)  # type: ignore[arg-type]
            go(stepper, 2)
            before = everything(stepper)
            grads = grads_like(stepper.tensors, 2)
            grads["x"][1, 1] = np.inf
            if policy == "raise":
                with pytest.raises(NonfiniteError, match="gradient of x"):
                    stepper.apply(Evaluation(0.0, grads))
            else:
                assert not stepper.apply(Evaluation(0.0, grads)).applied
            assert everything(stepper) == before
            go(stepper, 1, first=2)
            assert everything(stepper) != before


def test_gradients_are_zeroed_after_they_are_read() -> None:
    for made in (CHAINS["alone"], CHAINS["middle"], CHAINS["two apart"], muon()):
        plain, zeroing = (
            RuleStepper(made, numpy_params(shapes=MATRICES), zero_gradients=zero, engine="cpu")
            for zero in (False, True)
        )
        for step in range(3):
            grads = [grads_like(plain.tensors, step) for _ in range(2)]
            plain.apply(Evaluation(0.0, grads[0]))
            zeroing.apply(Evaluation(0.0, grads[1]))
            assert not any(np.any(g) for g in grads[1].values())
        assert_same_bits(plain, zeroing)


def test_a_run_goes_on_where_it_stopped() -> None:
    for made in (CHAINS["two apart"], soap(every=2), shampoo(every=3, graft="rms"), muon(), adafactor(momentum=0.5)):
        whole = RuleStepper(made, numpy_params(shapes=MATRICES), engine="cpu")
        go(whole, 7)
        first = RuleStepper(made, numpy_params(shapes=MATRICES), engine="cpu")
        go(first, 4)
        second = RuleStepper(made, {name: p.copy() for name, p in first.tensors.items()}, engine="cpu")
        second.restart(first.state, {})
        go(first, 1, first=4)  # the first one's arrays are its own
        go(second, 3, first=4)
        assert_same_bits(whole, second)


def test_eight_bit_and_bfloat16_moments_leave_whole_arrays_alone() -> None:
    made = chain(scale_by_adam(), remembering(), RATE)
    stepper = RuleStepper(made, numpy_params(shapes={"w": (80, 70)}), storage=Storage("8bit"))
    go(stepper, 3)
    kinds = {
        path: str(tensors["w"].dtype) for path, tensors in stepper.state.slots.items() if not path.endswith(".scale")
    }
    assert kinds == {"scale_by_adam.m": "uint8", "scale_by_adam.v": "uint8", "remembering.seen": "float32"}
    exact = RuleStepper(made, numpy_params(shapes={"w": (80, 70)}))
    go(exact, 3)
    np.testing.assert_allclose(stepper.tensors["w"], exact.tensors["w"], atol=0.3)


@pytest.mark.parametrize("rounding", ["nearest", "stochastic", "kahan"])
def test_bfloat16_parameters_reach_formulas_as_numbers(rounding: Any) -> None:
    given: list[tuple[Any, Any]] = []

    @rule(opaque=True)
    def watching(u, p):
        given.append((u.dtype, p.dtype))
        return u - 0.01 * p

    params = torch_params("bfloat16", {"w": (8, 5)})
    start = params["w"].float().clone()
    stepper = RuleStepper(chain(watching(), RATE), params, storage=Storage(rounding=rounding))
    go(stepper, 20)
    assert set(given) == {(torch.float32, torch.float32)}
    expected = start.double()
    for step in range(20):
        expected = expected - 0.1 * (grads_like({"w": params["w"]}, step)["w"].double() - 0.01 * expected)
    torch.testing.assert_close(params["w"].double(), expected, rtol=0.05, atol=0.05)


# Plans.


def planned(made: Rule, **settings: Any) -> Plan:
    return plan(cut(made.graph()), **settings)


def test_plans_of_chains_with_calls() -> None:
    found = planned(muon())
    assert [step.call is None for step in found.passes] == [True, False, True]
    before, call, after = found.passes
    assert set(before.loads) == {"u", "slot:scale_by_momentum_average.m"}
    assert set(before.stores) == {"given:orthogonalize.0", "slot:scale_by_momentum_average.m"}
    assert call.call is not None and call.call.reads == ("given:orthogonalize.0",)
    assert set(after.loads) == {"opaque:orthogonalize", "p"} and set(after.stores) == {"p"}
    assert found.bytes == 28.0
    assert planned(soap_matrices()).bytes == 12.0, "the gradient is given as it is"
    assert planned(muon(), atomic=True).check is not None
    assert planned(muon(), zero=True).passes[-1].stores.keys() >= {"u", "p"}


def soap_matrices() -> Rule:
    from steepest.rules import scale_by_soap

    return chain(scale_by_soap(), RATE)


def test_a_slot_is_written_after_its_old_value_was_read() -> None:
    """A formula before the call and one after it share what the earlier one's slot was."""

    @rule(slots=("old",))
    def outer(u, old, *, inner: Rule):
        return inner(u) + old, u

    made = chain(outer(inner=turned()), RATE)
    stages = {name: index for index, step in enumerate(planned(made).passes) for name in step.stores}
    assert stages["slot:outer.old"] == max(stages.values())
    assert_same_bits(*both(made, shapes=MATRICES))


def test_sums_of_one_segment_are_numbers_in_the_next() -> None:
    @rule
    def as_long_as(u, *, inner: Rule):
        found = inner(u)
        return found * (norm(u, over="model") / norm(found))

    made = chain(as_long_as(inner=turned()), RATE)
    assert_same_bits(*both(made, shapes=MATRICES))


def test_calls_get_the_numbers_of_their_rows() -> None:
    """Ages that differ by tensor, and hyperparameters by group."""
    given: list[tuple[int, float]] = []

    @rule(opaque=True)
    def noting(u, k, *, share: float = 0.5):
        given.append((k, share))
        return share * u

    stepper = RuleStepper(chain(noting(), RATE), numpy_params(shapes=MATRICES), engine="cpu")
    go(stepper, 1, change=lambda step, grads: {"w": grads["w"]})
    go(stepper, 1, first=1)
    assert given == [(1, 0.5), (2, 0.5), (1, 0.5)]
    assert all(type(k) is int for k, _ in given)


# What is refused.


def test_formulas_that_return_the_wrong_thing() -> None:
    @rule(opaque=True)
    def shorter(u):
        return u[1:]

    @rule(slots=("s",), opaque=True)
    def other_slot(u, s):
        return u, s[1:]

    @rule(slots=("s",), opaque=True)
    def too_few(u, s):
        return u

    for made, message in (
        (shorter(), r"the update of w must have shape \(3, 5\), got \(2, 5\)"),
        (other_slot(), r"other_slot.s must have shape \(3, 5\), got \(2, 5\)"),
        (too_few(), "too_few: must return 2 values, got 1"),
    ):
        stepper = RuleStepper(chain(made, RATE), numpy_params(shapes={"w": (3, 5)}), engine="cpu")
        with pytest.raises(FormulaError, match=message):
            go(stepper, 1)


def test_numbers_are_broadcast() -> None:
    @rule(opaque=True)
    def one(u):
        return 1.0

    assert_same_bits(*both(chain(one(), RATE), shapes={"w": (3, 5), "g": ()}))


def test_cuda_kernels_do_not_take_them() -> None:
    with pytest.raises(InputError, match="engine 'cuda' cannot run here"):
        RuleStepper(muon(), numpy_params(shapes=MATRICES), engine="cuda")


# What is told.


def test_explain_names_the_formulas_between_the_passes() -> None:
    found = explain(muon())
    assert found.passes[1] == (
        "orthogonalize, on whole arrays, those of one shape at once: reads the update for orthogonalize; "
        "writes the update of orthogonalize"
    )
    assert (found.bytes, found.state, found.called) == (28.0, 4.0, ("orthogonalize",))
    assert "2 passes, 28 bytes moved a parameter and step, 4 bytes of state a parameter" in str(found)
    assert "and what orthogonalize moves, which is run by array operations, not compiled" in str(found)


def test_explain_shows_each_part() -> None:
    found = explain(soap())
    assert [part.part for part in found.parts] == ["preconditioned.matrices", "preconditioned.elementwise"]
    matrices, others = found.parts
    assert matrices.shaped == ("basis", "statistics") and matrices.state == 8.0
    assert (others.called, others.bytes, len(others.passes)) == ((), 28.0, 1)
    assert found.bytes == min(part.bytes for part in found.parts)
    nested = partition(lambda name, shape: "a", a=adafactor(), b=sgd(lr=0.1))
    assert [part.part for part in explain(nested).parts] == [
        "partition.a moments.factored", "partition.a moments.elementwise", "partition.b",
    ]  # fmt: skip
    assert explain(adam()).parts == ()
