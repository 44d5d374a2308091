"""Building and solving a program: PEPit and CVXPY with Clarabel, one at a time."""

from __future__ import annotations

import importlib
import importlib.util
import threading
import time
import warnings
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from steepest.core.errors import InputError, MissingExtraError
from steepest.theory.performance.ask import Ask
from steepest.theory.performance.programs import SCALED, Program, Scaling, build
from steepest.theory.performance.result import Certified
from steepest.theory.performance.worst_function import WorstFunction

ALMOST: Final = 1e-4
"""Relative tolerance of a value where the solver stopped almost solved on a program that cannot be scaled."""
_LOOSER: Final = (10.0, 100.0, 1000.0)
"""By what the tolerance is widened, one after another."""


@dataclass(frozen=True)
class Solved:
    """A program's outcome in its own units. value: of the dual; lower: of the primal."""

    value: float
    lower: float
    tolerance: float
    almost: bool
    certificate: Certified
    function: WorstFunction | None
    seconds: float
    notes: tuple[str, ...]


def available() -> bool:
    """Whether the extra `theory` is installed."""
    return all(importlib.util.find_spec(name) is not None for name in ("PEPit", "cvxpy", "clarabel"))


def solve(ask: Ask, *, tol: float, time_limit: float) -> Solved:
    """Build and solve; MissingExtraError without the extra `theory`, InputError where the solver finds nothing.

    A program on one function whose proof is not good to `GOOD` is solved again with its unknowns divided by what they
    came out as, up to three times, and the best proof is kept. Where the solver stops almost solved its value is as
    good as its proof: the tolerance says so, and a note. Where it fails, its tolerance is widened.
    """
    for name in ("PEPit", "cvxpy", "clarabel"):
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise MissingExtraError(name, "theory") from error
    with _ONE_AT_A_TIME:
        began = time.perf_counter()
        found = _solved(ask, tol, time_limit, None)
        for _ in range(_AGAIN if ask.kind in SCALED else 0):
            if found.error <= GOOD:
                break
            again = _solved(ask, tol, time_limit, found.scaling)
            found = again if again.error < found.error else replace(found, scaling=again.scaling)
    seconds = time.perf_counter() - began
    tolerance = max(1e-6, found.error) if ask.kind in SCALED else ALMOST if found.almost else 1e-6
    notes = (f"the solver stopped almost solved: its value is good to about {tolerance:.0e}",) if found.almost else ()
    return Solved(
        found.value,
        found.lower,
        tolerance,
        found.almost,
        found.certificate,
        found.function,
        seconds,
        found.notes + notes,
    )


GOOD: Final = 2e-7
"""Relative error of a proof that is good enough."""
_AGAIN: Final = 3


@dataclass(frozen=True)
class _Once:
    """One run of the solver. error: of the proof, relative to the value."""

    value: float
    lower: float
    error: float
    almost: bool
    certificate: Certified
    function: WorstFunction | None
    scaling: Scaling
    notes: tuple[str, ...]


def _solved(ask: Ask, tol: float, time_limit: float, scaling: Scaling | None) -> _Once:
    program, status = _run(ask, tol, time_limit, scaling)
    notes: tuple[str, ...] = ()
    for looser in _LOOSER:
        if status != "solver_error":
            break
        program, status = _run(ask, looser * tol, time_limit, scaling)
        notes = (f"the solver failed at first; solved with its tolerance at {looser * tol:g}",)
    if status not in ("optimal", "optimal_inaccurate"):
        raise InputError(f"worst_case: {_WHY.get(status, f'the solver ended with {status}')}")
    pep = program.pep
    certificate, value = _certificate(pep)
    lower = float(pep.objective.eval())
    size = max(abs(value), _TINY)
    error = max(certificate.error, -certificate.lowest, abs(value - lower)) / size
    return _Once(
        value * program.metric,
        lower * program.metric,
        error,
        status == "optimal_inaccurate",
        replace(certificate, error=error),
        None if program.fun is None else _function(program, ask),
        _scaling(program, lower * program.metric) if ask.kind in SCALED else Scaling(),
        notes,
    )


_ONE_AT_A_TIME: Final = threading.Lock()
"""PEPit counts its points in class variables."""
_WHY: Final = {
    "infeasible": "no function of the class meets the start",
    "unbounded": "there is no worst case: the quantity has no bound",
    "unbounded_inaccurate": "there is no worst case: the quantity has no bound",
    "infeasible_inaccurate": "no function of the class meets the start",
    "infeasible_or_unbounded": "there is no worst case: the quantity has no bound",
    "solver_error": "the solver failed numerically; fewer steps, or a larger tol",
    "user_limit": "the solver did not end within time_limit; fewer steps or a longer limit",
}


