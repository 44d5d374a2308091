"""Every schedule by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from steepest.core.schedule import Schedule
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
from steepest.schedules.polynomial import polynomial
from steepest.schedules.scale import scale
from steepest.schedules.step_decay import step_decay
from steepest.schedules.warmup import linear_warmup
from steepest.schedules.warmup_stable_decay import warmup_stable_decay

SCHEDULES: Final[Mapping[str, type[Schedule]]] = {
    kind.__name__: kind
    for kind in (
        constant,
        step_decay,
        multi_step,
        exponential,
        geometric,
        inverse_time,
        inverse_sqrt,
        polynomial,
        linear,
        cosine,
        cosine_restarts,
        linear_warmup,
        warmup_cosine,
        warmup_linear,
        warmup_stable_decay,
        one_cycle,
        cyclic,
        noam,
        join,
        scale,
        clip,
    )
}
"""The schedules, by the names that they print with: simple ones first, then those with a warmup, then what combines."""
