"""What counts as a sample of scores: numbers or +inf, one a seed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from steepest.core.errors import InputError
from steepest.trace import Column

Scores = Sequence[float] | Column
"""One score a seed, lower is better; +inf where the run diverged."""


def sample(owner: str, name: str, values: Scores) -> Column:
    """`values` as a float64 array of shape (n,), n ≥ 1.

    Raises InputError for another shape, for NaN (a diverged run is +inf: worst, but ranked) and for -inf.

    >>> sample("verdict", "adam", [0.5, float("nan")])
    Traceback (most recent call last):
    ...
    steepest.core.errors.InputError: verdict: adam must hold numbers in (-inf, inf], got nan at index 1
    """
    array = _floats(owner, name, values)
    if array.ndim != 1 or array.size == 0:
        raise InputError(
            f"{owner}: {name} must be a sequence of at least 1 number, got an array of shape {array.shape}"
        )
    return admissible(owner, name, array)


def admissible(owner: str, name: str, array: Column) -> Column:
    """`array` itself, or InputError where an element is NaN or -inf."""
    wrong = np.flatnonzero(np.isnan(array) | (array == -np.inf))
    if wrong.size:
        first = wrong[0]
        raise InputError(f"{owner}: {name} must hold numbers in (-inf, inf], got {array.flat[first]} at index {first}")
    return array


def _floats(owner: str, name: str, values: Scores) -> npt.NDArray[np.float64]:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{owner}: {name} must be a sequence of numbers, got {values!r}") from error
