"""A rule's state in the layout of PyTorch's optimizer state dicts, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from steepest.core.errors import InputError
from steepest.formula import State
from steepest.formula.state import MODEL

VERSION = 1
"""Of the "steepest" entry; a newer one than this is refused."""


def to_layout(state: State, names: Sequence[str], slot_names: Mapping[str, str]) -> dict[str, Any]:
    """The "state" by parameter number, and the "steepest" entry; every tensor a copy.

    slot_names: what a torch.optim class calls a slot, by path.
    """
    by_number = {
        number: {
            "step": torch.tensor(float(state.ages[name])),
            **{slot_names.get(path, path): _copy(t[name]) for path, t in state.slots.items() if name in t},
        }
        for number, name in enumerate(names)
        if state.ages[name]
    }
    model = {path: _copy(tensors[MODEL]) for path, tensors in state.slots.items() if MODEL in tensors}
    ours = {"version": VERSION, "clock": state.step, "seed": state.seed, "model": model, "names": list(names)}
    return {"state": by_number, "steepest": ours}


def from_layout(state_dict: Mapping[str, Any], names: Sequence[str], fresh: State, paths: Mapping[str, str]) -> State:
    """The state that a state dict describes.

    fresh: a fresh state of the same parameters, whose slots, shapes and dtypes the state dict must have. paths:
    of slots, by the names that a torch.optim class has for them.
    """
    sizes = [len(group["params"]) for group in state_dict["param_groups"]]
    if sum(sizes) != len(names):
        raise InputError(f"load_state_dict: the optimizer has {len(names)} parameters, the state dict {sum(sizes)}")
    ours = state_dict.get("steepest", {"version": VERSION})
    if ours["version"] > VERSION:
        raise InputError(f"load_state_dict: version must be at most {VERSION}, got {ours['version']}; update steepest")
    ages = dict(fresh.ages)
    slots = {path: dict(tensors) for path, tensors in fresh.slots.items()}
    numbers = [number for group in state_dict["param_groups"] for number in group["params"]]
    for name, number in zip(names, numbers, strict=True):
        found = state_dict["state"].get(number, {})
        entry = {paths.get(key, key): value for key, value in found.items() if value is not None}
        if not entry:
            continue
        ages[name] = int(entry.pop("step", 1))  # torch.optim.SGD keeps no count: it has begun
        wanted = {path for path, tensors in slots.items() if name in tensors}
        if entry.keys() != wanted:
            raise InputError(f"load_state_dict: {name} must have slots {sorted(wanted)}, got {sorted(entry)}")
        for path, value in entry.items():
            slots[path][name] = _like(f"{path} of {name}", value, slots[path][name])
    for path, value in ours.get("model", {}).items():
        if path not in slots or MODEL not in slots[path]:
            raise InputError(f"load_state_dict: {path!r} is no slot of this rule, which has {sorted(slots)}")
        slots[path][MODEL] = _like(path, value, slots[path][MODEL])
    clock = int(ours.get("clock", max(ages.values(), default=0)))
    return State(clock, ages, slots, int(ours.get("seed", fresh.seed)))


def _copy(value: Any) -> torch.Tensor:
    tensor: torch.Tensor = value
    return tensor.detach().clone()


def _like(what: str, value: Any, fresh: Any) -> torch.Tensor:
    if not isinstance(value, torch.Tensor) or value.shape != fresh.shape:
        shape = tuple(value.shape) if isinstance(value, torch.Tensor) else repr(value)
        raise InputError(f"load_state_dict: {what} must have shape {tuple(fresh.shape)}, got {shape}")
    return value.detach().to(dtype=fresh.dtype, device=fresh.device, copy=True)
