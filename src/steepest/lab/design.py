"""The points at which every method is tried: one quasi-random sequence, the same for all."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from steepest.lab.spaces import Space

SEED = 36
"""Of the scramble: every study takes the head of this one sequence, which is even at 6 points as at 20."""


def points(count: int, dimensions: int) -> npt.NDArray[np.float64]:
    """The first `count` points of a scrambled Halton sequence in the unit cube, shape (count, dimensions).

    More points leave the first ones as they are, and so do more dimensions, so a study can be extended and methods
    with more hyperparameters share the learning rates of those with fewer.

    Source: Halton 1960, Numerische Mathematik 2; scramble: Owen 2017, arXiv:1706.02808.

    >>> bool((points(8, 3)[:5, :2] == points(5, 2)).all())
    True
    """
    from scipy.stats import qmc  # half a second that a worker process need not wait

    return qmc.Halton(dimensions, scramble=True, seed=np.random.default_rng(SEED)).random(count)


def settings(space: Space, count: int) -> list[dict[str, float]]:
    """The settings of the first `count` trials in `space`; one, the empty one, where nothing is tuned."""
    if not space.dimensions:
        return [{}]
    return [space.setting([float(x) for x in point]) for point in points(count, len(space.dimensions))]
