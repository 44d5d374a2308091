"""What may be said of many runs: intervals, paired tests, and a verdict in one sentence."""

from steepest.statistics.holm import holm
from steepest.statistics.intervals import Band, Interval, interquartile_mean, median_band, median_interval
from steepest.statistics.paired import probability_of_improvement, rank_sums, signed_rank_test
from steepest.statistics.verdict import Verdict, verdict

__all__ = [
    "Band",
    "Interval",
    "Verdict",
    "holm",
    "interquartile_mean",
    "median_band",
    "median_interval",
    "probability_of_improvement",
    "rank_sums",
    "signed_rank_test",
    "verdict",
]
