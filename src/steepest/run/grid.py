"""Many runs of rules on one training problem at once; each trace is that of a run by itself, up to rounding."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import chain
from typing import Any, Final, Protocol, final, runtime_checkable

import numpy as np
import numpy.typing as npt

from steepest.core.errors import InputError, InputTypeError
from steepest.core.oracle import Evaluation
from steepest.core.ranges import Range
from steepest.core.status import Status
from steepest.engines import RuleStepper
from steepest.formula import Rule
from steepest.problems.problem import Problem
from steepest.run.loop import described
from steepest.run.sharing import Settings, structures
from steepest.trace import Trace

Vector = npt.NDArray[np.float64]
GridProgress = Callable[[int], bool | None]
"""Called after each step with its number; True stops all runs."""

_RATE: Final = "learning_rate.lr"


def run_grid(
    problem: Problem,
    entries: Sequence[tuple[Rule, int]],
    *,
    steps: int,
    evaluate_every: int | None = None,
    gradient_norm_every: int = 1,
    device: str = "cpu",
    callback: GridProgress | None = None,
) -> list[Trace]:
    """Run rules on a training problem, each with its seed, all together; a trace for each, in their order.

    The gradients of all runs are one batched computation; runs whose rules have one formula share one stepper, whose
    rows of hyperparameters differ by run, and the others have one each. A trace is that of `run(problem, rule,
    seed=seed, …)` up to rounding, not bit for bit, and where training is chaotic rounding grows: long runs may part
    visibly without either being wrong, as they do on two machines. It has the same columns and metadata, and
    "runs_together", the number of runs. Its `seconds` are shares of the common time: a run's part of the gradients',
    and of its stepper's.

    A run that becomes non-finite ends with status "nonfinite" at the step where it does so by itself, while the others
    go on. entries: rules and seeds. Other arguments as in `run`; callback: told of each step, True stops all runs.

    Raises InputError for what `run` refuses, for a problem that has no batched form, or whose runs together do not give
    the numbers of single runs, and for a rule that asks for more than one gradient a step.

    >>> import torch
    >>> from torch.nn.functional import mse_loss
    >>> from steepest.problems import TrainingProblem
    >>> from steepest.rules import adam, sgd
    >>> x = torch.linspace(-1, 1, 100)[:, None]
    >>> problem = TrainingProblem("line", lambda: torch.nn.Linear(1, 1),
    ...     lambda model, batch: mse_loss(model(batch[0]), batch[1]), (x, 2 * x), (x, 2 * x), batch_size=10)
    >>> traces = run_grid(problem, [(sgd(lr=0.1), 0), (adam(lr=0.1), 0)], steps=50)
    >>> [round(trace.last("validation_loss"), 3) for trace in traces]
    [0.001, 0.006]
    """
    whole = Range(low=1, integer=True)
    steps = int(whole.check("run_grid", "steps", steps))
    every = max(1, steps // 20)
    if evaluate_every is not None:
        every = int(whole.check("run_grid", "evaluate_every", evaluate_every))
    norm_every = int(Range(low=0, integer=True).check("run_grid", "gradient_norm_every", gradient_norm_every))
    if not entries:
        raise InputError("run_grid: entries must hold at least 1 run, got none")
    for rule, _ in entries:
        _check_rule(rule, steps)
    if not isinstance(problem, Griddable):
        raise InputError(f"run_grid: {problem.name} has no batched form; only training problems have one")
    # Runs that can share a stepper stand side by side, so that their gradients are a slice.
    keys = structures([rule for rule, _ in entries])
    first = {key: place for place, key in reversed(list(enumerate(keys))) if key is not None}
    order = sorted(range(len(entries)), key=lambda i: i if keys[i] is None else first[keys[i]])
    sorted_entries = [entries[i] for i in order]
    grid = problem.start_together([seed for _, seed in sorted_entries], device)
    loop = _Loop(grid, _teams(grid, sorted_entries, [keys[i] for i in order]), steps, every, norm_every, callback)
    loop.go()
    traces: list[Trace | None] = [None] * len(entries)
    for place, i in enumerate(order):
        rule, seed = entries[i]
        meta = described(problem, rule, steps=steps, seed=seed, device=device)
        traces[i] = loop.trace(place, {**meta, "runs_together": len(entries)})
    return [trace for trace in traces if trace is not None]


def why_alone(rule: Rule) -> str:
    """Why a rule cannot be run with others, "" where it can."""
    found = rule.link_with("query")
    if found is not None and found[1].queries_gradient:
        return "its rule takes two gradients a step"
    if rule.micro_batches > 1:
        return f"its rule takes {rule.micro_batches} batches a step"
    asked = sorted(rule.needs - {"value"})
    return f"its rule needs {asked[0]}" if asked else ""


class Grid(Protocol):
    """Live runs of one problem; tensors have the runs along their first axis."""

    @property
    def runs(self) -> int: ...
    @property
    def samples(self) -> int: ...
    @property
    def bytes_a_run(self) -> int:
        """Memory that one more run takes in a step."""
        ...

    @property
    def tensors(self) -> Mapping[str, Any]: ...
    @property
    def gradients(self) -> Mapping[str, Any]:
        """Arrays that each evaluation fills, None where a tensor takes no part."""
        ...

    def advance(self) -> None: ...
    def values(self) -> Vector:
        """Values of all runs; their gradients go into `gradients`."""
        ...

    def gradient_norms(self) -> Vector: ...
    def measure(self, final: bool = False) -> Mapping[str, Vector]: ...


@runtime_checkable
class Griddable(Protocol):
    """A problem whose runs can be started together."""

    def start_together(self, seeds: Sequence[int], device: str = "cpu") -> Grid: ...


def _check_rule(rule: object, steps: int) -> None:
    if not isinstance(rule, Rule):
        raise InputTypeError(f"run_grid: entries must be pairs of a rule and a seed, got {rule!r}")
    if rule.length is not None and rule.length < steps:
        raise InputError(f"run_grid: a schedule of {rule!r} has {rule.length} steps, shorter than the runs' {steps}")
    if reason := why_alone(rule):
        raise InputError(f"run_grid: {rule!r} cannot run with others: {reason}")


class _Team:
    """Runs first, first + 1, …, last − 1 of a grid, moved by one stepper."""

    def __init__(self, grid: Grid, first: int, entries: Sequence[tuple[Rule, int]]) -> None:
        self.runs = slice(first, first + len(entries))
        names = tuple(grid.tensors)
        rules = [rule for rule, _ in entries]
        # A run by itself has its tensors' own names, by which a rule may draw or choose.
        labels = [""] if len(entries) == 1 else [f"{first + run}/" for run in range(len(entries))]
        keys = [f"{label}{name}" for name in names for label in labels]
        tensors = dict(zip(keys, self._views(grid.tensors, names), strict=True))
        self._gradients = dict(zip(keys, self._views(grid.gradients, names), strict=True))
        self._settings = Settings(rules, labels, names)
        self._rate = rules[0].rate_path or _RATE
        self.stepper = RuleStepper(rules[0], tensors, seed=entries[0][1], values=self._settings.values, trusted=True)

    def step(self, values: Vector) -> None:
        """Move its runs, by the gradients that the grid has now."""
        self.stepper.apply(Evaluation(float(values[self.runs][0]), self._gradients))

    def _views(self, stacks: Mapping[str, Any], names: Sequence[str]) -> Iterator[Any]:
        """Each tensor's parts that belong to its runs, one after another."""
        for name in names:
            stack = stacks[name]
            yield from [None] * (self.runs.stop - self.runs.start) if stack is None else stack[self.runs]

    def rates(self) -> float | Vector:
        """The learning rate of each of its runs in the last step, NaN where the rule does not name one."""
        return self._settings.last(self._rate)


