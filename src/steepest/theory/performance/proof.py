"""From a solver's multipliers to a proof: nonnegative weights whose combination of the inequalities is the bound."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from steepest.theory.performance.conic import TINY, Array, Conic, Outcome


@dataclass(frozen=True, eq=False)
class Proof:
    """An upper bound of a program with what proves it.

    value: the bound. error: by how much it may be off, relative: what is left of the equalities, what it took to make
    the residual matrix positive semidefinite, and every |weight · row|, which would all be 0 at a solution: where a row
    is slack the bound is too high, where it is exceeded what was found is. lowest: the least weight, and the least
    eigenvalue of the residual matrix in units where G has ones on its diagonal, divided by the value. weights: by
    inequality, those that are not zero.
    """

    value: float
    error: float
    lowest: float
    weights: Mapping[str, float]


def prove(conic: Conic, found: Outcome, sizes: Array) -> Proof:
    """A bound on F[−1] from multipliers.

    With weights λ ≥ 0 (and a positive semidefinite Z a block) Σ λ·row ≥ … adds up to F[−1] + ⟨S, G⟩ ≤ −Σ λ·constant
    where the coefficients of F cancel, and S = Σ λ·gram. So weights are made nonnegative, then changed as little as
    can be, in proportion to themselves, until the coefficients do cancel; S is taken as it comes. Where its least
    eigenvalue σ is below 0 the bound rises by |σ| tr G, with the G that was found: correct to first order.
    sizes: about |F|, the units in which the coefficients are made to cancel.
    """
    weights, signs = _nonnegative(conic, found.weights), _signs(conic)
    columns = conic.values * sizes * signs[:, None]
    wanted = np.zeros(columns.shape[1])
    wanted[-1] = sizes[-1]
    for _ in range(3):
        mobile = np.where(conic.equal, np.abs(weights).max(), np.abs(weights))
        for start, size in conic.blocks:
            of_block = slice(start, start + size * (size + 1) // 2)
            mobile[of_block] = max(float(np.abs(weights[of_block]).max()), TINY)
        system = columns.T @ (mobile[:, None] * columns)
        missing = wanted - columns.T @ weights
        weights = _nonnegative(conic, weights + mobile * (columns @ np.linalg.lstsq(system, missing, rcond=1e-13)[0]))
    signed = signs * weights
    bound = -float(signed @ conic.constant)
    left = float(np.abs((wanted - columns.T @ weights) / sizes * found.values).sum())
    unit = np.maximum(np.sqrt(np.maximum(np.diag(found.gram), 0.0)), TINY)
    residual = np.tensordot(signed, conic.gram, axes=1) * np.outer(unit, unit)
    gram = found.gram / np.outer(unit, unit)
    eigenvalues, vectors = np.linalg.eigh(residual)
    below = max(0.0, -float(eigenvalues[0])) * float(np.trace(gram))
    rows = np.tensordot(conic.gram, found.gram, axes=2) + conic.values @ found.values + conic.constant
    slack = _products(eigenvalues, vectors, gram) + _slack(conic, weights, rows)
    scale = max(abs(bound), TINY)
    plain = weights[: conic.scalars]
    least = min(float(plain[~conic.equal[: conic.scalars]].min()), float(eigenvalues[0]) / scale)
    return Proof(bound + below, (left + slack + below) / scale, least, _named(conic, weights))


def _slack(conic: Conic, weights: Array, rows: Array) -> float:
    """Σ |weight · row|; of a block along the eigenvectors of its weights."""
    total = float(np.abs(weights[: conic.scalars] * rows[: conic.scalars]).sum())
    for start, size in conic.blocks:
        of_block = slice(start, start + size * (size + 1) // 2)
        total += _products(*np.linalg.eigh(_matrix(weights[of_block], size)), _matrix(rows[of_block], size))
    return total


def _products(eigenvalues: Array, vectors: Array, matrix: Array) -> float:
    """Σ |σᵢ vᵢᵀ M vᵢ|."""
    return float(np.abs(eigenvalues * np.sum(vectors * (matrix @ vectors), axis=0)).sum())


def _matrix(triangle: Array, size: int) -> Array:
    second, first = np.tril_indices(size)
    matrix = np.zeros((size, size))
    matrix[first, second] = matrix[second, first] = triangle
    return matrix


def _signs(conic: Conic) -> Array:
    """Blocks are ⪰ 0 where rows are ≤ 0; off their diagonal both triangles count."""
    signs = np.ones(len(conic.constant))
    for start, size in conic.blocks:
        second, first = np.tril_indices(size)
        signs[start : start + len(first)] = np.where(first == second, -1.0, -2.0)
    return signs


def _nonnegative(conic: Conic, weights: Array) -> Array:
    found = np.where(conic.equal, weights, np.maximum(weights, 0.0))
    for start, size in conic.blocks:
        second, first = np.tril_indices(size)
        of_block = slice(start, start + len(first))
        eigenvalues, vectors = np.linalg.eigh(_matrix(weights[of_block], size))
        matrix = (vectors * np.maximum(eigenvalues, 0.0)) @ vectors.T
        found[of_block] = matrix[first, second]
    return found


def _named(conic: Conic, weights: Array) -> dict[str, float]:
    named: dict[str, float] = {}
    for name, weight in zip(conic.names, weights.tolist(), strict=True):
        if abs(weight) > 1e-7:
            label = _label(name)
            named[label] = named.get(label, 0.0) + weight
    return named


def _label(name: str) -> str:
    """PEPit's name of a constraint, shorter: "interpolation (x0, x1)"."""
    inside = name.rpartition("(")[2].rstrip(")") if "(" in name else ""
    return f"interpolation ({inside})" if name.startswith("IC_") else name.lower()
