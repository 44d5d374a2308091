"""Preconditioners: what stands for the inverse Hessian, given by the user."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np

from steepest.core.errors import InputError, InputTypeError
from steepest.methods.vectors import Vector


@final
@dataclass(frozen=True, eq=False)
class Preconditioner:
    """M⁻¹ of a positive definite M ≈ ∇²f, applied to gradients: a diagonal, a matrix, or a function.

    Made by `Preconditioner.diagonal(d)` with M = diag(d), d > 0; `Preconditioner.matrix(M)` with M symmetric and
    positive definite, factorized once by Cholesky; or `Preconditioner.function(solve)`, where solve(g, x) returns
    M(x)⁻¹ g as a new vector. Raises InputError for a matrix that is not positive definite.

    >>> Preconditioner.diagonal([1.0, 4.0]).apply(np.array([1.0, 1.0]), np.zeros(2))
    array([1.  , 0.25])
    """

    kind: str
    size: int | None
    solve: Callable[[Vector, Vector], Vector] = field(repr=False)

    @classmethod
    def diagonal(cls, d: Any) -> Preconditioner:
        """M = diag(d)."""
        diagonal = np.array(d, dtype=np.float64)
        if diagonal.ndim != 1 or not diagonal.size or not np.all(np.isfinite(diagonal)) or not np.all(diagonal > 0):
            raise InputError(f"Preconditioner: diagonal must be a vector of numbers in (0, inf), got {d!r}")

        def solve(g: Vector, x: Vector) -> Vector:
            return g / diagonal if type(g) is np.ndarray else g / g.new_tensor(diagonal)

        return cls("diagonal", diagonal.size, solve)

    @classmethod
    def matrix(cls, M: Any) -> Preconditioner:
        """M as a symmetric positive definite matrix."""
        from scipy.linalg import LinAlgError, cho_factor, cho_solve

        matrix = np.array(M, dtype=np.float64)
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not np.all(np.isfinite(matrix)):
            raise InputError(f"Preconditioner: matrix must be square and finite, got shape {matrix.shape}")
        if not np.allclose(matrix, matrix.T, rtol=1e-10, atol=0):
            raise InputError("Preconditioner: matrix must be symmetric")
        try:
            factor = cho_factor(matrix)
        except LinAlgError:
            raise InputError("Preconditioner: matrix must be positive definite") from None

        def solve(g: Vector, x: Vector) -> Vector:
            if type(g) is np.ndarray:
                return cho_solve(factor, g)
            return g.new_tensor(cho_solve(factor, g.cpu().double().numpy()))

        return cls("matrix", matrix.shape[0], solve)

    @classmethod
    def function(cls, solve: Callable[[Vector, Vector], Vector]) -> Preconditioner:
        """M⁻¹ as a function of the gradient and the point; it must be symmetric and positive definite."""
        if not callable(solve):
            raise InputTypeError(f"Preconditioner: function must be callable, got {type(solve).__name__}")
        return cls("function", None, solve)

    def apply(self, g: Vector, x: Vector) -> Vector:
        """M⁻¹ g. Raises InputError where the sizes differ."""
        if self.size is not None and self.size != g.shape[0]:
            raise InputError(f"Preconditioner: must be of the size of x, {g.shape[0]}, got {self.size}")
        found = self.solve(g, x)
        if getattr(found, "shape", None) != g.shape:
            raise InputError(f"Preconditioner: must return shape {tuple(g.shape)}, got {getattr(found, 'shape', None)}")
        return found


def check_preconditioner(owner: object, value: object) -> None:
    """Raise InputTypeError for what is no preconditioner."""
    if value is not None and not isinstance(value, Preconditioner):
        name = type(owner).__name__
        raise InputTypeError(f"{name}: preconditioner must be a Preconditioner, as .diagonal(d), got {value!r}")
