"""A program as matrices, and Clarabel on it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import sparse

Array = npt.NDArray[np.float64]
TINY: Final = 1e-12


@dataclass(frozen=True, eq=False)
class Conic:
    """Maximize F[−1] over Gram matrices G ⪰ 0 and numbers F, subject to rows ⟨gram, G⟩ + ⟨values, F⟩ + constant.

    A row is = 0 where `equal`, else ≤ 0; the rows from `start` on of a block (start, size) are the upper triangle,
    column by column, of a size × size matrix that is ⪰ 0. names: of the rows.
    gram: shape (rows, n, n), symmetric. values: shape (rows, m). constant: shape (rows,).
    """

    gram: Array
    values: Array
    constant: Array
    equal: npt.NDArray[np.bool_]
    blocks: tuple[tuple[int, int], ...]
    names: tuple[str, ...]

    @classmethod
    def of(cls, pep: Any) -> Conic:
        """All that PEPit knows of a program: metrics, conditions, and the inequalities of its functions' classes."""
        functions = list(import_module("PEPit").Function.list_of_functions)
        for function in functions:
            if function.get_is_leaf():
                function.set_class_constraints()
        scalars = [(metric, False, "performance metric", -1.0) for metric in pep.list_of_performance_metrics]
        matrices = list(pep.list_of_psd)
        given = [*pep.list_of_constraints]
        for function in functions:
            given += [*function.list_of_class_constraints, *function.list_of_constraints]
            matrices += [*function.list_of_class_psd, *function.list_of_psd]
        for constraint in given:
            equal = constraint.equality_or_inequality == "equality"
            scalars.append((constraint.expression, equal, constraint.get_name() or "condition", 1.0))
        rows = [(sign * weights[0], sign * weights[1], sign * weights[2])
                for expression, _, _, sign in scalars for weights in [coefficients(expression)]]  # fmt: skip
        equal = [is_equal for _, is_equal, _, _ in scalars]
        names = [name for _, _, name, _ in scalars]
        blocks = []
        for matrix in matrices:
            size = matrix.shape[0]
            blocks.append((len(rows), size))
            rows += [coefficients(matrix[i, j]) for j in range(size) for i in range(j + 1)]
            names += [matrix.get_name() or "matrix"] * (size * (size + 1) // 2)
            equal += [False] * (size * (size + 1) // 2)
        values = np.array([row[1] for row in rows])
        objective = np.zeros((len(rows), 1))
        objective[: len(pep.list_of_performance_metrics)] = 1.0
        return cls(
            np.array([row[0] for row in rows]),
            np.hstack([values, objective]),
            np.array([row[2] for row in rows]),
            np.array(equal),
            tuple(blocks),
            tuple(names),
        )

    @property
    def scalars(self) -> int:
        """How many rows belong to no block."""
        return self.blocks[0][0] if self.blocks else len(self.constant)


@dataclass(frozen=True, eq=False)
class Outcome:
    """What Clarabel came out with. weights: multipliers of the rows; of a block, those of a symmetric matrix."""

    status: str
    gram: Array
    values: Array
    weights: Array


def coefficients(expression: Any) -> tuple[Array, Array, float]:
    """PEPit's expression as a symmetric matrix, a vector and a constant."""
    gram, values, constant = import_module("PEPit.tools.expressions_to_matrices").expression_to_matrices(expression)
    return np.array(gram, dtype=np.float64), np.array(values, dtype=np.float64), float(constant)


def optimize(conic: Conic, lengths: Array, sizes: Array, *, tol: float, seconds: float, fraction: float) -> Outcome:
    """Solve with G divided by lengths·lengthsᵀ and F by sizes, each row by its largest coefficient then.

    lengths, sizes: positive; about the square roots of G's diagonal and |F|, so that the solver sees numbers about 1:
    what is small late in a run counts as much as what is large early. fraction: how far a step goes to the boundary.
    """
    clarabel = import_module("clarabel")
    rows, m = conic.values.shape
    column, row = np.tril_indices(len(lengths))
    weight = np.where(row == column, 1.0, math.sqrt(2))
    gram = conic.gram[:, row, column] * (weight * lengths[row] * lengths[column])
    A = np.hstack([conic.values * sizes, gram])
    b = -conic.constant.copy()
    largest = np.abs(A).max(axis=1)
    scale = np.where(largest > 0, largest, 1.0)
    for start, size in conic.blocks:
        of_block = slice(start, start + size * (size + 1) // 2)
        second, first = np.tril_indices(size)
        scale[of_block] = -scale[of_block].max() / np.where(first == second, 1.0, math.sqrt(2))
    A, b = A / scale[:, None], b / scale
    plain = np.arange(conic.scalars)
    order = np.concatenate([
        plain[conic.equal[: conic.scalars]],
        plain[~conic.equal[: conic.scalars]],
        np.arange(conic.scalars, rows),
    ])
    positive = sparse.hstack([sparse.csc_matrix((len(weight), m)), -sparse.eye(len(weight))])
    system = sparse.vstack([sparse.csc_matrix(A[order]), positive]).tocsc()
    target = np.zeros(m + len(weight))
    target[m - 1] = -1.0
    equal = int(conic.equal.sum())
    cones = [clarabel.ZeroConeT(equal)] if equal else []
    cones.append(clarabel.NonnegativeConeT(conic.scalars - equal))
    cones += [clarabel.PSDTriangleConeT(size) for _, size in conic.blocks]
    cones.append(clarabel.PSDTriangleConeT(len(lengths)))
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = tol
    settings.time_limit = seconds
    settings.max_step_fraction = fraction
    nothing = sparse.csc_matrix((len(target), len(target)))
    right = np.concatenate([b[order], np.zeros(len(weight))])
    found = clarabel.DefaultSolver(nothing, target, system, right, cones, settings).solve()
    x, z = np.array(found.x), np.array(found.z)
    weights = np.zeros(rows)
    weights[order] = z[:rows]
    G = np.zeros((len(lengths), len(lengths)))
    G[row, column] = G[column, row] = x[m:] / weight * lengths[row] * lengths[column]
    weights = weights / np.abs(scale) * sizes[m - 1]  # the objective was divided by that
    for start, size in conic.blocks:
        second, first = np.tril_indices(size)
        weights[start : start + len(first)] /= np.where(first == second, 1.0, 2.0)
    return Outcome(str(found.status), G, x[:m] * sizes, weights)
