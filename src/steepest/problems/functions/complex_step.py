"""The Hessian of an analytic function from its gradient, by the complex step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from steepest.problems.functions.checked import Matrix, Vector

STEP: Final = 1e-30
"""So short that its square is lost in every sum: no error of truncation, and no difference that could cancel."""


def hessian_of(gradient: Callable[[Vector], npt.ArrayLike]) -> Callable[[Vector], Matrix]:
    """The function x ↦ ∇²f(x) with columns Im ∇f(x + i h eⱼ) / h, h = 1e-30, symmetrized; right to rounding.

    gradient: must be written with analytic operations (no abs, no conjugate), so that it takes complex vectors. Costs
    as many gradients as x has coordinates.
    Source: Squire & Trapp 1998, SIAM Review 40(1), 110–112.

    >>> import numpy as np
    >>> hessian_of(lambda x: np.array([2 * x[0] * x[1], x[0] ** 2]))(np.array([3.0, 5.0]))
    array([[10.,  6.],
           [ 6.,  0.]])
    """

    def hessian(x: Vector) -> Matrix:
        shifted = x + 1j * STEP * np.eye(len(x))
        columns = np.array([np.imag(gradient(point)) for point in shifted]) / STEP
        return np.asarray((columns + columns.T) / 2)

    return hessian


def product_of(gradient: Callable[[Vector], npt.ArrayLike]) -> Callable[[Vector, Vector], Vector]:
    """The function (x, v) ↦ ∇²f(x) v = Im ∇f(x + i h v) / h: one gradient, right to rounding.

    >>> import numpy as np
    >>> product_of(lambda x: x**3)(np.array([1.0, 2.0]), np.array([10.0, -1.0]))
    array([ 30., -12.])
    """

    def product(x: Vector, v: Vector) -> Vector:
        largest = float(np.max(np.abs(v)))
        if largest == 0 or not np.isfinite(largest):
            return np.asarray(v * 0)
        return np.asarray(np.imag(gradient(x + 1j * (STEP / largest) * v)) * (largest / STEP))

    return product
