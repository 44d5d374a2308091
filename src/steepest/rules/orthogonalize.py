"""Orthogonalization of matrix updates by Newton–Schulz iteration: what Muon does to its momentum."""

from __future__ import annotations

import math
from types import ModuleType
from typing import Any, Literal

import array_api_compat
import numpy as np

from steepest.core.arrays import namespace
from steepest.formula import Count, Positive, Real, rule

Adjust = Literal["original", "match_rms_adamw", "none"]
Precision = Literal["bfloat16", "float32", "same"]
Layout = Literal["out_in", "in_out"]


def _is_matrix(shape: tuple[int, ...], **statics: object) -> str:
    more = "muon_adamw takes tensors of any shape"
    return "" if len(shape) == 2 else f"must have two dimensions, got shape {shape}; {more}"


def _has_rows(shape: tuple[int, ...], **statics: object) -> str:
    return "" if len(shape) >= 2 else f"must have at least two dimensions, got shape {shape}"


@rule(opaque=True, batched=True, fits=_is_matrix)
def orthogonalize(
    u,
    *,
    steps: Count = 5,
    a: Real = 3.4445,
    b: Real = -4.7750,
    c: Real = 2.0315,
    eps: Positive = 1e-7,
    precision: Precision = "bfloat16",
    adjust: Adjust = "original",
    layout: Layout = "out_in",
):
    """Orthogonalization: an update U S Vᵀ becomes about U Vᵀ, by a quintic Newton–Schulz iteration.

        X ← u / max(‖u‖, ε), then `steps` times:  A = X Xᵀ,  X ← a X + (b A + c A²) X
        u ← r X

    With the default coefficients five steps bring singular values above 0.002 of the norm into [0.68, 1.21], not to 1:
    they are chosen for the slope at 0. They act on the singular values alone, so X keeps the singular vectors.
    adjust: r for a matrix of m outputs and n inputs: "original" √max(1, m/n), "match_rms_adamw" 0.2 √max(m, n), which
    gives updates the size of Adam's, "none" 1. layout: whether a matrix is (outputs, inputs), as PyTorch's, or
    (inputs, outputs), as JAX's.

    precision: in which X is computed: "bfloat16" (rounded after each product, as PyTorch does; emulated for NumPy),
    "float32", or "same", the update's own. The result has the update's dtype.

    Shapes: u a matrix. Units: u comes out a pure number, unchanged by scaling the gradient.
    steps in {1, 2, …}; a, b, c any numbers; eps in (0, ∞), below which a norm does not divide.
    Raises InputError for a tensor that is no matrix.
    Source: Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks"; the scale 0.2 √max(m, n):
    Liu et al. 2025, arXiv:2502.16982. Dialect: torch.optim.Muon's; optax divides by ‖u‖ + ε.

    >>> import numpy as np
    >>> from steepest.formula import chain
    >>> from steepest.rules import learning_rate
    >>> r = chain(orthogonalize(precision="same"), learning_rate(lr=1.0))
    >>> p = np.zeros((2, 2))
    >>> after, _, _ = r.update(p, np.array([[0.0, 300.0], [1.0, 0.0]]), r.init(p))
    >>> after.round(2)  # the exact factor is −1 in both places
    array([[ 0.  , -0.7 ],
           [-1.16,  0.  ]])
    """
    return _orthogonalized(u, int(steps), (a, b, c), eps, precision, adjust, layout)


@rule(opaque=True, batched=True, fits=_has_rows)
def orthogonalize_flattened(
    u,
    *,
    steps: Count = 5,
    a: Real = 3.4445,
    b: Real = -4.7750,
    c: Real = 2.0315,
    eps: Positive = 1e-7,
    precision: Precision = "bfloat16",
    adjust: Adjust = "original",
):
    """Orthogonalization of tensors with two dimensions or more, as matrices of the first and of all others.

    The kernel of a convolution, (out, in, k, k), is taken as (out, in · k · k): see `orthogonalize`, which it is for a
    matrix: X ← u / max(‖u‖, ε), then X ← a X + (b A + c A²) X with A = X Xᵀ.

    Shapes: u of two dimensions or more. Units: u comes out a pure number. steps in {1, 2, …}; a, b, c any numbers; eps
    in (0, ∞). Raises InputError for a tensor with fewer than two dimensions.
    Source: Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks". Dialect: torch.optim.Muon's,
    which takes matrices alone; pytorch_optimizer.Muon flattens likewise.

    >>> import numpy as np
    >>> from steepest.formula import chain
    >>> from steepest.rules import learning_rate
    >>> r = chain(orthogonalize_flattened(precision="same", adjust="none"), learning_rate(lr=1.0))
    >>> p, g = np.zeros((2, 1, 2)), np.array([[[0.0, 3.0]], [[1.0, 0.0]]])
    >>> r.update(p, g, r.init(p))[0].round(2)
    array([[[ 0.  , -0.75]],
    <BLANKLINE>
           [[-1.13,  0.  ]]])
    """
    return _orthogonalized(u, int(steps), (a, b, c), eps, precision, adjust, "out_in")


