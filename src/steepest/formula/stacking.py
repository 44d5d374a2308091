"""Formulas on stacks: tensors of one shape and dtype as one array with a leading axis, computed at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any, Final

import array_api_compat

from steepest.core.arrays import is_array, namespace
from steepest.core.errors import FormulaError

LIMIT: Final = 1 << 20
"""Numbers in the largest array of a stack in host memory: a longer one leaves the caches, and is slower than its parts
one by one. A tensor above it is a stack of its own."""
DEVICE_LIMIT: Final = 1 << 26
"""The same in the memory of a device, where it only bounds what is copied."""


def in_stacks(
    function: Callable[..., tuple[Any, ...]], arguments: Sequence[Sequence[Any]], stacked: Sequence[bool]
) -> Iterator[tuple[int, tuple[Any, ...]]]:
    """The results of `function` for each tensor, with its place, from as few calls as possible, stack by stack.

    arguments: of each tensor. stacked: which of them are arrays, to be given with a new first axis, or None; the others
    are numbers or fixed values, and only tensors for which these are equal are computed at once. Results are views of
    a stack's; a result that is the very stack that was given stands for the arrays that were given. Raises FormulaError
    for a result without the first axis.
    """
    for places in _groups(arguments, stacked):
        columns = list(zip(*(arguments[place] for place in places), strict=True))
        given = [_stack(col) if is_stack else col[0] for col, is_stack in zip(columns, stacked, strict=True)]
        originals = {id(stack): col for stack, col in zip(given, columns, strict=True) if is_array(stack)}
        parts = [
            originals[id(result)] if id(result) in originals else _parts(result, len(places))
            for result in function(*given)
        ]
        yield from zip(places, zip(*parts, strict=True), strict=True)


def _groups(arguments: Sequence[Sequence[Any]], stacked: Sequence[bool]) -> list[list[int]]:
    """Places of tensors that are computed at once, in their order."""
    groups: dict[Hashable, list[int]] = {}
    for place, given in enumerate(arguments):
        key = tuple(_kind(item) if is_stack else item for item, is_stack in zip(given, stacked, strict=True))
        groups.setdefault(key, []).append(place)
    found = []
    for places in groups.values():
        arrays = [item for item, is_stack in zip(arguments[places[0]], stacked, strict=True) if is_stack]
        length = _length([array for array in arrays if array is not None])
        found += [places[start : start + length] for start in range(0, len(places), length)]
    return found


def _kind(array: Any) -> Hashable:
    if array is None:
        return None
    return tuple(array.shape), str(array.dtype), str(array.device) if array_api_compat.is_torch_array(array) else ""


def _length(arrays: Sequence[Any]) -> int:
    """How many tensors with such arrays make a stack."""
    on_host = all(
        array_api_compat.is_numpy_array(array) or getattr(getattr(array, "device", None), "type", "") == "cpu"
        for array in arrays
    )
    largest = max((math.prod(array.shape) for array in arrays), default=1)
    return max(1, (LIMIT if on_host else DEVICE_LIMIT) // max(1, largest))


def _stack(column: Sequence[Any]) -> Any:
    if column[0] is None:
        return None
    return column[0][None] if len(column) == 1 else namespace(column[0]).stack(list(column))


def _parts(result: Any, count: int) -> Sequence[Any]:
    if result is None:
        return [None] * count
    if not is_array(result) or tuple(result.shape[:1]) != (count,):
        what = f"an array of shape {tuple(result.shape)}" if is_array(result) else repr(result)
        raise FormulaError(f"must return arrays with a first axis of {count}, one entry a tensor, got {what}")
    return [result[place] for place in range(count)]
