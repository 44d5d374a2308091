"""A row of a study's store: one run, what it was and what it gave."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import steepest
from steepest.core.status import Status
from steepest.trace import Trace

Phase = Literal["tune", "confirm", "final", "default", "rates"]
"""Trials on the first tuning seed; the best of them again on the others; the chosen setting on fresh seeds, and the
default one; learning rates about the chosen one on the tuning seeds."""

DIVERGED = "diverged"
"""Status of a run that stayed finite but ended far above its start."""

EXPLODED = 10.0
"""A run has diverged where its training value ends above this many times the value at the start."""


@dataclass(frozen=True)
class Run:
    """One run of a study.

    key: hash of all that decides its result. study: hash of what runs must share to be compared. setting: the
    hyperparameters tried, empty for a method that is not tuned. status: one of `core.Status`, or "diverged".
    scores: the measurements after the last step, finite ones only. seconds: of the steps, evaluation excluded.
    error: why it failed, else None. schedule: of the learning rate, by name. alone: whether the run had the machine to
    itself, so that its seconds may be compared.
    """

    key: str
    study: str
    problem: str
    method: str
    phase: Phase
    setting: Mapping[str, float]
    seed: int
    steps: int
    status: str
    scores: Mapping[str, float] = field(default_factory=dict)
    seconds: float = math.nan
    error: str | None = None
    schedule: str = "constant"
    alone: bool = False

    @property
    def diverged(self) -> bool:
        """Whether it became non-finite or exploded."""
        return self.status in {Status.NONFINITE.value, DIVERGED}

    @property
    def failed(self) -> bool:
        """Whether the problem or the method raised, or its process died."""
        return self.status == Status.FAILED.value

    def score(self, *names: str) -> float:
        """The first of these measurements that there is; +inf, the worst, where the run diverged or failed."""
        if self.diverged or self.failed:
            return math.inf
        return next((self.scores[name] for name in names if name in self.scores), math.inf)

    @property
    def validation(self) -> float:
        """What settings are chosen by: validation loss, or the value where there is no data."""
        return self.score("validation_loss", "value")


def outcome(trace: Trace) -> tuple[str, dict[str, float]]:
    """Status and final measurements of a finished run; "diverged" where it exploded without becoming non-finite."""
    rows = {name: float(column[-1]) for name, column in trace.evaluations.items() if name != "step" and len(column)}
    scores = {name: value for name, value in rows.items() if math.isfinite(value)}
    scores["gradient_calls"] = float(trace.steps["gradient_calls"][-1])
    if not trace.status.ok:
        return trace.status.value, scores
    start = float(trace.steps["value"][0]) if len(trace.steps["value"]) else math.nan
    end = rows.get("train_loss", rows.get("value", math.nan))
    losses = [value for name, value in rows.items() if name.endswith("loss") or name == "value"]
    if not all(math.isfinite(value) for value in losses):
        return DIVERGED, scores
    if start != 0 and end > start + (EXPLODED - 1) * abs(start):
        return DIVERGED, scores
    return trace.status.value, scores


def study_key(problem: str, schedule: str, steps: int, device: str) -> str:
    """Hash of what runs share that may be compared: the problem's fingerprint, schedule, steps, kind of device."""
    return _hash({"problem": problem, "schedule": schedule, "steps": steps, "device": device.partition(":")[0]})


def run_key(study: str, method: str, setting: Mapping[str, float], seed: int, alone: bool = False) -> str:
    """Hash of a run: its study, the method's fingerprint, the setting, the seed, and whether its seconds count."""
    timed = {"alone": True} if alone else {}
    return _hash({"study": study, "method": method, "setting": dict(setting), "seed": seed, **timed})


def _hash(parts: Mapping[str, object]) -> str:
    text = json.dumps({**parts, "version": steepest.__version__}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
