"""Whether f curves down along some direction at a point that is stationary."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from steepest.methods.vectors import Matrix, Vector, all_finite, norm


class Curvature(NamedTuple):
    """The least curvature that was found, along a vector of length 1. complete: all directions were looked at."""

    least: float
    direction: Vector
    negative: bool
    complete: bool


def least_curvature(
    value: Callable[[Vector], float],
    gradient: Callable[[Vector], Vector],
    x: Vector,
    f: float,
    products: int,
    *,
    step: float,
    eps: float,
) -> Curvature | None:
    """The least eigenvalue of ∇²f(x) in a Krylov space of so many products, each a difference of two gradients.

    value, gradient: on float64 vectors. f: the value at x. step: of the differences, relative to max(1, ‖x‖). eps: the
    spacing next to 1 of the function's numbers. With as many products as x has numbers the space is everything. From a
    fixed random vector, so a direction that symmetry hides from gradients is met too. Negative is what is so by more
    than differences can be off, and along which f is seen to fall. None where a gradient is not finite.

    >>> found = least_curvature(
    ...     lambda x: x[0] ** 2 - x[1] ** 2, lambda x: np.array([2 * x[0], -2 * x[1]]), np.zeros(2), 0.0, 2,
    ...     step=1e-6, eps=2e-16)
    >>> found.negative, round(found.least, 6), abs(found.direction).round(6).tolist()
    (True, -2.0, [0.0, 1.0])
    """
    n = x.shape[0]
    h = step * max(1.0, norm(x))
    basis, images = _krylov(gradient, x, h, min(products, n))
    if not all_finite(images.reshape(-1)):
        return None
    projected = basis @ images.T
    values, vectors = np.linalg.eigh(0.5 * (projected + projected.T))
    least, direction = float(values[0]), vectors[:, 0] @ basis
    size = float(np.abs(values).max())
    negative = least < -max(1e-4, 30.0 * math.sqrt(eps)) * size and _falls(value, x, f, direction, least, eps)
    return Curvature(least, direction, negative, basis.shape[0] == n)


def _krylov(gradient: Callable[[Vector], Vector], x: Vector, h: float, products: int) -> tuple[Matrix, Matrix]:
    """Orthonormal rows, and the Hessian's product with each."""
    random = np.random.default_rng(0)
    basis, images = np.empty((products, x.shape[0])), np.empty((products, x.shape[0]))
    wanted = random.standard_normal(x.shape[0])
    for k in range(products):
        before = norm(wanted)
        for _ in range(2):
            wanted = wanted - basis[:k].T @ (basis[:k] @ wanted)
        if not norm(wanted) > 1e-8 * before:  # the space is invariant: on with another
            wanted = random.standard_normal(x.shape[0])
            for _ in range(2):
                wanted = wanted - basis[:k].T @ (basis[:k] @ wanted)
        basis[k] = wanted / norm(wanted)
        images[k] = (gradient(x + h * basis[k]) - gradient(x - h * basis[k])) / (2.0 * h)
        wanted = images[k]
        if not all_finite(wanted):
            return basis[: k + 1], images[: k + 1]
    return basis, images


def _falls(value: Callable[[Vector], float], x: Vector, f: float, v: Vector, least: float, eps: float) -> bool:
    """Whether f falls along v, one way or the other, by steps for which rounding does not hide it."""
    smallest = math.sqrt(200.0 * eps * abs(f) / -least)
    for t in (1e-4, 1e-3, 1e-2):
        step = max(t * max(1.0, norm(x)), smallest)
        if any(value(x + sign * step * v) < f for sign in (1.0, -1.0)):
            return True
    return False
