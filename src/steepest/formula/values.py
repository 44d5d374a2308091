"""Hyperparameters of a step: one number for all tensors, or one for each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import final

Values = Mapping[str, float | Mapping[str, float]]
"""Hyperparameters by path: one number for all tensors, or one by tensor name."""


@final
class ByGroup(Mapping[str, float]):
    """One number by tensor name, where tensors stand in groups.

    group_of: the group of each tensor, the same object as long as the groups have the same tensors. numbers: one a
    group.
    """

    def __init__(self, group_of: Mapping[str, int], numbers: Sequence[float]) -> None:
        self.group_of, self.numbers = group_of, tuple(numbers)

    def __getitem__(self, name: str) -> float:
        return self.numbers[self.group_of[name]]

    def __iter__(self) -> Iterator[str]:
        return iter(self.group_of)

    def __len__(self) -> int:
        return len(self.group_of)
