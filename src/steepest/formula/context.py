"""What a formula's functions may know of the step they run in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any, final

import array_api_compat
import numpy as np

from steepest.formula.bundle import Bundle
from steepest.formula.state import MODEL


@final
@dataclass
class Frame:
    """One step of a rule on bundles, or one tracing of it on nodes: what it reads, and the slots it writes.

    new: by path, the names of the tensors that a slot was written for, and their values. shape: while a rule is traced,
    that of the one tensor it is traced for, where there is one. scope: the part of a partitioned rule that runs, over
    which reductions over the model are taken.
    """

    names: tuple[str, ...]
    p: Any
    k: Any
    t: Any
    slots: Mapping[str, Any]
    values: Mapping[str, Any]
    inputs: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    new: dict[str, tuple[tuple[str, ...], Any]] = field(default_factory=dict)
    seen: dict[str, Any] = field(default_factory=dict)
    path: str = ""
    shape: tuple[int, ...] | None = None
    scope: str = ""

    def part(self, indices: Sequence[int]) -> Frame:
        """The same step for some of the tensors; what it writes goes into this frame."""
        names = tuple(self.names[index] for index in indices)
        return replace(
            self,
            names=names,
            p=self.p.subset(indices),
            k=self.k.subset(indices),
            slots=SlotBundles(names, self.slots),
            values={path: value.subset(indices) for path, value in self.values.items()},
            inputs={need: value.subset(indices) for need, value in self.inputs.items()},
        )

    def saw(self, op: str, part: Any) -> None:
        """Note a model-wide reduction of the link that is running, for the step report."""
        key, count = f"{self.path}.{op}", 2
        while key in self.seen:
            key, count = f"{self.path}.{op}.{count}", count + 1
        self.seen[key] = part


@final
class SlotBundles(Mapping[str, Any]):
    """Slots by path, bundled over some tensors when they are read: a slot need not exist for the others.

    scalars: paths of the slots that are one number a tensor.
    """

    def __init__(self, names: tuple[str, ...], arrays: Any, scalars: frozenset[str] = frozenset()) -> None:
        inner = arrays if isinstance(arrays, SlotBundles) else None
        self._names = names
        self.arrays: Mapping[str, Mapping[str, Any]] = arrays if inner is None else inner.arrays
        self._scalars: frozenset[str] = scalars if inner is None else inner._scalars

    def __getitem__(self, path: str) -> Bundle:
        arrays = self.arrays[path]
        if MODEL in arrays:
            return Bundle.one(_number(arrays[MODEL]))
        if path in self._scalars:
            return Bundle(_number(arrays[name]) for name in self._names)
        return Bundle(arrays[name] for name in self._names)

    def __iter__(self) -> Iterator[str]:
        return iter(self.arrays)

    def __len__(self) -> int:
        return len(self.arrays)


def _number(array: Any) -> Any:
    """A 0-d float64 array of NumPy as a Python float, which takes the dtype of what it meets; others as they are."""
    number = array_api_compat.is_numpy_array(array) and array.ndim == 0 and array.dtype == np.float64
    return float(array) if number else array


_FRAME: ContextVar[Frame | None] = ContextVar("frame", default=None)


def current_frame() -> Frame | None:
    """The step that is running, if any."""
    return _FRAME.get()


@contextmanager
def entered(frame: Frame) -> Iterator[Frame]:
    """Make `frame` the current one."""
    token = _FRAME.set(frame)
    try:
        yield frame
    finally:
        _FRAME.reset(token)
