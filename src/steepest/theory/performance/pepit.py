"""PEPit, of the extra `theory`, and what the programs share of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from steepest.theory.performance.ask import Ask


@dataclass
class Program:
    """A program that PEPit holds.

    functions: those whose worst instances can be shown, by name, the one that is minimized or its smooth part first.
    start, minimizer: PEPit's points.
    """

    pep: Any
    functions: Mapping[str, Any] = field(default_factory=dict)
    start: Any = None
    minimizer: Any = None


def pepit() -> Any:
    """The package."""
    return import_module("PEPit")


def functions() -> Any:
    """Its classes of functions."""
    return import_module("PEPit.functions")


def steps() -> Any:
    """Its primitive steps."""
    return import_module("PEPit.primitive_steps")


def declared(pep: Any, ask: Ask) -> Any:
    """A function of the class that is asked for, with L = 1."""
    if ask.functions == "smooth":
        return pep.declare_function(functions().SmoothFunction, L=1.0)
    if ask.functions == "PL":
        return pep.declare_function(functions().SmoothQuadraticLojasiewiczFunctionExpensive, L=1.0, mu=ask.mu)
    if ask.mu:
        return pep.declare_function(functions().SmoothStronglyConvexFunction, mu=ask.mu, L=1.0)
    return pep.declare_function(functions().SmoothConvexFunction, L=1.0)


def origin() -> Any:
    """The point 0, where a program puts its minimizer: all classes are invariant under translations."""
    return named(pepit().Point(is_leaf=False, decomposition_dict={}), "x*")


def zero() -> Any:
    """The gradient 0."""
    return pepit().Point(is_leaf=False, decomposition_dict={})


def nothing() -> Any:
    """The value 0."""
    return pepit().Expression(is_leaf=False, decomposition_dict={})


def unknown(name: str) -> Any:
    """A point that the program chooses."""
    return named(pepit().Point(is_leaf=True), name)


def named(point: Any, name: str) -> Any:
    """A point under that name, unless it has one."""
    if not point.get_name():
        point.set_name(name)
    return point


def combination(x0: Any, weights: Sequence[float], gradients: Sequence[Any]) -> Any:
    """x₀ minus weights times gradients."""
    point = x0
    for weight, gradient in zip(weights, gradients, strict=False):
        if weight and math.isfinite(weight):
            point = point - weight * gradient
    return point


def mean(parts: Sequence[Any]) -> Any:
    """Of points or expressions."""
    return sum(parts[1:], parts[0]) / len(parts)
