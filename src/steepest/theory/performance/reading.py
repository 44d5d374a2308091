"""The worst functions of a solved program."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from steepest.theory.performance.ask import Ask
from steepest.theory.performance.conic import Array, Outcome, coefficients
from steepest.theory.performance.pepit import Program
from steepest.theory.performance.worst_function import WorstFunction


def worst_functions(program: Program, found: Outcome, ask: Ask) -> dict[str, WorstFunction]:
    """Each function at the points where the program knows it, all in the same coordinates, as few as possible.

    The minimizer is 0; so is each function's value there.
    """
    vectors = _vectors(found.gram)
    data = {name: _known(function, vectors, found.values) for name, function in program.functions.items()}
    start = _vector(program.start, vectors)
    basis = _span(np.vstack([rows for points, slopes, _, _ in data.values() for rows in (points, slopes)]))
    minimizer = None if program.minimizer is None else np.zeros(basis.shape[1])
    curved = ("convex", "strongly convex")
    shown = {}
    for name, (points, slopes, values, names) in data.items():
        smooth = ask.functions in curved and name.startswith("f")
        L, mu = (1.0, ask.mu) if smooth else (None, 0.0)
        shown[name] = WorstFunction(points @ basis, slopes @ basis, values, names, start @ basis, minimizer, L, mu)
    return shown


def _known(function: Any, vectors: Array, numbers: Array) -> tuple[Array, Array, Array, tuple[str, ...]]:
    triplets = function.list_of_points
    points = np.array([_vector(point, vectors) for point, _, _ in triplets])
    slopes = np.array([_vector(slope, vectors) for _, slope, _ in triplets])
    values = np.array([float(coefficients(value)[1] @ numbers[:-1]) for _, _, value in triplets])
    names = tuple(point.get_name() or f"point {i}" for i, (point, _, _) in enumerate(triplets))
    return points, slopes, values, names


def _vectors(gram: Array) -> Array:
    """Rows with these inner products."""
    eigenvalues, basis = np.linalg.eigh(gram)
    return np.asarray(basis * np.sqrt(np.maximum(eigenvalues, 0.0)))


def _vector(point: Any, vectors: Array) -> Array:
    found = np.zeros(vectors.shape[1])
    for leaf, weight in point.decomposition_dict.items():
        found = found + weight * vectors[leaf.counter]
    return found


def _span(rows: Array) -> npt.NDArray[np.float64]:
    """An orthonormal basis of what the rows span, up to the solver's accuracy."""
    _, sizes, basis = np.linalg.svd(rows, full_matrices=False)
    kept = max(1, int((sizes > 1e-4 * sizes[0]).sum())) if sizes.size and sizes[0] > 0 else 1
    return np.asarray(basis[:kept].T)
