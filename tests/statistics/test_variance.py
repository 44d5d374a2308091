from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import f

from steepest.core.errors import InputError
from steepest.statistics import decompose, variance_share


def test_mean_squares_written_out() -> None:
    groups = [[1.0, 2.0, 4.0], [5.0, 5.5, 3.5], [9.0, 7.0, 8.0], [2.0, 0.0, 1.0]]
    k, s = 4, 3
    total = sum(map(sum, groups)) / (k * s)
    means = [sum(group) / s for group in groups]
    above = s * sum((mean - total) ** 2 for mean in means) / (k - 1)
    within = sum((x - mean) ** 2 for group, mean in zip(groups, means, strict=True) for x in group) / (k * (s - 1))
    found = decompose(groups)
    assert found.within == pytest.approx(within) and found.between == pytest.approx((above - within) / s)
    icc = (above - within) / (above + (s - 1) * within)
    assert found.share.estimate == pytest.approx(icc) == variance_share(groups)
    ratio, q = above / within, f.ppf([0.975, 0.025], k - 1, k * (s - 1))
    low, high = (ratio / q - 1) / (ratio / q + s - 1)
    assert (found.share.low, found.share.high) == pytest.approx((low, high)) and found.share.n == 12


def test_recovers_planted_variances_and_covers() -> None:
    rng = np.random.default_rng(0)
    found = [decompose(rng.normal(0, 2, (8, 1)) + rng.normal(0, 1, (8, 3))) for _ in range(600)]
    assert np.mean([v.between for v in found]) == pytest.approx(4, rel=0.1)
    assert np.mean([v.within for v in found]) == pytest.approx(1, rel=0.05)
    assert np.mean([v.share.low <= 0.8 <= v.share.high for v in found]) == pytest.approx(0.95, abs=0.036)


def test_extremes() -> None:
    assert variance_share([[1.0, 1.0], [1.0, 1.0]]) == 0
    only = decompose([[1.0, 1.0], [2.0, 2.0]])
    assert (only.within, only.share.low, only.share.estimate) == (0, 1, 1)
    none = decompose([[1.0, 3.0], [3.0, 1.0]])
    assert none.between == 0 and none.share.low == 0 and none.share.estimate == 0


@pytest.mark.parametrize("groups", [[], [[1, 2]], [[1], [2]], [[1, 2], [1, 2, 3]], [[1, math.inf], [1, 2]]])
def test_bad_input_is_refused(groups: list) -> None:
    with pytest.raises(InputError, match="decompose: groups"):
        decompose(groups)
