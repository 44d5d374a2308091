"""A rule's state as a value, and as one safetensors file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import array_api_compat
import numpy as np
from safetensors import SafetensorError, safe_open

from steepest.core.arrays import Array, Tensors, copy, namespace, to_numpy
from steepest.core.errors import InputError

VERSION = 1
"""Format of a saved state; a newer one than this is refused, older ones load."""
MODEL = ""
"""The tensor name under which a slot keeps its one number for the whole model."""


@dataclass(frozen=True)
class State:
    """What a rule remembers: the clock, each tensor's age, and the slots by path and tensor name.

    step: updates so far (t). ages: updates that each tensor has had (k). slots: path ("scale_by_adam.m") → tensor
    name → array; a slot of the whole model has the one name "". seed: of `random`.
    """

    step: int = 0
    ages: Mapping[str, int] = field(default_factory=dict)
    slots: Mapping[str, Mapping[str, Array]] = field(default_factory=dict)
    seed: int = 0

    def nbytes(self) -> int:
        """Bytes of all slots."""
        return sum(_nbytes(array) for tensors in self.slots.values() for array in tensors.values())


def _nbytes(array: Any) -> int:
    return int(array.nbytes)


def save_state(state: State, path: str | Path, rule: str = "") -> None:
    """Write the state to one safetensors file, atomically; `rule` is its canonical text, kept for the reader."""
    arrays = {f"{slot}/{name}": a for slot, tensors in state.slots.items() for name, a in tensors.items()}
    header = {"version": VERSION, "step": state.step, "ages": dict(state.ages), "seed": state.seed, "rule": rule}
    data = _packed(arrays, {"steepest": json.dumps(header)})
    target = Path(path)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        part.write_bytes(data)
        part.replace(target)
    except OSError as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise InputError(f"save_state: path must be writable, got {str(path)!r} ({error.strerror})") from error


def load_state(path: str | Path, template: State, *, strict: bool = True) -> State:
    """Read a state into the names, shapes, dtypes and array library of `template`, a fresh state of the same rule.

    Everything is keyed by name, so the order of the parameters does not matter. Strict: the file must have exactly
    the template's entries. Not strict: tensors that the file lacks keep the template's fresh state, and what the
    template lacks is left out. A shape or dtype that differs is always an error. Raises InputError.
    """
    library = "pt" if _is_torch(template.slots) else "numpy"
    try:
        with safe_open(path, framework=library) as file:
            header = json.loads((file.metadata() or {}).get("steepest", "null"))
            found = {key: file.get_tensor(key) for key in file.keys()}
    except (OSError, SafetensorError, ValueError) as error:
        raise InputError(f"load_state: path must be a saved state, got {str(path)!r} ({error})") from error
    if not isinstance(header, dict) or "version" not in header:
        raise InputError(f"load_state: {str(path)!r} is a safetensors file that steepest did not write")
    if header["version"] > VERSION:
        raise InputError(f"load_state: version must be at most {VERSION}, got {header['version']}; update steepest")
    wanted = {f"{slot}/{name}" for slot, tensors in template.slots.items() for name in tensors}
    for ours, theirs in ((wanted, found.keys()), (template.ages.keys(), header["ages"].keys())):
        if strict and ours != theirs:
            missing, extra = sorted(ours - theirs), sorted(theirs - ours)
            raise InputError(f"load_state: names differ; missing in the file: {missing}, only in the file: {extra}")
    slots = {
        slot: {name: _restore(f"{slot}/{name}", found.get(f"{slot}/{name}"), array) for name, array in tensors.items()}
        for slot, tensors in template.slots.items()
    }
    ages = {name: int(header["ages"].get(name, age)) for name, age in template.ages.items()}
    return replace(template, step=int(header["step"]), ages=ages, slots=slots, seed=int(header["seed"]))


def _packed(arrays: Mapping[str, Array], metadata: dict[str, str]) -> bytes:
    """As safetensors; PyTorch's tensors by its own writer, which knows bfloat16."""
    if any(array_api_compat.is_torch_array(array) for array in arrays.values()):
        from safetensors.torch import save

        contiguous: dict[str, Any] = {key: copy(array) for key, array in arrays.items()}
        return bytes(save({key: array.contiguous().cpu() for key, array in contiguous.items()}, metadata))
    from safetensors.numpy import save as save_numpy

    return bytes(save_numpy({key: np.array(to_numpy(a), order="C") for key, a in arrays.items()}, metadata))


def _is_torch(slots: Mapping[str, Mapping[str, Array]]) -> bool:
    return any(array_api_compat.is_torch_array(array) for tensors in slots.values() for array in tensors.values())


def _restore(key: str, saved: Any, fresh: Any) -> Array:
    if saved is None:
        return fresh
    if tuple(saved.shape) != tuple(fresh.shape) or str(saved.dtype) != str(fresh.dtype):
        raise InputError(
            f"load_state: {key} must have shape {tuple(fresh.shape)} and dtype {fresh.dtype}, "
            f"got {tuple(saved.shape)} and {saved.dtype}"
        )
    return namespace(fresh).asarray(saved, device=array_api_compat.device(fresh))


def as_tensors(params: Tensors | Array) -> Tensors:
    """Named tensors; one bare array gets the name "x"."""
    return params if isinstance(params, Mapping) else {"x": params}
