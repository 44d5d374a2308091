"""The state of a run as a value: mutable records of numbers and vectors, saved and restored bit for bit."""

from __future__ import annotations

import dataclasses
import io
import json
import zipfile
from collections import deque
from typing import Any, Final, TypeVar, dataclass_transform

import numpy as np

from steepest.core.errors import InputError
from steepest.methods.vectors import is_torch

VERSION: Final = 1
"""Format of a packed state; a newer one than this is refused, older ones load."""

_RECORDS: dict[str, type] = {}
T = TypeVar("T")


@dataclass_transform()
def record(kind: type[T]) -> type[T]:
    """A class of state: a dataclass with slots, of numbers, strings, None, vectors, lists of those, and records.

    What it holds is changed in place while a run goes on; `pack` takes a copy. A record that holds something live has
    a method `snapshot`, which gives it without.
    """
    made = dataclasses.dataclass(slots=True)(kind)
    _RECORDS[kind.__name__] = made
    return made


def pack(state: object) -> bytes:
    """The state as an NPZ archive without pickles; every number keeps its bits."""
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    body = _encoded(state, arrays)
    header = json.dumps({"version": VERSION, "body": body})
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, header=np.array(header), **arrays)
    return buffer.getvalue()


def unpack(data: bytes) -> Any:
    """The state that `pack` wrote, with NumPy's vectors. Raises InputError where it is not one, or is newer."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            header = json.loads(str(archive["header"]))
            if int(header["version"]) > VERSION:
                raise InputError(f"state: version must be at most {VERSION}, got {header['version']}; update steepest")
            return _decoded(header["body"], {name: archive[name] for name in archive.files if name != "header"})
    except (ValueError, TypeError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
        if isinstance(error, InputError):
            raise
        raise InputError("state: not a state saved by steepest") from error


def with_vectors_like(value: Any, like: Any) -> Any:
    """The state with its vectors in the library, dtype and device of `like`."""
    if isinstance(value, np.ndarray):
        return like.new_tensor(value) if is_torch(like) and value.dtype.kind == "f" else value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            if field.name not in getattr(type(value), "HOST", ()):
                setattr(value, field.name, with_vectors_like(getattr(value, field.name), like))
        return value
    if isinstance(value, list):
        return [with_vectors_like(item, like) for item in value]
    return value


def _encoded(value: Any, arrays: dict[str, np.ndarray[Any, Any]]) -> Any:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return {"float": float(value).hex()}
    if isinstance(value, np.ndarray) or is_torch(value):
        array = value if isinstance(value, np.ndarray) else value.detach().cpu().numpy()
        name = f"a{len(arrays)}"
        arrays[name] = array
        order = "F" if array.ndim == 2 and array.flags.f_contiguous and not array.flags.c_contiguous else "C"
        return {"array": name, "order": order}
    if isinstance(value, list | tuple | deque):
        return {"list": [_encoded(item, arrays) for item in value]}
    if hasattr(value, "snapshot"):
        value = value.snapshot()
    if dataclasses.is_dataclass(value):
        fields = {f.name: _encoded(getattr(value, f.name), arrays) for f in dataclasses.fields(value)}
        return {"record": type(value).__name__, "fields": fields}
    raise InputError(f"state: cannot be saved, it holds a {type(value).__name__}")


def _decoded(value: Any, arrays: dict[str, np.ndarray[Any, Any]]) -> Any:
    if not isinstance(value, dict):
        return value
    if "float" in value:
        return float.fromhex(value["float"])
    if "array" in value:
        return np.array(arrays[value["array"]], order=value["order"])
    if "list" in value:
        return [_decoded(item, arrays) for item in value["list"]]
    if value["record"] not in _RECORDS:
        raise InputError(f"state: is of a method that this version does not have ({value['record']})")
    fields = {name: _decoded(item, arrays) for name, item in value["fields"].items()}
    return _RECORDS[value["record"]](**fields)
