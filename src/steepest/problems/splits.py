"""Training, validation and test data, read in rows: arrays in memory, or a map-style PyTorch data set."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any, Final, final

import array_api_compat
import numpy as np
import torch
from torch.utils.data import Dataset, TensorDataset, default_collate

from steepest.core.arrays import Array
from steepest.core.errors import InputError, InputTypeError, ProblemError
from steepest.problems.seeding import all_seeded

Data = Sequence[Array] | Mapping[str, Array] | Dataset[Any]
"""What a user passes: arrays with the samples along the first axis, or a map-style data set."""

Batch = object
"""What a loss receives: a tuple or dict of tensors, or what `default_collate` makes of a data set's samples."""

CHUNK: Final = 1024
"""The most rows that are read at once."""


class Split(ABC):
    """One of the sets of samples of a problem, on one device."""

    @abstractmethod
    def __len__(self) -> int:
        """How many samples."""

    @abstractmethod
    def batches(self, rows: torch.Tensor, size: int, seed: int) -> list[Batch]:
        """The samples at `rows`, in that order, `size` of them a batch; `seed` for data that draw."""

    @abstractmethod
    def span(self, first: int, last: int) -> Batch:
        """The samples first, first + 1, …, last − 1 as one batch."""

    @abstractmethod
    def to(self, device: torch.device) -> Split:
        """The same samples on `device`; itself where they are there already."""

    @abstractmethod
    def check_finite(self, owner: str) -> None:
        """Raise InputError that names array and row where a value is NaN or infinite."""

    @abstractmethod
    def extreme_rows(self) -> list[int]:
        """Rows with the smallest and the largest value of each array of whole numbers: labels, tokens."""

    @abstractmethod
    def content(self) -> object:
        """What the fingerprint reads."""

    def spans(self) -> Iterator[tuple[Batch, int]]:
        """All samples in order, in batches of at most CHUNK, each with its size."""
        for first in range(0, len(self), CHUNK):
            last = min(first + CHUNK, len(self))
            yield self.span(first, last), last - first


def read_split(owner: str, name: str, data: Data) -> Split:
    """Check what the user passed as `name` and make a split of it; arrays are held, not copied."""
    given: Any = data.tensors if isinstance(data, TensorDataset) else data
    if isinstance(given, Mapping):
        return _read_arrays(owner, name, dict(given), keyed=True)
    if isinstance(given, tuple | list):
        return _read_arrays(owner, name, dict(enumerate(given)), keyed=False)
    if _is_arrays(given) or isinstance(given, str) or not (hasattr(given, "__len__") and hasattr(given, "__getitem__")):
        raise InputTypeError(
            f"{owner}: {name} must be a tuple or dict of arrays, or a map-style data set with a length, "
            f"got {type(given).__name__}"
        )
    if len(given) == 0:
        raise InputError(f"{owner}: {name} must have at least 1 sample, got 0")
    return DatasetSplit(name, given, torch.device("cpu"))


@final
class ArraySplit(Split):
    """Tensors of equal length: a batch is a tuple of them, or a dict where the user passed one."""

    def __init__(self, name: str, tensors: Mapping[Hashable, torch.Tensor], keyed: bool) -> None:
        self._name, self._tensors, self._keyed = name, dict(tensors), keyed
        self._size = len(next(iter(self._tensors.values())))

    def __len__(self) -> int:
        return self._size

    def batches(self, rows: torch.Tensor, size: int, seed: int) -> list[Batch]:
        gathered = (tensor.index_select(0, rows.to(tensor.device)) for tensor in self._tensors.values())
        picked = [torch.split(tensor, size) for tensor in gathered]
        parts = zip(*picked, strict=True)
        return [self._batch(part) for part in parts]

    def span(self, first: int, last: int) -> Batch:
        return self._batch(tuple(tensor[first:last] for tensor in self._tensors.values()))

    def to(self, device: torch.device) -> ArraySplit:
        if all(tensor.device == device for tensor in self._tensors.values()):
            return self
        return ArraySplit(self._name, {key: item.to(device) for key, item in self._tensors.items()}, self._keyed)

    def check_finite(self, owner: str) -> None:
        for key, tensor in self._tensors.items():
            if not (tensor.is_floating_point() or tensor.is_complex()):
                continue
            finite = tensor.isfinite()
            if not bool(finite.all()):
                row = int((~finite).reshape(self._size, -1).any(dim=1).nonzero()[0])
                bad = tensor[row].reshape(-1)
                value = bad[~bad.isfinite()][0].item()
                raise InputError(f"{owner}: {self._name}[{key!r}] must be finite, got {value} in row {row}")

    def extreme_rows(self) -> list[int]:
        found: list[int] = []
        for tensor in self._tensors.values():
            if tensor.is_floating_point() or tensor.is_complex() or tensor.dtype == torch.bool or not tensor.numel():
                continue
            flat = tensor.reshape(self._size, -1)
            found += [int(flat.amin(dim=1).argmin()), int(flat.amax(dim=1).argmax())]
        return list(dict.fromkeys(found))

    def content(self) -> object:
        return self._keyed, self._tensors

    @property
    def double(self) -> str | None:
        """The first array of double precision by its name: what a network of single precision refuses."""
        doubles = (key for key, tensor in self._tensors.items() if tensor.dtype == torch.float64)
        return next((f"{self._name}[{key!r}]" for key in doubles), None)

    def _batch(self, parts: tuple[torch.Tensor, ...]) -> Batch:
        return dict(zip(self._tensors, parts, strict=True)) if self._keyed else parts


