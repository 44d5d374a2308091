"""How a run can end."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """The outcome of a run, as a value with a message and with what to try next.

    >>> Status.NONFINITE.message
    'a value or gradient became non-finite'
    >>> Status("max_steps").ok
    True
    """

    RUNNING = "running"
    CONVERGED = "converged"
    MAX_STEPS = "max_steps"
    MAX_CALLS = "max_calls"
    STOPPED = "stopped"
    NONFINITE = "nonfinite"
    NONFINITE_START = "nonfinite_start"
    LINE_SEARCH_FAILED = "line_search_failed"
    MODEL_FAILED = "model_failed"
    PRECISION_LIMIT = "precision_limit"
    NOT_DESCENT = "not_descent"
    WRONG_GRADIENT = "wrong_gradient"
    SADDLE = "saddle"
    UNBOUNDED = "unbounded"
    SINGULAR = "singular"
    FAILED = "failed"

    @property
    def ok(self) -> bool:
        """Whether the run ended at a usable point."""
        return self in (Status.CONVERGED, Status.MAX_STEPS, Status.MAX_CALLS, Status.STOPPED)

    @property
    def message(self) -> str:
        """What happened, in one clause."""
        return _TEXT[self][0]

    @property
    def advice(self) -> str:
        """What to try next, in one clause; empty where there is nothing to mend."""
        return _TEXT[self][1]


_TEXT: dict[Status, tuple[str, str]] = {
    Status.RUNNING: ("the run has not ended", ""),
    Status.CONVERGED: ("the stopping test was met", ""),
    Status.MAX_STEPS: ("all steps were taken", "more steps, if the trace still falls"),
    Status.MAX_CALLS: ("all calls of the function that were allowed were made", "more calls, if the trace still falls"),
    Status.STOPPED: ("a callback or the user stopped the run", ""),
    Status.NONFINITE: (
        "a value or gradient became non-finite",
        "a smaller learning rate, a warmup, or clip_norm; then look at the last finite step in the trace",
    ),
    Status.NONFINITE_START: (
        "the value or the gradient is not finite at the start",
        "a start inside the function's domain",
    ),
    Status.LINE_SEARCH_FAILED: (
        "no step along the direction satisfies the line search's conditions",
        "check_gradient; then a function that is smooth where the steps end, or better scaled variables",
    ),
    Status.MODEL_FAILED: (
        "the quadratic model disagrees with the function however small the region is",
        "check_gradient, with a check of the Hessian; then a function that is smooth where the steps end",
    ),
    Status.PRECISION_LIMIT: (
        "no further decrease can be told from rounding",
        "nothing, if the gradient is small enough; else exact derivatives, float64, scaled variables, or a looser tol",
    ),
    Status.NOT_DESCENT: (
        "the direction does not descend",
        "check_gradient; then a preconditioner or Hessian that is positive definite, or TrustRegion",
    ),
    Status.WRONG_GRADIENT: (
        "the gradient is not that of the function",
        "mend jac, or leave it out; where it is automatic, mend what cuts the value of fun off from x",
    ),
    Status.SADDLE: (
        "x is stationary but no minimum",
        "a start that is moved a little along the direction of negative curvature",
    ),
    Status.UNBOUNDED: (
        "the function seems to be unbounded below",
        "bounds, or a function with a minimum; x is the lowest point that was found",
    ),
    Status.SINGULAR: (
        "the Jacobian is singular and no step reduces the residual",
        "another start, or least squares: minimize(…, method='lm')",
    ),
    Status.FAILED: ("the problem or the method raised", "the error in the trace's metadata names where"),
}
