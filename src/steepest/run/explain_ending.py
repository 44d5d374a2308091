"""What is behind an ending that leaves a doubt: a wrong gradient, a kink, a saddle at the start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from steepest.core.status import Status
from steepest.methods.method import Method
from steepest.methods.oracle import Ask
from steepest.run.check_gradient import GradientCheck, compare
from steepest.run.iterate import Ending, Run

if TYPE_CHECKING:
    from steepest.run.problem_at_hand import AtHand

MOST_COORDINATES: Final = 200
"""Of how many coordinates a gradient is checked where a search has failed: those with the largest entries."""
MOST_FOR_HESSIAN: Final = 100
"""Up to how many coordinates a stationary start is told from a saddle."""


def explained(at_hand: AtHand, run: Run, ending: Ending) -> Ending:
    """The ending, with its cause where that can be found; what it asks of the function is counted."""
    if ending.status is Status.CONVERGED:
        return _at_the_start(at_hand, run, ending) if run.state.steps == 0 else ending
    if ending.status is Status.MAX_STEPS and not _stalled(run):
        return ending
    if at_hand.layout.library != "numpy" or not at_hand.how.get("jac", "").startswith("given"):
        return ending
    check = _checked(run)
    if check is None:
        return ending
    if not check.smooth and ending.status is not Status.MAX_STEPS:
        return Ending(
            ending.status, f"f has a kink or a jump at {at_hand.layout.name(check.coordinate)} = {check.at:.6g}"
        )
    if check.wrong and ending.status is not Status.PRECISION_LIMIT:
        return Ending(Status.WRONG_GRADIENT, check.sentence(at_hand.layout.name(check.coordinate)))
    return ending


def _stalled(run: Run) -> bool:
    """Whether f has hardly moved in the last ten steps."""
    values = [row[7] for row in run.state.rows[-11:]]
    return len(values) == 11 and values[0] - values[-1] <= 1e-6 * abs(values[-1])


def _checked(run: Run) -> GradientCheck | None:
    """The worst coordinate of the gradient against differences, at the point where the run ended."""
    point, oracle = run.state.walk.point, run.oracle
    g = np.asarray(point.g)
    largest = np.argsort(-np.abs(g), kind="stable")[:MOST_COORDINATES]
    return compare(oracle.value, np.asarray(point.x), point.f, g, sorted(largest.tolist()), eps=oracle.eps)


def _at_the_start(at_hand: AtHand, run: Run, ending: Ending) -> Ending:
    """Whether a start with a gradient of zero is a minimum, by the Hessian's least eigenvalue."""
    point = run.state.walk.point
    n = at_hand.layout.size
    here = "the start is stationary already"
    residuals = Ask.RESIDUALS in at_hand.method.needs
    if n > MOST_FOR_HESSIAN or at_hand.bounds is not None or residuals or at_hand.layout.library != "numpy":
        return Ending(ending.status, f"{here}; whether it is a minimum was not looked at ({ending.reason})")
    functions = at_hand.derived(run.state.count, _Second()).functions
    assert functions.hessian is not None
    run.state.count.hessian += 1
    H = functions.hessian(point.x, point.g)
    if not np.all(np.isfinite(H)):
        return Ending(ending.status, f"{here} ({ending.reason})")
    values, vectors = np.linalg.eigh(H)
    if values[0] < -1e-4 * max(1e-8, float(np.abs(values).max())):
        steepest = vectors[:, 0]
        along = ", ".join(f"{v:.3g}" for v in steepest[:4]) + (", …" if n > 4 else "")
        return Ending(Status.SADDLE, f"the curvature along ({along}) is {values[0]:.3g}")
    return Ending(ending.status, f"{here}, and no curvature there is negative ({ending.reason})")


class _Second(Method):
    """What asks for a Hessian."""

    needs = frozenset({Ask.VALUE, Ask.GRADIENT, Ask.HESSIAN})

    def start(self, oracle: object, point: object) -> None:
        """Never called."""

    def step(self, oracle: object, state: object) -> None:
        """Never called."""
