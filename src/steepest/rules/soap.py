"""SOAP: Adam in the eigenbasis of Shampoo's matrices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

from steepest.core.arrays import namespace
from steepest.core.ranges import Range
from steepest.core.schedule import Schedule
from steepest.formula import Count, Positive, Rule, Slot, Unit, mean, method, partition, rule, sqrt, where
from steepest.rules.blocks import Block, blocks, flat, matrices_shape
from steepest.rules.decay_weights import Decay, Exempt, decayed
from steepest.rules.inverse_root import decomposable, gram, multiplied, or_nan, wider
from steepest.rules.learning_rate import learning_rate


def _matrices(shape: tuple[int, ...], max_dim: int) -> tuple[int, ...]:
    return matrices_shape(shape, None, int(max_dim))


@rule(
    slots=("m", Slot("v", nonnegative=True), Slot("statistics", like=_matrices), Slot("basis", like=_matrices)),
    opaque=True,
    batched=True,
)
def scale_by_soap(
    u,
    m,
    v,
    statistics,
    basis,
    k,
    *,
    beta1: Unit = 0.95,
    beta2: Unit = 0.95,
    shampoo_beta: Unit | None = None,
    eps: Positive = 1e-8,
    every: Count = 10,
    max_dim: Count = 10_000,
    bias_correction: bool = True,
    normalize: bool = False,
):
    """SOAP: Adam in the eigenbasis of Shampoo's matrices.

    For a matrix u, with Q_L, Q_R the bases of L and R, from m = v = L = R = 0:

        k = 1:  L ← (1 − β_s) u uᵀ, R ← (1 − β_s) uᵀ u, Q_L and Q_R their eigenvectors; u ← 0
        k > 1:  m ← β₁ m + (1 − β₁) u           w = Q_Lᵀ u Q_R
                v ← β₂ v + (1 − β₂) w²
                u ← Q_L [Q_Lᵀ m Q_R · √(1 − β₂ᵏ⁻¹) / (1 − β₁ᵏ⁻¹) / (√v + ε)] Q_Rᵀ
                L ← β_s L + (1 − β_s) u uᵀ, R likewise, from the incoming u

    After every `every` of these, the columns of Q_L are put in the order of diag(Q_Lᵀ L Q_L), largest first, and with
    them the rows of v; then Q_L is the orthogonal factor of L Q_L (one power iteration and QR), and Q_R likewise. The
    first update only makes the bases, so no gradient meets a basis made of it. A tensor of d dimensions has d matrices;
    dimensions longer than `max_dim` have none, so with max_dim between the two lengths of a matrix the method is
    one-sided. shampoo_beta: β_s, None for β₂. bias_correction=False leaves out the factors of β₁ᵏ⁻¹ and β₂ᵏ⁻¹.
    normalize: the update is divided by its root mean square.

    Shapes: m, v like u, v in the eigenbasis; statistics and basis hold all matrices in one flat array, dimension by
    dimension. Units: u comes out a pure number; ε has those of the gradient. beta1, beta2, shampoo_beta in [0, 1); eps
    in (0, ∞), outside the root and added before the bias correction of v; every, max_dim in {1, 2, …}, max_dim a fixed
    number. Eigenvectors and QR are computed in float64.
    Raises HyperparameterError for a value outside its range.
    Source: Vyas et al. 2024, arXiv:2409.11321, Algorithm 3. Dialect: the authors' own code, which skips the first
    update. It keeps m in the eigenbasis, which is the same, as bases are orthogonal; its QR is in float32. Where a
    matrix has an eigenvalue more than once, as 0 where few updates have come in, its eigenvectors are not unique, and
    neither is the run.

    >>> import numpy as np
    >>> from steepest.formula import chain
    >>> r = chain(scale_by_soap(beta1=0.0, beta2=0.0), learning_rate(lr=1.0))
    >>> p, g = np.zeros((2, 2)), np.array([[0.0, 9.0], [4.0, 0.0]])
    >>> state = r.init(p)
    >>> for _ in range(2):
    ...     p, state, _ = r.update(p, g, state)
    >>> p.round(6)
    array([[ 0., -1.],
           [-1.,  0.]])
    """
    if 0 in u.shape:
        return u, m, v, statistics, basis
    share = 1 - (beta2 if shampoo_beta is None else shampoo_beta)
    (part,) = blocks(tuple(u.shape[1:]), None, int(max_dim))
    whole = (u.shape[0], *part.shape)
    piece = u.reshape(whole)
    outer = [gram(piece, axis) for axis in part.axes]
    if k <= 1:
        matrices = [share * matrix for matrix in outer]
        return 0 * u, m, v, flat(matrices, statistics), flat([_eigenvectors(matrix) for matrix in matrices], basis)
    xp = namespace(u)
    bases = [part.matrix(basis, number) for number in range(len(part.axes))]
    matrices = [(1 - share) * part.matrix(statistics, n) + share * matrix for n, matrix in enumerate(outer)]
    m = beta1 * m + (1 - beta1) * u
    projected = _turned(piece, part, bases, to_basis=True)
    v = beta2 * v.reshape(whole) + (1 - beta2) * projected * projected
    scaled = _turned(m.reshape(whole), part, bases, to_basis=True) / (xp.sqrt(v) + eps)
    update = _turned(scaled, part, bases, to_basis=False)
    if normalize:
        squares = xp.mean((update * update).reshape(u.shape[0], -1), axis=-1)
        update = update / (1e-30 + xp.sqrt(squares)).reshape(-1, *(1 for _ in part.shape))
    if bias_correction:
        update = ((1 - beta2 ** (k - 1)) ** 0.5 / (1 - beta1 ** (k - 1))) * update
    fresh = (k - 1) % int(every) == 0
    if fresh:
        bases, v = _refreshed(part, matrices, bases, v)
    basis = flat(bases, basis) if fresh else basis
    return update.reshape(u.shape), m, v.reshape(u.shape), flat(matrices, statistics), basis


def _turned(tensors: Any, part: Block, bases: Sequence[Any], to_basis: bool) -> Any:
    """Tensors in their eigenbasis, or back from it."""
    for axis, q in zip(part.axes, bases, strict=True):
        tensors = multiplied(tensors, namespace(q).matrix_transpose(q) if to_basis else q, axis)
    return tensors


def _eigenvectors(matrices: Any) -> Any:
    """As columns, of the largest eigenvalue first; NaN where a matrix is not finite."""
    xp = namespace(matrices)
    wide, usable = decomposable(matrices)
    _, vectors = xp.linalg.eigh(wide)
    return xp.astype(or_nan(xp.flip(vectors, axis=-1), usable), matrices.dtype)


def _refreshed(part: Block, matrices: Sequence[Any], bases: Sequence[Any], v: Any) -> tuple[list[Any], Any]:
    """Bases after one power iteration and QR, in the order of their estimated eigenvalues; and v in that order."""
    found = []
    for axis, matrix, q in zip(part.axes, matrices, bases, strict=True):
        xp, wide_q = namespace(matrix), wider(q)
        product, usable = decomposable(wider(matrix) @ wide_q)
        order = xp.argsort(xp.sum(wide_q * product, axis=-2), axis=-1, descending=True, stable=True)
        along = [order.shape[0], *(order.shape[1] if place == axis else 1 for place in range(len(part.shape)))]
        v = xp.take_along_axis(v, xp.broadcast_to(order.reshape(along), v.shape), axis=axis + 1)
        columns = xp.broadcast_to(order[:, None, :], product.shape)
        orthogonal, _ = xp.linalg.qr(xp.take_along_axis(product, columns, axis=-1))
        found.append(xp.astype(or_nan(orthogonal, usable), q.dtype))
    return found, v


@rule(slots=("m", Slot("v", nonnegative=True)))
def scale_by_late_adam(
    u,
    m,
    v,
    k,
    *,
    beta1: Unit = 0.95,
    beta2: Unit = 0.95,
    eps: Positive = 1e-8,
    bias_correction: bool = True,
    normalize: bool = False,
):
    """What SOAP is for tensors without a matrix: Adam from the second update on, with ε before the correction of v.

        k = 1:  u ← 0          k > 1:  m ← β₁ m + (1 − β₁) u          v ← β₂ v + (1 − β₂) u²
                                       u ← m · √(1 − β₂ᵏ⁻¹) / (1 − β₁ᵏ⁻¹) / (√v + ε)

    Shapes: u, m, v alike. Units: u comes out a pure number; ε has those of the gradient. beta1, beta2 in [0, 1); eps in
    (0, ∞). bias_correction and normalize: as `scale_by_soap`.
    Raises HyperparameterError for a value outside its range.
    Source: the authors' code of SOAP.

    >>> import numpy as np
    >>> from steepest.formula import chain
    >>> r = chain(scale_by_late_adam(), learning_rate(lr=1.0))
    >>> p = np.zeros(2)
    >>> state = r.init(p)
    >>> for _ in range(2):
    ...     p, state, _ = r.update(p, np.array([5.0, -0.01]), state)
    >>> p.round(6)
    array([-1.      ,  0.999996])
    """
    m = where(k <= 1, 0.0 * m, beta1 * m + (1 - beta1) * u)
    v = where(k <= 1, 0.0 * v, beta2 * v + (1 - beta2) * u * u)
    age = where(k <= 1, 1, k - 1)
    update = m / (sqrt(v) + eps)
    if normalize:
        update = update / (1e-30 + sqrt(mean(update * update)))
    if bias_correction:
        update = (sqrt(1 - beta2**age) / (1 - beta1**age)) * update
    return update, m, v


@method(scale_by_late_adam__beta1="beta1", scale_by_late_adam__beta2="beta2")
def soap(
    lr: float | Schedule = 3e-3,
    *,
    beta1: float | Schedule = 0.95,
    beta2: float | Schedule = 0.95,
    shampoo_beta: float | Schedule | None = None,
    eps: float | Schedule = 1e-8,
    every: int = 10,
    max_dim: int = 10_000,
    vectors: bool = False,
    bias_correction: bool = True,
    normalize: bool = False,
    weight_decay: float | Schedule = 0.01,
    decay: Decay = "lr",
    exempt: Exempt = "none",
) -> Rule:
    """SOAP with a learning rate: see `scale_by_soap`. Vectors and numbers have Adam (`scale_by_late_adam`).

    vectors: vectors have a matrix, too. Tensors all of whose dimensions are longer than `max_dim` have none.

    lr in (0, ∞); beta1, beta2, shampoo_beta in [0, 1), shampoo_beta None for beta2; bias_correction and normalize as
    there; eps in (0, ∞); every, max_dim in {1, 2, …}; weight_decay = λ in [0, ∞), placed by `decay` but where `exempt`.
    Source: Vyas et al. 2024, arXiv:2409.11321. Dialect: the authors' code, its defaults. Their weight decay is of p
    after the step and begins with the second update; ours is of p before it and begins with the first, as in AdamW.

    >>> r = soap()
    >>> r.part_of("weight", (3, 2)), r.part_of("bias", (3,))
    ('preconditioned.matrices', 'preconditioned.elementwise')
    """
    longest = int(Range(low=1, integer=True).check("soap", "max_dim", max_dim))
    matrices = scale_by_soap(
        beta1=beta1, beta2=beta2, shampoo_beta=shampoo_beta, eps=eps, every=every, max_dim=longest,
        bias_correction=bias_correction, normalize=normalize,
    )  # fmt: skip
    others = scale_by_late_adam(beta1=beta1, beta2=beta2, eps=eps, bias_correction=bias_correction, normalize=normalize)
    routed = partition(HasMatrix(longest, 1 if vectors else 2), matrices=matrices, elementwise=others)
    return decayed((routed.named("preconditioned"),), learning_rate(lr=lr), decay, weight_decay, exempt)


@final
@dataclass(frozen=True)
class HasMatrix:
    """Whether some dimension of a tensor has a matrix: "matrices", else "elementwise"."""

    max_dim: int
    least: int

    def __call__(self, name: str, shape: tuple[int, ...]) -> str:
        some = len(shape) >= self.least and any(length <= self.max_dim for length in shape)
        return "matrices" if some else "elementwise"
