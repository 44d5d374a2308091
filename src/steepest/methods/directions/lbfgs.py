"""The limited-memory BFGS direction."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, final

import numpy as np
from scipy.linalg.blas import dgemv, dtrsv

from steepest.core.ranges import Range
from steepest.core.status import Status
from steepest.methods.directions.curvature import enough_curvature
from steepest.methods.matrix_model import ProductModel
from steepest.methods.method import Direction, Model, Point, StepSize, Walk, check_pair
from steepest.methods.oracle import VectorOracle
from steepest.methods.preconditioner import Preconditioner, check_preconditioner
from steepest.methods.settings import check_numbers
from steepest.methods.state import record
from steepest.methods.step_sizes.strong_wolfe import StrongWolfe
from steepest.methods.vectors import Matrix, Vector, dot, to_device, to_host, zeros


@record
class Memory:
    """The last pairs s, y, at most `limit`: rows [first, first + size) of two matrices, oldest first.

    The window moves down a row with each pair; at the end of the matrices it is moved back to their top, or they get
    more rows. SY: sᵢᵀyⱼ of the pairs; of it the upper triangle is used, and the rest by the direct form, which also has
    SS: sᵢᵀsⱼ. gamma: sᵀy / yᵀy of the newest pair.
    """

    S: Vector
    Y: Vector
    SY: Matrix
    SS: Matrix
    limit: int
    first: int = 0
    size: int = 0
    gamma: float = 1.0

    HOST: ClassVar = ("SY", "SS")

    @property
    def rows(self) -> tuple[Vector, Vector]:
        """The pairs, as views."""
        window = slice(self.first, self.first + self.size)
        return self.S[window], self.Y[window]

    def clear(self) -> None:
        """Drop every pair."""
        self.first = self.size = 0


@final
@dataclass(frozen=True)
class LBFGS(Direction):
    """L-BFGS: d = −H ∇f(x), with H from the last `memory` pairs s = x⁺ − x, y = ∇f⁺ − ∇f and H₀ = γI, γ = sᵀy / yᵀy.

    Equal to the two-loop recursion (Nocedal & Wright 2006, Algorithm 7.4). With S, Y the pairs as rows, oldest first,
    R the upper triangle of S Yᵀ and D its diagonal, its two loops are two triangular solves:

        α = R⁻¹ S g          q = g − Yᵀα          c = R⁻ᵀ(D α − γ Y q)          H g = γ q + Sᵀc

    so a direction is four products with an m × n matrix, on NumPy arrays and PyTorch tensors of any device. memory: a
    whole number m from 1, 10. step_size: StrongWolfe() by default. preconditioner: takes the place of γI. Pairs
    without curvature, sᵀy ≤ 1e-12 ‖s‖ ‖y‖, are left out. Where the line search fails, the memory is emptied once and
    the search repeated. 2mn numbers, 8mn operations a step.
    Source: Liu & Nocedal 1989, Math. Program. 45, 503–528. Its rate is R-linear only; with exact steps on a quadratic
    it ends in n steps.

    >>> LBFGS(memory=0)
    Traceback (most recent call last):
    ...
    steepest.core.errors.HyperparameterError: LBFGS: memory must be a whole number in [1, inf), got 0
    """

    memory: int = 10
    step_size: StepSize = field(default_factory=StrongWolfe)
    preconditioner: Preconditioner | None = None

    curvature: ClassVar[str] = "product"
    definite: ClassVar[bool] = True
    on_device: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_numbers(self, {"memory": Range(1, integer=True)})
        check_pair(self)
        check_preconditioner(self, self.preconditioner)

    def begin(self, point: Point) -> Memory:
        return empty(self.memory, point.x, self.step_size.wants_model)

    def along(self, oracle: VectorOracle, state: Walk) -> Vector | Status:
        return _times_inverse(state.own, state.point, self.preconditioner)

    def first_trial(self, state: Walk) -> float | None:
        return 1.0 if state.own.size else None

    def learn(self, own: Memory, before: Point, after: Point, s: Vector, y: Vector) -> None:
        sy, yy = dot(s, y), dot(y, y)
        if enough_curvature(sy, s, yy):
            remember(own, s, y, sy / yy, self.step_size.wants_model)

    def forget(self, own: Memory) -> bool:
        known = own.size > 0
        own.clear()
        return known

    def model(self, oracle: VectorOracle, state: Walk) -> Model | Status:
        return ProductModel(state.point.g, direct_product(state.own))


def empty(m: int, x: Vector, with_SS: bool) -> Memory:
    """A memory for m pairs of vectors like x."""
    rows = min(m, _SLACK) + min(m, _SLACK)
    SS = np.zeros((m, m) if with_SS else (0, 0), order="F")
    return Memory(zeros(rows, x), zeros(rows, x), np.zeros((m, m), order="F"), SS, m)


def remember(memory: Memory, s: Vector, y: Vector, gamma: float, with_SS: bool) -> None:
    """Add a pair, for which the oldest goes where there are `limit`, and its products with the others."""
    SY, SS, k = memory.SY, memory.SS, memory.size
    if k == memory.limit:
        memory.first += 1
        SY[:-1, :-1] = SY[1:, 1:]
        if with_SS:
            SS[:-1, :-1] = SS[1:, 1:]
    else:
        memory.size = k = k + 1
    row = memory.first + k - 1
    if row == memory.S.shape[0]:
        row = _make_room(memory, k - 1)
    memory.S[row], memory.Y[row], memory.gamma = s, y, gamma
    S = memory.S[memory.first : row + 1]
    SY[:k, k - 1] = S.dot(y) if type(S) is np.ndarray else to_host(S @ y)
    if with_SS:
        Y = memory.Y[memory.first : row + 1]
        SY[k - 1, :k] = to_host(Y @ s)
        SS[k - 1, :k] = SS[:k, k - 1] = to_host(S @ s)


_SLACK = 16
"""How many rows more than pairs there are at most."""


def _make_room(memory: Memory, kept: int) -> int:
    """Move the window to the top of the matrices, larger ones while they are small; gives the next row."""
    first = memory.first
    wanted = min(2 * memory.S.shape[0], memory.limit + min(memory.limit, _SLACK))
    for name in ("S", "Y"):
        before = getattr(memory, name)
        after = before if wanted <= before.shape[0] else zeros(wanted, before[0])
        after[:kept] = before[first : first + kept] + 0.0
        setattr(memory, name, after)
    memory.first = 0
    return kept


def _times_inverse(memory: Memory, point: Point, preconditioner: Preconditioner | None) -> Vector:
    """−H g."""
    g, k, first = point.g, memory.size, memory.first
    if k == 0:
        return -g if preconditioner is None else -preconditioner.apply(g, point.x)
    S, Y, R = memory.S[first : first + k], memory.Y[first : first + k], memory.SY
    if k < R.shape[0]:
        R = R[:k, :k]
    if type(g) is not np.ndarray:
        return _on_device(S, Y, R, memory.gamma, point, preconditioner)
    alpha = dtrsv(R, S.dot(g))
    if preconditioner is None:
        r = dgemv(memory.gamma, Y.T, alpha, -memory.gamma, g)  # γ(Yᵀα − g)
    else:
        r = preconditioner.apply(dgemv(1.0, Y.T, alpha, -1.0, g), point.x)
    target = Y.dot(r)
    target += alpha * R.diagonal()
    r -= dtrsv(R, target, 1, 0, 0, 1).dot(S)  # trans = 1
    return r


def _on_device(
    S: Vector, Y: Vector, R: Matrix, gamma: float, point: Point, preconditioner: Preconditioner | None
) -> Vector:
    """The same for tensors, with the small triangular systems on the host."""
    g = point.g
    alpha = dtrsv(R, to_host(S @ g))
    q = to_device(alpha, g) @ Y - g
    r = gamma * q if preconditioner is None else preconditioner.apply(q, point.x)
    c = dtrsv(R, to_host(Y @ r) + alpha * R.diagonal(), 1, 0, 0, 1)
    return r - to_device(c, g) @ S


def direct_product(memory: Memory) -> Any:
    """V ↦ B v for the B = H⁻¹ of the pairs, in compact form (Byrd, Nocedal & Schnabel 1994, eq. 2.17)."""
    k = memory.size
    if k == 0:
        return lambda v: v
    sigma = 1.0 / memory.gamma
    SY, SS = memory.SY[:k, :k], memory.SS[:k, :k]
    L = np.tril(SY, -1)
    inverse = np.linalg.inv(np.block([[sigma * SS, L], [L.T, -np.diag(SY.diagonal())]]))
    S, Y = memory.rows

    def product(v: Vector) -> Vector:
        c = to_device(inverse @ np.concatenate((sigma * to_host(S @ v), to_host(Y @ v))), v)
        return sigma * v - sigma * (c[:k] @ S) - c[k:] @ Y

    return product
