"""Runs as a table for other programs: pandas, Parquet, CSV, JSON lines."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from steepest.core.errors import InputError, MissingExtraError
from steepest.lab.records import Run

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS: Final = ("problem", "method", "schedule", "phase", "seed", "steps", "status", "seconds", "alone", "error")
WRITERS: Final[Mapping[str, str]] = {".parquet": "to_parquet", ".csv": "to_csv", ".jsonl": "to_json"}
"""What a table is written as, by the ending of the file's name."""
_OPTIONS: Final[Mapping[str, Mapping[str, Any]]] = {
    ".parquet": {"index": False},
    ".csv": {"index": False},
    ".jsonl": {"orient": "records", "lines": True, "double_precision": 15},
}


def frame(runs: Sequence[Run]) -> pd.DataFrame:
    """A row a run; columns of the run, then "setting.…" and "scores.…", NaN where a run has none.

    Raises MissingExtraError without pandas.
    """
    pandas = _pandas()
    rows = [
        {"key": run.key}
        | {name: getattr(run, name) for name in _COLUMNS}
        | {f"setting.{name}": float(value) for name, value in run.setting.items()}
        | {f"scores.{name}": float(value) for name, value in run.scores.items()}
        for run in runs
    ]
    names = list(dict.fromkeys(name for row in rows for name in row))
    order = sorted(names, key=lambda name: (name.startswith("scores."), name.startswith("setting.")))
    table: pd.DataFrame = pandas.DataFrame(rows, columns=order)
    return table


def export(runs: Sequence[Run], path: str | Path) -> None:
    """Write the table of `frame` to a new file, in the format that the name's ending says.

    Raises InputError for another ending, or a file that is there already or cannot be written.
    """
    target = Path(path)
    if target.suffix not in WRITERS:
        raise InputError(f"export: path must end in one of {sorted(WRITERS)}, got {str(path)!r}")
    if target.exists():
        raise InputError(f"export: path must be a new file, got {str(path)!r}, which exists")
    if target.suffix == ".parquet" and importlib.util.find_spec("pyarrow") is None:
        raise MissingExtraError("pyarrow", "lab")
    table = frame(runs)
    try:
        with target.open("xb") as file:
            getattr(table, WRITERS[target.suffix])(file, **_OPTIONS[target.suffix])
    except OSError as error:
        raise InputError(f"export: path must be writable, got {str(path)!r} ({error.strerror})") from error


def _pandas() -> Any:
    try:
        return importlib.import_module("pandas")
    except ImportError as error:
        raise MissingExtraError("pandas", "lab") from error
