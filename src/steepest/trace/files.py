"""Traces as files and bytes, and a stranger's log as a trace."""

from __future__ import annotations

import csv
import io
import json
import os
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np

from steepest.core.errors import InputError
from steepest.trace.record import Trace

VERSION = 1
"""Format of a saved trace; a newer one than this is refused, older ones load."""


_LEVEL = 1
"""Of compression: a thousand steps take 0.3 ms and not the 1.4 ms of level 6, for a tenth more bytes."""


def to_bytes(trace: Trace) -> bytes:
    """The trace as a compressed NPZ archive without pickles; float64 columns are kept bit for bit."""
    header = json.dumps({"version": VERSION, "meta": dict(trace.meta)})
    arrays = {f"steps/{name}": column for name, column in trace.steps.items()}
    arrays |= {f"evaluations/{name}": column for name, column in trace.evaluations.items()}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as archive:
        for name, array in {"header": np.array(header), **arrays}.items():
            with archive.open(f"{name}.npy", "w") as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
    return buffer.getvalue()


def from_bytes(data: bytes) -> Trace:
    """The trace that `to_bytes` wrote. Raises InputError where it is not one, or is of a newer version."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            header = json.loads(str(archive["header"]))
            version, meta = int(header["version"]), dict(header["meta"])
            tables: dict[str, dict[str, np.ndarray]] = {"steps": {}, "evaluations": {}}
            for key in archive.files:
                table, _, name = key.partition("/")
                if name:
                    tables[table][name] = archive[key]
    except (ValueError, TypeError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"trace: not a trace saved by steepest ({error})") from error
    if version > VERSION:
        raise InputError(f"trace: version must be at most {VERSION}, got {version}; update steepest")
    return Trace(tables["steps"], tables["evaluations"], meta)


def save(trace: Trace, path: str | Path) -> None:
    """Write the trace to `path`, atomically: a reader sees the old file or the new one, never half of it."""
    target = Path(path)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        part.write_bytes(to_bytes(trace))
        part.replace(target)
    except OSError as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise InputError(f"trace: path must be writable, got {str(path)!r} ({error.strerror})") from error


def load(path: str | Path) -> Trace:
    """Read a trace that `save` wrote."""
    try:
        return from_bytes(Path(path).read_bytes())
    except OSError as error:
        raise InputError(f"trace: path must be a readable file, got {str(path)!r} ({error.strerror})") from error


def read_csv(path: str | Path, columns: Mapping[str, str] | None = None) -> Trace:
    """Read a training log of any origin: a CSV file with a header, one row a step.

    `columns` maps the log's column names to the trace's ("loss" → "value"); unmapped columns keep their names,
    columns that hold no numbers are left out, empty cells become NaN. Without a `step` column, rows are numbered.
    """
    try:
        with Path(path).open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file, restkey=""))
    except OSError as error:
        raise InputError(f"read_csv: path must be a readable file, got {str(path)!r} ({error.strerror})") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"read_csv: {str(path)!r} must be a CSV file in UTF-8 ({error})") from error
    if not rows:
        raise InputError(f"read_csv: {str(path)!r} has no rows below its header")
    renamed = dict(columns or {})
    missing = sorted(renamed.keys() - rows[0].keys())
    if missing:
        raise InputError(f"read_csv: columns {missing} are not in {str(path)!r}, which has {list(rows[0])}")
    table: dict[str, list[float]] = {}
    for name in filter(None, rows[0]):
        numbers = _numbers([row[name] for row in rows])
        if numbers is not None:
            table[renamed.get(name, name)] = numbers
    table.setdefault("step", [float(index) for index in range(len(rows))])
    return Trace({key: np.array(values) for key, values in table.items()}, meta={"problem": str(path)})


def _numbers(cells: list[str | None]) -> list[float] | None:
    try:
        return [float(cell) if cell else float("nan") for cell in cells]
    except ValueError:
        return None
