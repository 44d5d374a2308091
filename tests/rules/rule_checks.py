"""The checks of the contract, each of which raises AssertionError; planted errors go through the very same."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
import torch
from rule_case import Make, Outcome, Peer, Settings
from rule_field import SHAPES, Arrays, Field, Library, Walked, assert_alike, field, in_torch, walk

from steepest.formula import Rule


def check_reference(make: Make, expect: Callable[..., Outcome], settings: Settings, seed: int, steps: int = 10) -> None:
    """Equal to the slow reference on random gradients, several tensors at once."""
    world = field(seed, steps)
    with np.errstate(all="ignore"):
        expected = expect(world, **settings)
    ended = walk(make(**settings), world)
    moved = {name: p - world.start[name] for name, p in ended.points.items()}
    assert_alike(moved, {name: p - world.start[name] for name, p in expected.points.items()}, rtol=1e-9, atol=1e-11)
    assert_alike(ended.answers, expected.answers or expected.points, rtol=1e-9, atol=1e-11)


def check_changes(make: Make, before: Settings, name: str, value: object, steps: int = 40) -> None:
    """One other value alone moves the end of a run by more than 1e-6 of how far it went."""
    world = field(7, steps)
    one, other = _walked(make(**before), steps), _walked(make(**{**before, name: value}), steps)
    went = max(float(np.max(np.abs(one.answers[n] - world.start[n]))) for n in SHAPES)
    apart = max(float(np.max(np.abs(one.answers[n] - other.answers[n]))) for n in SHAPES)
    assert math.isfinite(went), "the run diverged"
    assert apart > 1e-6 * went, f"{name}={value!r} changed nothing"


@functools.lru_cache(maxsize=64)
def _walked(rule: Rule, steps: int) -> Walked:
    """A run of `check_changes`: the one before a change is the same for all of a rule's hyperparameters."""
    return walk(rule, field(7, steps))


def check_scale(make: Make, settings: Settings, scaling: tuple[str, ...], c: float, seed: int, steps: int = 12) -> None:
    """Gradients times c, and the hyperparameters that carry their units too, give the same run."""
    world = field(seed, steps)
    squared = {"eps_root", *(["eps"] if settings.get("eps_position") == "inside" else [])}
    units = {name: settings[name] * (c * c if name in squared else c) for name in scaling}
    plain, scaled_run = walk(make(**settings), world), walk(make(**{**settings, **units}), world.scaled(c))
    assert_alike(plain.points, scaled_run.points, rtol=1e-9, atol=1e-11)


def check_peer(make: Make, peer: Peer, dtype: str, steps: int = 30) -> None:
    """Equal to another library over a run of its own on the same function."""
    world = field(11, steps)
    ours = walk(make(**peer.settings), world, library=in_torch(dtype))
    if peer.optax:
        theirs = run_optax(peer.build, world, dtype)
    else:
        theirs = run_torch(peer.build, world, dtype, closure=peer.closure)
    rtol, atol = {"float64": (1e-12, 1e-13), "float32": (2e-6, 2e-6)}["float32" if peer.narrow else dtype]
    assert all(p.dtype == dtype for p in ours.points.values())
    assert_alike(ours.points, theirs, rtol=rtol, atol=atol)


@dataclass(frozen=True)
class Closure:
    """Takes the gradients where the parameters are, and returns the value; the Hessian's diagonal beside."""

    world: Field
    step: int
    params: Mapping[str, torch.nn.Parameter]
    convert: Library

    def __call__(self) -> float:
        at = {name: p.detach().numpy().copy() for name, p in self.params.items()}
        for name, g in self.world.at(self.step, at).items():
            self.params[name].grad = self.convert(g)
        return self.world.value(self.step, at)

    def diagonal(self) -> list[torch.Tensor]:
        return [self.convert(h) for h in self.world.diagonal(self.step).values()]


def run_torch(build: Callable[..., Any], world: Field, dtype: str, closure: bool = False) -> Arrays:
    """Where a PyTorch optimizer ends."""
    convert = in_torch(dtype)
    params = {name: torch.nn.Parameter(convert(p)) for name, p in world.start.items()}
    step = build(list(params.values()))
    for k in range(world.steps):
        take = Closure(world, k, params, convert)
        take()
        if closure:
            step(take)
        else:
            step()
    return {name: p.detach().numpy() for name, p in params.items()}


def run_optax(build: Callable[[], Any], world: Field, dtype: str) -> Arrays:
    """Where an optax transformation ends."""
    import optax

    with x64():
        transformation = build()
        params = {name: jax.numpy.asarray(p, dtype=dtype) for name, p in world.start.items()}
        state = transformation.init(params)
        update = jax.jit(transformation.update, compiler_options=FAST)
        for k in range(world.steps):
            at = {name: np.array(p, dtype=dtype) for name, p in params.items()}
            grads = {name: jax.numpy.asarray(g, dtype=dtype) for name, g in world.at(k, at).items()}
            updates, state = update(grads, state, params)
            params = optax.apply_updates(params, updates)
        return {name: np.array(p) for name, p in params.items()}


FAST = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
"""A function that is called a few times is compiled quickly."""


def x64() -> AbstractContextManager[Any]:
    """JAX in 64 bits."""
    return jax.enable_x64(True) if hasattr(jax, "enable_x64") else jax.experimental.enable_x64()
