"""Objectives, and what is known of them. `names()` lists the built-in ones, `get(name)` makes one.

A new problem is one file with a function that returns a `Problem`, and one line in `PROBLEMS`. Listing them imports
neither PyTorch nor any data.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from difflib import get_close_matches
from importlib import import_module
from typing import TYPE_CHECKING, Final

from steepest.core.errors import InputTypeError, UnknownNameError
from steepest.problems.counterexamples import COUNTEREXAMPLES
from steepest.problems.entry import Entry
from steepest.problems.functions.more_garbow_hillstrom.table import MGH
from steepest.problems.problem import Problem

if TYPE_CHECKING:
    from steepest.problems.functions.ackley import ackley as ackley
    from steepest.problems.functions.beale import beale as beale
    from steepest.problems.functions.booth import booth as booth
    from steepest.problems.functions.bowl import bowl as bowl
    from steepest.problems.functions.bowls import long_bowl as long_bowl
    from steepest.problems.functions.bowls import shifted_bowl as shifted_bowl
    from steepest.problems.functions.function import FunctionProblem
    from steepest.problems.functions.goldstein_price import goldstein_price as goldstein_price
    from steepest.problems.functions.griewank import griewank as griewank
    from steepest.problems.functions.himmelblau import himmelblau as himmelblau
    from steepest.problems.functions.levy import levy as levy
    from steepest.problems.functions.matyas import matyas as matyas
    from steepest.problems.functions.monkey_saddle import monkey_saddle as monkey_saddle
    from steepest.problems.functions.one_variable import absolute_value as absolute_value
    from steepest.problems.functions.one_variable import double_well as double_well
    from steepest.problems.functions.one_variable import exponential as exponential
    from steepest.problems.functions.one_variable import negative_log as negative_log
    from steepest.problems.functions.one_variable import shifted_square as shifted_square
    from steepest.problems.functions.one_variable import sine as sine
    from steepest.problems.functions.one_variable import square as square
    from steepest.problems.functions.one_variable import tilted_double_well as tilted_double_well
    from steepest.problems.functions.parabola import parabola as parabola
    from steepest.problems.functions.quadratic import quadratic as quadratic
    from steepest.problems.functions.rastrigin import rastrigin as rastrigin
    from steepest.problems.functions.rosenbrock import rosenbrock as rosenbrock
    from steepest.problems.functions.styblinski_tang import styblinski_tang as styblinski_tang
    from steepest.problems.functions.sum_of_squares import sum_of_squares as sum_of_squares
    from steepest.problems.functions.three_hump_camel import three_hump_camel as three_hump_camel
    from steepest.problems.neural.digits_mlp import digits_mlp as digits_mlp
    from steepest.problems.training import TrainingProblem

__all__ = [
    "MGH",
    "PROBLEMS",
    "Entry",
    "FunctionProblem",
    "Problem",
    "TrainingProblem",
    "get",
    "names",
    "sum_of_squares",
    "summary",
]

_HERE: Final = "steepest.problems."

PROBLEMS: Final[dict[str, Entry]] = {
    "parabola": Entry("functions.parabola", "parabola", "(x − 2)² + 1 from 5: one variable, condition number 1"),
    "bowl": Entry("functions.bowl", "bowl", "(x − 1)² + 2(y − 2)² from (−2, −1): two variables, condition number 2"),
    "quadratic": Entry("functions.quadratic", "quadratic", "½ (x − x*)ᵀH(x − x*) in 10 variables, condition number 10"),
    "long-bowl": Entry("functions.bowls", "long_bowl", "x² + 100y² from (1, 1): condition number 100"),
    "shifted-bowl": Entry("functions.bowls", "shifted_bowl", "(x − 3)² + 2(y + 1)² from (0, 0): condition number 2"),
    "booth": Entry("functions.booth", "booth", "a quadratic in 2 variables from (−5, −5), condition number 9"),
    "matyas": Entry("functions.matyas", "matyas", "a quadratic in 2 variables from (8, −6), condition number 25"),
    "square": Entry("functions.one_variable", "square", "x² from 3"),
    "shifted-square": Entry("functions.one_variable", "shifted_square", "x² + 2x + 1 from 3"),
    "absolute-value": Entry("functions.one_variable", "absolute_value", "|x| from 3, not smooth at 0"),
    "exponential": Entry("functions.one_variable", "exponential", "eˣ from 1, an infimum that is taken nowhere"),
    "negative-log": Entry("functions.one_variable", "negative_log", "−log x from 1, a barrier at 0, unbounded below"),
    "sine": Entry("functions.one_variable", "sine", "sin x from 1, many minima"),
    "double-well": Entry("functions.one_variable", "double_well", "x⁴ − x² from 1.5, two equal minima"),
    "tilted-double-well": Entry(
        "functions.one_variable", "tilted_double_well", "x⁴ − 4x² + 2x from 2, a local minimum"
    ),
    "rosenbrock": Entry(
        "functions.rosenbrock", "rosenbrock", "a curved valley in 2 variables from (−1, 1), not convex"
    ),
    "beale": Entry("functions.beale", "beale", "a flat plain with steep walls in 2 variables from (1, 1), not convex"),
    "himmelblau": Entry("functions.himmelblau", "himmelblau", "four equal minima in 2 variables from (0, 0)"),
    "goldstein-price": Entry("functions.goldstein_price", "goldstein_price", "values of 3 to 10⁶, three local minima"),
    "three-hump-camel": Entry("functions.three_hump_camel", "three_hump_camel", "a minimum between two local ones"),
    "styblinski-tang": Entry("functions.styblinski_tang", "styblinski_tang", "two wells along each axis from 0"),
    "rastrigin": Entry("functions.rastrigin", "rastrigin", "a lattice of local minima from (3.3, 3.3)"),
    "ackley": Entry("functions.ackley", "ackley", "a cone among local minima from (2.3, 2.3), not smooth at its tip"),
    "griewank": Entry("functions.griewank", "griewank", "shallow waves on a wide bowl from (10, 10)"),
    "levy": Entry("functions.levy", "levy", "waves of growing height from (−4, −4)"),
    "monkey-saddle": Entry("functions.monkey_saddle", "monkey_saddle", "x³ − 3xy² from (1, 0.1), unbounded below"),
    **MGH,
    **COUNTEREXAMPLES,
    "digits-mlp": Entry("neural.digits_mlp", "digits_mlp", "network 64–32–10 on scikit-learn's 8 × 8 digits, accuracy"),
}
"""The built-in problems by name: module, function and summary; one line each."""

_CLASSES: Final = {
    "FunctionProblem": "functions.function",
    "TrainingProblem": "training",
    "sum_of_squares": "functions.sum_of_squares",
}
_FACTORIES: Final = {entry.factory: entry.module for name, entry in PROBLEMS.items() if name not in MGH}
"""What is an attribute of this module; the collection's problems are made by `get`."""


