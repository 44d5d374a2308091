"""Nonlinear conjugate gradients."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Final, Literal, final

from steepest.core.status import Status
from steepest.methods.method import Direction, Point, StepSize, Walk, check_pair
from steepest.methods.oracle import VectorOracle
from steepest.methods.preconditioner import Preconditioner, check_preconditioner
from steepest.methods.settings import check_choice
from steepest.methods.state import record
from steepest.methods.step_sizes.strong_wolfe import StrongWolfe
from steepest.methods.vectors import Vector, norm

Form = Literal["FR", "PR+", "HS", "DY", "HZ"]
FORMS: Final = ("FR", "PR+", "HS", "DY", "HZ")


@record
class CGState:
    """The last direction and its β; the last gradient, and that preconditioned; restarts: how often d was −M⁻¹g."""

    d: Vector = None
    g: Vector = None
    z: Vector = None
    beta: float = 0.0
    restarts: int = 0


@final
@dataclass(frozen=True)
class NonlinearCG(Direction):
    """Nonlinear conjugate gradients: d⁺ = −g⁺ + β d, with y = g⁺ − g and, where preconditioned, z = M⁻¹g for g.

        FR   ‖g⁺‖² / ‖g‖²            Fletcher & Reeves 1964
        PR+  max(0, g⁺ᵀy / ‖g‖²)     Polak & Ribière 1969, Polyak 1969; Powell 1986 for the maximum
        HS   g⁺ᵀy / dᵀy              Hestenes & Stiefel 1952
        DY   ‖g⁺‖² / dᵀy             Dai & Yuan 1999
        HZ   (y − 2d ‖y‖²/dᵀy)ᵀg⁺ / dᵀy, from below at −1/(‖d‖ min(0.01, ‖g‖))     Hager & Zhang 2005

    form: "PR+". step_size: StrongWolfe(c2=0.1) by default. Every form but HZ needs steps that meet the strong Wolfe
    conditions, or exact ones; HZ's direction descends whatever the step. Where a direction does not descend all the
    same, d = −M⁻¹g, counted in the state as a restart. On a quadratic with Exact() all forms are linear CG: n steps.
    Three vectors. Source: Nocedal & Wright 2006, §5.2; Hager & Zhang 2006, Pacific J. Optim. 2, 35–58, a survey.

    >>> NonlinearCG("PR")
    Traceback (most recent call last):
    ...
    steepest.core.errors.HyperparameterError: NonlinearCG: form must be one of 'FR', 'PR+', 'HS', 'DY', 'HZ', got 'PR'
    """

    form: Form = "PR+"
    step_size: StepSize = field(default_factory=lambda: StrongWolfe(c2=0.1))
    preconditioner: Preconditioner | None = None

    on_device: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_choice(self, "form", FORMS)
        check_pair(self)
        check_preconditioner(self, self.preconditioner)

    @property
    def needs_wolfe(self) -> bool:  # type: ignore[override]
        """Whether a direction is certain to descend only after such steps."""
        return self.form != "HZ"

    def begin(self, point: Point) -> CGState:
        return CGState()

    def along(self, oracle: VectorOracle, state: Walk) -> Vector | Status:
        own: CGState = state.own
        g = state.point.g
        z = g if self.preconditioner is None else self.preconditioner.apply(g, state.point.x)
        if own.d is None:
            d = -z
        else:
            own.beta = self._beta(own, g, z)
            d = own.beta * own.d
            d -= z
            if not float(d.dot(g)) < 0.0:
                d = -z
                own.restarts += 1
        own.d, own.g, own.z = d, g, z
        return d

    def forget(self, own: CGState) -> bool:
        known = own.d is not None
        own.d = None
        return known

    def _beta(self, own: CGState, g: Vector, z: Vector) -> float:
        if self.form == "FR":
            return float(g.dot(z)) / float(own.g.dot(own.z))
        y = g - own.g
        if self.form == "PR+":
            return max(0.0, float(z.dot(y)) / float(own.g.dot(own.z)))
        dy = float(own.d.dot(y))
        if dy == 0.0:
            return 0.0
        if self.form == "HS":
            return float(z.dot(y)) / dy
        if self.form == "DY":
            return float(g.dot(z)) / dy
        zy = y if self.preconditioner is None else z - own.z
        beta = (float(zy.dot(g)) - 2.0 * float(y.dot(zy)) / dy * float(own.d.dot(g))) / dy
        return max(beta, -1.0 / (norm(own.d) * min(0.01, norm(own.g))))
