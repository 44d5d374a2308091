"""Schedules: frozen values that are pure functions step → value, for any hyperparameter."""

from steepest.core.schedule import Schedule
from steepest.schedules.constant import constant
from steepest.schedules.cosine import cosine, warmup_cosine
from steepest.schedules.step_decay import step_decay

__all__ = ["Schedule", "constant", "cosine", "step_decay", "warmup_cosine"]