def names() -> tuple[str, ...]:
    """The names of the built-in problems, functions first.

    >>> names()[:2]
    ('parabola', 'bowl')
    """
    return tuple(PROBLEMS)


def get(name: str, /, **settings: object) -> Problem:
    """The built-in problem of that name; settings are what its function takes, such as `dim`.

    Raises UnknownNameError, with the nearest names; InputTypeError for a setting that it does not have; and
    MissingExtraError where it needs what is not installed.

    >>> get("bowl").facts.kappa, len(get("rosenbrock", dim=1000).x0)
    (2.0, 1000)
    """
    entry = _entry(name)
    make: Callable[..., Problem] = getattr(import_module(_HERE + entry.module), entry.factory)
    if settings:
        known = inspect.signature(make).parameters
        for setting in settings:
            if setting not in known:
                near = get_close_matches(setting, known, n=1) or known
                raise InputTypeError(f"{name}: has no setting {setting!r}; did you mean {', '.join(near)}?")
    return make(**settings)


def summary(name: str) -> str:
    """One line on the built-in problem of that name, without making it. Raises UnknownNameError."""
    return _entry(name).summary


def _entry(name: str) -> Entry:
    if name not in PROBLEMS:
        raise UnknownNameError("problem", name, PROBLEMS)
    return PROBLEMS[name]


def __getattr__(name: str) -> object:
    module = _CLASSES.get(name) or _FACTORIES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HERE + module), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_CLASSES, *_FACTORIES})
