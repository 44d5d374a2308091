"""Losses and gradients of many runs in one computation, and the recording of it that spares Python's part."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any, Final, final

import numpy as np
import torch
from torch import nn
from torch.func import functional_call, grad_and_value, vmap
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils._pytree import TreeSpec, tree_flatten, tree_unflatten

from steepest.problems.fingerprint import fingerprint
from steepest.problems.splits import Batch

Tensors = Mapping[str, torch.Tensor]

_OF_EVERY_MODULE: Final = frozenset(vars(nn.Module())) - {"training"}


@final
class OfOneRun:
    """A loss or metric as a function of one run's tensors and a batch; it may ask the network for anything."""

    def __init__(self, model: nn.Module, function: Callable[..., Any]) -> None:
        self._whole = _Whole(model, function)

    def __call__(self, tensors: Tensors, constants: Tensors, batch: Batch) -> Any:
        held = {f"model.{name}": tensor for name, tensor in (*tensors.items(), *constants.items())}
        found = functional_call(self._whole, held, (batch,))
        return found.reshape(()) if isinstance(found, torch.Tensor) else found


@final
class GridGradient:
    """`vmap` of `grad_and_value` of a loss: of stacked tensors and batches, the losses and gradients of all runs.

    shared: all runs have one batch, and draw alike; else the batch has the runs along a first axis, and a loss that
    draws is refused by `vmap`. record: the first call, which goes through Python and PyTorch's function transforms, is
    recorded as the list of tensor operations that it comes to, and later calls go through that list. It costs a tenth
    of a millisecond instead of half a one, whatever the number of runs; and it leaves out what Python does besides, so
    it is for networks and losses that `keeps_no_count` of their calls.
    """

    def __init__(self, model: nn.Module, loss: Callable[..., Any], *, shared: bool, record: bool) -> None:
        self._record = record
        self._function = vmap(
            grad_and_value(OfOneRun(model, loss)),
            in_dims=(0, 0, None if shared else 0),
            randomness="same" if shared else "error",
        )
        self._recording: Callable[..., tuple[torch.Tensor, ...]] | None = None

    def __call__(self, tensors: Tensors, constants: Tensors, batch: Batch) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Losses, and gradients in the order of `tensors`. Constants are changed in place where the network does so."""
        if not self._record:
            gradients, losses = self._function(tensors, constants, batch)
            return losses, [gradients[name] for name in tensors]
        leaves, form = tree_flatten(batch)
        if self._recording is None:
            # Recording runs it once; what that changes in place must not count.
            copies = [constant.clone() for constant in constants.values()]
            self._recording = make_fx(self._flat(tuple(tensors), tuple(constants), form))(
                *tensors.values(), *copies, *leaves
            )
        losses, *found = self._recording(*tensors.values(), *constants.values(), *leaves)
        return losses, found

    def _flat(
        self, names: tuple[str, ...], constants: tuple[str, ...], form: TreeSpec
    ) -> Callable[..., tuple[torch.Tensor, ...]]:
        """The function of tensors alone, one after another."""
        first, second = len(names), len(names) + len(constants)

        def flat(*given: torch.Tensor) -> tuple[torch.Tensor, ...]:
            gradients, losses = self._function(
                dict(zip(names, given[:first], strict=True)),
                dict(zip(constants, given[first:second], strict=True)),
                tree_unflatten(list(given[second:]), form),
            )
            return losses, *(gradients[name] for name in names)

        return flat


def keeps_no_count(model: nn.Module, loss: Callable[..., Any], batch: Batch) -> bool:
    """Whether a call leaves network, loss, and Python's and NumPy's random numbers as they were, buffers excepted.

    Looked at are attributes, closures and globals, by their content, as the problem's fingerprint does.
    """
    before = _remembered(model, loss)
    loss(model, batch)
    return before == _remembered(model, loss)


def _remembered(model: nn.Module, loss: Callable[..., Any]) -> str:
    own = [{k: v for k, v in vars(module).items() if k not in _OF_EVERY_MODULE} for module in model.modules()]
    return fingerprint(own, loss, random.getstate(), list(np.random.get_state()))


class _Whole(nn.Module):
    """A network together with a function of it."""

    def __init__(self, model: nn.Module, function: Callable[..., Any]) -> None:
        super().__init__()
        self.model, self.function = model, function

    def forward(self, batch: Batch) -> Any:
        return self.function(self.model, batch)