@final
class DatasetSplit(Split):
    """A map-style data set, read sample by sample and put together by `default_collate`.

    What its samples draw (augmentation) is seeded: torch, NumPy and the standard library's generators alike.
    """

    def __init__(self, name: str, data: Any, device: torch.device) -> None:
        self._name, self._data, self._device = name, data, device

    def __len__(self) -> int:
        return len(self._data)

    def batches(self, rows: torch.Tensor, size: int, seed: int) -> list[Batch]:
        numbers = rows.tolist()
        return [self._read(numbers[first : first + size], seed) for first in range(0, len(numbers), size)]

    def span(self, first: int, last: int) -> Batch:
        return self._read(range(first, last), first)

    def to(self, device: torch.device) -> DatasetSplit:
        return self if device == self._device else DatasetSplit(self._name, self._data, device)

    def check_finite(self, owner: str) -> None:
        """Nothing here: a pass over the files would cost an epoch. The dry run looks at the loss instead."""

    def extreme_rows(self) -> list[int]:
        return []

    def content(self) -> object:
        if isinstance(self._data, Dataset):
            return len(self), self._data
        return len(self), [self.span(row, row + 1) for row in range(len(self))]

    def _read(self, rows: Sequence[int], seed: int) -> Batch:
        with all_seeded(seed, torch.device("cpu")):
            batch = default_collate([self._sample(row) for row in rows])
        return batch if self._device.type == "cpu" else _moved(batch, self._device)

    def _sample(self, row: int) -> Any:
        try:
            return self._data[row]
        except Exception as error:
            text = str(error).strip().partition("\n")[0] or "no message"
            raise ProblemError(f"{self._name}: sample {row} raised {type(error).__name__}: {text}") from error


def _read_arrays(owner: str, name: str, arrays: Mapping[Hashable, object], keyed: bool) -> ArraySplit:
    if not arrays:
        raise InputError(f"{owner}: {name} must hold at least one array, got none")
    tensors = {key: _tensor(f"{owner}: {name}[{key!r}]", value) for key, value in arrays.items()}
    lengths = [len(tensor) for tensor in tensors.values()]
    if len(set(lengths)) > 1:
        raise InputError(f"{owner}: {name} must have arrays of equal length, got {', '.join(map(str, lengths))}")
    if lengths[0] == 0:
        raise InputError(f"{owner}: {name} must have at least 1 sample, got 0")
    return ArraySplit(name, tensors, keyed)


def _is_arrays(value: object) -> bool:
    """Whether `value` is an array, or becomes one as a data frame does."""
    return array_api_compat.is_array_api_obj(value) or hasattr(value, "__array__")


def _tensor(label: str, value: Any) -> torch.Tensor:
    """`value` as a tensor over the same memory where that is possible."""
    if not _is_arrays(value):
        raise InputTypeError(f"{label} must be an array, got {type(value).__name__}")
    if isinstance(value, torch.Tensor):
        tensor = value.detach()
    else:
        array = np.ascontiguousarray(value)
        try:
            tensor = torch.from_numpy(array if array.flags.writeable else array.copy())
        except TypeError:
            raise InputTypeError(f"{label} must hold numbers, got dtype {array.dtype}") from None
        tensor = tensor.reshape(np.shape(value))  # ascontiguousarray gives a 0-d array one axis
    if tensor.ndim == 0 or tensor.layout != torch.strided:
        raise InputError(f"{label} must be a dense array with the samples along its first axis")
    return tensor


def _moved(batch: Any, device: torch.device) -> Batch:
    if isinstance(batch, torch.Tensor):
        return batch.to(device)
    if isinstance(batch, Mapping):
        return {key: _moved(item, device) for key, item in batch.items()}
    if isinstance(batch, tuple | list):
        return [_moved(item, device) for item in batch]
    return batch
