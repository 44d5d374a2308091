"""What matrix rules promise besides their trajectories: orthogonality, roots, bases, invariances; and real layers."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from rule_field import field, in_torch, walk
from rule_matrix import momentum_average, shampoo_direction, soap_direction

from steepest import rules
from steepest.core.errors import HyperparameterError, InputError, InputTypeError
from steepest.core.oracle import Evaluation
from steepest.engines import RuleStepper
from steepest.formula import Rule, chain
from steepest.rules import learning_rate
from steepest.rules.blocks import assembled, blocks, matrices_shape
from steepest.rules.inverse_root import inverse_root
from steepest.schedules import cosine

SHAPES = st.sampled_from([(4, 4), (3, 7), (7, 3), (1, 5), (5, 1), (2, 2)])
SEEDS = st.integers(0, 2**31 - 1)
BAND = (0.68, 1.21)


def one_update(rule: Rule, u: Any, name: str = "w") -> Any:
    """What leaves a rule for one incoming update, at p = 0."""
    p = {name: 0 * u}
    after, _, _ = chain(rule, learning_rate(lr=1.0)).update(p, {name: u}, chain(rule, learning_rate(lr=1.0)).init(p))
    return -after[name]  # type: ignore[operator]


def matrix(seed: int, shape: tuple[int, ...], least: float = 0.05) -> np.ndarray:
    """A matrix whose singular values are within a factor of 1/least of each other."""
    rng = np.random.default_rng(seed)
    u, s, v = np.linalg.svd(rng.normal(size=shape), full_matrices=False)
    return (u * (s[0] * rng.uniform(least, 1, s.shape))) @ v


def rotation(seed: int, n: int) -> np.ndarray:
    q, r = np.linalg.qr(np.random.default_rng(seed).normal(size=(n, n)))
    return q * np.sign(np.diag(r))


# Muon.


@given(seed=SEEDS, shape=SHAPES)
def test_orthogonalized_updates_have_the_polar_factors_vectors_and_values_in_the_band(
    seed: int, shape: tuple[int, int]
) -> None:
    u = matrix(seed, shape)
    left, _, right = np.linalg.svd(u, full_matrices=False)
    found = one_update(rules.orthogonalize(precision="same", adjust="none"), u)
    core = left.T @ found @ right.T
    assert np.max(np.abs(core - np.diag(np.diag(core)))) < 1e-9, "the singular vectors are those of the polar factor"
    assert np.all((np.diag(core) > BAND[0]) & (np.diag(core) < BAND[1]))
    exact = left @ right
    assert np.linalg.norm(found - exact) < 0.35 * math.sqrt(min(shape))


@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_bfloat16_keeps_the_band_but_for_its_rounding(library: str) -> None:
    for seed in range(20):
        u = matrix(seed, (12, 20), least=0.2).astype("float32")
        given = torch.from_numpy(u) if library == "torch" else u
        found = np.asarray(one_update(rules.orthogonalize(adjust="none"), given))
        values = np.linalg.svd(found.astype("float64"), compute_uv=False)
        assert values.min() > BAND[0] - 0.05 and values.max() < BAND[1] + 0.05
        assert found.dtype == np.float32


@pytest.mark.parametrize(
    ("precision", "tolerance"),
    [
        ("bfloat16", 2e-2),  # five units in the last place: a sum in another order may round the other way
        ("float32", 3.4445**5 * 2**-24),  # a rounding, times the slope of the iteration at 0 for each step
    ],
)
def test_libraries_round_alike(precision: Any, tolerance: float) -> None:
    for seed in range(10):
        u = matrix(seed, (6, 9)).astype("float32")
        ours, *others = (
            np.asarray(one_update(rules.orthogonalize(precision=precision), library(u)))
            for library in (np.asarray, torch.from_numpy, jnp.asarray)
        )
        for theirs in others:
            np.testing.assert_allclose(theirs, ours, rtol=0, atol=tolerance)


@given(seed=SEEDS, c=st.floats(1e-3, 1e3))
def test_muon_does_not_feel_the_scale_of_the_gradient(seed: int, c: float) -> None:
    world = field(seed, 6, {"weight": (3, 4)})
    made = rules.muon(lr=0.1, precision="same", weight_decay=0.0, eps=1e-30)
    still = type(world)(world.start, world.noise, {"weight": 0 * world.slope["weight"]})
    ends = [walk(made, w).points["weight"] for w in (still, still.scaled(c))]
    np.testing.assert_allclose(*ends, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize(
    "made",
    [
        rules.muon(lr=0.1, precision="same", weight_decay=0.1),
        rules.shampoo(lr=0.1, eps=0.01, every=2),
        rules.shampoo(lr=0.1, graft="sgd", beta2=0.9),
        rules.soap(lr=0.1, every=2, weight_decay=0.1),
    ],
    ids=["muon", "shampoo", "shampoo with grafting", "soap"],
)
def test_rotating_the_problem_rotates_the_run(made: Rule) -> None:
    """G → P G Q for orthogonal P and Q, at every step."""
    rng = np.random.default_rng(5)
    start, grads = rng.normal(size=(3, 3)), rng.normal(size=(7, 3, 3))
    p, q = rotation(1, 3), rotation(2, 3)

    def run(start: np.ndarray, grads: np.ndarray) -> np.ndarray:
        x, state = {"w": start}, made.init({"w": start})
        for g in grads:
            x, state, _ = made.update(x, {"w": g}, state)
        return np.asarray(x["w"])

    # Adam in the eigenbasis does not feel the basis of the parameters, only signs and order of the eigenvectors.
    np.testing.assert_allclose(p @ run(start, grads) @ q, run(p @ start @ q, p @ grads @ q), rtol=1e-7, atol=1e-9)
    elementwise = rules.adam(lr=0.1)
    x = {"w": start}
    one, _, _ = elementwise.update(x, {"w": grads[0]}, elementwise.init(x))
    other, _, _ = elementwise.update({"w": p @ start @ q}, {"w": p @ grads[0] @ q}, elementwise.init(x))
    assert np.max(np.abs(p @ np.asarray(one["w"]) @ q - np.asarray(other["w"]))) > 1e-3, "the test can fail"


def test_the_scale_of_an_update_follows_the_shape() -> None:
    u = matrix(0, (8, 2))
    plain = one_update(rules.orthogonalize(precision="same", adjust="none"), u)
    for settings, ratio in (
        ({"adjust": "original"}, 2.0),
        ({"adjust": "original", "layout": "in_out"}, 1.0),
        ({"adjust": "match_rms_adamw"}, 0.2 * math.sqrt(8)),
    ):
        found = one_update(rules.orthogonalize(precision="same", **settings), u)
        np.testing.assert_allclose(found, ratio * plain, rtol=1e-14)


def test_convolutions_are_matrices_of_their_outputs() -> None:
    u = matrix(1, (4, 18)).reshape(4, 2, 3, 3)
    found = one_update(rules.orthogonalize_flattened(precision="same"), u)
    flat = one_update(rules.orthogonalize(precision="same"), u.reshape(4, 18))
    np.testing.assert_array_equal(found.reshape(4, 18), flat)


def test_zero_and_empty_and_broken_updates() -> None:
    for precision in ("bfloat16", "float32", "same"):
        made = rules.orthogonalize(precision=precision)
        assert not np.any(one_update(made, np.zeros((3, 2))))
        assert one_update(made, np.zeros((0, 2))).shape == (0, 2)
        assert np.all(np.isnan(one_update(made, np.full((3, 2), np.nan))))


@pytest.mark.parametrize("shape", [(), (5,), (2, 3, 4)])
def test_muon_names_the_tensor_that_is_no_matrix(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"orthogonalize: layer\.bias must have two dimensions, got shape"):
        rules.muon().init({"layer.weight": np.ones((3, 2)), "layer.bias": np.ones(shape)})


def test_muon_adamw_routes_by_shape_and_name() -> None:
    made = rules.muon_adamw(not_hidden=("*embed*", "2.*"))
    shapes = {
        "0.weight": (4, 3),
        "0.bias": (4,),
        "Embed.weight": (9, 4),
        "conv.weight": (4, 2, 3, 3),
        "2.weight": (2, 4),
    }
    assert {name: made.part_of(name, shape).rpartition(".")[2] for name, shape in shapes.items()} == {
        "0.weight": "muon", "0.bias": "adamw", "Embed.weight": "adamw", "conv.weight": "muon", "2.weight": "adamw",
    }  # fmt: skip
    assert rules.muon_adamw(not_hidden="a*").text != rules.muon_adamw(not_hidden="b*").text
    with pytest.raises(InputTypeError, match="not_hidden must be patterns of names"):
        rules.muon_adamw(not_hidden=(3,))  # type: ignore[arg-type]


@given(beta=st.floats(0.01, 0.99), seed=SEEDS)
def test_the_direction_of_averaged_and_of_accumulated_momentum_is_the_same(beta: float, seed: int) -> None:
    seen = list(np.random.default_rng(seed).normal(size=(5, 3)))
    accumulated = sum(beta**age * u for age, u in enumerate(reversed(seen)))
    average = momentum_average(seen, beta, nesterov=True)
    np.testing.assert_allclose(average / (1 - beta), seen[-1] + beta * accumulated, rtol=1e-9, atol=1e-12)


# Roots and Shampoo.


@given(seed=SEEDS, n=st.integers(1, 6), order=st.integers(1, 4), spread=st.floats(0, 6))
def test_a_root_to_its_power_is_the_inverse(seed: int, n: int, order: int, spread: float) -> None:
    q, rng = rotation(seed, n), np.random.default_rng(seed)
    a = (q * 10.0 ** rng.uniform(-spread, 0, n)) @ q.T
    root = inverse_root((a + a.T) / 2, -1 / (2 * order))
    power = np.linalg.matrix_power(root, 2 * order)
    np.testing.assert_allclose(power @ a, np.eye(n), rtol=0, atol=1e-7)
    np.testing.assert_allclose(root, root.T, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("library", [np.asarray, torch.from_numpy, jnp.asarray], ids=["numpy", "torch", "jax"])
def test_roots_of_what_has_none(library: Any) -> None:
    """Eigenvalues that are noise count as the machine epsilon times the largest one."""

    def root(matrix: Any, exponent: float) -> np.ndarray:
        return np.asarray(inverse_root(library(np.asarray(matrix, dtype="float32")), exponent))

    assert np.all(np.isnan(root(np.zeros((2, 2)), -0.5)))
    assert np.all(np.isnan(root([[1.0, np.inf], [np.inf, 1.0]], -0.5)))
    for noise in (-1e-18, 0.0, 1e-18):
        found = root(np.diag([1.0, noise]), -0.25)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, np.diag([1.0, 2.0 ** (23 / 4)]), rtol=1e-6)


def test_a_root_has_the_matrixs_dtype() -> None:
    assert inverse_root(np.eye(3, dtype="float32"), -0.5).dtype == np.float32
    assert inverse_root(torch.eye(3, dtype=torch.float64), -0.5).dtype == torch.float64


def test_the_slots_of_shampoo_hold_roots_of_its_statistics() -> None:
    made = rules.shampoo(lr=0.1, eps=0.1, every=3, block_size=2)
    ended = walk(made, field(2, 7, {"w": (3, 2, 4)}))
    slots = {path.rpartition(".")[2]: tensors["w"] for path, tensors in ended.state.slots.items()}
    for block in blocks((3, 2, 4), 2, None):
        for number, _ in enumerate(block.axes):
            statistics, root = (block.matrix(slots[name][None], number)[0] for name in ("statistics", "roots"))
            np.testing.assert_allclose(np.linalg.matrix_power(root, 6) @ statistics, np.eye(len(root)), atol=1e-9)


def test_blocks_cover_a_tensor_once() -> None:
    for shape, size in (((5, 3), 2), ((7,), 3), ((2, 3, 4), 2), ((), 2), ((4, 4), None), ((0, 3), 2)):
        count = np.zeros(shape or (1,), int)
        parts = blocks(shape, size, None)
        for part in parts:
            count[part.at] += 1
            assert max(part.shape) <= (size or max(shape))
        assert np.all(count == 1)
        assert matrices_shape(shape, size) == (sum(n * n for part in parts for n in part.shape),)
        if parts:
            whole = np.arange(2 * max(math.prod(shape), 1)).reshape(2, *shape)
            pieces = [(part, part.piece(whole.reshape(2, *(shape or (1,))))) for part in parts]
            np.testing.assert_array_equal(assembled(pieces, whole), whole)


def test_shampoo_of_one_gradient_is_its_polar_factor() -> None:
    """Without ε, L = g gᵀ and R = gᵀ g, and L^(−1/4) g R^(−1/4) = U Vᵀ."""
    g = matrix(3, (4, 4))
    left, _, right = np.linalg.svd(g)
    np.testing.assert_allclose(one_update(rules.scale_by_shampoo(eps=1e-16), g), left @ right, atol=1e-8)
    np.testing.assert_allclose(shampoo_direction([g], eps=1e-16), left @ right, atol=1e-8)


def test_sizes_that_decide_a_slot_are_fixed_numbers() -> None:
    for made in (lambda: rules.scale_by_shampoo(block_size=cosine(4.0, steps=9)).slots(),
                 lambda: rules.scale_by_soap(max_dim=cosine(4.0, steps=9)).slots()):  # fmt: skip
        with pytest.raises(InputTypeError, match="must be a fixed number, since a slot has its size"):
            made()
    with pytest.raises(HyperparameterError, match="soap: max_dim must be a whole number"):
        rules.soap(max_dim=cosine(4.0, steps=9))  # type: ignore[arg-type]


# SOAP.


def test_the_bases_of_soap_are_orthonormal_and_near_the_eigenvectors() -> None:
    world = field(4, 60, {"w": (4, 3)})
    ended = walk(rules.soap(lr=0.01, every=1, shampoo_beta=0.99), world)
    slots = {path.rpartition(".")[2]: tensors["w"] for path, tensors in ended.state.slots.items() if "w" in tensors}
    (part,) = blocks((4, 3), None, None)
    for number, _ in enumerate(part.axes):
        q, gram = (part.matrix(slots[name][None], number)[0] for name in ("basis", "statistics"))
        np.testing.assert_allclose(q.T @ q, np.eye(len(q)), atol=1e-12)
        rotated = q.T @ gram @ q
        assert np.linalg.norm(rotated - np.diag(np.diag(rotated))) < 0.05 * np.linalg.norm(np.diag(rotated))
        assert list(np.diag(rotated)) == sorted(np.diag(rotated), reverse=True)


def test_soap_in_the_parameters_own_basis_is_adam_a_step_late() -> None:
    """Gradients with one element each have the coordinate axes as eigenvectors."""
    rng = np.random.default_rng(0)
    grads = [np.diag(np.sort(rng.uniform(1, 2, 3))[::-1] * rng.choice([-1, 1], 3)) for _ in range(12)]
    soap = soap_direction(grads, [0, 1], every=100)
    late = soap_direction(grads, [])
    np.testing.assert_allclose(np.diag(soap), np.diag(late), rtol=1e-12)


def test_the_first_update_of_soap_is_none() -> None:
    made, p = rules.soap(weight_decay=0.0), {"w": np.ones((3, 2)), "b": np.ones(3)}
    after, state, _ = made.update(p, {name: x + 1 for name, x in p.items()}, made.init(p))
    assert all(np.array_equal(after[name], x) for name, x in p.items())
    assert state.step == 1


# Broken gradients, bfloat16, half states.


@pytest.mark.parametrize("name", ["muon_adamw", "shampoo", "soap", "adafactor"])
def test_what_is_not_finite_does_not_raise_but_shows(name: str) -> None:
    made = getattr(rules, name)()
    for library in (np.asarray, in_torch("float32")):
        p = {"w": library(np.ones((3, 2))), "b": library(np.ones(3))}
        state = made.init(p)
        for step in range(3):
            g = {key: library(np.full(x.shape, np.nan if step == 1 else 0.5)) for key, x in p.items()}
            p, state, _ = made.update(p, g, state)
        assert not np.all(np.isfinite(np.asarray(p["w"])))


@pytest.mark.parametrize("name", ["muon_adamw", "shampoo", "soap", "adafactor"])
def test_bfloat16_parameters(name: str) -> None:
    made = getattr(rules, name)()
    p = {"w": torch.ones(4, 3, dtype=torch.bfloat16), "b": torch.ones(4, dtype=torch.bfloat16)}
    stepper = RuleStepper(made, p)
    for step in range(12):
        rng = np.random.default_rng(step)
        grads = {key: torch.from_numpy(rng.normal(size=tuple(x.shape))).to(torch.bfloat16) for key, x in p.items()}
        stepper.apply(Evaluation(0.0, grads))
    assert stepper.engine.name == "cpu"
    assert all(torch.all(torch.isfinite(x)) and x.dtype == torch.bfloat16 for x in p.values())
    assert {a.dtype for tensors in stepper.state.slots.values() for a in tensors.values()} == {torch.float32}
