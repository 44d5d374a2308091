"""One live training run: a network, its batches, and what can be asked at its current weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, final

import torch
from torch import nn

from steepest.core.oracle import Evaluation, Objective
from steepest.problems.batches import BatchOrder
from steepest.problems.hessian_vector import hessian_vector
from steepest.problems.seeding import TorchRandom
from steepest.problems.splits import Split

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steepest.core.arrays import Array, Tensors

Loss = Callable[..., torch.Tensor]
"""loss(model, batch) → the batch's mean loss, a tensor of one number that can be differentiated."""
Metric = Callable[..., float | torch.Tensor]
"""metric(model, batch) → the batch's mean, one number."""

_MEASURING: Final = 0


@final
class TrainingObjective(Objective):
    """A network with a batch: value and gradient on the batch, measurements on whole data sets.

    What the network draws (dropout) is seeded by run and batch, so that one batch gives one value however often and
    by whatever method it is asked. `value_and_gradient` updates buffers (batch norm's averages) as PyTorch does;
    `value` and `measure` leave everything but their result as it was.
    """

    def __init__(
        self,
        model: nn.Module,
        loss: Loss,
        metric: Metric | None,
        splits: Mapping[str, Split],
        order: BatchOrder,
        samples: int,
        device: torch.device,
    ) -> None:
        self._model, self._loss, self._metric = model, loss, metric
        self._splits, self._order, self._samples = splits, order, samples
        self._random = TorchRandom(device)
        self._parameters = {name: p for name, p in model.named_parameters() if p.requires_grad}
        self._list = list(self._parameters.values())
        self._buffers = list(model.buffers())
        self._batch = next(order)

    @property
    def model(self) -> nn.Module:
        """The live network."""
        return self._model

    @property
    def batch(self) -> object:
        """The current batch."""
        return self._batch

    @property
    def tensors(self) -> Tensors:
        return self._parameters

    @property
    def samples(self) -> int:
        return self._samples

    def value_and_gradient(self) -> Evaluation:
        """Loss and gradients on the current batch; the gradients are fresh tensors, also in each `.grad`."""
        for parameter in self._list:
            parameter.grad = None
        with self._random.seeded(self._order.noise_seed):
            loss = self._loss(self._model, self._batch)
            loss.backward()  # type: ignore[no-untyped-call]
        return Evaluation(loss.item(), {name: parameter.grad for name, parameter in self._parameters.items()})

    def value(self) -> float:
        """Loss on the current batch, as `value_and_gradient` would give it."""
        kept = [buffer.clone() for buffer in self._buffers]
        with torch.no_grad(), self._random.seeded(self._order.noise_seed):
            found = self._loss(self._model, self._batch).item()
            for buffer, before in zip(self._buffers, kept, strict=True):
                buffer.copy_(before)
        return found

    def hessian_vector(self, vectors: Tensors) -> dict[str, Array]:
        """The Hessian of the loss on the current batch times these vectors, by differentiating the gradient.

        A parameter on which the loss depends linearly has zeros. Buffers and `.grad` are left as they were.
        """
        kept = [buffer.clone() for buffer in self._buffers]
        with self._random.seeded(self._order.noise_seed):
            loss = self._loss(self._model, self._batch)
            found = hessian_vector(loss, self._parameters, vectors)
        with torch.no_grad():
            for buffer, before in zip(self._buffers, kept, strict=True):
                buffer.copy_(before)
        return found

    def advance(self) -> None:
        self._batch = next(self._order)

    def measure(self, final: bool = False) -> dict[str, float]:
        """Mean loss and metric over whole splits, in evaluation mode.

        "validation_loss", and "validation_metric" with a metric; `final` adds "train_loss", and "test_loss" and
        "test_metric" where there are test data. Means are over samples: batches count by their size.
        """
        modules = list(self._model.modules())
        training = [module.training for module in modules]
        self._model.eval()
        try:
            with torch.no_grad(), self._random.seeded(_MEASURING):
                found = self._means("validation", self._metric)
                if final:
                    found |= self._means("train", None)
                    found |= self._means("test", self._metric) if "test" in self._splits else {}
        finally:
            for module, flag in zip(modules, training, strict=True):
                module.training = flag
        return found

    def _means(self, name: str, metric: Metric | None) -> dict[str, float]:
        split = self._splits[name]
        losses = metrics = 0.0
        for batch, size in split.spans():
            losses += size * float(self._loss(self._model, batch))
            if metric is not None:
                metrics += size * float(metric(self._model, batch))
        means = {f"{name}_loss": losses / len(split)}
        return means if metric is None else means | {f"{name}_metric": metrics / len(split)}
