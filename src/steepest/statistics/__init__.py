"""What may be said of many runs: intervals, paired tests, time to target, many problems, a verdict in one sentence."""

from steepest.statistics.across import DropOne
from steepest.statistics.budget import BestAfter, Segment, best_after, best_by_budget, segments_text
from steepest.statistics.change import paired_difference, relative_change
from steepest.statistics.holm import holm
from steepest.statistics.intervals import Band, Interval, median_band, median_interval
from steepest.statistics.means import interquartile_mean, interquartile_mean_interval, mean_interval
from steepest.statistics.paired import (
    improvement_interval,
    least_seeds,
    probability_of_improvement,
    rank_sums,
    seeds_to_separate,
    signed_rank_test,
)
from steepest.statistics.profile import (
    PerformanceProfile,
    algoperf_score,
    performance_profile,
    ratios_to_fastest,
    score_intervals,
    score_without_one,
)
from steepest.statistics.rates import RateInterval, usable_rates
from steepest.statistics.speedup import geometric_speedup, speedup_intervals, speedup_without_one
from steepest.statistics.stepdown import stepdown_test
from steepest.statistics.targets import TimeToTarget, first_crossing, target_of, time_to_target
from steepest.statistics.variance import Variance, decompose, variance_share
from steepest.statistics.verdict import Verdict, verdict

__all__ = [
    "Band",
    "BestAfter",
    "DropOne",
    "Interval",
    "PerformanceProfile",
    "RateInterval",
    "Segment",
    "TimeToTarget",
    "Variance",
    "Verdict",
    "algoperf_score",
    "best_after",
    "best_by_budget",
    "decompose",
    "first_crossing",
    "geometric_speedup",
    "holm",
    "improvement_interval",
    "interquartile_mean",
    "interquartile_mean_interval",
    "least_seeds",
    "mean_interval",
    "median_band",
    "median_interval",
    "paired_difference",
    "performance_profile",
    "probability_of_improvement",
    "rank_sums",
    "ratios_to_fastest",
    "relative_change",
    "score_intervals",
    "score_without_one",
    "seeds_to_separate",
    "segments_text",
    "signed_rank_test",
    "speedup_intervals",
    "speedup_without_one",
    "stepdown_test",
    "target_of",
    "time_to_target",
    "usable_rates",
    "variance_share",
    "verdict",
]
