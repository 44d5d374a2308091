"""Many square matrices in one flat array: how Shampoo and SOAP keep a tensor's statistics, whatever its order.

Arrays here are stacks, of so many tensors of one shape along the first axis.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from steepest.core.arrays import namespace

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Block:
    """A part of a tensor with matrices of its own.

    at: where it lies in the tensor. shape: its own. axes: the dimensions that have a matrix; matrices: where each
    begins in the flat array.
    """

    at: tuple[slice, ...]
    shape: Shape
    axes: tuple[int, ...]
    matrices: tuple[int, ...]

    def piece(self, tensors: Any) -> Any:
        """The part itself, of each tensor, a view."""
        return tensors[(slice(None), *self.at)]

    def matrix(self, flat: Any, number: int) -> Any:
        """The matrix of its `number`-th axis, of each tensor, a view."""
        start, length = self.matrices[number], self.shape[self.axes[number]]
        return flat[:, start : start + length * length].reshape(-1, length, length)


@cache
def blocks(shape: Shape, block_size: int | None, max_dim: int | None) -> tuple[Block, ...]:
    """A tensor cut into blocks no longer than `block_size`; dimensions longer than `max_dim` have no matrix.

    Without a block size the tensor is one block; a number is a tensor of one element, and an empty tensor has no block.
    """
    shape = shape or (1,)
    lengths = [min(length, block_size or length) for length in shape]
    starts = [range(0, length, step or 1) for length, step in zip(shape, lengths, strict=True)]
    found, place = [], 0
    for corner in itertools.product(*starts):
        ends = [min(start + step, full) for start, step, full in zip(corner, lengths, shape, strict=True)]
        own = tuple(end - start for start, end in zip(corner, ends, strict=True))
        axes = tuple(axis for axis, length in enumerate(own) if max_dim is None or length <= max_dim)
        matrices = []
        for axis in axes:
            matrices.append(place)
            place += own[axis] ** 2
        at = tuple(slice(start, end) for start, end in zip(corner, ends, strict=True))
        found.append(Block(at, own, axes, tuple(matrices)))
    return tuple(found)


def matrices_shape(shape: Shape, block_size: int | None = None, max_dim: int | None = None) -> Shape:
    """The flat array that holds all matrices of a tensor."""
    parts = blocks(shape, block_size, max_dim)
    return (sum(part.shape[axis] ** 2 for part in parts for axis in part.axes),)


def flat(matrices: Sequence[Any], like: Any) -> Any:
    """Matrices as one flat array a tensor, in the dtype of `like`; itself where there are none."""
    if not matrices:
        return like
    xp = namespace(like)
    return xp.astype(xp.concat([matrix.reshape(matrix.shape[0], -1) for matrix in matrices], axis=1), like.dtype)


def assembled(parts: Sequence[tuple[Block, Any]], like: Any) -> Any:
    """Tensors from their blocks."""
    if len(parts) == 1:
        return parts[0][1].reshape(like.shape)
    return _joined(parts, 0, max(1, len(like.shape) - 1)).reshape(like.shape)


def _joined(parts: Sequence[tuple[Block, Any]], axis: int, order: int) -> Any:
    """Blocks that differ only from dimension `axis` on, as one array."""
    if axis == order:
        return parts[0][1]
    groups: dict[int, list[tuple[Block, Any]]] = {}
    for block, array in parts:
        groups.setdefault(block.at[axis].start, []).append((block, array))
    rows = [_joined(group, axis + 1, order) for _, group in sorted(groups.items())]
    return rows[0] if len(rows) == 1 else namespace(rows[0]).concat(rows, axis=axis + 1)
