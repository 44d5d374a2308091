"""What a sweep gives back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
import numpy.typing as npt

from steepest.core.status import Status

Floats = npt.NDArray[np.floating[Any]]


@final
@dataclass(frozen=True, eq=False)
class SweepResult:
    """Where every run of a sweep ended, and the way there if it was recorded.

    points: [runs, d], the parameters of each run after its last update; they are finite. answers: [runs, d], the
    answer points: an average, where the rule keeps one, else `points` itself. steps: [runs], updates that each run
    has had. status: [runs], `Status` as text: "max_steps", "converged" (a stopping test was met before update
    steps + 1), "nonfinite" (update steps + 1 led to a point that is not finite, and was not made), "stopped".
    values: [runs], the objective at `answers`; None without an objective.

    recorded: [saved], after how many updates a point was recorded, from 0; None where nothing was. trajectories:
    [runs, saved, d], answer points; a run that has ended repeats its last one. trajectory_values: [runs, saved].
    """

    points: Floats
    answers: Floats
    steps: npt.NDArray[np.int64]
    status: npt.NDArray[np.str_]
    values: npt.NDArray[np.float64] | None = None
    recorded: npt.NDArray[np.int64] | None = None
    trajectories: Floats | None = None
    trajectory_values: npt.NDArray[np.float64] | None = None

    def __repr__(self) -> str:
        runs, d = self.points.shape
        counts = {str(kind): int((self.status == kind).sum()) for kind in Status if (self.status == kind).any()}
        return f"SweepResult({runs} runs in {d} dimensions, {counts})"
