"""Whole runs of small problems as one compiled loop, vectorized over the runs."""

from steepest.engines.sweep.result import SweepResult
from steepest.engines.sweep.run import sweep

__all__ = ["SweepResult", "sweep"]
