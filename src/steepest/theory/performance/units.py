"""From units of L = 1, and of 1 for what bounds the start, to the problem's."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from steepest.theory.performance.ask import Ask
from steepest.theory.performance.worst_function import WorstFunction
from steepest.theory.theorem import Quantity


def scale_of(ask: Ask, values: Mapping[str, float]) -> float:
    """What the program's value is multiplied by."""
    unit = unit_of(ask, values)
    L = values.get("L", 1.0)
    if ask.quantity is Quantity.DISTANCE_SQUARED:
        return unit / L
    if ask.quantity in (Quantity.GRADIENT_SQUARED, Quantity.BEST_GRADIENT):
        return unit * L
    return unit


def unit_of(ask: Ask, values: Mapping[str, float]) -> float:
    """The unit of f."""
    if ask.functions == "Lipschitz":
        return values["G"] * (values["R"] if ask.kind == "subgradient" else values["D"])
    if ask.initial == "Lyapunov":
        return values["lyapunov0"]
    if ask.initial == "gap":
        return values["delta"]
    if ask.initial == "gradient":
        return values["g0"] ** 2 / values["L"]
    if ask.initial == "gap and distance":
        return values["delta"] + values["mu"] * values["R"] ** 2 / 2
    return values["L"] * (values["D"] if ask.initial == "set" else values["R"]) ** 2


def in_units(function: WorstFunction, unit: float, L: float | None) -> WorstFunction:
    """The function found for L = 1 in the problem's units; for Lipschitz ones f and x share theirs."""
    curvature = 1.0 if L is None else L
    length = unit if L is None else math.sqrt(unit / curvature)
    slope = unit / length if length else 0.0
    return replace(
        function,
        points=function.points * length,
        gradients=function.gradients * slope,
        values=function.values * unit,
        start=function.start * length,
        minimizer=None if function.minimizer is None else np.asarray(function.minimizer * length),
        L=None if function.L is None else curvature,
        mu=function.mu * curvature,
    )
