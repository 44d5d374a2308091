"""Studies: problems × methods × settings × seeds, tuned on equal budgets, stored, resumable, parallel."""

from steepest.lab.compare import compare
from steepest.lab.events import Event, PhaseStarted, Progress, RunFinished, StudyFinished, StudyStarted
from steepest.lab.records import Run
from steepest.lab.spaces import SPACES, Dimension, Space
from steepest.lab.spec import StudySpec
from steepest.lab.store import Store
from steepest.lab.study import Result, Study

__all__ = [
    "SPACES",
    "Dimension",
    "Event",
    "PhaseStarted",
    "Progress",
    "Result",
    "Run",
    "RunFinished",
    "Space",
    "Store",
    "Study",
    "StudyFinished",
    "StudySpec",
    "StudyStarted",
    "compare",
]
