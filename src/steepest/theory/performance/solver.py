"""Solving a program: PEPit writes it, Clarabel solves it, and its multipliers are made a proof."""

from __future__ import annotations

import importlib
import importlib.util
import threading
import time
from dataclasses import dataclass
from typing import Final

import numpy as np

from steepest.core.errors import InputError, MissingExtraError
from steepest.theory.performance.ask import Ask
from steepest.theory.performance.conic import TINY, Conic, Outcome, optimize
from steepest.theory.performance.programs import build
from steepest.theory.performance.proof import Proof, prove
from steepest.theory.performance.reading import worst_functions
from steepest.theory.performance.result import Certified
from steepest.theory.performance.worst_function import WorstFunction

NEEDED: Final = ("PEPit", "clarabel")
"""Packages of the extra `theory` that are imported here."""
GOOD: Final = 2e-7
"""Relative error of a proof that is good enough."""
_FRACTIONS: Final = (0.99, 0.95, 0.9, 0.95, 0.99, 0.85, 0.93, 0.97, 0.88)
"""How far a step goes to the boundary, one solution after another: where one gets stuck another does not."""
_FEW: Final = 5
"""After so many solutions `ENOUGH` is good enough."""
ENOUGH: Final = 1e-6


@dataclass(frozen=True)
class Solved:
    """A program's outcome in its own units. value: of the proof; lower: of the functions that were found.

    tolerance: how far value may be off, relative. almost: the solver stopped before its tolerance.
    """

    value: float
    lower: float
    tolerance: float
    almost: bool
    certificate: Certified
    functions: dict[str, WorstFunction]
    seconds: float
    notes: tuple[str, ...]


def available() -> bool:
    """Whether the extra `theory` is installed."""
    return all(importlib.util.find_spec(name) is not None for name in NEEDED)


def solve(ask: Ask, *, tol: float, time_limit: float) -> Solved:
    """Build and solve; MissingExtraError without the extra `theory`, InputError where there is no solution.

    Solved again with the unknowns divided by what they came out as, up to eight times while the proof is not good to
    `GOOD`, or later to `ENOUGH`; the best proof is kept. Where the solver stopped almost solved its value is as good
    as its proof: the tolerance says how good, and a note that it did.
    """
    for name in NEEDED:
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise MissingExtraError(name, "theory") from error
    began = time.perf_counter()
    with _ONE_AT_A_TIME:
        program = build(ask)
        conic = Conic.of(program.pep)
        found, proof = _best(conic, tol, began + time_limit)
        functions = worst_functions(program, found, ask)
    almost = found.status != "Solved"
    tolerance = max(1e-6, proof.error)
    notes = (f"the solver stopped almost solved: its value is good to about {tolerance:.0e}",) if almost else ()
    return Solved(
        proof.value,
        float(found.values[-1]),
        tolerance,
        almost,
        Certified(proof.weights, proof.error, proof.lowest),
        functions,
        time.perf_counter() - began,
        notes,
    )


def _best(conic: Conic, tol: float, deadline: float) -> tuple[Outcome, Proof]:
    """The solution with the best proof, and that proof."""
    lengths, sizes = np.ones(conic.gram.shape[1]), np.ones(conic.values.shape[1])
    best: tuple[Outcome, Proof] | None = None
    status = ""
    for index, fraction in enumerate(_FRACTIONS):
        left = deadline - time.perf_counter()
        if left <= 0:
            status = status or "MaxTime"
            break
        found = optimize(conic, lengths, sizes, tol=tol, seconds=left, fraction=fraction)
        status = found.status
        if status in _HOPELESS:
            break
        if not np.isfinite(found.gram).all() or not np.isfinite(found.weights).all() or not found.gram.any():
            continue
        scale = np.maximum(np.abs(found.values), TINY)
        proof = prove(conic, found, scale)
        if best is None or proof.error < best[1].error:
            best = found, proof
        if best[1].error <= (GOOD if index + 1 < _FEW else ENOUGH):
            break
        lengths, sizes = np.maximum(np.sqrt(np.maximum(np.diag(found.gram), 0.0)), TINY), scale
    if best is None or best[1].error > _USELESS:
        raise InputError(f"worst_case: {({**_HOPELESS, **_LATE}).get(status, _FAILED)}")
    return best


_USELESS: Final = 0.1
_ONE_AT_A_TIME: Final = threading.Lock()
"""PEPit counts its points in class variables."""
_NO_BOUND: Final = "there is no worst case: the quantity has no bound"
_NO_FUNCTION: Final = "no function of the class meets the start"
_FAILED: Final = "the solver failed numerically; fewer steps, or a larger tol"
_HOPELESS: Final = {
    "PrimalInfeasible": _NO_FUNCTION,
    "AlmostPrimalInfeasible": _NO_FUNCTION,
    "DualInfeasible": _NO_BOUND,
    "AlmostDualInfeasible": _NO_BOUND,
}
_LATE: Final = {"MaxTime": "the solver did not end within time_limit; fewer steps or a longer limit"}
"""Why there is no solution, by Clarabel's status; another one says that it failed."""
