"""Studies: problems × methods × settings × seeds, tuned on equal budgets, stored, resumable, parallel.

Everything is imported when it is first used: a worker process needs neither the store nor the report.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from steepest.lab.comparison import compare
    from steepest.lab.events import Event, PhaseStarted, Progress, RunFinished, StudyFinished, StudyStarted
    from steepest.lab.range_testing import RangeTest, range_test
    from steepest.lab.records import Run
    from steepest.lab.result import Result
    from steepest.lab.saved import load
    from steepest.lab.spaces import SPACES, Dimension, Space
    from steepest.lab.spec import USUAL, StudySpec
    from steepest.lab.store import Store
    from steepest.lab.study import Study
    from steepest.lab.suite import Suite

_HOMES = {
    "SPACES": "spaces",
    "USUAL": "spec",
    "Dimension": "spaces",
    "Event": "events",
    "PhaseStarted": "events",
    "Progress": "events",
    "RangeTest": "range_testing",
    "Result": "result",
    "Run": "records",
    "RunFinished": "events",
    "Space": "spaces",
    "Store": "store",
    "Study": "study",
    "StudyFinished": "events",
    "StudySpec": "spec",
    "StudyStarted": "events",
    "Suite": "suite",
    "compare": "comparison",
    "load": "saved",
    "range_test": "range_testing",
}

__all__ = [
    "SPACES",
    "USUAL",
    "Dimension",
    "Event",
    "PhaseStarted",
    "Progress",
    "RangeTest",
    "Result",
    "Run",
    "RunFinished",
    "Space",
    "Store",
    "Study",
    "StudyFinished",
    "StudySpec",
    "StudyStarted",
    "Suite",
    "compare",
    "load",
    "range_test",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'steepest.lab' has no attribute {name!r}")
    return getattr(importlib.import_module(f"steepest.lab.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