def _orthogonalized(
    u: Any, steps: int, coefficients: tuple[float, float, float], eps: float, precision: str, adjust: str, layout: str
) -> Any:
    if 0 in u.shape:
        return u
    count, rows, columns = u.shape[0], u.shape[1], math.prod(u.shape[2:])
    matrices = u.reshape(count, rows, columns)
    x = matrices[0] if count == 1 else matrices  # PyTorch's products of single matrices round in another order
    xp, number = namespace(x), _arithmetic(x, precision)
    x = number.unit(xp, number.start(xp, x), eps)
    tall = rows > columns
    if tall:
        x = xp.matrix_transpose(x)
    a, b, c = coefficients
    for _ in range(steps):
        gram = number.product(x, xp.matrix_transpose(x))
        x = number.sum_of(a, x, 1.0, number.sum_of(b, gram, c, gram, gram), x)
    if tall:
        x = xp.matrix_transpose(x)
    outputs, inputs = (rows, columns) if layout == "out_in" else (columns, rows)
    return (xp.astype(x, u.dtype) * _ratio(adjust, outputs, inputs)).reshape(u.shape)


def _ratio(adjust: str, outputs: int, inputs: int) -> float:
    if adjust == "original":
        return math.sqrt(max(1.0, outputs / inputs))
    return 0.2 * math.sqrt(max(outputs, inputs)) if adjust == "match_rms_adamw" else 1.0


def _norm(xp: ModuleType, x: Any) -> Any:
    """Of each matrix, in an order of summation that does not depend on how many there are."""
    return xp.linalg.vector_norm(x.reshape(*x.shape[:-2], -1), axis=-1)[..., None, None]


class _Arithmetic:
    """Sums and products of matrices, or of stacks of them, in one precision."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype

    def start(self, xp: ModuleType, x: Any) -> Any:
        return xp.astype(x, self.dtype)

    def unit(self, xp: ModuleType, x: Any, eps: float) -> Any:
        return x / xp.clip(_norm(xp, x), eps, None)

    def product(self, x: Any, y: Any) -> Any:
        return x @ y

    def sum_of(self, alpha: float, z: Any, beta: float, x: Any, y: Any) -> Any:
        """α z + β x y; α z + x, where that is what is to be multiplied, is its special case."""
        return alpha * z + (beta * (x @ y) if beta != 1.0 else x @ y)


class _Torch(_Arithmetic):
    """PyTorch's, which rounds a sum with a product once."""

    def sum_of(self, alpha: float, z: Any, beta: float, x: Any, y: Any) -> Any:
        multiply = namespace(z).addmm if z.ndim == 2 else namespace(z).baddbmm
        return multiply(z, x, y, beta=alpha, alpha=beta)


class _Widened(_Arithmetic):
    """Of JAX in bfloat16: each norm and each sum with a product in float32, rounded once."""

    def unit(self, xp: ModuleType, x: Any, eps: float) -> Any:
        size = xp.astype(_norm(xp, xp.astype(x, xp.float32)), self.dtype)
        return x / xp.clip(size, eps, None)

    def product(self, x: Any, y: Any) -> Any:
        return self._wide(x, y).astype(self.dtype)

    def sum_of(self, alpha: float, z: Any, beta: float, x: Any, y: Any) -> Any:
        return (alpha * z.astype("float32") + beta * self._wide(x, y)).astype(self.dtype)

    def _wide(self, x: Any, y: Any) -> Any:
        return namespace(x).matmul(x, y, preferred_element_type="float32")


class _Rounded(_Arithmetic):
    """Of NumPy, which has no bfloat16: float32, rounded to it after each operation."""

    def start(self, xp: ModuleType, x: Any) -> Any:
        return _to_bfloat16(x)

    def unit(self, xp: ModuleType, x: Any, eps: float) -> Any:
        squares = np.asarray(np.sum((x * x).reshape(*x.shape[:-2], -1), axis=-1, dtype=np.float32))
        sizes = np.maximum(_to_bfloat16(np.sqrt(squares)), _to_bfloat16(np.float32(eps)))
        return _to_bfloat16(x / sizes[..., None, None])

    def product(self, x: Any, y: Any) -> Any:
        return _to_bfloat16(x @ y)

    def sum_of(self, alpha: float, z: Any, beta: float, x: Any, y: Any) -> Any:
        return _to_bfloat16(np.float32(alpha) * z + np.float32(beta) * (x @ y))


def _arithmetic(matrix: Any, precision: str) -> _Arithmetic:
    xp = namespace(matrix)
    if precision == "bfloat16" and array_api_compat.is_numpy_array(matrix):
        return _Rounded(np.float32)
    dtype = matrix.dtype if precision == "same" else getattr(xp, precision)
    if array_api_compat.is_jax_array(matrix) and dtype == xp.bfloat16:
        return _Widened(dtype)
    return _Torch(dtype) if array_api_compat.is_torch_array(matrix) else _Arithmetic(dtype)


def _to_bfloat16(x: Any) -> Any:
    """Float32 numbers rounded to the nearest of bfloat16, ties to even; what is not finite stays so."""
    bits = np.asarray(x, dtype=np.float32).view(np.uint32)
    rounded = (bits + (((bits >> 16) & 1) + np.uint32(0x7FFF))) & np.uint32(0xFFFF0000)
    return np.where(np.isnan(bits.view(np.float32)), np.float32(np.nan), rounded.view(np.float32))
