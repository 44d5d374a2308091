"""Random gradients that also depend on the point, and runs of a rule on them in any array library."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from steepest.core.arrays import to_numpy
from steepest.formula import Rule, State

SHAPES: Mapping[str, tuple[int, ...]] = {"weight": (3, 2), "bias": (4,), "gain": ()}
Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Field:
    """Gradients g(k, x) = noise[k] + slope · x: random, of differing size by coordinate, and answering to the point."""

    start: Arrays
    noise: tuple[Arrays, ...]
    slope: Arrays

    @property
    def steps(self) -> int:
        return len(self.noise)

    def at(self, step: int, points: Mapping[str, np.ndarray]) -> Arrays:
        """The gradients of update `step`, from 0, at `points`, in their dtype."""
        return {name: (self.noise[step][name] + self.slope[name] * x).astype(x.dtype) for name, x in points.items()}

    def value(self, step: int, points: Mapping[str, np.ndarray]) -> float:
        """A positive number for update `step`, for rules that need one: the sum of the gradients' sizes."""
        return float(sum(np.sum(np.abs(g), dtype=np.float64) for g in self.at(step, points).values()))

    def diagonal(self, step: int) -> Arrays:
        """Numbers of both signs for update `step`, for rules that need the Hessian's diagonal."""
        return {name: np.asarray(self.slope[name] + 0.1 * self.noise[step][name]) for name in self.start}

    def scaled(self, c: float) -> Field:
        """The field of c times the function."""
        return Field(
            self.start,
            tuple({name: c * g for name, g in noise.items()} for noise in self.noise),
            {name: c * h for name, h in self.slope.items()},
        )


def field(seed: int, steps: int, shapes: Mapping[str, tuple[int, ...]] = SHAPES) -> Field:
    """A field whose coordinates differ in size by up to three decades."""
    rng = np.random.default_rng(seed)
    sizes = {name: 10.0 ** rng.uniform(-2, 1, shape) for name, shape in shapes.items()}
    return Field(
        {name: np.asarray(rng.normal(size=shape)) for name, shape in shapes.items()},
        tuple({name: np.asarray(rng.normal(size=s) * sizes[name]) for name, s in shapes.items()} for _ in range(steps)),
        {name: np.asarray(rng.uniform(0, 0.3, shape)) for name, shape in shapes.items()},
    )


EVEN: Mapping[str, tuple[int, ...]] = {"weight": (3, 2), "bias": (2,), "gain": ()}


def even_field(seed: int, steps: int, shapes: Mapping[str, tuple[int, ...]] = EVEN) -> Field:
    """A field of well-conditioned matrices, for rules that take their roots or eigenvectors.

    A matrix of rank r has about the singular values r, …, 2, 1, so that r² bounds the condition number of its Gram
    matrix and, with the largest eigenvalue, the inverse of the gaps between its eigenvalues; and no Gram matrix has
    the eigenvalue 0 more than once, so that its eigenvectors are unique but for their signs.
    """
    rng = np.random.default_rng(seed)

    def conditioned(shape: tuple[int, ...]) -> np.ndarray:
        noise = np.asarray(rng.normal(size=shape))
        if noise.ndim < 2:
            return noise
        left, values, right = np.linalg.svd(noise, full_matrices=False)
        return np.asarray((left * np.arange(len(values), 0.0, -1.0)) @ right)

    return Field(
        {name: np.asarray(rng.normal(size=shape)) for name, shape in shapes.items()},
        tuple({name: conditioned(shape) for name, shape in shapes.items()} for _ in range(steps)),
        {name: np.asarray(rng.uniform(0, 0.3, shape)) for name, shape in shapes.items()},
    )


Library = Callable[[np.ndarray], Any]


def in_numpy(dtype: str = "float64") -> Library:
    return lambda array: np.array(array, dtype=dtype)


def in_torch(dtype: str = "float64") -> Library:
    return lambda array: torch.tensor(np.asarray(array), dtype=getattr(torch, dtype))


def in_jax(dtype: str = "float32") -> Library:
    import jax.numpy as jnp

    return lambda array: jnp.asarray(np.asarray(array), dtype=dtype)


@dataclass(frozen=True)
class Walked:
    """Where a run ended: p, the answer point, and the state."""

    points: Arrays
    answers: Arrays
    state: State


def needed(rule: Rule, field: Field, step: int, points: Arrays, convert: Library) -> dict[str, Any]:
    """What the rule asks for besides the gradient, at update `step`."""
    options: dict[str, Any] = {}
    if "value" in rule.needs:
        options["value"] = field.value(step, points)
    if "hessian_diagonal" in rule.needs:
        options["hessian_diagonal"] = {name: convert(h) for name, h in field.diagonal(step).items()}
    return options


def asked(rule: Rule, grads: Mapping[str, Any]) -> dict[str, Any]:
    """Something for whatever the rule asks besides gradients: the gradients themselves for the Hessian's diagonal."""
    there = {name: g for name, g in grads.items() if g is not None}
    found = {"value": 1.5, "hessian_diagonal": there}
    return {need: found[need] for need in sorted(rule.needs)}


def walk(
    rule: Rule,
    field: Field,
    *,
    library: Library | None = None,
    steps: int | None = None,
    value: Callable[[Arrays], float] | None = None,
    seed: int = 0,
) -> Walked:
    """Run a rule by its pure interface."""
    convert = in_numpy() if library is None else library
    looks_elsewhere = rule.link_with("query") is not None
    params = {name: convert(array) for name, array in field.start.items()}
    state = rule.init(params, seed=seed)
    for step in range(field.steps if steps is None else steps):
        here = {name: to_numpy(p) for name, p in params.items()}
        options = needed(rule, field, step, here, convert)
        if value is not None:
            options["value"] = value(here)
        grads = {name: convert(g) for name, g in field.at(step, here).items()}
        if looks_elsewhere:
            at = {name: to_numpy(p) for name, p in rule.query(params, state, grads).items()}
            grads = {name: convert(g) for name, g in field.at(step, at).items()}
        params, state, _ = rule.update(params, grads, state, **options)
    answers = rule.answer(params, state)
    return Walked(
        {name: to_numpy(p) for name, p in params.items()}, {name: to_numpy(p) for name, p in answers.items()}, state
    )


def assert_alike(ours: Mapping[str, Any], theirs: Mapping[str, Any], *, rtol: float, atol: float) -> None:
    """Every tensor alike, by name."""
    assert ours.keys() == theirs.keys()
    for name in ours:
        np.testing.assert_allclose(to_numpy(ours[name]), to_numpy(theirs[name]), rtol=rtol, atol=atol, err_msg=name)