def _teams(grid: Grid, entries: Sequence[tuple[Rule, int]], keys: Sequence[object]) -> list[_Team]:
    teams, first = [], 0
    while first < len(entries):
        last = first + 1
        while keys[first] is not None and last < len(entries) and keys[last] == keys[first]:
            last += 1
        teams.append(_Team(grid, first, entries[first:last]))
        first = last
    return teams


@final
class _Loop:
    """The state of all runs in progress."""

    def __init__(
        self,
        grid: Grid,
        teams: Sequence[_Team],
        steps: int,
        evaluate_every: int,
        norm_every: int,
        callback: GridProgress | None,
    ) -> None:
        self.grid, self.teams, self.callback = grid, teams, callback
        self.steps, self.evaluate_every, self.norm_every = steps, evaluate_every, norm_every
        shape = (steps + 1, grid.runs)
        self.seconds, self.values, self.norms, self.rates = (np.full(shape, math.nan) for _ in range(4))
        self.seconds[0] = 0.0
        self.evaluations: list[tuple[int, Mapping[str, Vector]]] = []
        self.taken = np.zeros(grid.runs, dtype=np.int64)
        self.alive = np.ones(grid.runs, dtype=bool)
        self.status = Status.MAX_STEPS

    def go(self) -> None:
        self._evaluate(0)
        for step in range(1, self.steps + 1):
            self.grid.advance()
            self._step(step)
            if not self.alive.any():
                return
            if self.callback is not None and self.callback(step):
                self.status = Status.STOPPED
                self._evaluate(step, final=True)
                return
            if step % self.evaluate_every == 0 and step < self.steps:
                self._evaluate(step)
        self._evaluate(self.steps, final=True)

    def _step(self, step: int) -> None:
        began = time.perf_counter()
        values = self.grid.values()
        self.seconds[step] = self.seconds[step - 1] + (time.perf_counter() - began) / self.grid.runs
        self.values[step - 1] = values
        if self.norm_every and (step - 1) % self.norm_every == 0:
            self.norms[step - 1] = self.grid.gradient_norms()
        for team in self.teams:
            if not self.alive[team.runs].any():
                continue
            began = time.perf_counter()
            team.step(values)
            share = (time.perf_counter() - began) / (team.runs.stop - team.runs.start)
            self.seconds[step, team.runs] += share
            self.rates[step, team.runs] = team.rates()
        self.taken[self.alive] = step
        self.alive &= np.isfinite(values)

    def _evaluate(self, step: int, final: bool = False) -> None:
        with ExitStack() as held:
            for team in self.teams:
                held.enter_context(team.stepper.evaluating())
            self.evaluations.append((step, self.grid.measure(final)))

    def trace(self, run: int, meta: Mapping[str, object]) -> Trace:
        """The trace of one run, as it would be by itself."""
        taken = int(self.taken[run])
        rows = slice(0, taken + 1)
        count = np.arange(taken + 1.0)
        steps = {
            "step": count,
            "value_calls": np.zeros(taken + 1),
            "gradient_calls": count,
            "sample_gradients": count * self.grid.samples,
            "seconds": self.seconds[rows, run],
            "value": np.append(self.values[:taken, run], math.nan),
            "gradient_norm": np.append(self.norms[:taken, run], math.nan),
            "learning_rate": self.rates[rows, run],
        }
        alive = bool(self.alive[run])
        measured = [(step, row) for step, row in self.evaluations if step < taken or (alive and step <= taken)]
        names = dict.fromkeys(chain.from_iterable(row for _, row in measured))
        evaluations = {"step": np.array([step for step, _ in measured], dtype=np.float64)}
        for name in names:
            evaluations[name] = np.array([row[name][run] if name in row else math.nan for _, row in measured])
        status, reason = self.status, ""
        if not alive:
            status, reason = Status.NONFINITE, f"the value was {self.values[taken - 1, run]} at step {taken}"
        return Trace(steps, evaluations, {**meta, "status": str(status), "reason": reason})
