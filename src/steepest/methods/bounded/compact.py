"""The compact form of the L-BFGS matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from steepest.methods.directions.lbfgs import Memory
from steepest.methods.vectors import Matrix, Vector


@final
@dataclass
class Compact:
    """B = θI − Wᵀ M W, with W the rows Y and θS of the pairs, and M a small matrix.

    Source: Byrd, Nocedal & Schnabel 1994, eq. 3.5 and 3.13.
    """

    theta: float
    S: Matrix
    Y: Matrix
    M: Matrix

    @classmethod
    def of(cls, memory: Memory) -> Compact | None:
        """That of a memory; None where its small matrix is singular to working precision."""
        k = memory.size
        theta = 1.0 / memory.gamma if k else 1.0
        if k == 0:
            return cls(1.0, *memory.rows, np.zeros((0, 0)))
        SY, SS = memory.SY[:k, :k], memory.SS[:k, :k]
        L = np.tril(SY, -1)
        inverse = np.block([[-np.diag(SY.diagonal()), L.T], [L, theta * SS]])
        try:
            M = np.linalg.inv(inverse)
        except np.linalg.LinAlgError:
            return None
        if not np.all(np.isfinite(M)):
            return None
        return cls(theta, *memory.rows, M)

    def wide(self, v: Vector) -> Vector:
        """W v."""
        return np.concatenate((self.Y @ v, self.theta * (self.S @ v)))

    def tall(self, small: Vector) -> Vector:
        """Wᵀ small."""
        k = self.S.shape[0]
        return small[:k] @ self.Y + (self.theta * small[k:]) @ self.S

    def column(self, i: int) -> Vector:
        """W's column of variable i."""
        return np.concatenate((self.Y[:, i], self.theta * self.S[:, i]))

    def columns(self, chosen: Vector) -> Matrix:
        """W's columns of these variables."""
        return np.concatenate((self.Y[:, chosen], self.theta * self.S[:, chosen]))
