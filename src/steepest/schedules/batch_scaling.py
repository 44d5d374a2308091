"""How a learning rate follows the batch size."""

from __future__ import annotations

import math
from typing import overload

from steepest.core.ranges import Range
from steepest.core.schedule import Schedule
from steepest.schedules.scale import scale

_COUNT = Range(low=1, integer=True)


@overload
def linear_scaling(value: float, batch_size: int, reference: int) -> float: ...


@overload
def linear_scaling(value: Schedule, batch_size: int, reference: int) -> Schedule: ...


def linear_scaling(value: float | Schedule, batch_size: int, reference: int) -> float | Schedule:
    """Linear scaling: a learning rate that is right at `reference` samples a batch, times batch_size / reference.

    value: a finite number, or a schedule, which becomes `scale` of it. batch_size, reference: whole numbers from 1.
    For SGD, up to some thousand samples a batch, with a warmup. Raises HyperparameterError for a value out of range.
    Source: Goyal et al. 2017, arXiv:1706.02677, §2.1.

    >>> linear_scaling(0.1, batch_size=1024, reference=256)
    0.4
    """
    return _scaled("linear_scaling", value, batch_size, reference, 1.0)


@overload
def square_root_scaling(value: float, batch_size: int, reference: int) -> float: ...


@overload
def square_root_scaling(value: Schedule, batch_size: int, reference: int) -> Schedule: ...


def square_root_scaling(value: float | Schedule, batch_size: int, reference: int) -> float | Schedule:
    """Square-root scaling: a learning rate right at `reference` samples a batch, times √(batch_size / reference).

    value: a finite number, or a schedule, which becomes `scale` of it. batch_size, reference: whole numbers from 1.
    It keeps the variance of the step; for Adam and its kin. Raises HyperparameterError for a value out of range.
    Source: Krizhevsky 2014, arXiv:1404.5997, §5; for Adam, Malladi et al. 2022, arXiv:2205.10287, who scale 1 − β₁
    and 1 − β₂ by batch_size / reference beside it.

    >>> square_root_scaling(1e-3, batch_size=1024, reference=256)
    0.002
    """
    return _scaled("square_root_scaling", value, batch_size, reference, 0.5)


def _scaled(owner: str, value: float | Schedule, batch_size: int, reference: int, power: float) -> float | Schedule:
    ratio = _COUNT.check(owner, "batch_size", batch_size) / _COUNT.check(owner, "reference", reference)
    factor = math.sqrt(ratio) if power == 0.5 else ratio
    if isinstance(value, Schedule):
        return scale(value, factor)
    return Range().check(owner, "value", value) * factor
