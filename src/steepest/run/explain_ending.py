"""What is behind an ending that leaves a doubt: a wrong gradient, a kink, a saddle."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from steepest.core.status import Status
from steepest.methods.method import Method
from steepest.methods.oracle import Ask, VectorOracle
from steepest.methods.vectors import Vector, largest_entry, norm, to_host
from steepest.run import differences
from steepest.run.check_gradient import GradientCheck, compare
from steepest.run.curvature_at_end import Curvature, least_curvature
from steepest.run.iterate import Ending, Limits, Run

if TYPE_CHECKING:
    from steepest.run.problem_at_hand import AtHand

MOST_COORDINATES: Final = 200
"""Of how many coordinates a gradient is checked where a search has failed: those with the largest entries."""
MOST_PRODUCTS: Final = 20
"""Along how many directions a point is told from a saddle: no more than a fifth of the run's gradients, but two."""
MOST_AT_START: Final = 100
"""The same for a start that is stationary already, where nothing else was computed."""


def explained(at_hand: AtHand, run: Run, ending: Ending, limits: Limits) -> Ending:
    """The ending, with its cause where that can be found; what it asks of the function is counted."""
    if ending.status is Status.CONVERGED:
        return _minimum_or_saddle(at_hand, run, ending, limits)
    if ending.status is Status.MAX_STEPS and not _stalled(run):
        return ending
    how = at_hand.how.get("jac", "")
    if Ask.RESIDUALS in at_hand.method.needs:
        return ending
    host, f = _Host.of(at_hand, run), run.state.walk.point.f
    again = host.value(to_host(run.state.walk.point.x))
    if abs(again - f) > 1e3 * run.oracle.eps * abs(f):
        return Ending(ending.status, f"fun has two values at the same x, {f:.10g} and {again:.10g}: it must have one")
    check = _checked(host, run, at_hand.bounds)
    if check is None:
        return ending
    name = at_hand.layout.name(check.coordinate)
    if not check.smooth and ending.status is not Status.MAX_STEPS:
        return Ending(ending.status, f"f has a kink or a jump at {name} = {check.at:.6g}")
    if not how.startswith(("given", "automatic")):
        return ending
    gross = check.error > 100.0 * check.allowed and check.error > 0.01 * largest_entry(run.state.walk.point.g)
    if check.wrong and (gross or ending.status is not Status.PRECISION_LIMIT):
        who = "jac" if how.startswith("given") else f"the {how} derivative"
        return Ending(Status.WRONG_GRADIENT, check.sentence(name, who))
    return ending


class _Host(NamedTuple):
    """f and ∇f on float64 vectors of NumPy, whatever the user's arrays are; counted."""

    value: Callable[[Vector], float]
    gradient: Callable[[Vector], Vector]

    @classmethod
    def of(cls, at_hand: AtHand, run: Run) -> _Host:
        count = run.state.count
        oracle = VectorOracle(at_hand.derived(count, _First()).functions, count)
        return cls(oracle.value, lambda x: np.asarray(oracle.gradient(x, 0.0)))


class _First(Method):
    """What asks for values and gradients."""

    def start(self, oracle: object, point: object) -> None:
        """Never called."""

    def step(self, oracle: object, state: object) -> None:
        """Never called."""


def _stalled(run: Run) -> bool:
    """Whether f has hardly moved in the last ten steps."""
    values = [row[7] for row in run.state.rows[-11:]]
    return len(values) == 11 and values[0] - values[-1] <= 1e-6 * abs(values[-1])


def _checked(host: _Host, run: Run, bounds: differences.Bounds | None) -> GradientCheck | None:
    """The worst coordinate of the gradient against differences, at the point where the run ended; within the bounds."""
    point, eps = run.state.walk.point, run.oracle.eps
    x, g = to_host(point.x), to_host(point.g)
    if bounds is None:
        inside = np.arange(x.shape[0])
    else:
        room = 10.0 * eps ** (1 / 3) * np.maximum(1.0, np.abs(x))
        inside = np.flatnonzero((x - room >= bounds[0]) & (x + room <= bounds[1]))
    largest = inside[np.argsort(-np.abs(g[inside]), kind="stable")[:MOST_COORDINATES]]
    return compare(host.value, x, point.f, g, sorted(largest.tolist()), eps=eps)


def _minimum_or_saddle(at_hand: AtHand, run: Run, ending: Ending, limits: Limits) -> Ending:
    """Whether a point with a gradient of zero is a minimum, by the least curvature there."""
    point, steps = run.state.walk.point, run.state.steps
    stationary = (largest_entry(point.g) if limits.norm == "max" else norm(point.g)) <= limits.gtol
    looks = at_hand.bounds is None and Ask.RESIDUALS not in at_hand.method.needs
    found = _curvature(at_hand, run) if stationary and looks and limits.curvature else None
    if found is not None and found.negative:
        entries = ", ".join(f"{v:.3g}" for v in found.direction[:4]) + (", …" if found.direction.shape[0] > 4 else "")
        return Ending(Status.SADDLE, f"the curvature along ({entries}) is {found.least:.3g}")
    if steps:
        return ending
    here = "the start is stationary already"
    if found is None:
        return Ending(ending.status, f"{here}; whether it is a minimum was not looked at ({ending.reason})")
    if found.least == 0.0:
        return Ending(ending.status, f"{here}, and f is flat around it: it has the same value ({ending.reason})")
    where = "there" if found.complete else "along some directions there"
    return Ending(ending.status, f"{here}, and no curvature {where} is negative ({ending.reason})")


def _curvature(at_hand: AtHand, run: Run) -> Curvature | None:
    point, count, n = run.state.walk.point, run.state.count, at_hand.layout.size
    host, eps = _Host.of(at_hand, run), run.oracle.eps
    gradient, step, gradients = host.gradient, eps**0.5, count.gradient
    if at_hand.how.get("jac", "").startswith(("differences '2", "differences '3")):

        def gradient(x: Vector) -> Vector:
            return differences.gradient(host.value, x, 0.0, "3-point")

        step, gradients = eps**0.25, count.value // (2 * n)
    most = min(n, MOST_AT_START) if run.state.steps == 0 else min(n, MOST_PRODUCTS, max(2, gradients // 10))
    x = to_host(point.x)
    return least_curvature(host.value, gradient, x, point.f, most, step=step, eps=eps)
