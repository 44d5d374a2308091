"""Schedules drawn over the steps."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from steepest.core.errors import InputError, InputTypeError, MissingExtraError
from steepest.core.ranges import Range
from steepest.core.schedule import Schedule

if TYPE_CHECKING:
    from matplotlib.axes import Axes

POINTS = 2000
"""A longer schedule is read at so many steps, evenly spread."""


def plot(*schedules: Schedule, steps: int | None = None, log: bool = False, axes: Axes | None = None) -> Axes:
    """Draw schedules over their steps, labelled as they print.

    steps: how many, a whole number from 1; left out, the longest length, where any has one. log: a logarithmic axis.
    axes: where to draw; left out, on the current ones. A value stands for its whole step, so the lines are stairs.
    Returns the axes. Raises MissingExtraError without Matplotlib, InputError where there is nothing to draw or no
    length, HyperparameterError for steps out of range.
    """
    for schedule in schedules:
        if not isinstance(schedule, Schedule):
            raise InputTypeError(f"plot: schedules must be schedules, got {schedule!r}")
    count = _steps(schedules, steps)
    where = axes if axes is not None else _pyplot().gca()
    places = _places(count)
    for schedule in schedules:
        where.step(places, [schedule(k) for k in places], where="post", label=repr(schedule))
    if log:
        where.set_yscale("log")
    where.set_xlabel("step")
    where.set_ylabel("value")
    where.legend(fontsize="small")
    return where


def _steps(schedules: tuple[Schedule, ...], steps: int | None) -> int:
    if not schedules:
        raise InputError("plot: schedules must be at least one, got none")
    if steps is not None:
        return int(Range(low=1, integer=True).check("plot", "steps", steps))
    lengths = [schedule.length for schedule in schedules if schedule.length is not None]
    if not lengths:
        raise InputError(f"plot: steps must be given for schedules without an end, got {schedules[0]!r}")
    return max(lengths)


def _places(count: int) -> list[int]:
    """The steps from 0 to `count`, all of them or `POINTS`."""
    if count <= POINTS:
        return list(range(count + 1))
    return [count * index // POINTS for index in range(POINTS + 1)]


def _pyplot() -> Any:
    try:
        return importlib.import_module("matplotlib.pyplot")
    except ImportError as error:
        raise MissingExtraError("Matplotlib", "plot") from error