def _scaling(program: Program, value: float) -> Scaling:
    """How large the unknowns of a solved program are."""
    return Scaling(
        _size(program.start),
        tuple(_size(g) for g in program.gradients),
        tuple(max(abs(float(f.eval())), _TINY) for f in program.values),
        tuple(_size(x) for x in program.moves),
        max(abs(value), _TINY),
    )


def _size(point: Any) -> float:
    return max(float(np.linalg.norm(point.eval())), _TINY)


_TINY: Final = 1e-12


def _run(ask: Ask, tol: float, time_limit: float, scaling: Scaling | None = None) -> tuple[Program, str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = build(ask, scaling)
        try:
            program.pep.solve(
                wrapper="cvxpy",
                solver="CLARABEL",
                verbose=0,
                tol_gap_abs=tol,
                tol_gap_rel=tol,
                tol_feas=tol,
                time_limit=float(time_limit),
            )
        except Exception as error:
            if type(error).__name__ != "SolverError":
                raise
            return program, "solver_error"
        return program, str(program.pep.wrapper.prob.status)


def _certificate(pep: Any) -> tuple[Certified, float]:
    """The combination objective − Σ λ·constraint + ⟨S, G⟩, which must be the constant that it proves."""
    expression_to_matrices = importlib.import_module("PEPit.tools.expressions_to_matrices").expression_to_matrices
    gram, values, constant = expression_to_matrices(pep.objective)
    gram, values = np.array(gram, dtype=np.float64), np.array(values, dtype=np.float64)
    multipliers: dict[str, float] = {}
    lowest = float(np.linalg.eigvalsh(pep.residual)[0])
    for constraint in pep._list_of_constraints_sent_to_wrapper:
        weight = float(constraint.eval_dual())
        if constraint.equality_or_inequality == "inequality":
            lowest = min(lowest, weight)
        if weight == 0:
            continue
        G, F, c = expression_to_matrices(constraint.expression)
        gram, values, constant = gram - weight * G, values - weight * F, constant - weight * c
        if abs(weight) > 1e-7:
            name = _inequality(constraint.get_name())
            multipliers[name] = multipliers.get(name, 0.0) + weight
    for matrix in pep._list_of_psd_sent_to_wrapper:
        weights = np.asarray(matrix.eval_dual())
        lowest = min(lowest, float(np.linalg.eigvalsh(weights)[0]))
        for (i, j), weight in np.ndenumerate(weights):
            G, F, c = expression_to_matrices(matrix.matrix_of_expressions[i, j])
            gram, values, constant = gram + weight * G, values + weight * F, constant + weight * c
    gram = gram + pep.residual
    error = float(np.abs(gram).sum() + np.abs(values).sum())
    return Certified(multipliers, error, lowest), float(constant)


def _inequality(name: str) -> str:
    """PEPit's name of a constraint, shorter: "interpolation (x0, x1)"."""
    inside = name.rpartition("(")[2].rstrip(")") if "(" in name else ""
    return f"interpolation ({inside})" if name.startswith("IC_") else name.lower()


def _function(program: Program, ask: Ask) -> WorstFunction:
    """The points of the program's function, in the fewest coordinates."""
    known = program.fun.list_of_points
    points = np.array([point.eval() for point, _, _ in known])
    gradients = np.array([gradient.eval() for _, gradient, _ in known])
    values = np.array([float(value.eval()) for _, _, value in known])
    start = np.asarray(program.start.eval())
    minimizer = None if program.minimizer is None else np.asarray(program.minimizer.eval())
    names = tuple(point.get_name() or f"point {i}" for i, (point, _, _) in enumerate(known))
    if minimizer is not None:
        points, start = points - minimizer, start - minimizer
        values = values - values[names.index("x*")]
        minimizer = np.zeros_like(minimizer)
    basis = _span(np.vstack([points, gradients]))
    smooth_convex = ask.functions in ("convex", "strongly convex")
    return WorstFunction(
        points @ basis,
        gradients @ basis,
        values,
        names,
        start @ basis,
        None if minimizer is None else minimizer @ basis,
        1.0 if smooth_convex else None,
        ask.mu,
    )


def _span(rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """An orthonormal basis of what the rows span, up to the solver's accuracy."""
    _, sizes, basis = np.linalg.svd(rows, full_matrices=False)
    kept = max(1, int((sizes > 1e-4 * sizes[0]).sum())) if sizes.size and sizes[0] > 0 else 1
    return np.asarray(basis[:kept].T)
