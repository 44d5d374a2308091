"""`sweep`: many runs of a small problem at once, each a whole run in compiled code."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, final

import numpy as np
import numpy.typing as npt

from steepest.core.errors import InputError, InputTypeError
from steepest.core.ranges import Range
from steepest.core.status import Status
from steepest.engines.sweep.functions import Form, sweep_function
from steepest.engines.sweep.kernels import Kernel, kernel
from steepest.engines.sweep.kinds import BOTH, STEP
from steepest.engines.sweep.memory import Blocks
from steepest.engines.sweep.outline import Dtype, Outline
from steepest.engines.sweep.result import SweepResult
from steepest.engines.sweep.settings import Setting, Settings
from steepest.engines.sweep.tables import HostTables
from steepest.formula import Rule

Progress = Callable[[int, int], bool | None]
"""Called between stretches of steps with how many were taken and how many runs go on; True stops the sweep."""
Data = npt.NDArray[Any] | Sequence[npt.NDArray[Any]]
_VIEWED = {"f8": "float64", "f4": "float32", "i8": "int64", "u1": "uint8", "b1": "uint8"}
_STRETCH = 0.05
"""Seconds that compiled code runs before Python has its turn: to hear Ctrl-C, to call back."""


def sweep(
    rule: Rule,
    gradient: Callable[..., Any],
    starts: npt.ArrayLike,
    *,
    steps: int,
    hyperparameters: Mapping[str, Setting] | None = None,
    value: Callable[..., Any] | None = None,
    form: Form | None = None,
    data: Data | None = None,
    record_every: int | None = None,
    tolerance: float | None = None,
    target: float | None = None,
    seed: int | Sequence[int] = 0,
    dtype: Dtype = "float64",
    callback: Progress | None = None,
) -> SweepResult:
    """Run a rule from many starts, with hyperparameters of each run's own, in one compiled loop over runs and steps.

    rule: any rule that sets its step and is traced (not opaque, no partition). starts: [runs, d] finite numbers, or
    [d], one start for as many runs as `hyperparameters` speak of. steps: updates of each run, from 1.

    gradient, value: Python functions that Numba can compile, or @njit functions, in one of three forms:
        "scalars"  gradient(x, y, …) → (gx, gy, …), one number for d = 1; value(x, y, …) → number
        "point"    gradient(x) → array; value(x) → number, for x of shape [d]
        "lanes"    gradient(x, out), value(x, out), which write to out: [d, W] and [W], for W points x, [d, W]
    The first two are told apart by the number of arguments; "lanes" must be given as `form`, and is the fastest for
    many dimensions. After these, a function may take arguments named `step` (updates before this one), `run` (the
    run's number, in "lanes" the first run's) and `data` (what was given as `data`: an array or a sequence of arrays,
    float64, float32, int64 or uint8). It must not change what it is given.

    hyperparameters: by path, as in `rule.hyperparameters()`: a number, a schedule, [runs] numbers or schedules, or
    an array [runs, steps] or [1, steps]. What is left out is the rule's own.

    record_every: keep the answer point (and value) after every so many updates, and the first and last. tolerance,
    target: a run has converged where ‖gradient‖ ≤ tolerance, or value ≤ target, where its gradient is taken; this
    is tested before every update. A run whose next point would not be finite ends at its last one. Runs that ended
    change no more, and no others. seed: of `random`, one for all runs or one a run. dtype: "float64", or "float32"
    for p, slots and elementwise arithmetic; what is one number a run is always float64.

    The rule's arithmetic is that of rule.update on a bare NumPy array: results are equal to the bit, but for powers
    of a hyperparameter that differs by run, sums over more than 7 coordinates, exp, log and tanh, which are equal to
    rounding; and the same at any number of threads.

    Raises InputError and InputTypeError for arguments out of range, HyperparameterError for hyperparameters,
    FormulaError for a rule that cannot be compiled. On Ctrl-C the KeyboardInterrupt has the runs so far as `result`.

    >>> import numpy as np
    >>> from steepest.rules import sgd
    >>> def bowl(x, y):
    ...     return x, 10 * y
    >>> found = sweep(sgd(lr=0.1), bowl, [1.0, 1.0], steps=10, hyperparameters={"learning_rate.lr": [0.1, 0.05, 0.3]})
    >>> found.points.round(3).tolist()
    [[0.349, 0.0], [0.599, 0.001], [0.028, 1024.0]]
    """
    if not isinstance(rule, Rule):
        raise InputTypeError(f"sweep: rule must be a rule, got {rule!r}")
    if not rule.sets_step:
        raise InputError(f"{rule.name}: no rule in the chain sets the step; add learning_rate(lr=…) to {rule!r}")
    steps = int(Range(low=1, integer=True).check("sweep", "steps", steps))
    if dtype not in {"float64", "float32"}:
        raise InputError(f"sweep: dtype must be 'float64' or 'float32', got {dtype!r}")
    given = dict(hyperparameters or {})
    points = _points(starts, given, seed)
    runs, d = points.shape
    settings = Settings(rule, given, runs, steps)
    seeds = _seeds(seed, runs)
    arrays = _arrays(data)
    if value is None and target is not None:
        raise InputTypeError("sweep: target needs the objective, give value=")
    outline = Outline(
        rule=rule,
        settings=tuple(settings.kinds.items()),
        dimensions=d,
        dtype=dtype,
        gradient=sweep_function("gradient", gradient, d, form),
        value=None if value is None else sweep_function("value", value, d, form),
        seeds=STEP if len(seeds) == 1 else BOTH,
        tolerance=tolerance is not None,
        target=target is not None,
        data=tuple((_VIEWED[array.dtype.str[1:]], array.ndim) for array in arrays),
        data_is_tuple=not isinstance(data, np.ndarray),
    )
    _check_data(outline)
    limits = (
        -np.inf if tolerance is None else Range(low=0).check("sweep", "tolerance", tolerance),
        -np.inf if target is None else Range().check("sweep", "target", target),
    )
    every = (
        None if record_every is None else int(Range(low=1, integer=True).check("sweep", "record_every", record_every))
    )
    compiled = kernel(outline, runs)
    blocks = Blocks(compiled, outline, points, arrays, limits)
    tables = HostTables(compiled, settings, seeds)
    return _Sweep(compiled, blocks, tables, steps, every, callback).go()


@final
class _Sweep:
    """A sweep in progress."""

    def __init__(
        self,
        compiled: Kernel,
        blocks: Blocks,
        tables: HostTables,
        steps: int,
        every: int | None,
        callback: Progress | None,
    ) -> None:
        self.compiled, self.blocks, self.tables = compiled, blocks, tables
        self.steps, self.callback = steps, callback
        self.done = 0
        self.due = np.zeros(0, np.int64)
        if every is not None:
            self.due = np.union1d(np.arange(0, steps + 1, every), [steps])
        self.trajectories = blocks.recording(len(self.due)) if every is not None else None
        self.recorded = 0
        blocks.set_rows(tables.rows())

    def go(self) -> SweepResult:
        try:
            while self.done < self.steps:
                self._stretch()
                running = self.blocks.running()
                if not running:
                    break
                if self.callback is not None and self.callback(self.done, running):
                    return self._result(Status.STOPPED)
        except KeyboardInterrupt as interrupt:
            interrupt.result = self._result(Status.STOPPED)  # type: ignore[attr-defined]
            raise
        return self._result(Status.MAX_STEPS)

    def _stretch(self) -> None:
        """Some steps in compiled code: as many as take a while, and no more memory than is good."""
        blocks, compiled = self.blocks, self.compiled
        known = compiled.seconds
        count = 16 if known is None else max(1, int(_STRETCH / (known * blocks.count)))
        count = min(count, self.steps - self.done, blocks.most_steps(len(self.due) / self.steps))
        first, last = self.done, self.done + count
        # Points after `first` updates were recorded at the end of the stretch before, but for the start.
        due = self.due[(self.due > first) & (self.due <= last)] if first else self.due[self.due <= last]
        began = time.perf_counter()
        saved = blocks.advance(first, count, self.tables, due - first)
        compiled.seconds = max(1e-9, (time.perf_counter() - began) / (count * blocks.count))
        self.done = last
        self._keep(saved, len(due))

    def _keep(self, saved: Any, count: int) -> None:
        if self.trajectories is not None and count:
            points, values = saved
            place = slice(self.recorded, self.recorded + count)
            self.trajectories[0][:, place] = points
            if self.trajectories[1] is not None:
                self.trajectories[1][:, place] = values
            self.recorded += count

    def _result(self, ended: Status) -> SweepResult:
        blocks = self.blocks
        answers, values = blocks.answers(self.tables)
        trajectories = trajectory_values = recorded = None
        if self.trajectories is not None:
            recorded = self.due if ended is not Status.STOPPED else self.due[: self.recorded]
            trajectories, trajectory_values = (
                None if part is None else part[:, : len(recorded)] for part in self.trajectories
            )
            # Where no run goes on, what was to be recorded later is where they ended.
            assert trajectories is not None
            trajectories[:, self.recorded :] = answers[:, None]
            if trajectory_values is not None and values is not None:
                trajectory_values[:, self.recorded :] = values[:, None]
        codes = np.array([str(ended), str(Status.CONVERGED), str(Status.NONFINITE)])
        return SweepResult(
            points=blocks.points(),
            answers=answers,
            steps=blocks.taken(),
            status=codes[blocks.codes()],
            values=values,
            recorded=recorded,
            trajectories=trajectories,
            trajectory_values=trajectory_values,
        )


def _points(starts: npt.ArrayLike, given: Mapping[str, Any], seed: object) -> npt.NDArray[np.float64]:
    """The starts as [runs, d]."""
    try:
        array = np.asarray(starts)
    except ValueError:
        raise InputError("sweep: starts must have shape [runs, d], got rows of different lengths") from None
    if array.dtype.kind not in "iuf":
        raise InputTypeError(f"sweep: starts must be real numbers [runs, d] or [d], got dtype {array.dtype}")
    points = array.astype(np.float64)
    if points.ndim == 1 and len(points):
        rows = {len(setting) for setting in given.values() if isinstance(setting, Sequence) or np.ndim(setting) > 0}
        rows |= set() if np.ndim(seed) == 0 else {len(seed)}  # type: ignore[arg-type]
        rows -= {1}
        if len(rows) > 1:
            raise InputError(f"sweep: hyperparameters and seeds must be for as many runs, got {sorted(rows)}")
        points = np.tile(points, (rows.pop() if rows else 1, 1))
    if points.ndim != 2 or not points.size:
        raise InputError(f"sweep: starts must have shape [runs, d] or [d], none of them 0, got {array.shape}")
    if not np.isfinite(points).all():
        run = int(np.flatnonzero(~np.isfinite(points).all(axis=1))[0])
        raise InputError(f"sweep: starts must be finite, got {points[run].tolist()} for run {run}")
    return points


def _seeds(seed: object, runs: int) -> list[int]:
    seeds = [seed] if np.ndim(seed) == 0 else list(seed)  # type: ignore[call-overload, arg-type]
    whole = Range(low=0, integer=True)
    if len(seeds) not in {1, runs}:
        raise InputError(f"sweep: seed must be one number or one for each of {runs} runs, got {len(seeds)}")
    return [int(whole.check("sweep", "seed", each)) for each in seeds]


def _arrays(data: Data | None) -> list[npt.NDArray[Any]]:
    if data is None:
        return []
    arrays: list[Any] = [data] if isinstance(data, np.ndarray) else list(data)
    for number, array in enumerate(arrays):
        if not isinstance(array, np.ndarray) or array.dtype.str[1:] not in _VIEWED or not 1 <= array.ndim <= 4:
            raise InputTypeError(
                f"sweep: data must be arrays of float64, float32, int64 or uint8 with 1 to 4 dimensions, got "
                f"{getattr(array, 'dtype', type(array).__name__)} as number {number}"
            )
    return [np.ascontiguousarray(array) for array in arrays]


def _check_data(outline: Outline) -> None:
    functions = {"gradient": outline.gradient, "value": outline.value}
    for role, function in functions.items():
        if function is not None and "data" in function.extras and not outline.data:
            raise InputTypeError(f"sweep: {role} takes data, got none")
