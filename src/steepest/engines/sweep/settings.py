"""Hyperparameters of a sweep: each the same for all runs, each run's own, by schedule, or by schedule and run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

import numpy as np
import numpy.typing as npt

from steepest.core.errors import HyperparameterError, InputError, InputTypeError, UnknownNameError
from steepest.core.schedule import Schedule
from steepest.engines.sweep.kinds import BOTH, CONSTANT, RUN, STEP
from steepest.formula import Link, Rule

Vector = npt.NDArray[np.float64]
Setting = float | Schedule | Sequence[float] | Sequence[Schedule] | npt.NDArray[np.floating]
"""A number or a schedule for all runs; [runs] numbers or schedules; or an array [runs, steps] or [1, steps]."""


@final
class Settings:
    """Every hyperparameter of a rule over the runs and steps of a sweep, checked against its range.

    kinds: by path, CONSTANT for one number, STEP for what all runs share, RUN for one number a run, BOTH for one a run
    and step.
    """

    def __init__(self, rule: Rule, given: Mapping[str, Setting], runs: int, steps: int) -> None:
        own = rule.hyperparameters()
        self._links = {path: link for path, link in rule.links()}
        for path in given:
            if path not in own:
                raise self._unknown(path, own.keys())
        self.runs, self.steps = runs, steps
        self._schedules: dict[str, Schedule | float] = {}
        self._arrays: dict[str, Vector] = {}
        self.kinds: dict[str, int] = {}
        for path, setting in own.items():
            if path in given or isinstance(setting, Schedule):
                self._add(path, given.get(path, setting))
            else:
                self._schedules[path], self.kinds[path] = setting, CONSTANT

    def over_steps(self, path: str, first: int, count: int) -> Vector | float:
        """A shared hyperparameter at updates first, first + 1, … (from 0), as one number where it does not vary."""
        setting = self._schedules.get(path)
        if setting is None:
            return self._arrays[path][0, first : first + count]
        if not isinstance(setting, Schedule):
            return setting
        return self._tabulated(path, setting, first, count)

    def over_runs(self, path: str) -> Vector:
        """One number a run, [runs]."""
        return self._arrays[path]

    def over_both(self, path: str, first: int, count: int) -> Vector:
        """One number a run and update, [runs, count]."""
        return self._arrays[path][:, first : first + count]

    def _add(self, path: str, setting: object) -> None:
        if isinstance(setting, Schedule):
            _check_length(path, setting, self.steps)
            self._schedules[path], self.kinds[path] = setting, STEP
        elif isinstance(setting, Sequence) and setting and isinstance(setting[0], Schedule):
            self._add_schedules(path, setting)
        else:
            self._add_numbers(path, setting)

    def _add_schedules(self, path: str, schedules: Sequence[object]) -> None:
        if len(schedules) != self.runs:
            raise InputError(f"sweep: {path} must have a schedule for each of {self.runs} runs, got {len(schedules)}")
        rows = np.empty((self.runs, self.steps))
        for row, schedule in zip(rows, schedules, strict=True):
            if not isinstance(schedule, Schedule):
                raise InputTypeError(f"sweep: {path} must be schedules or numbers, got {schedule!r} among schedules")
            _check_length(path, schedule, self.steps)
            row[:] = self._tabulated(path, schedule, 0, self.steps)
        self._arrays[path], self.kinds[path] = rows, BOTH

    def _add_numbers(self, path: str, setting: object) -> None:
        try:
            array = np.asarray(setting, dtype=np.float64)
        except (TypeError, ValueError):
            raise InputTypeError(f"sweep: {path} must be numbers or a schedule, got {setting!r}") from None
        shapes = {(): CONSTANT, (self.runs,): RUN, (self.runs, self.steps): BOTH, (1, self.steps): STEP}
        if array.shape not in shapes:
            raise InputError(
                f"sweep: {path} must be a number, [{self.runs}] for the runs, or [{self.runs}, {self.steps}] for runs "
                f"and steps, got shape {array.shape}"
            )
        self._check(path, array, scheduled=array.ndim == 2)
        self.kinds[path] = shapes[array.shape]
        if array.ndim == 0:
            self._schedules[path] = float(array)
        else:
            self._arrays[path] = array

    def _tabulated(self, path: str, schedule: Schedule, first: int, count: int) -> Vector:
        values = np.array([schedule(step) for step in range(first, first + count)], dtype=np.float64)
        self._check(path, values, scheduled=True)
        return values

    def _check(self, path: str, values: Vector, *, scheduled: bool) -> None:
        """Raise HyperparameterError for the first number that is out of range."""
        owner, name = self._owner(path)
        declared = owner.formula.hyperparameters[name].range
        bad = ~np.isfinite(values)
        if declared.integer:
            bad |= values != np.floor(values)
        if not bad.any() and values.size:
            extremes = (float(values.min()), float(values.max()))
            try:
                for extreme in extremes:
                    declared.check(owner.name, name, extreme, scheduled=scheduled)
            except HyperparameterError:
                bad = np.isin(values, extremes)
        for value in values[bad].ravel().tolist():
            declared.check(owner.name, name, value, scheduled=scheduled)

    def _owner(self, path: str) -> tuple[Link, str]:
        link, _, name = path.rpartition(".")
        return self._links[link], name

    def _unknown(self, path: str, known: object) -> Exception:
        link, _, name = path.rpartition(".")
        declared = self._links[link].formula.hyperparameters.get(name) if link in self._links else None
        if declared is not None:
            what = (
                "a fixed choice" if declared.kind == "static" else "an inner rule" if declared.kind == "rule" else "off"
            )
            return InputTypeError(
                f"sweep: {path} is {what} in {self._links[link].text}, so it cannot differ by run or step"
            )
        return UnknownNameError("hyperparameter", path, known)  # type: ignore[arg-type]


def _check_length(path: str, schedule: Schedule, steps: int) -> None:
    if schedule.length is not None and schedule.length < steps:
        raise InputError(f"sweep: the schedule of {path} has {schedule.length} steps, shorter than the sweep's {steps}")
