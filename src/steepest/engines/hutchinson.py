"""Hutchinson's estimate of the Hessian's diagonal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from steepest.core.arrays import Array, Tensors
from steepest.formula.counter_random import draw


def hutchinson(
    product: Callable[[Tensors], Mapping[str, Array]], tensors: Tensors, *, seed: int, clock: int
) -> dict[str, Array]:
    """Estimate the diagonal of H by z ∘ (H z), for random signs z, −1 and 1 with equal chance: right in the mean.

    product: z ↦ H z, by name. The signs are a pure function of seed, tensor name and clock, so a resumed run draws the
    same. The variance of an element is the sum of the squares of its row beside the diagonal, so the estimate is exact
    where H is diagonal.
    Source: Bekas, Kokiopoulou & Saad 2007, An estimator for the diagonal of a matrix, after Hutchinson 1990.

    >>> import numpy as np
    >>> diagonal = np.array([2.0, 3.0])
    >>> hutchinson(lambda z: {"x": diagonal * z["x"]}, {"x": np.zeros(2)}, seed=0, clock=0)
    {'x': array([2., 3.])}
    """
    signs: dict[str, Any] = signs_at(tensors, seed=seed, clock=clock)
    found: Mapping[str, Any] = product(signs)
    return {name: signs[name] * found[name] for name in tensors}


def signs_at(tensors: Tensors, *, seed: int, clock: int) -> dict[str, Array]:
    """Random signs in the tensors' shapes, dtypes and library, at a clock."""
    return {name: draw("rademacher", tensor, seed, name, clock + 1, _STREAM) for name, tensor in tensors.items()}


_STREAM = 0x48
"""Keeps these numbers apart from those that a formula draws."""
