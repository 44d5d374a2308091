"""Studies in a store: what was declared, what was chosen and which runs it rests on, so that a report needs no code."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, Final, cast

from steepest.core.errors import InputError, StoreError
from steepest.lab.about import About
from steepest.lab.plan import Plan
from steepest.lab.records import Phase, Run
from steepest.lab.spaces import Dimension, Space
from steepest.lab.spec import Entry, StudySpec
from steepest.lab.store import Store, StudyRecord
from steepest.lab.study import Study
from steepest.lab.suite import Suite
from steepest.lab.tuning import Choice

RUNNING: Final = "running"
FINISHED: Final = "finished"
_SUITE: Final = "suite"


def started(store: Store, plan: Plan, command: str) -> None:
    """Note that a study runs, and how to go on with it; one that is finished stays so."""
    key = study_id(plan)
    if all(record.key != key or record.state != FINISHED for record in store.studies()):
        store.save_study(key, plan.spec.problem, {"spec": _spec(plan.spec), "command": command}, RUNNING)


def finished(store: Store, study: Study, plan: Plan) -> str:
    """Keep a finished study, in place of an earlier one of the same declaration; its key."""
    failed = {run.key: _run(run) for run in study.runs if run.failed}
    record = {
        "spec": _spec(study.spec),
        "command": study.about.command,
        "about": study.about.to_dict(),
        "choices": [
            [*entry, None if choice is None else {**asdict(choice), "setting": dict(choice.setting)}]
            for entry, choice in study.choices.items()
        ],
        "runs": [[run.key, run.method, run.schedule, run.phase] for run in study.runs],
        "failed": failed,
    }
    key = study_id(plan)
    store.save_study(key, study.spec.problem, record, FINISHED)
    return key


def suite_finished(store: Store, keys: Sequence[str], name: str) -> None:
    """Keep which studies were made together."""
    key = _hash([_SUITE, *keys])
    store.save_study(key, name, {_SUITE: list(keys)}, FINISHED)


def load(store: Store, number: int | None = None) -> Study | Suite:
    """A study, or several made together, from the store: the newest that is finished, or the `number`-th of `listed`.

    Raises InputError for a number that is not there, and StoreError where the store has no finished study, or has lost
    runs of it; it says how to go on with one that was stopped.
    """
    records = store.studies()
    if number is not None:
        if not 1 <= number <= len(records):
            raise InputError(f"report: study must be in [1, {len(records)}], got {number}")
        record = records[number - 1]
    else:
        done = [record for record in records if record.state == FINISHED]
        if not done and not records:
            raise StoreError(f"store: {store.where!r} holds no study")
        record = (done or records)[0]
    if record.state != FINISHED:
        raise StoreError(
            f"store: the study of {record.name} in {store.where!r} is not finished; go on with: "
            f"{record.record.get('command', 'the same command')}"
        )
    if _SUITE in record.record:
        parts = {item.key: item for item in records}
        return Suite([_study(store, parts[key]) for key in cast(list[str], record.record[_SUITE])])
    return _study(store, record)


def study_id(plan: Plan) -> str:
    """A hash of what a study declares and runs on."""
    methods = {name: plan.bench.methods[name].code for name in plan.spec.methods}
    return _hash([_spec(plan.spec), plan.studies, methods])


def _study(store: Store, record: StudyRecord) -> Study:
    kept: Any = record.record
    spec = StudySpec(**{
        **kept["spec"],
        "methods": tuple(kept["spec"]["methods"]),
        "schedules": tuple(kept["spec"]["schedules"]),
        "spaces": {
            name: Space(tuple(Dimension(**dimension) for dimension in dimensions))
            for name, dimensions in kept["spec"]["spaces"].items()
        },
    })
    choices = {
        Entry(method, schedule): None if choice is None else Choice(**{**choice, "remarks": tuple(choice["remarks"])})
        for method, schedule, choice in kept["choices"]
    }
    found = store.get(key for key, *_ in kept["runs"])
    found |= {key: _failed(row) for key, row in kept["failed"].items() if key not in found}
    if missing := [key for key, *_ in kept["runs"] if key not in found]:
        raise StoreError(f"store: {store.where!r} has lost {len(missing)} of the study's {len(kept['runs'])} runs")
    runs = [
        replace(found[key], method=method, schedule=schedule, phase=cast(Phase, phase))
        for key, method, schedule, phase in kept["runs"]
    ]
    return Study(spec, runs, choices, store, About(**kept["about"]))


def _spec(spec: StudySpec) -> dict[str, Any]:
    """JSON values, from which `_study` makes the same again."""
    spaces = {name: [asdict(dimension) for dimension in space.dimensions] for name, space in spec.spaces.items()}
    return {**asdict(spec), "methods": list(spec.methods), "schedules": list(spec.schedules), "spaces": spaces}


def _run(run: Run) -> dict[str, Any]:
    """A failed run, of which the store keeps no row."""
    return {**asdict(run), "seconds": None if math.isnan(run.seconds) else run.seconds}


def _failed(row: Mapping[str, Any]) -> Run:
    return Run(**{**row, "seconds": math.nan if row["seconds"] is None else row["seconds"]})


def _hash(parts: Sequence[object] | Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]
