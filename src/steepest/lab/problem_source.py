"""What a study is made on: a built-in problem's name, "file.py:make", or a Python object."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import cast

from steepest import problems
from steepest.core.errors import InputTypeError, ProblemError, SteepestError
from steepest.core.sources import Source, blame
from steepest.problems.problem import Problem

ProblemLike = str | Problem | Callable[..., object]
"""A name, "file.py:make", a problem, or a function that makes one."""

SEED = 0
"""What `make(seed)` is given: data and split are the same throughout a study; weights and batches follow each run's
own seed."""


def resolve(item: ProblemLike) -> Problem:
    """The problem that `item` names or makes.

    Raises UnknownNameError, with the nearest names; ProblemError where the file is not there, or its code raises, with
    the line; InputTypeError where what it gives is no problem.

    >>> resolve("bowl").name
    'bowl'
    """
    if isinstance(item, Problem):
        return item
    if isinstance(item, str):
        source = Source.parse(item)
        if source is None:
            return problems.get(item)
        return _made(source.load(), source.name)
    return _made(item, getattr(item, "__name__", type(item).__name__))


def absolute(item: ProblemLike) -> ProblemLike:
    """The same with a file's path made absolute, so that it means the same in every process."""
    source = Source.parse(item) if isinstance(item, str) else None
    return item if source is None else str(source)


def _made(item: object, name: str) -> Problem:
    if isinstance(item, Problem):
        return item
    if not callable(item):
        raise InputTypeError(f"{name}: a problem must be a Problem or a function make(seed), got {type(item).__name__}")
    try:
        made = item(SEED) if _takes_argument(item) else item()
    except SteepestError:
        raise
    except (Exception, SystemExit) as error:
        raise blame(error, owner=name) from error
    if not isinstance(made, Problem):
        raise ProblemError(f"{name}: must return a Problem, such as TrainingProblem, got {type(made).__name__}")
    return made


def _takes_argument(make: Callable[..., object]) -> bool:
    try:
        inspect.signature(make).bind(SEED)
    except TypeError:
        return False
    except ValueError:  # a signature that cannot be read
        return True
    return True


def checked(problem: Problem, device: str) -> None:
    """Try the problem once, where it can: raises what its `check` raises for data, labels, model or loss."""
    check = cast("Callable[[str], None] | None", getattr(problem, "check", None))
    if check is not None:
        check(device)
