"""The semidefinite programs, written with PEPit in units of L = 1: one function a kind of method."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from steepest.theory.performance.ask import Ask
from steepest.theory.performance.composite import frank_wolfe, proximal
from steepest.theory.performance.lipschitz import online, subgradient
from steepest.theory.performance.one_function import exact_line_search, fixed
from steepest.theory.performance.pepit import Program, pepit
from steepest.theory.performance.sums import saga, stochastic

PROGRAMS: Final[dict[str, Callable[[Any, Ask], Program]]] = {
    "fixed": fixed,
    "exact-line-search": exact_line_search,
    "proximal-gradient": proximal,
    "projected-gradient": proximal,
    "fista": proximal,
    "frank-wolfe": frank_wolfe,
    "subgradient": subgradient,
    "online-gradient-descent": online,
    "stochastic": stochastic,
    "saga": saga,
}
"""By kind."""


def build(ask: Ask) -> Program:
    """The program of an ask; PEPit keeps its points in class variables, so it must be read before the next one."""
    return PROGRAMS[ask.kind](pepit().PEP(), ask)
