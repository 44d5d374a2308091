"""Steepest descent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, final

from steepest.core.status import Status
from steepest.methods.method import Direction, Point, StepSize, Walk, check_pair
from steepest.methods.oracle import VectorOracle
from steepest.methods.preconditioner import Preconditioner, check_preconditioner
from steepest.methods.step_sizes.armijo import Armijo
from steepest.methods.vectors import Vector


@final
@dataclass(frozen=True)
class SteepestDescent(Direction):
    """Steepest descent: d = −M⁻¹ ∇f(x), with M = I where no preconditioner is given.

    step_size: any but a trust region; Armijo() by default. preconditioner: see `Preconditioner`. With `Exact()` on a
    quadratic of condition number κ each step lowers f − f* by ((κ − 1)/(κ + 1))² at worst.
    Source: Cauchy 1847, C. R. Acad. Sci. 25, 536–538.

    >>> from steepest.methods import BarzilaiBorwein
    >>> SteepestDescent(step_size=BarzilaiBorwein()).step_size.name
    'BarzilaiBorwein'
    """

    step_size: StepSize = field(default_factory=Armijo)
    preconditioner: Preconditioner | None = None

    along_gradient = True
    on_device = True

    def __post_init__(self) -> None:
        check_pair(self)
        check_preconditioner(self, self.preconditioner)

    def begin(self, point: Point) -> Any:
        return None

    def along(self, oracle: VectorOracle, state: Walk) -> Vector | Status:
        g = state.point.g
        return -g if self.preconditioner is None else -self.preconditioner.apply(g, state.point.x)
