"""What a study tells whoever watches it; it prints nothing itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from steepest.lab.records import Phase, Run
from steepest.lab.spec import StudySpec


@dataclass(frozen=True)
class StudyStarted:
    """The study is about to run: `total` runs, of which `stored` are in the store already."""

    spec: StudySpec
    total: int
    stored: int
    jobs: int


@dataclass(frozen=True)
class PhaseStarted:
    """A phase begins: `count` runs, of which `stored` are in the store already; `total` as is now known."""

    phase: Phase
    count: int
    stored: int
    total: int


@dataclass(frozen=True)
class RunFinished:
    """A run was trained, or found in the store; it is stored before this is told."""

    run: Run
    stored: bool


@dataclass(frozen=True)
class StudyFinished:
    """Everything is there; `seconds` of wall time, `trained` runs that were not in the store."""

    trained: int
    seconds: float


Event = StudyStarted | PhaseStarted | RunFinished | StudyFinished
Progress = Callable[[Event], None]
"""Called in the process that runs the study; what it raises ends the study, and finished runs stay stored."""
