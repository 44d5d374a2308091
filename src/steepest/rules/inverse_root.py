"""Powers of symmetric matrices by their eigenvalues, and tensors multiplied by a matrix along one dimension."""

from __future__ import annotations

from typing import Any

import array_api_compat
import numpy as np

from steepest.core.arrays import namespace


def inverse_root(matrix: Any, exponent: float) -> Any:
    """Symmetric positive definite matrices to a negative power: V diag(wᵉ) Vᵀ, from their eigenvalues w.

    matrix: one, or a stack of them along first axes. Computed in float64 where the library has it, and returned in the
    dtype of `matrix`. Eigenvalues below a matrix's largest one times its machine epsilon are noise and are raised to
    that. A matrix with an entry that is not finite gives NaN, not an error; so does one of zeros.

    >>> inverse_root(np.diag([4.0, 16.0]), -0.5)
    array([[0.5 , 0.  ],
           [0.  , 0.25]])
    """
    xp = namespace(matrix)
    if 0 in matrix.shape:
        return matrix
    wide, usable = decomposable(matrix)
    values, vectors = xp.linalg.eigh(wide)
    floor = values[..., -1:] * float(xp.finfo(matrix.dtype).eps)
    usable = usable & (floor[..., None] > 0.0)
    powers = xp.where(values > floor, values, xp.where(floor > 0.0, floor, xp.ones_like(floor))) ** exponent
    root = (vectors * powers[..., None, :]) @ xp.matrix_transpose(vectors)
    return xp.astype(or_nan(root, usable), matrix.dtype)


def decomposable(matrix: Any) -> tuple[Any, Any]:
    """Matrices in float64, those that are not finite as the identity; and which of them are finite, as [..., 1, 1].

    Decompositions raise for what is not finite.
    """
    xp, wide = namespace(matrix), wider(matrix)
    usable = xp.all(xp.isfinite(wide), axis=(-2, -1), keepdims=True)
    unit = xp.eye(wide.shape[-1], dtype=wide.dtype, device=getattr(wide, "device", None))
    return xp.where(usable, wide, unit), usable


def or_nan(array: Any, usable: Any) -> Any:
    """An array with NaN in place of what is not usable."""
    xp = namespace(array)
    return xp.where(usable, array, xp.full_like(array, xp.nan))


def wider(array: Any) -> Any:
    """The array in float64; in float32 where the library has no more."""
    xp = namespace(array)
    if array_api_compat.is_jax_array(array) and xp.asarray(np.float64(0)).dtype != np.float64:
        return xp.astype(array, xp.float32)
    return xp.astype(array, xp.float64)


def gram(tensors: Any, axis: int) -> Any:
    """The inner products of each tensor's slices along `axis`. tensors: a stack; axes are those of its tensors."""
    matrices = _unfolded(tensors, axis)
    return matrices @ namespace(tensors).matrix_transpose(matrices)


def multiplied(tensors: Any, matrices: Any, axis: int) -> Any:
    """Tensors whose slices along `axis` are mixed by a square matrix each: Mᵢⱼ Tⱼ…, summed over j."""
    xp = namespace(tensors)
    moved = xp.moveaxis(tensors, axis + 1, 1)
    mixed = matrices @ moved.reshape(*moved.shape[:2], -1)
    return xp.moveaxis(mixed.reshape(moved.shape), 1, axis + 1)


def _unfolded(tensors: Any, axis: int) -> Any:
    """Each tensor as a matrix, whose rows are its slices along `axis`."""
    moved = namespace(tensors).moveaxis(tensors, axis + 1, 1)
    return moved.reshape(*moved.shape[:2], -1)
