"""One method's line in a study's ranked table."""

from __future__ import annotations

from dataclasses import dataclass

from steepest.lab.spaces import Setting
from steepest.statistics import Interval


@dataclass(frozen=True)
class Result:
    """What a study found out about a method.

    rank: 1 has the lowest median. schedule: of the learning rate, the best of those tried on validation. setting: the
    one chosen, None where every trial diverged or failed. score: the median over the fresh seeds with its interval;
    iqm: their interquartile mean. metric: the median of the problem's metric (of the distance to a function's
    minimizer), None without one or where a run diverged. diverged, failed: on how many of the `seeds`, apart; a method
    without a setting counts on all of them. p_adjusted: against the first, corrected for the number of rivals, None for
    the first or without a test. improvement: the probability that the first has the lower score on a seed. tied: not
    shown to be worse than the first. remarks: what speaks against the setting.
    """

    rank: int
    method: str
    schedule: str
    setting: Setting | None
    score: Interval
    iqm: float
    metric: Interval | None
    seeds: int
    diverged: int
    failed: int
    p_adjusted: float | None
    improvement: Interval | None
    tied: bool
    remarks: tuple[str, ...]
