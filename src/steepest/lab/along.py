"""Measurements along the judging runs, on the one grid that all of them were measured at."""

from __future__ import annotations

import numpy as np

from steepest.lab.study import Study
from steepest.trace import Column, Trace


def grid(study: Study) -> Column:
    """The steps at which judging runs are measured."""
    last = study.spec.steps
    return np.array([*range(0, last, study.spec.evaluate_every), last], dtype=np.float64)


def along(study: Study, method: str, column: str) -> Column:
    """A measurement of a method's judging runs, shape (seeds, points); NaN where a run had ended or failed."""
    steps = grid(study)
    traces = study.traces(method)
    runs = study.phase("final", study.entry(method))
    return np.array([_known(traces.get(run.seed), column, steps) for run in runs]).reshape(len(runs), steps.size)


def _known(trace: Trace | None, column: str, steps: Column) -> Column:
    found = np.full(steps.size, np.nan)
    if trace is not None and column in trace.evaluations:
        places = np.searchsorted(steps, trace.evaluations["step"])
        inside = places < steps.size
        found[places[inside]] = trace.evaluations[column][inside]
    return np.where(np.isfinite(found), found, np.nan)
