"""The 35 problems in the paper's order: module, function and summary, a line each."""

from __future__ import annotations

from typing import Final

from steepest.problems.entry import Entry

_SQUARES: Final = {
    "rosenbrock": "2 variables, 2 squares",
    "freudenstein-roth": "2 variables, 2 squares, a local minimum",
    "powell-badly-scaled": "2 variables, 2 squares, variables of 1e-5 and 9",
    "brown-badly-scaled": "2 variables, 3 squares, variables of 1e6 and 2e-6",
    "beale": "2 variables, 3 squares",
    "jennrich-sampson": "2 variables, 10 squares, a large minimum",
    "helical-valley": "3 variables, 3 squares",
    "bard": "3 variables, 15 squares, another minimum at infinity",
    "gaussian": "3 variables, 15 squares",
    "meyer": "3 variables, 16 squares, badly scaled",
    "gulf": "3 variables, 99 squares",
    "box": "3 variables, 10 squares, minima on a line",
    "powell-singular": "4 variables, 4 squares, singular at the minimum",
    "wood": "4 variables, 6 squares",
    "kowalik-osborne": "4 variables, 11 squares, another minimum at infinity",
    "brown-dennis": "4 variables, 20 squares, a large minimum",
    "osborne-1": "5 variables, 33 squares",
    "biggs-exp6": "6 variables, 13 squares, a local minimum",
    "osborne-2": "11 variables, 65 squares",
    "watson": "6 variables, 31 squares, badly conditioned",
    "extended-rosenbrock": "10 variables, 10 squares",
    "extended-powell-singular": "12 variables, 12 squares, singular at the minimum",
    "penalty-1": "4 variables, 5 squares",
    "penalty-2": "4 variables, 8 squares",
    "variably-dimensioned": "10 variables, 12 squares",
    "trigonometric": "10 variables, 10 squares, local minima",
    "brown-almost-linear": "10 variables, 10 squares, a local minimum",
    "discrete-boundary-value": "10 variables, 10 squares",
    "discrete-integral-equation": "10 variables, 10 squares",
    "broyden-tridiagonal": "10 variables, 10 squares",
    "broyden-banded": "10 variables, 10 squares",
    "linear-full-rank": "10 variables, 20 squares",
    "linear-rank-1": "10 variables, 20 squares of rank 1",
    "linear-rank-1-zero": "10 variables, 20 squares of rank 1",
    "chebyquad": "8 variables, 8 squares",
}

MGH: Final[dict[str, Entry]] = {
    f"mgh-{name}": Entry(
        f"functions.more_garbow_hillstrom.{name.replace('-', '_')}",
        name.replace("-", "_"),
        f"Moré–Garbow–Hillstrom {number}: {text}",
    )
    for number, (name, text) in enumerate(_SQUARES.items(), 1)
}
"""By name, problem 1 first."""
