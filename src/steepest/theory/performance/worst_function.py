"""The worst function that a semidefinite program found: its values, and a function that takes them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from steepest.core.errors import InputError

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class WorstFunction:
    """A function known at some points, by value and gradient, in as few dimensions as possible; x* = 0 and f* = 0.

    points, gradients: shape (points, dimension), a row a point. values: shape (points,). names: what the points are:
    "x0", "y1", "x5", "x*". start, minimizer: rows of those. L, mu: constants of the class it belongs to; L is None
    where its class is not that of smooth convex functions, and then it cannot be called.

    Called at any x it is the largest L-smooth μ-strongly convex function through these data.
    """

    points: Matrix
    gradients: Matrix
    values: npt.NDArray[np.float64]
    names: tuple[str, ...]
    start: Matrix
    minimizer: Matrix | None
    L: float | None
    mu: float = 0.0

    @property
    def dimension(self) -> int:
        return int(self.points.shape[1])

    def __call__(self, x: npt.ArrayLike) -> float:
        """f(x). Raises InputError where the class does not allow it."""
        return self._interpolated(x)[0]

    def gradient(self, x: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """∇f(x). Raises InputError where the class does not allow it."""
        return self._interpolated(x)[1]

    def _interpolated(self, x: npt.ArrayLike) -> tuple[float, npt.NDArray[np.float64]]:
        """The convex envelope of the parabolas above: min over weights λ of ½(L − μ)‖x − Σλz‖² + Σλc, plus ½μ‖x‖².

        Source: Taylor, Hendrickx & Glineur 2017, Math. Program. 161, Theorem 4 and Remark 2.
        """
        if self.L is None:
            raise InputError("WorstFunction: it is known at its points only, since its class is not smooth and convex")
        at = np.asarray(x, dtype=np.float64)
        if at.shape != (self.dimension,):
            raise InputError(f"WorstFunction: x must have shape ({self.dimension},), got {at.shape}")
        curvature = self.L - self.mu
        slopes = self.gradients - self.mu * self.points
        lifted = self.values - self.mu / 2 * np.sum(self.points**2, axis=1)
        if curvature <= 1e-12 * self.L:
            grown = self.mu * (at - self.points[0]) + self.gradients[0]
            return float(
                self.values[0]
                + self.gradients[0] @ (at - self.points[0])
                + self.mu / 2 * np.sum((at - self.points[0]) ** 2)
            ), grown
        centres = self.points - slopes / curvature
        heights = lifted - np.sum(slopes**2, axis=1) / (2 * curvature)
        # ½c‖p − z_i‖² + h_i is the parabola above point i: its value there is the lifted one.
        weights = _simplex(curvature * centres @ centres.T, heights - curvature * centres @ at)
        gap = at - weights @ centres
        value = curvature / 2 * float(gap @ gap) + float(weights @ heights)
        return value + self.mu / 2 * float(at @ at), curvature * gap + self.mu * at


def _simplex(Q: Matrix, c: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The minimizer of ½λᵀQλ + cᵀλ over λ ≥ 0, Σλ = 1, by an active set that grows and shrinks."""
    n = len(c)
    weights = np.zeros(n)
    weights[int(np.argmin(np.diag(Q) / 2 + c))] = 1.0
    active = weights > 0
    scale = float(np.abs(Q).max() + np.abs(c).max()) or 1.0
    for _ in range(50 * n):
        slope = Q @ weights + c
        level = float(weights @ slope)
        entering = int(np.argmin(np.where(active, np.inf, slope)))
        if active.all() or slope[entering] >= level - 1e-13 * scale:
            return weights
        active[entering] = True
        for _ in range(n):
            target = _on_face(Q, c, active)
            if (target >= -1e-15).all():
                weights = np.clip(target, 0, None)
                break
            falling = active & (target < weights)
            ratios = np.where(falling, weights / np.where(falling, weights - target, 1.0), np.inf)
            leaving = int(np.argmin(ratios))
            weights = weights + min(1.0, float(ratios[leaving])) * (target - weights)
            weights[leaving] = 0.0
            active[leaving] = False
        weights = weights / weights.sum()
    return weights


def _on_face(Q: Matrix, c: npt.NDArray[np.float64], active: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """The minimizer over Σλ = 1 with the inactive weights at zero, signs free."""
    at = np.flatnonzero(active)
    k = len(at)
    system = np.zeros((k + 1, k + 1))
    system[:k, :k] = Q[np.ix_(at, at)]
    system[:k, k] = system[k, :k] = 1.0
    solution = np.linalg.lstsq(system, np.append(-c[at], 1.0), rcond=1e-13)[0]
    found = np.zeros(len(c))
    found[at] = solution[:k]
    return found
