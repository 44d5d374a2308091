"""Polyak's step, for a function whose minimal value is known."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

from steepest.core.errors import HyperparameterError
from steepest.core.ranges import Range
from steepest.core.status import Status
from steepest.methods.method import Direction, Found, Walk
from steepest.methods.settings import check_numbers
from steepest.methods.step_sizes.line import Line, LineSearch


@final
@dataclass(frozen=True)
class Polyak(LineSearch):
    """Polyak's step along the negative gradient, α = (f(x) − f*) / ‖∇f(x)‖².

    f_star: the minimal value f*, a finite number. Where f(x) ≤ f* the run ends as converged at f*: f_star was reached,
    or is too high. One value and gradient a step; f may rise, the distance to the minimizers of a convex f does not.
    Source: Polyak 1969, USSR Comput. Math. Math. Phys. 9, 14–29.

    >>> Polyak()
    Traceback (most recent call last):
    ...
    steepest.core.errors.HyperparameterError: Polyak: f_star must be the minimal value of f; where it is not known, \
use Armijo() or BarzilaiBorwein()
    """

    f_star: float | None = None

    def __post_init__(self) -> None:
        if self.f_star is None:
            why = "must be the minimal value of f; where it is not known, use Armijo() or BarzilaiBorwein()"
            raise HyperparameterError("Polyak", "f_star", why)
        check_numbers(self, {"f_star": Range()})

    def refuse(self, direction: Direction) -> str:
        if not direction.along_gradient:
            return f"it is a step along the negative gradient, and {direction.name}'s direction is another"
        if getattr(direction, "preconditioner", None) is not None:
            return "it is a step along the negative gradient, without a preconditioner"
        return super().refuse(direction)

    def search(self, line: Line, trial: float, state: Walk) -> Found | Status:
        assert self.f_star is not None
        gap = line.f - self.f_star
        if gap <= 0.0:
            return Status.CONVERGED
        a = gap / -line.slope
        return line.point_at(a) if math.isfinite(a) else Status.PRECISION_LIMIT
