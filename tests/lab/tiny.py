"""A training problem that trains in a millisecond, with all splits, and watchers of a study."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import mse_loss

from steepest.lab import Event, RunFinished
from steepest.problems import TrainingProblem


def model() -> nn.Module:
    return nn.Linear(3, 1)


def loss(network: nn.Module, batch: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    return mse_loss(network(batch[0]), batch[1])


def data(rows: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(rows, 3, generator=generator)
    noise = 0.1 * torch.randn(rows, 1, generator=generator)
    return x, x @ torch.tensor([[1.0], [-2.0], [0.5]]) + noise


def line(*, test: bool = True) -> TrainingProblem:
    held_out = data(20, 2) if test else None
    return TrainingProblem("line", model, loss, data(64, 0), data(20, 1), held_out, batch_size=16)


class Counter:
    """Counts the runs that are trained and those found; stops like Ctrl-C after `stop` trained ones."""

    def __init__(self, stop: int | None = None) -> None:
        self.stop, self.events = stop, []
        self.trained, self.stored = 0, 0

    def __call__(self, event: Event) -> None:
        self.events.append(event)
        if isinstance(event, RunFinished):
            self.stored += event.stored
            self.trained += not event.stored
            if self.trained == self.stop:
                raise KeyboardInterrupt
