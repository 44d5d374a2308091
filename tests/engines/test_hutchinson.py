"""Hutchinson's estimate recovers the diagonal, not row sums; its signs are balanced and belong to a clock."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from steepest.core.arrays import to_numpy
from steepest.engines import hutchinson as module
from steepest.engines.hutchinson import hutchinson, signs_at

MATRIX = np.array([[2.0, 1.0, 0.0], [1.0, 3.0, 1.0], [0.0, 1.0, 4.0]])
"""Its row sums are 3, 5, 5: what an estimate with one sign alone would give."""


def product(z: Any) -> dict[str, Any]:
    return {"x": MATRIX @ np.asarray(z["x"])}


def mean_of(count: int) -> np.ndarray:
    tensors = {"x": np.zeros(3)}
    return np.mean([hutchinson(product, tensors, seed=3, clock=clock)["x"] for clock in range(count)], axis=0)


def test_its_mean_is_the_diagonal() -> None:
    """The deviation of a mean of n estimates is at most √(2 · 1²) / √n."""
    np.testing.assert_allclose(mean_of(4000), [2.0, 3.0, 4.0], atol=4 * np.sqrt(2 / 4000))


def test_one_sign_alone_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: signs that are always −1 give the row sums."""
    monkeypatch.setattr(module, "draw", lambda kind, shaped, *_: -np.ones_like(shaped))
    np.testing.assert_array_equal(mean_of(5), [3.0, 5.0, 5.0])


def test_it_is_exact_where_the_matrix_is_diagonal() -> None:
    diagonal = np.array([2.0, -3.0])
    found = hutchinson(lambda z: {"x": diagonal * np.asarray(z["x"])}, {"x": np.zeros(2)}, seed=1, clock=7)
    np.testing.assert_array_equal(found["x"], diagonal)


@pytest.mark.parametrize("convert", [lambda a: a, torch.from_numpy], ids=["numpy", "torch"])
def test_signs_are_balanced_and_independent(convert: Any) -> None:
    """Both signs, half each; of elements, clocks, tensors and seeds none follows another. Five deviations at most."""
    n = 20_000
    tensors = {"a": convert(np.zeros((n,), "float32")), "b": convert(np.zeros((n,), "float32"))}
    drawn = [
        to_numpy(signs_at(tensors, seed=seed, clock=clock)[name])
        for seed in (0, 1)
        for clock in (0, 1)
        for name in tensors
    ]
    for z in drawn:
        assert z.dtype == np.float32
        assert set(np.unique(z)) == {-1.0, 1.0}
        assert abs(z.mean()) < 5 / np.sqrt(n)
        assert abs((z[1:] * z[:-1]).mean()) < 5 / np.sqrt(n)
    for i, z in enumerate(drawn):
        for other in drawn[:i]:
            assert abs((z * other).mean()) < 5 / np.sqrt(n)


def test_signs_are_a_pure_function() -> None:
    one, other = (signs_at({"x": np.zeros(100)}, seed=5, clock=9)["x"] for _ in range(2))
    np.testing.assert_array_equal(one, other)
    in_torch = signs_at({"x": torch.zeros(100, dtype=torch.float64)}, seed=5, clock=9)["x"]
    np.testing.assert_array_equal(to_numpy(in_torch), one)
