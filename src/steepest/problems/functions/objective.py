"""One run's live function: the point, and what may be asked there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, final

import numpy as np

from steepest.core.oracle import Evaluation, Objective

if TYPE_CHECKING:
    from steepest.core.arrays import Array, Tensors
    from steepest.problems.functions.checked import Vector
    from steepest.problems.functions.function import FunctionProblem

_DIFFERENCE: Final = float(np.cbrt(np.finfo(np.float64).eps))


@final
class FunctionObjective(Objective):
    """A function with its current point, the one tensor "x"."""

    def __init__(self, problem: FunctionProblem, x: Vector) -> None:
        self._problem, self._x, self._tensors = problem, x, {"x": x}

    @property
    def tensors(self) -> Tensors:
        return self._tensors

    def value_and_gradient(self) -> Evaluation:
        return Evaluation(self._problem.fun(self._x), {"x": self._problem.gradient(self._x)})

    def value(self) -> float:
        return self._problem.fun(self._x)

    def hessian_vector(self, vectors: Tensors) -> dict[str, Array]:
        """The Hessian times a vector: the problem's own, else a central difference, right to about ten digits."""
        v = np.asarray(vectors["x"])
        if self._problem.hessian_vector is not None:
            return {"x": self._problem.hessian_vector(self._x, v)}
        length = float(np.linalg.norm(v))
        if length == 0:
            return {"x": np.zeros_like(v)}
        h = _DIFFERENCE * (1 + float(np.linalg.norm(self._x))) / length
        with np.errstate(over="ignore", invalid="ignore"):
            return {"x": (self._problem.gradient(self._x + h * v) - self._problem.gradient(self._x - h * v)) / (2 * h)}

    def measure(self, final: bool = False) -> dict[str, float]:
        """The value f, and the distance ‖x − x*‖ from the nearest global minimizer where one is known."""
        found = {"value": self.value()}
        distance = self._problem.distance(self._x)
        if distance is not None:
            found["distance"] = distance
        return found
