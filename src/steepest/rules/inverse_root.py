"""Powers of symmetric matrices by their eigenvalues, and tensors multiplied by a matrix along one dimension."""

from __future__ import annotations

from typing import Any

import array_api_compat
import numpy as np

from steepest.core.arrays import namespace


def inverse_root(matrix: Any, exponent: float) -> Any:
    """A symmetric positive definite matrix to a negative power: V diag(wᵉ) Vᵀ, from its eigenvalues w.

    Computed in float64 where the library has it, and returned in the dtype of `matrix`. Eigenvalues below the largest
    one times the matrix's machine epsilon are noise and are raised to that. A matrix with an entry that is not finite
    gives NaN, not an error; so does one of zeros.

    >>> inverse_root(np.diag([4.0, 16.0]), -0.5)
    array([[0.5 , 0.  ],
           [0.  , 0.25]])
    """
    xp = namespace(matrix)
    if matrix.shape[0] == 0:
        return matrix
    wide = wider(matrix)
    if not is_usable(wide):
        return xp.full_like(matrix, xp.nan)
    values, vectors = xp.linalg.eigh(wide)
    floor = values[-1] * float(xp.finfo(matrix.dtype).eps)
    if not float(floor) > 0.0:
        return xp.full_like(matrix, xp.nan)
    powers = xp.where(values > floor, values, floor) ** exponent
    root = (vectors * powers[None, :]) @ xp.matrix_transpose(vectors)
    return xp.astype(root, matrix.dtype)


def is_usable(matrix: Any) -> bool:
    """Whether an eigenvalue routine can be given it: these raise for what is not finite."""
    xp = namespace(matrix)
    return bool(xp.all(xp.isfinite(matrix)))


def wider(array: Any) -> Any:
    """The array in float64; in float32 where the library has no more."""
    xp = namespace(array)
    if array_api_compat.is_jax_array(array) and xp.asarray(np.float64(0)).dtype != np.float64:
        return xp.astype(array, xp.float32)
    return xp.astype(array, xp.float64)


def unfolded(tensor: Any, axis: int) -> Any:
    """A tensor as a matrix, whose rows are its slices along `axis`."""
    xp = namespace(tensor)
    moved = xp.moveaxis(tensor, axis, 0)
    return moved.reshape(tensor.shape[axis], -1)


def gram(tensor: Any, axis: int) -> Any:
    """The inner products of a tensor's slices along `axis`."""
    matrix = unfolded(tensor, axis)
    return matrix @ namespace(tensor).matrix_transpose(matrix)


def multiplied(tensor: Any, matrix: Any, axis: int) -> Any:
    """A tensor whose slices along `axis` are mixed by a square matrix: Mᵢⱼ Tⱼ…, summed over j."""
    xp = namespace(tensor)
    moved = xp.moveaxis(tensor, axis, 0)
    mixed = matrix @ moved.reshape(tensor.shape[axis], -1)
    return xp.moveaxis(mixed.reshape(moved.shape), 0, axis)
