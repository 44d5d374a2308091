"""All theorems, by name."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Final

from steepest.core.errors import UnknownNameError
from steepest.theory.reading import FAMILIES
from steepest.theory.theorem import Theorem

FILES: Final = (
    "gradient_descent",
    "line_search",
    "heavy_ball",
    "nesterov",
    "proximal",
    "frank_wolfe",
    "stochastic",
    "variance_reduction",
    "online",
    "adaptive",
    "newton",
    "quasi_newton",
    "augmented_lagrangian",
)
"""The files of `theory/statements`, in the order in which theorems are listed: one line each."""


@cache
def theorems(family: str | None = None) -> tuple[Theorem, ...]:
    """All theorems, or those of one family. Raises UnknownNameError for a family that is not known.

    >>> [theorem.name for theorem in theorems("frank-wolfe")]
    ['frank-wolfe']
    """
    if family is not None and family not in FAMILIES:
        raise UnknownNameError("family", family, FAMILIES)
    found: tuple[Theorem, ...] = ()
    for file in FILES:
        found += import_module(f"steepest.theory.statements.{file}").THEOREMS
    return found if family is None else tuple(theorem for theorem in found if theorem.family == family)


def get(name: str) -> Theorem:
    """The theorem of that name. Raises UnknownNameError with the nearest names.

    >>> get("gd-convex").statement()
    'f(x_N) − f* ≤ L R²/(4 N h + 2)'
    """
    known = {theorem.name: theorem for theorem in theorems()}
    if name not in known:
        raise UnknownNameError("theorem", name, known)
    return known[name]
