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
    STOPPED = "stopped"
    NONFINITE = "nonfinite"
    FAILED = "failed"

    @property
    def ok(self) -> bool:
        """Whether the run ended at a usable point."""
        return self in (Status.CONVERGED, Status.MAX_STEPS, Status.STOPPED)

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
    Status.STOPPED: ("a callback or the user stopped the run", ""),
    Status.NONFINITE: (
        "a value or gradient became non-finite",
        "a smaller learning rate, a warmup, or clip_norm; then look at the last finite step in the trace",
    ),
    Status.FAILED: ("the problem or the method raised", "the error in the trace's metadata names where"),
}
