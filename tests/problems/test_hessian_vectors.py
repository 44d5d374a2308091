"""Hessian-vector products of problems: by differences for functions, by differentiation for networks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from steepest.core.oracle import Oracle
from steepest.problems import get


@pytest.mark.parametrize(
    ("name", "hessian"),
    [
        ("bowl", lambda x: np.diag([2.0, 4.0])),
        ("rosenbrock", lambda x: np.array([[1200 * x[0] ** 2 - 400 * x[1] + 2, -400 * x[0]], [-400 * x[0], 200.0]])),
    ],
)
def test_functions(name: str, hessian: Any) -> None:
    objective = get(name).start(0)
    rng = np.random.default_rng(0)
    for _ in range(5):
        x: Any = objective.tensors["x"]
        x[...] = rng.normal(size=2)
        held = x.copy()
        v = rng.normal(size=2) * 10.0 ** rng.integers(-3, 3)
        found = Oracle(objective).hessian_vector({"x": v})["x"]
        np.testing.assert_allclose(found, hessian(x) @ v, rtol=1e-7)
        np.testing.assert_array_equal(x, held)
    np.testing.assert_array_equal(objective.hessian_vector({"x": np.zeros(2)})["x"], np.zeros(2))


def test_networks() -> None:
    """Against differences of the gradient, on one batch; the batch, the gradients and the weights stay as they were."""
    objective: Any = get("digits-mlp").start(1)
    objective.model.double()
    batch = objective.batch
    objective._batch = tuple(part.double() if part.is_floating_point() else part for part in batch)
    tensors = objective.tensors
    generator = torch.Generator().manual_seed(0)
    v = {name: torch.randn(p.shape, generator=generator, dtype=torch.float64) for name, p in tensors.items()}
    oracle = Oracle(objective)
    kept = oracle.value_and_gradient().gradients
    product = oracle.hessian_vector(v)
    assert (oracle.calls.gradient, oracle.calls.hessian_vector) == (1, 1)
    assert oracle.calls.samples == 2 * objective.samples
    assert all(p.grad is kept[name] for name, p in tensors.items())
    h = 1e-6
    sides = []
    for sign in (h, -h):
        with torch.no_grad():
            for name, p in tensors.items():
                p.add_(v[name], alpha=sign)
        sides.append({n: g.clone() for n, g in objective.value_and_gradient().gradients.items()})
        with torch.no_grad():
            for name, p in tensors.items():
                p.sub_(v[name], alpha=sign)
    for name in tensors:
        torch.testing.assert_close(product[name], (sides[0][name] - sides[1][name]) / (2 * h), rtol=1e-4, atol=1e-7)
