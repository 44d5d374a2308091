"""Studies: problems × methods × settings × seeds, tuned on equal budgets, stored, resumable, parallel."""

from steepest.lab.compare import compare
from steepest.lab.events import Event, PhaseStarted, Progress, RunFinished, StudyFinished, StudyStarted
from steepest.lab.range_test import RangeTest, range_test
from steepest.lab.records import Run
from steepest.lab.result import Result
from steepest.lab.saved import load
from steepest.lab.spaces import SPACES, Dimension, Space
from steepest.lab.spec import USUAL, StudySpec
from steepest.lab.store import Store
from steepest.lab.study import Study
from steepest.lab.suite import Suite

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
