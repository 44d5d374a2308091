"""Schedules: frozen values that are pure functions step → value, for any hyperparameter.

Arguments have one name throughout: `peak`, the value that the others follow from; `final`, where it ends; `steps`, the
whole length; `warmup`, the steps of a linear rise, among them. Every schedule has a closed form at any step, prints as
its constructor's call, compares equal by value, and goes to JSON and back (`to_dict`, `from_dict`). An optimizer reads
it at t − 1, so the first update uses s(0). `reduce_on_plateau`, which depends on the loss, is a rule: see `rules`.
"""

from steepest.core.schedule import Schedule
from steepest.schedules.batch_scaling import linear_scaling, square_root_scaling
from steepest.schedules.clip import clip
from steepest.schedules.constant import constant
from steepest.schedules.cosine import cosine, warmup_cosine
from steepest.schedules.cosine_restarts import cosine_restarts
from steepest.schedules.cyclic import cyclic
from steepest.schedules.exponential import exponential
from steepest.schedules.geometric import geometric
from steepest.schedules.inverse_sqrt import inverse_sqrt
from steepest.schedules.inverse_time import inverse_time
from steepest.schedules.join import join
from steepest.schedules.linear import linear, warmup_linear
from steepest.schedules.multi_step import multi_step
from steepest.schedules.noam import noam
from steepest.schedules.one_cycle import one_cycle
from steepest.schedules.plot import plot
from steepest.schedules.polynomial import polynomial
from steepest.schedules.registry import SCHEDULES
from steepest.schedules.scale import scale
from steepest.schedules.serialize import from_dict, to_dict
from steepest.schedules.step_decay import step_decay
from steepest.schedules.warmup import linear_warmup
from steepest.schedules.warmup_stable_decay import warmup_stable_decay

__all__ = [
    "SCHEDULES",
    "Schedule",
    "clip",
    "constant",
    "cosine",
    "cosine_restarts",
    "cyclic",
    "exponential",
    "from_dict",
    "geometric",
    "inverse_sqrt",
    "inverse_time",
    "join",
    "linear",
    "linear_scaling",
    "linear_warmup",
    "multi_step",
    "noam",
    "one_cycle",
    "plot",
    "polynomial",
    "scale",
    "square_root_scaling",
    "step_decay",
    "to_dict",
    "warmup_cosine",
    "warmup_linear",
    "warmup_stable_decay",
]
