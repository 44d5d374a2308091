"""Quadratic models, by a matrix or by products with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import final

import numpy as np

from steepest.methods.method import Model
from steepest.methods.vectors import Matrix, Vector


@final
class MatrixModel(Model):
    """A model whose B is a symmetric matrix; its eigenvalues are computed once, where they are asked for."""

    def __init__(self, g: Vector, B: Matrix) -> None:
        self.g, self._B = g, B
        self._eigen: tuple[Vector, Matrix] | None = None

    def product(self, v: Vector) -> Vector:
        return self._B @ v

    def matrix(self) -> Matrix:
        return self._B

    def eigen(self) -> tuple[Vector, Matrix]:
        """Eigenvalues, ascending, and eigenvectors as columns."""
        if self._eigen is None:
            values, vectors = np.linalg.eigh(self._B)
            self._eigen = values, vectors
        return self._eigen


@final
class ProductModel(Model):
    """A model whose B is known by its products."""

    def __init__(self, g: Vector, product: Callable[[Vector], Vector]) -> None:
        self.g, self._product = g, product

    def product(self, v: Vector) -> Vector:
        return self._product(v)
