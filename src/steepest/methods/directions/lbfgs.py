"""The limited-memory BFGS direction."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, final

import numpy as np
from scipy.linalg.lapack import dtrtrs

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
from steepest.methods.vectors import Matrix, Vector, to_device, to_host, zeros


@record
class Memory:
    """The last pairs s, y as rows of two matrices, written in a ring; row `head` is written next, `size` are in use.

    The matrices have few rows at first, and get more up to `limit` as pairs come.
    SY: sᵢᵀyⱼ in the pairs' order, oldest first; of it the upper triangle is used (and the rest by the direct form).
    gamma: sᵀy / yᵀy of the newest pair.
    """

    S: Vector = None
    Y: Vector = None
    SY: Matrix = field(default_factory=lambda: np.zeros((0, 0)))
    SS: Matrix = field(default_factory=lambda: np.zeros((0, 0)))
    head: int = 0
    size: int = 0
    limit: int = 0
    gamma: float = 1.0

    HOST = ("SY", "SS")


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
        sy = float(s.dot(y))
        yy = float(y.dot(y))
        if enough_curvature(sy, s, yy):
            remember(own, s, y, sy / yy, self.step_size.wants_model)

    def forget(self, own: Memory) -> bool:
        known = own.size > 0
        own.size = own.head = 0
        return known

    def model(self, oracle: VectorOracle, state: Walk) -> Model | Status:
        return ProductModel(state.point.g, direct_product(state.own))


def empty(m: int, x: Vector, with_SS: bool) -> Memory:
    """A memory for m pairs of vectors like x."""
    rows = min(m, _ROWS)
    SS = np.zeros((m, m) if with_SS else (0, 0), order="F")
    return Memory(zeros(rows, x), zeros(rows, x), np.zeros((m, m), order="F"), SS, limit=m)


def remember(memory: Memory, s: Vector, y: Vector, gamma: float, with_SS: bool) -> None:
    """Write a pair over the oldest, and its products with the others."""
    m = memory.limit
    if memory.size == memory.S.shape[0] < m:
        memory.S, memory.Y = _with_more_rows(memory.S, m), _with_more_rows(memory.Y, m)
    memory.S[memory.head] = s
    memory.Y[memory.head] = y
    memory.head = (memory.head + 1) % m
    memory.gamma = gamma
    SY = memory.SY
    if memory.size == m:
        SY[:-1, :-1] = SY[1:, 1:]
        if with_SS:
            memory.SS[:-1, :-1] = memory.SS[1:, 1:]
    else:
        memory.size += 1
    k = memory.size
    SY[:k, k - 1] = _in_order(memory, to_host(memory.S[:k] @ y))
    if with_SS:
        SY[k - 1, :k] = _in_order(memory, to_host(memory.Y[:k] @ s))
        memory.SS[k - 1, :k] = memory.SS[:k, k - 1] = _in_order(memory, to_host(memory.S[:k] @ s))


_ROWS = 16


def _with_more_rows(rows: Vector, most: int) -> Vector:
    found = zeros(min(2 * rows.shape[0], most), rows[0])
    found[: rows.shape[0]] = rows
    return found


def _in_order(memory: Memory, ring: Vector) -> Vector:
    """Numbers of the rows, in the pairs' order."""
    head = memory.head
    return ring if head == memory.size or head == 0 else np.concatenate((ring[head:], ring[:head]))


def _in_ring(memory: Memory, ordered: Vector) -> Vector:
    """Numbers of the pairs, in the order of the rows."""
    head = memory.head
    if head == memory.size or head == 0:
        return ordered
    start = memory.size - head
    return np.concatenate((ordered[start:], ordered[:start]))


def _times_inverse(memory: Memory, point: Point, preconditioner: Preconditioner | None) -> Vector:
    """−H g."""
    g, k = point.g, memory.size
    if k == 0:
        return -g if preconditioner is None else -preconditioner.apply(g, point.x)
    S, Y, R = memory.S, memory.Y, memory.SY
    if k < R.shape[0]:
        S, Y, R = S[:k], Y[:k], R[:k, :k]
    alpha = dtrtrs(R, _in_order(memory, to_host(S @ g)))[0]
    q = to_device(_in_ring(memory, alpha), g) @ Y
    q -= g  # −q of the recursion
    r = memory.gamma * q if preconditioner is None else preconditioner.apply(q, point.x)
    target = alpha * R.diagonal()
    target += _in_order(memory, to_host(Y @ r))
    c = dtrtrs(R, target, trans=1)[0]
    r -= to_device(_in_ring(memory, c), g) @ S
    return r


def direct_product(memory: Memory) -> Any:
    """V ↦ B v for the B = H⁻¹ of the pairs, in compact form (Byrd, Nocedal & Schnabel 1994, eq. 2.17)."""
    k = memory.size
    if k == 0:
        return lambda v: v
    sigma = 1.0 / memory.gamma
    SY, SS = memory.SY[:k, :k], memory.SS[:k, :k]
    L = np.tril(SY, -1)
    middle = np.block([[sigma * SS, L], [L.T, -np.diag(SY.diagonal())]])
    inverse = np.linalg.inv(middle)
    S, Y = memory.S[:k], memory.Y[:k]

    def product(v: Vector) -> Vector:
        b = np.concatenate((sigma * _in_order(memory, S @ v), _in_order(memory, Y @ v)))
        c = inverse @ b
        return sigma * v - sigma * (_in_ring(memory, c[:k]) @ S) - _in_ring(memory, c[k:]) @ Y

    return product
