"""The one loop that every run goes through."""

from __future__ import annotations

import math
import platform
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol, runtime_checkable

import array_api_compat
import numpy as np

from steepest.core.arrays import Array, Tensors, namespace
from steepest.core.errors import InputError, InputTypeError
from steepest.core.facts import MethodFacts
from steepest.core.oracle import Evaluation, Objective, Oracle
from steepest.core.ranges import Range
from steepest.core.schedule import Schedule
from steepest.core.status import Status
from steepest.core.stepper import Stepper, StepReport
from steepest.core.version import VERSION
from steepest.engines import RuleStepper
from steepest.formula import Rule
from steepest.problems.problem import Problem
from steepest.trace import Recorder, Trace

Progress = Callable[[int, float], bool | None]
"""Called after each step with its number and the value where its gradient was taken; True stops the run."""


@runtime_checkable
class Method(Protocol):
    """Anything that can be run on a problem: it makes a Stepper for the problem's tensors."""

    @property
    def name(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def facts(self) -> MethodFacts: ...
    def start(self, tensors: Tensors, *, seed: int) -> Stepper:
        """A stepper on these live tensors."""
        ...


def run(
    problem: Problem,
    method: Rule | Method,
    *,
    steps: int,
    seed: int = 0,
    evaluate_every: int | None = None,
    gradient_norm_every: int = 1,
    device: str = "cpu",
    callback: Progress | None = None,
) -> Trace:
    """Run a method on a problem for a number of updates, and return its trace.

    steps: a whole number from 1. seed: of the start and of everything random in the problem. evaluate_every: steps
    between two measurements at the answer point (default: 20 over the run); the start and the end are always measured,
    and the end also on the test data. gradient_norm_every: steps between two gradient norms, 0 for none.

    The run ends early with status "nonfinite" when a value is not finite, "stopped" when the callback returns True or
    on Ctrl-C, which then goes on to the caller with the trace so far as its `trace` attribute.

    Raises InputError for arguments out of range and for a schedule that is shorter than the run.

    >>> from steepest.problems import get
    >>> from steepest.rules import sgd
    >>> trace = run(get("parabola"), sgd(lr=0.25), steps=5)
    >>> trace.status, round(trace.last("value"), 6)
    (<Status.MAX_STEPS: 'max_steps'>, 1.008789)
    """
    whole = Range(low=1, integer=True)
    steps = int(whole.check("run", "steps", steps))
    every = max(1, steps // 20) if evaluate_every is None else int(whole.check("run", "evaluate_every", evaluate_every))
    norm_every = int(Range(low=0, integer=True).check("run", "gradient_norm_every", gradient_norm_every))
    if not isinstance(method, Rule) and not _is_method(method):
        raise InputTypeError(f"run: method must be a rule or have name, text, facts and start(tensors), got {method!r}")
    if isinstance(method, Rule) and method.length is not None and method.length < steps:
        raise InputError(f"run: a schedule of {method!r} has {method.length} steps, shorter than the run's {steps}")
    objective = problem.start(seed, device)
    stepper = (
        RuleStepper(method, objective.tensors, seed=seed)
        if isinstance(method, Rule)
        else method.start(objective.tensors, seed=seed)
    )
    meta = described(problem, method, steps=steps, seed=seed, device=device)
    loop = _Loop(objective, stepper, every, norm_every, callback)
    loop.rate = (method.rate_path if isinstance(method, Rule) else None) or loop.rate
    try:
        status = loop.go(steps)
    except KeyboardInterrupt as interrupt:
        interrupt.trace = loop.recorder.trace({**meta, "status": str(Status.STOPPED)})  # type: ignore[attr-defined]
        raise
    return loop.recorder.trace({**meta, "status": str(status), "reason": loop.reason})


class _Loop:
    """The state of one run in progress."""

    def __init__(
        self,
        objective: Objective,
        stepper: Stepper,
        evaluate_every: int,
        norm_every: int,
        callback: Progress | None,
    ) -> None:
        self.objective, self.stepper, self.callback = objective, stepper, callback
        self.evaluate_every, self.norm_every = evaluate_every, norm_every
        self.oracle = Oracle(objective, self._heard)
        self.recorder = Recorder()
        self.seconds = 0.0
        self.step = 0
        self.heard: list[float] = []
        self.reason = ""
        self.rate = "learning_rate.lr"

    def go(self, steps: int) -> Status:
        self._row(None)
        self._evaluate()
        while self.step < steps:
            self.objective.advance()
            self.heard.clear()
            self.seconds -= time.perf_counter()
            report = self.stepper.step(self.oracle)
            self.seconds += time.perf_counter()
            self.step += 1
            self._row(report)
            value = self.heard[0] if self.heard else math.nan
            if not math.isfinite(value):
                self.reason = f"the value was {value} at step {self.step}"
                return Status.NONFINITE
            if self.callback is not None and self.callback(self.step, value):
                self._evaluate(final=True)
                return Status.STOPPED
            if self.step % self.evaluate_every == 0 and self.step < steps:
                self._evaluate()
        self._evaluate(final=True)
        return Status.MAX_STEPS

    def _heard(self, evaluation: Evaluation) -> None:
        """Note the first evaluation of a step in the row of the point it was made at, off the clock."""
        self.heard.append(evaluation.value)
        if len(self.heard) > 1:
            return
        began = time.perf_counter()
        known = {"value": evaluation.value}
        if self.norm_every and self.step % self.norm_every == 0:
            known["gradient_norm"] = global_norm(evaluation.gradients)
        self.recorder.amend_last_step(known)
        self.seconds -= time.perf_counter() - began

    def _row(self, report: StepReport | None) -> None:
        calls = self.oracle.calls
        self.recorder.step({
            "step": self.step,
            "value_calls": calls.value,
            "gradient_calls": calls.gradient,
            "sample_gradients": calls.samples,
            "seconds": self.seconds,
            "learning_rate": math.nan if report is None else report.hyperparameters.get(self.rate, math.nan),
            **({"hessian_vector_calls": calls.hessian_vector} if calls.hessian_vector else {}),
        })

    def _evaluate(self, final: bool = False) -> None:
        with self.stepper.evaluating():
            self.recorder.evaluation({"step": self.step, **self.objective.measure(final)})


def global_norm(gradients: Mapping[str, Array | None]) -> float:
    """The Euclidean norm over all gradients, in float64."""
    squares = 0.0
    for gradient in gradients.values():
        if gradient is None:
            continue
        if array_api_compat.is_numpy_array(gradient):
            with np.errstate(over="ignore"):
                squares += float(np.sum(np.square(gradient, dtype=np.float64)))
        else:
            xp: Any = namespace(gradient)
            squares += float(xp.linalg.vector_norm(gradient)) ** 2
    return math.sqrt(squares)


def _is_method(method: object) -> bool:
    return isinstance(method, Method)


def described(problem: Problem, method: Rule | Method, *, steps: int, seed: int, device: str) -> dict[str, object]:
    """What a trace says of its run before it has begun."""
    settings = method.hyperparameters() if isinstance(method, Rule) else {}
    return {
        "problem": problem.name,
        "problem_facts": problem.facts.to_dict(),
        "method": method.text,
        "method_facts": method.facts.to_dict(),
        "hyperparameters": {path: repr(v) if isinstance(v, Schedule) else v for path, v in settings.items()},
        "steps": steps,
        "seed": seed,
        "device": device,
        "versions": {"steepest": VERSION, "python": platform.python_version(), "numpy": np.__version__},
        "machine": platform.machine(),
    }
