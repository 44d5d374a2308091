"""The one loop of `minimize`: a method, step after step, until a test, a limit or the user ends it."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple, final

import numpy as np

from steepest.core.errors import HyperparameterError
from steepest.core.ranges import Range
from steepest.core.status import Status
from steepest.methods.method import Method
from steepest.methods.oracle import Count, VectorOracle
from steepest.methods.settings import check_choice, check_numbers
from steepest.methods.state import pack, record, unpack
from steepest.methods.vectors import all_finite, largest_entry, norm, to_host

COLUMNS: Final = (
    "step",
    "value_calls",
    "gradient_calls",
    "sample_gradients",
    "hessian_vector_calls",
    "hessian_calls",
    "seconds",
    "value",
    "gradient_norm",
    "learning_rate",
)
STALLS: Final = ((20, 2e-15), (100, 1e-8))
"""A run has stalled where over so many steps f moves by less than so much of itself, and leads nowhere."""
FLOOR: Final = -1e30
"""f below this times max(1, |f(x0)|) is taken for unbounded."""


@final
@dataclass(frozen=True)
class Limits:
    """When a run ends.

    gtol in [0, inf): the gradient's norm is at most this (with bounds: that of the projected gradient). ftol in
    [0, inf), 0: the last step lowered f by at most this times max(1, |f|). xtol in [0, inf), 0: the last step's length
    is at most this times ‖x‖. norm: "max", the largest entry, or "euclidean". maxiter, maxfun: whole numbers from 0
    and 1: steps and values of the whole run, with what went before where it is continued; None is no limit on values.
    curvature: look for negative curvature where the gradient has met gtol, so that a saddle is no success, along up to
    20 directions and for at most a fifth more gradients; it adds to the counts.
    """

    gtol: float = 1e-5
    ftol: float = 0.0
    xtol: float = 0.0
    norm: Literal["max", "euclidean"] = "max"
    maxiter: int = 1000
    maxfun: int | None = None
    curvature: bool = True

    def __post_init__(self) -> None:
        tolerance = Range(low=0)
        check_numbers(
            self,
            {
                "gtol": tolerance,
                "ftol": tolerance,
                "xtol": tolerance,
                "maxiter": Range(low=0, integer=True),
                "maxfun": Range(low=1, integer=True),
            },
        )
        check_choice(self, "norm", ("max", "euclidean"))
        if not isinstance(self.curvature, bool):
            raise HyperparameterError("Limits", "curvature", f"must be True or False, got {self.curvature!r}")


class Ending(NamedTuple):
    """How a run ended, and what was seen there."""

    status: Status
    reason: str = ""


@final
@record
class RunState:
    """A run in between two steps, as a value: all that is needed to go on bit for bit.

    method: its canonical text. rows: the trace so far, as COLUMNS. path: x of each row, where x has one or two
    coordinates. walk: the method's own state.
    """

    method: str
    steps: int
    count: Count
    seconds: float
    first: float
    rows: Any
    path: Any
    walk: Any

    def to_bytes(self) -> bytes:
        """The state as an archive without pickles."""
        flat = copy.copy(self)
        flat.rows, flat.path = np.array(self.rows), np.array(self.path)
        return pack(flat)

    @classmethod
    def from_bytes(cls, data: bytes) -> RunState:
        """The state that `to_bytes` wrote. Raises InputError where it is not one."""
        state: RunState = unpack(data)
        state.rows = [tuple(row) for row in state.rows.tolist()]
        state.path = list(state.path)
        return state


@final
@dataclass
class Run:
    """A run in progress: a method, its oracle and its state. after_step: is called with the run; True stops it."""

    method: Method
    oracle: VectorOracle
    state: RunState
    after_step: Callable[[], object] | None = None
    ending: Ending = field(default_factory=lambda: Ending(Status.RUNNING))

    def go(self, limits: Limits) -> Ending:
        """Step until something ends the run."""
        with np.errstate(all="ignore"):
            self.ending = self._go(limits)
        return self.ending

    def _go(self, limits: Limits) -> Ending:
        state, method, oracle = self.state, self.method, self.oracle
        walk = state.walk
        since = time.perf_counter() - state.seconds
        floor = FLOOR * max(1.0, abs(state.first))
        before = None
        while True:
            met = self._met(limits, before)
            if met is not None:
                return met
            if state.steps >= limits.maxiter:
                return Ending(Status.MAX_STEPS)
            if limits.maxfun is not None and state.count.value >= limits.maxfun:
                return Ending(Status.MAX_CALLS)
            before = walk.point
            status = method.step(oracle, walk)
            if status is not None:
                state.seconds = time.perf_counter() - since
                if walk.point is not before:  # it has failed, but found a lower point on the way
                    state.steps += 1
                    self.note()
                return Ending(status)
            state.steps += 1
            state.seconds = time.perf_counter() - since
            after = walk.point
            length = self.note()
            if not (math.isfinite(length) and math.isfinite(after.f)) and not (
                math.isfinite(after.f) and all_finite(after.g)
            ):
                walk.point = before
                reason = f"f or its gradient is not finite after step {state.steps}; x is the point before it"
                return Ending(Status.UNBOUNDED if after.f == -math.inf else Status.NONFINITE, reason)
            if after.f < floor:
                return Ending(Status.UNBOUNDED, f"f = {after.f:.3g} at step {state.steps}")
            if state.steps % 10 == 0 and abs(after.f - before.f) <= 1e-8 * abs(after.f) and (steps := self._stalled()):
                reason = f"over {steps} steps neither f nor its gradient got below what they were"
                return Ending(Status.PRECISION_LIMIT, reason)
            if self.after_step is not None:
                paused = time.perf_counter()
                try:
                    stop = self.after_step()
                except StopIteration:
                    stop = True
                since += time.perf_counter() - paused
                if stop is True:
                    return Ending(Status.STOPPED)

    def note(self) -> float:
        """Add a row to the trace; gives the gradient's Euclidean norm."""
        state = self.state
        walk, count = state.walk, state.count
        point = walk.point
        length = norm(point.g)
        state.rows.append((
            state.steps,
            count.value,
            count.gradient,
            count.gradient,
            count.hessian_vector,
            count.hessian,
            state.seconds,
            point.f,
            length,
            walk.length,
        ))
        if point.x.shape[0] <= 2:
            state.path.append(np.array(to_host(point.x)))
        return length

    def _stalled(self) -> int:
        """How many of the last steps have led nowhere, 0 where they lead somewhere.

        In their second half f was not lower than in the first by more than rounding, and ‖∇f‖ neither lower nor higher:
        a slow descent lowers ‖∇f‖ though f no longer shows it, a slow way off a saddle raises it, and around a minimum
        it may swing, by less and less.
        """
        rows = self.state.rows
        for steps, share in STALLS if self.method.monotone else STALLS[1:]:
            if len(rows) <= steps:
                break
            f = rows[-1][7]
            allowed = max(share, 10.0 * self.oracle.eps) * abs(f)
            if abs(rows[-1 - steps][7] - f) > allowed:
                continue
            values, norms = ([row[column] for row in rows[-steps:]] for column in (7, 8))
            half = steps // 2
            if (
                max(values) - min(values) <= allowed
                and min(values[half:]) >= min(values[:half]) - 10.0 * self.oracle.eps * abs(f)
                and min(norms[half:]) >= min(norms[:half])
                and 0.8 * max(norms[:half]) <= max(norms[half:]) <= max(norms[:half])
            ):
                return steps
        return 0

    def _met(self, limits: Limits, before: Any) -> Ending | None:
        """Whether a stopping test is met."""
        walk = self.state.walk
        point = walk.point
        known = self.state.rows[-1][8]
        if self.method.measures == "the gradient":
            if limits.norm == "euclidean":
                size = known
            elif known > limits.gtol * math.sqrt(point.x.shape[0]):  # then the largest entry is above it too
                size = math.inf
            else:
                size = largest_entry(point.g)
        else:
            free = self.method.optimality(walk)
            size = largest_entry(free) if limits.norm == "max" else norm(free)
        if size <= limits.gtol:
            what = f"the {limits.norm} norm of {self.method.measures}, {size:.3g}, is at most {limits.gtol:g}"
            return Ending(Status.CONVERGED, what)
        if before is not None and limits.ftol > 0.0:
            fall = before.f - point.f
            if 0.0 <= fall <= limits.ftol * max(1.0, abs(point.f), abs(before.f)):
                return Ending(
                    Status.CONVERGED, f"the last step lowered f by {fall:.3g}, at most ftol = {limits.ftol:g}"
                )
        if before is not None and limits.xtol > 0.0:
            moved = norm(point.x - before.x)
            if moved <= limits.xtol * norm(point.x):
                return Ending(Status.CONVERGED, f"the last step moved x by {moved:.3g}: xtol = {limits.xtol:g}")
        return None
