"""What an optimizer is given as parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch

from steepest.core.errors import InputError, InputTypeError

Parameters = Iterable[torch.Tensor] | Iterable[tuple[str, torch.Tensor]] | Iterable[dict[str, Any]]


def named(params: Any) -> list[tuple[str, Any]]:
    """Names, "" where there are none, and tensors of what PyTorch accepts as a group's "params"."""
    listed = [params] if isinstance(params, torch.Tensor) else list(params)
    return [item if isinstance(item, tuple) else ("", item) for item in listed]


def check_tensors(coming: Sequence[tuple[str, Any]], there: Mapping[torch.Tensor, str]) -> None:
    """Raise InputTypeError or InputError for tensors that cannot be added to those with names that are there.

    What is not a tensor at all, or given twice, PyTorch refuses.
    """
    tensors = [p for _, p in coming if isinstance(p, torch.Tensor)]
    for p in tensors:
        if not p.is_floating_point():
            raise InputTypeError(f"Optimizer: parameters must be floating point, got one of {p.dtype}")
    devices = sorted({str(p.device) for p in (*tensors, *there)})
    if len(devices) > 1:
        raise InputError(f"Optimizer: parameters must be on one device, got {', '.join(devices)}")
    names = [name for name, p in coming if name and p not in there]
    taken = [*there.values(), *names]
    if twice := sorted({name for name in names if taken.count(name) > 1}):
        raise InputError(f"Optimizer: parameters must have names of their own, got {', '.join(twice)} twice")
