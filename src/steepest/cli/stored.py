"""What `steepest report` and `steepest export` do with a store that is there already."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from steepest.core.errors import InputError, StoreError
from steepest.lab.frames import export
from steepest.lab.saved import load
from steepest.lab.store import Store, database
from steepest.report import check_writable


def listed(store: str) -> Iterator[str]:
    """A line a study, newest first, with its number."""
    records = _opened(store).studies()
    for number, record in enumerate(records, start=1):
        yield f"{number:3}  {record.name}  {record.state}  {record.updated}"
    if not records:
        yield "no study"


def write_report(store: str, output: str, study: int | None) -> Iterator[str]:
    """Write the page of one study; the verdict and where the page is."""
    check_writable(output)
    found = load(_opened(store), study)
    found.report(output)
    yield found.sentence
    yield f"report: {output}"


def export_runs(store: str, paths: Mapping[str, str | None], study: int | None) -> Iterator[str]:
    """Write the runs as one table or more; how many rows each has."""
    wanted = {ending: path for ending, path in paths.items() if path is not None}
    if not wanted:
        raise InputError("export: one of --parquet, --csv and --jsonl must name a file, got none")
    for ending, path in wanted.items():
        if not path.endswith(ending):
            raise InputError(f"export: --{ending[1:]} must end in {ending!r}, got {path!r}")
    kept = _opened(store)
    runs = kept.runs() if study is None else load(kept, study).runs
    for path in wanted.values():
        export(runs, path)
        yield f"{len(runs)} runs: {path}"


def _opened(store: str) -> Store:
    """A store that exists; none is made."""
    path = database(store)
    if path is not None and not Path(path).is_file():
        raise StoreError(f"store: there is no file {str(path)!r}")
    return Store(store)
