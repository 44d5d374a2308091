"""What counts as a sample of scores: numbers or +inf, one a seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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


def paired_samples(owner: str, name: str, scores: Mapping[str, Scores]) -> dict[str, Column]:
    """Each of `scores` as a `sample`, all of one length. Raises InputError for unequal lengths."""
    samples = {method: sample(owner, f"{name}[{method!r}]", values) for method, values in scores.items()}
    lengths = {method: values.size for method, values in samples.items()}
    if len(set(lengths.values())) > 1:
        raise InputError(f"{owner}: {name} must have as many seeds for every method, got {lengths}")
    return samples


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
