"""The trust region: how far a quadratic model is believed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal, final

from steepest.core.errors import HyperparameterError
from steepest.core.ranges import Range
from steepest.core.status import Status
from steepest.methods.method import Direction, Point, StepSize, Walk
from steepest.methods.oracle import VectorOracle
from steepest.methods.settings import check_choice, check_numbers
from steepest.methods.state import record
from steepest.methods.trust_region.cauchy import cauchy
from steepest.methods.trust_region.dogleg import dogleg
from steepest.methods.trust_region.exact import exact
from steepest.methods.trust_region.steihaug import steihaug
from steepest.methods.vectors import Vector, norm

Subproblem = Literal["exact", "steihaug", "dogleg", "cauchy"]
_SOLVERS: Final = {"exact": exact, "steihaug": steihaug, "dogleg": dogleg, "cauchy": cauchy}


@record
class Region:
    """The radius Δ; how many trials were refused."""

    radius: float
    refused: int = 0


@final
@dataclass(frozen=True)
class TrustRegion(StepSize):
    """The step p that makes the model least within ‖p‖ ≤ Δ, m(p) = f + gᵀp + ½ pᵀBp, taken where f agrees:

        ρ = (f(x) − f(x + p)) / (m(0) − m(p)):   ρ < ¼: Δ ← ¼ ‖p‖;   ρ > ¾ and ‖p‖ = Δ: Δ ← 2Δ, 2.5Δ where ρ > 0.9

    The step is taken where ρ > eta, else p is computed anew for the smaller Δ; where f is not finite it is refused.
    Where the model promises less than rounding can show, the step is taken if ‖∇f‖ shrinks and f does not rise by more
    than rounding; else the run ends as `precision_limit`.

    subproblem: "exact", by eigenvalues, with the hard case (any B); "steihaug", conjugate gradients up to the border
    (products with B only); "dogleg" (B positive definite; Newton's Hessian is modified to be so); "cauchy", the
    minimizer along −g. radius: the first Δ in (0, largest], 1. largest: of Δ, in (0, ∞); None is no bound, for one has
    the units of x. eta in [0, ¼), 1e-4. A direction without a model, as steepest descent, is refused. One value a trial
    and one gradient a step.
    Source: Nocedal & Wright 2006, Algorithms 4.1, 4.2 (Steihaug 7.2), 4.3; Moré & Sorensen 1983; the factor 2.5: Conn,
    Gould & Toint 2000, Trust-Region Methods, §17.1.

    >>> TrustRegion("krylov")
    Traceback (most recent call last):
    ...
    steepest.core.errors.HyperparameterError: TrustRegion: subproblem must be one of 'exact', 'steihaug', 'dogleg', \
'cauchy', got 'krylov'
    """

    subproblem: Subproblem = "exact"
    radius: float = 1.0
    largest: float | None = None
    eta: float = 1e-4

    wants_model: ClassVar[bool] = True
    _TRIALS: ClassVar[int] = 200

    def __post_init__(self) -> None:
        check_choice(self, "subproblem", tuple(_SOLVERS))
        positive = Range(0, open_low=True)
        check_numbers(self, {"radius": positive, "largest": positive, "eta": Range(0, 0.25, open_high=True)})
        if self.largest is not None and self.radius > self.largest:
            why = f"must be at most largest = {self.largest:g}, got {self.radius:g}"
            raise HyperparameterError("TrustRegion", "radius", why)

    def refuse(self, direction: Direction) -> str:
        if not direction.curvature:
            return f"{direction.name} has no model of the curvature; use a line search, or another direction"
        if self.subproblem in {"exact", "dogleg"} and direction.curvature != "matrix":
            return f"'{self.subproblem}' needs the model's matrix, and {direction.name} has products; use 'steihaug'"
        if self.subproblem == "dogleg" and not direction.descends:
            return f"'dogleg' needs a positive definite model, and {direction.name}'s may be indefinite; use 'exact'"
        if getattr(direction, "preconditioner", None) is not None:
            return "its region is round: a preconditioner is not used"
        return ""

    def begin(self, point: Point) -> Any:
        return Region(self.radius)

    def take(self, oracle: VectorOracle, direction: Direction, state: Walk) -> Status | None:
        region, point = state.steps, state.point
        model = direction.model(oracle, state)
        promised, moved = 0.0, 0.0
        for _ in range(self._TRIALS):
            if isinstance(model, Status):
                return model
            p, predicted = _SOLVERS[self.subproblem](model, region.radius)
            length = norm(p)
            noise = 10.0 * oracle.eps * abs(point.f)
            if not predicted > 0.0 or length == 0.0:
                return Status.PRECISION_LIMIT if predicted >= -noise else Status.NOT_DESCENT
            x = point.x + p
            f = oracle.value(x)
            if f == -math.inf:
                return Status.UNBOUNDED
            promised = promised or predicted
            if predicted <= noise < 1e-4 * promised:
                return self._refused(region, moved, noise)
            if predicted <= noise:
                return self._within_noise(oracle, direction, state, x, f, p, noise)
            ratio = (point.f - f) / predicted if f == f else -math.inf
            if ratio > self.eta:
                self._resize(region, ratio, length)
                _accept(oracle, direction, state, x, f, p)
                return None
            region.refused += 1
            moved = max(moved, abs(f - point.f)) if f == f else math.inf
            region.radius = (0.25 if math.isfinite(f) else 0.1) * length
            if length <= oracle.eps * norm(point.x) or region.radius == 0.0:
                return self._refused(region, moved, noise)
            if direction.learns_from_refused and math.isfinite(f):
                trial = Point(x, f, oracle.gradient(x, f))
                direction.learn(state.own, point, trial, p, trial.g - point.g)
                model = direction.model(oracle, state)
        return self._refused(region, moved, noise)

    def _refused(self, region: Region, moved: float, noise: float) -> Status:
        """What it means that no trial was taken: `moved` is how far the furthest f was."""
        region.radius = self.radius
        return Status.PRECISION_LIMIT if moved <= 1e4 * noise else Status.MODEL_FAILED

    def _resize(self, region: Region, ratio: float, length: float) -> None:
        if ratio < 0.25:
            region.radius = 0.25 * length
        elif ratio > 0.75 and length > 0.99 * region.radius:
            wanted = (2.5 if ratio > 0.9 else 2.0) * region.radius
            region.radius = wanted if self.largest is None else min(wanted, self.largest)

    def _within_noise(
        self, oracle: VectorOracle, direction: Direction, state: Walk, x: Vector, f: float, p: Vector, noise: float
    ) -> Status | None:
        point = state.point
        if not f <= point.f + noise:
            return Status.PRECISION_LIMIT
        g = oracle.gradient(x, f)
        if not norm(g) < norm(point.g):
            return Status.PRECISION_LIMIT
        after = Point(x, f, g)
        direction.learn(state.own, point, after, p, g - point.g)
        state.decrease = point.f - f
        state.point = after
        return None


def _accept(oracle: VectorOracle, direction: Direction, state: Walk, x: Vector, f: float, p: Vector) -> None:
    point = state.point
    after = Point(x, f, oracle.gradient(x, f))
    direction.learn(state.own, point, after, p, after.g - point.g)
    state.decrease = point.f - f
    state.point = after
