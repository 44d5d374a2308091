"""Holm's correction for several tests."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from steepest.core.errors import InputError


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Holm's step-down adjusted p-values, in the order given.

    With p₁ ≤ … ≤ pₘ the i-th is max over j ≤ i of min(1, (m − j + 1) pⱼ). Rejecting those below α keeps the
    probability of any false rejection at most α, whatever the dependence of the tests.

    p_values: numbers in [0, 1], possibly none. Raises InputError for others.
    Source: Holm 1979, Scandinavian Journal of Statistics 6(2), 65–70.

    >>> holm([0.01, 0.04, 0.03])
    (0.03, 0.06, 0.06)
    """
    values = np.asarray(p_values, dtype=np.float64)
    if values.ndim != 1 or not np.all((values >= 0) & (values <= 1)):
        raise InputError(f"holm: p_values must be numbers in [0, 1], got {list(p_values)}")
    ascending = np.argsort(values, kind="stable")
    factors = np.arange(values.size, 0, -1)
    adjusted = np.empty_like(values)
    adjusted[ascending] = np.minimum(1.0, np.maximum.accumulate(factors * values[ascending]))
    return tuple(adjusted.tolist())
