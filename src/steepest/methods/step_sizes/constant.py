"""The same step size always, or one that a schedule gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

from steepest.core.errors import InputTypeError
from steepest.core.ranges import Range
from steepest.core.schedule import Schedule
from steepest.core.status import Status
from steepest.methods.method import Direction, Found, Point, Walk
from steepest.methods.settings import check_numbers
from steepest.methods.state import record
from steepest.methods.step_sizes.line import Line, LineSearch


@final
@dataclass(frozen=True)
class Constant(LineSearch):
    """x⁺ = x + αd with one α for all steps; nothing is searched for, and f may rise.

    lr: α in (0, ∞). On an L-smooth function steepest descent converges for α < 2/L. One value and gradient a step.

    >>> Constant(-1.0)
    Traceback (most recent call last):
    ...
    steepest.core.errors.HyperparameterError: Constant: lr must be in (0, inf), got -1.0
    """

    lr: float

    def __post_init__(self) -> None:
        check_numbers(self, {"lr": Range(0, open_low=True)})

    @property
    def constant(self) -> float | None:
        return self.lr

    def refuse(self, direction: Direction) -> str:
        return _refused(direction) or super().refuse(direction)

    def search(self, line: Line, trial: float, state: Walk) -> Found | Status:
        return line.point_at(self.lr)


@record
class Clock:
    """How many steps were taken."""

    steps: int = 0


@final
@dataclass(frozen=True)
class Scheduled(LineSearch):
    """x⁺ = x + α_k d, with α_k from a schedule that is read at k = 0, 1, ….

    schedule: any of `steepest.schedules`; a value of 0 or below ends the run as `not_descent`.

    >>> from steepest.core.schedule import Schedule
    >>> Scheduled(0.1)
    Traceback (most recent call last):
    ...
    steepest.core.errors.InputTypeError: Scheduled: schedule must be a schedule, got 0.1; for a number use Constant
    """

    schedule: Schedule

    def __post_init__(self) -> None:
        if not isinstance(self.schedule, Schedule):
            raise InputTypeError(
                f"Scheduled: schedule must be a schedule, got {self.schedule!r}; for a number use Constant"
            )

    def refuse(self, direction: Direction) -> str:
        return _refused(direction) or super().refuse(direction)

    def begin(self, point: Point) -> Any:
        return Clock()

    def search(self, line: Line, trial: float, state: Walk) -> Found | Status:
        a = float(self.schedule(state.steps.steps))
        if not a > 0.0:
            return Status.NOT_DESCENT
        found = line.point_at(a)
        if not isinstance(found, Status):
            state.steps.steps += 1
        return found


def _refused(direction: Direction) -> str:
    if direction.needs_wolfe:
        return f"{direction.name} needs steps that meet the strong Wolfe conditions; use StrongWolfe(c2=0.1)"
    return ""
