"""Objectives, and what is known of them. `names()` lists the built-in ones, `get(name)` makes one.

A new problem is one file with a function that returns a `Problem`, and one line in `PROBLEMS`. Listing them imports
neither PyTorch nor any data.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final, NamedTuple

from steepest.core.errors import UnknownNameError
from steepest.problems.problem import Problem

if TYPE_CHECKING:
    from steepest.problems.functions.beale import beale as beale
    from steepest.problems.functions.bowl import bowl as bowl
    from steepest.problems.functions.function import FunctionProblem
    from steepest.problems.functions.parabola import parabola as parabola
    from steepest.problems.functions.quadratic import quadratic as quadratic
    from steepest.problems.functions.rosenbrock import rosenbrock as rosenbrock
    from steepest.problems.neural.digits_mlp import digits_mlp as digits_mlp
    from steepest.problems.training import TrainingProblem

__all__ = ["PROBLEMS", "Entry", "FunctionProblem", "Problem", "TrainingProblem", "get", "names", "summary"]


class Entry(NamedTuple):
    """Where a built-in problem is made, and its line in a list."""

    module: str
    factory: str
    summary: str


_HERE: Final = "steepest.problems."

PROBLEMS: Final[dict[str, Entry]] = {
    "parabola": Entry("functions.parabola", "parabola", "(x − 2)² + 1 from 5: one variable, condition number 1"),
    "bowl": Entry("functions.bowl", "bowl", "(x − 1)² + 2(y − 2)² from (−2, −1): two variables, condition number 2"),
    "quadratic": Entry("functions.quadratic", "quadratic", "½ (x − x*)ᵀH(x − x*) in 10 variables, condition number 10"),
    "rosenbrock": Entry(
        "functions.rosenbrock", "rosenbrock", "a curved valley in 2 variables from (−1, 1), not convex"
    ),
    "beale": Entry("functions.beale", "beale", "a flat plain with steep walls in 2 variables from (1, 1), not convex"),
    "digits-mlp": Entry("neural.digits_mlp", "digits_mlp", "network 64–32–10 on scikit-learn's 8 × 8 digits, accuracy"),
}
"""The built-in problems by name: module, function and summary; one line each."""

_CLASSES: Final = {"FunctionProblem": "functions.function", "TrainingProblem": "training"}


def names() -> tuple[str, ...]:
    """The names of the built-in problems, functions first.

    >>> names()[:2]
    ('parabola', 'bowl')
    """
    return tuple(PROBLEMS)


def get(name: str) -> Problem:
    """The built-in problem of that name with its default settings.

    Raises UnknownNameError, with the nearest names, and MissingExtraError where it needs what is not installed.

    >>> get("bowl").facts.kappa
    2.0
    """
    entry = _entry(name)
    problem: Problem = getattr(import_module(_HERE + entry.module), entry.factory)()
    return problem


def summary(name: str) -> str:
    """One line on the built-in problem of that name, without making it. Raises UnknownNameError."""
    return _entry(name).summary


def _entry(name: str) -> Entry:
    if name not in PROBLEMS:
        raise UnknownNameError("problem", name, PROBLEMS)
    return PROBLEMS[name]


def __getattr__(name: str) -> object:
    module = _CLASSES.get(name) or next((entry.module for entry in PROBLEMS.values() if entry.factory == name), None)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HERE + module), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_CLASSES, *(entry.factory for entry in PROBLEMS.values())})
