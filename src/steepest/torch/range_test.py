"""The learning-rate range test inside a PyTorch program: afterwards everything is as it was."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from steepest.core.arrays import to_float
from steepest.core.errors import InputError, InputTypeError
from steepest.core.ranges import Range
from steepest.core.schedule import Schedule
from steepest.schedules.range_test import SMOOTHING, RangeTest, Watched, rising_rates
from steepest.torch.optimizer import Optimizer
from steepest.torch.unchanged import Unchanged, copy_of_loader, generators_of
from steepest.trace import Column


def range_test(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    loss: Callable[..., torch.Tensor],
    loader: Iterable[Any] | None = None,
    *,
    low: float = 1e-7,
    high: float = 10.0,
    steps: int = 100,
    repeats: int = 1,
    smoothing: float = SMOOTHING,
    generators: Sequence[torch.Generator | np.random.Generator] = (),
) -> RangeTest:
    """Train this model with this optimizer while the learning rate rises, and put everything back.

    loss: with a loader, `loss(model, batch)`; without one, `loss()` of the next batch. It gives a tensor of one number
    and calls neither backward nor step. loader: batches, begun again at its end. low, high: 0 < low < high; update
    k = 0, 1, … is made with low · (high / low)^(k / (steps − 1)); where groups have rates of their own, this is the
    first one's, and the others keep their ratio to it. steps: a whole number from 10. repeats: from 1; the first has
    the order and random numbers that training would have had, the others their own, so there is a band. smoothing: β in
    [0, 1). generators: further ones that batches are drawn from.

    Put back, bit for bit, when the test is over, when `loss` raises, and on Ctrl-C: parameters and buffers of the model
    and of the optimizer, with the very tensors they were; gradients; which modules are in training; the optimizer's
    state, groups and clock; the random states of PyTorch (CPU, every CUDA device), NumPy and Python; the generators of
    the loader and of its samplers, what else a sampler keeps in attributes, and `generators`. An iterator that is
    running over the loader goes on where it is. Not put back: what the data set or `loss` itself keeps, and Python
    attributes of modules. The model stays in the mode it is in.

    Returns a `RangeTest`: `suggestion` is an interval of rates, `figure()` draws the losses. Raises InputError and
    InputTypeError for what cannot be, before anything is changed: a learning rate that follows a schedule, an optimizer
    without one, or that needs a closure.

    >>> import torch
    >>> model = torch.nn.Linear(4, 1)
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    >>> x = torch.eye(4)
    >>> test = range_test(model, optimizer, lambda: (model(x) - 1).square().mean(), low=1e-4, high=100.0)
    >>> test.suggestion.low < test.suggestion.high < test.suggestion.diverges
    True
    """
    schedule, rates = rising_rates("range_test", low, high, steps)
    Range(low=0, high=1, open_high=True).check("range_test", "smoothing", smoothing)
    count = int(Range(low=1, integer=True).check("range_test", "repeats", repeats))
    _check_optimizer(optimizer)
    ratios = _ratios(optimizer)
    if not callable(loss):
        raise InputTypeError(f"range_test: loss must be a function, got {type(loss).__name__}")
    if loader is not None and not isinstance(loader, Iterable):
        raise InputTypeError(f"range_test: loader must be iterable, got {type(loader).__name__}")
    if loader is not None and isinstance(loader, Iterator):
        raise InputTypeError("range_test: loader must be one that can be begun again, got an iterator")
    found = [*generators_of(loader), *generators]
    rows = []
    for repeat in range(count):
        with Unchanged(model, optimizer, loader, found) as unchanged:
            if repeat:
                unchanged.reseed(repeat)
            rows.append(_losses(model, optimizer, loss, loader, schedule, rates.size, smoothing, ratios))
    return RangeTest(f"{type(optimizer).__name__} on {type(model).__name__}", rates, np.stack(rows), smoothing)


def _losses(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    loss: Callable[..., torch.Tensor],
    loader: Iterable[Any] | None,
    schedule: Schedule,
    steps: int,
    smoothing: float,
    ratios: Sequence[float],
) -> Column:
    """The loss after each of so many updates, until the run has gone too far."""
    watched = Watched(steps, smoothing)
    with copy_of_loader(loader) as own:
        batches = None if own is None else _endless(own)
        for step in range(steps + 1):
            optimizer.zero_grad(set_to_none=True)
            with torch.enable_grad():
                value = loss() if batches is None else loss(model, next(batches))
            _check_loss(value)
            number = to_float(value.detach().reshape(()))
            if (step and watched.saw(number)) or not np.isfinite(number):
                break
            value.backward()  # type: ignore[no-untyped-call]
            for group, ratio in zip(optimizer.param_groups, ratios, strict=True):
                _set_rate(group, schedule(step) * ratio)
            _step(optimizer, value.detach())
    return watched.losses


def _check_loss(value: object) -> None:
    if not isinstance(value, torch.Tensor) or value.numel() != 1:
        raise InputTypeError(f"range_test: loss must return a tensor of one number, got {value!r}")


def _step(optimizer: torch.optim.Optimizer, value: torch.Tensor) -> None:
    if isinstance(optimizer, Optimizer):
        optimizer.step(loss=value)
    else:
        optimizer.step()


def _set_rate(group: dict[str, Any], rate: float) -> None:
    """A rate that is a tensor stays the tensor it is, as captured graphs ask for."""
    if isinstance(group["lr"], torch.Tensor):
        group["lr"].fill_(rate)
    else:
        group["lr"] = rate


def _ratios(optimizer: torch.optim.Optimizer) -> list[float]:
    """Each group's rate over the first one's; raises where there is none that can be set."""
    groups = optimizer.param_groups
    if any("lr" not in group for group in groups):
        raise InputError(f"range_test: {type(optimizer).__name__} must have a learning rate 'lr' in every group")
    if isinstance(optimizer, Optimizer):
        followed = optimizer.rule.hyperparameters().get("learning_rate.lr")
        if isinstance(followed, Schedule):
            raise InputError(f"range_test: lr must be a number while it is tested, got {followed!r}")
        if optimizer._held is not None:
            raise InputError("range_test: the parameters hold the answer point; call optimizer.train() first")
        asks_twice = any(link.queries_gradient for _, link in optimizer.rule.links())
    else:
        closure = inspect.signature(type(optimizer).step).parameters.get("closure")
        asks_twice = closure is not None and closure.default is inspect.Parameter.empty
    if asks_twice:
        raise InputError(f"range_test: {type(optimizer).__name__} takes a closure and cannot be tested")
    rates = [float(group["lr"]) for group in groups]
    if min(rates) <= 0 < max(rates) or rates[0] < 0:
        raise InputError(f"range_test: lr must be in (0, inf) in every group, got {rates}")
    return [rate / rates[0] if rates[0] else 1.0 for rate in rates]


def _check_optimizer(optimizer: object) -> None:
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise InputTypeError(f"range_test: optimizer must be a torch.optim.Optimizer, got {type(optimizer).__name__}")


def _endless(loader: Iterable[Any]) -> Iterator[Any]:
    while True:
        seen = False
        for batch in loader:
            seen = True
            yield batch
        if not seen:
            raise InputError("range_test: loader must give at least one batch, got none")


__all__ = ["RangeTest", "range_test"]
