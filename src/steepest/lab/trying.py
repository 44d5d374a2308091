"""Before anything is written: every method is made in all its settings, and takes one step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from steepest.core.errors import FormulaError, InputError, InputTypeError, SteepestError
from steepest.core.oracle import Objective, Oracle
from steepest.core.sources import blame
from steepest.core.stepper import StepReport
from steepest.engines import RuleStepper
from steepest.formula import Rule
from steepest.lab.bench import Bench
from steepest.lab.design import settings
from steepest.lab.problem_source import checked
from steepest.lab.spec import StudySpec
from steepest.lab.workers import one_thread


def try_out(bench: Bench, spec: StudySpec) -> None:
    """Make every method in all its settings and take one step with it: what cannot run is refused, nothing written."""
    with _blaming(bench.problem.name):
        checked(bench.problem, bench.device)
    for name, entrant in bench.methods.items():
        for schedule in spec.schedules:
            for setting in settings(entrant.space, spec.trials):
                with _blaming(name), _placing(entrant.make(setting, schedule, bench.steps)):
                    entrant.key(setting, schedule, bench.steps)
        middle = entrant.space.setting([0.5] * len(entrant.space.dimensions))
        method: Any = entrant.make(middle, spec.schedules[0], bench.steps)
        length = getattr(method, "length", None)
        if length is not None and length < bench.steps:
            raise InputError(
                f"{name}: its schedule must have at least {bench.steps} steps, as many as the run, got {length}"
            )
        with _blaming(bench.problem.name):
            objective = bench.problem.start(0, bench.device)
            objective.advance()
            Oracle(objective).value_and_gradient()
        with _blaming(name), _placing(method):
            _step(name, method, objective)


def _step(name: str, method: Any, objective: Objective) -> None:
    """One step, as a run takes it."""
    with one_thread(), np.errstate(all="ignore"):
        stepper: Any = (
            RuleStepper(method, objective.tensors)
            if isinstance(method, Rule)
            else method.start(objective.tensors, seed=0)
        )
        report = stepper.step(Oracle(objective))
        with stepper.evaluating():
            pass
    if not isinstance(report, StepReport):
        raise InputTypeError(f"{name}: step must return a StepReport, got {type(report).__name__}")


@contextmanager
def _blaming(owner: str) -> Iterator[None]:
    """What is raised inside becomes one line that names the owner or the formula, and the place in the user's code."""
    try:
        yield
    except SteepestError:
        raise
    except Exception as error:
        raise blame(error, owner=owner) from error


@contextmanager
def _placing(method: object) -> Iterator[None]:
    """A formula that is refused inside gets the place where it is written."""
    try:
        yield
    except FormulaError as error:
        formulas = [link.formula for _, link in method.links()] if isinstance(method, Rule) else []
        found = [formula.function.__code__ for formula in formulas if str(error).startswith(f"{formula.name}:")]
        place = f" ({Path(found[0].co_filename).name}:{found[0].co_firstlineno})" if found else ""
        raise FormulaError(f"{error}{place}") from error
