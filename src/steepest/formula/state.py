"""A rule's state as a value, and as one safetensors file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_safetensors

from steepest.core.arrays import Array, Tensors, namespace, to_numpy
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
        return sum(to_numpy(array).nbytes for tensors in self.slots.values() for array in tensors.values())


def save_state(state: State, path: str | Path, rule: str = "") -> None:
    """Write the state to one safetensors file, atomically; `rule` is its canonical text, kept for the reader."""
    arrays = {f"{slot}/{name}": to_numpy(a) for slot, tensors in state.slots.items() for name, a in tensors.items()}
    header = {"version": VERSION, "step": state.step, "ages": dict(state.ages), "seed": state.seed, "rule": rule}
    data = to_safetensors({key: np.ascontiguousarray(a) for key, a in arrays.items()}, {"steepest": json.dumps(header)})
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
    try:
        with safe_open(path, framework="numpy") as file:
            header = json.loads((file.metadata() or {}).get("steepest", "null"))
            found = {key: file.get_tensor(key) for key in file.keys()}
    except (OSError, SafetensorError, ValueError) as error:
        raise InputError(f"load_state: path must be a saved state, got {str(path)!r} ({error})") from error
    if header is None:
        raise InputError(f"load_state: {str(path)!r} is a safetensors file that steepest did not write")
    if header["version"] > VERSION:
        raise InputError(f"load_state: version must be at most {VERSION}, got {header['version']}; update steepest")
    wanted = {f"{slot}/{name}" for slot, tensors in template.slots.items() for name in tensors}
    if strict and (wanted != found.keys() or template.ages.keys() != header["ages"].keys()):
        missing, extra = sorted(wanted - found.keys()), sorted(found.keys() - wanted)
        raise InputError(f"load_state: names differ; missing in the file: {missing}, only in the file: {extra}")
    slots = {
        slot: {name: _restore(f"{slot}/{name}", found.get(f"{slot}/{name}"), array) for name, array in tensors.items()}
        for slot, tensors in template.slots.items()
    }
    ages = {name: int(header["ages"].get(name, age)) for name, age in template.ages.items()}
    return replace(template, step=int(header["step"]), ages=ages, slots=slots, seed=int(header["seed"]))


def _restore(key: str, saved: np.ndarray[Any, np.dtype[Any]] | None, fresh: Array) -> Array:
    if saved is None:
        return fresh
    expected = to_numpy(fresh)
    if saved.shape != expected.shape or saved.dtype != expected.dtype:
        raise InputError(
            f"load_state: {key} must have shape {expected.shape} and dtype {expected.dtype}, "
            f"got {saved.shape} and {saved.dtype}"
        )
    return namespace(fresh).asarray(saved, device=getattr(fresh, "device", None))


def as_tensors(params: Tensors | Array) -> Tensors:
    """Named tensors; one bare array gets the name "x"."""
    return params if isinstance(params, Mapping) else {"x": params}
