"""A dry run of a training problem before anything is trained: each mistake becomes one line that names it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import nn

from steepest.core.errors import InputError, ProblemError
from steepest.problems.seeding import TorchRandom, all_seeded
from steepest.problems.splits import CHUNK, ArraySplit, Batch, Split

_ROUNDING: Final = 1e-5
"""Relative difference of two losses that the order of a device's sums may cause."""

if TYPE_CHECKING:
    from collections.abc import Callable

    from steepest.problems.training_objective import Loss, Metric


def torch_device(owner: str, device: str) -> torch.device:
    """`device` as PyTorch's, with its index, or an InputError where it cannot be used here."""
    try:
        return torch.empty(0, device=device).device
    except (RuntimeError, AssertionError, TypeError, NotImplementedError) as error:
        reason = _line(error)
        raise InputError(f"{owner}: device must be one that PyTorch can use here, got {device!r} ({reason})") from None


def build(owner: str, model: Callable[[], nn.Module], seed: int, device: torch.device) -> nn.Module:
    """The network as `model` makes it under `seed`, on `device`; the caller's random state stays as it is."""
    with all_seeded(seed, device), _reported(owner, "model()"):
        network = model()
    if not isinstance(network, nn.Module):
        raise ProblemError(f"{owner}: model must return a torch.nn.Module, got {type(network).__name__}")
    network.to(device)
    if any(nn.parameter.is_lazy(item) for item in network.parameters()):
        raise ProblemError(
            f"{owner}: model must know the shapes of its parameters, got a lazy one; call it inside the function"
        )
    if not any(parameter.requires_grad for parameter in network.parameters()):
        raise ProblemError(f"{owner}: model must have at least one parameter that requires a gradient, got none")
    return network


def dry_run(
    owner: str,
    model: Callable[[], nn.Module],
    loss: Loss,
    metric: Metric | None,
    splits: Mapping[str, Split],
    batch_size: int,
    device: torch.device,
) -> None:
    """Build the network and try loss, gradient and metric once; raises InputError or ProblemError.

    The batches that are tried hold the smallest and largest label, so labels out of range show without a pass
    over all data. Nothing outlives the dry run, and the caller's random state stays as it is.
    """
    for split in splits.values():
        split.check_finite(owner)
    network = build(owner, model, 0, device)
    again = build(owner, model, 0, device)
    _check_fresh(owner, network, again)
    places = {name: split.to(device) for name, split in splits.items()}
    with TorchRandom(device).seeded(0):
        for batch in _telling_batches(places["train"], batch_size):
            _check_loss(owner, network, loss, batch, splits["train"], "train")
    batch = next(_telling_batches(places["train"], batch_size))
    _check_repeats(owner, (again, build(owner, model, 0, device)), loss, batch, splits["train"])
    with TorchRandom(device).seeded(0):
        network.eval()
        with torch.no_grad():
            for name, split in places.items():
                for batch in _telling_batches(split, min(CHUNK, len(split))):
                    _mean(owner, "loss", network, loss, batch, splits[name], name)
                    if metric is not None and name != "train":
                        _mean(owner, "metric", network, metric, batch, splits[name], name)


def _check_fresh(owner: str, first: nn.Module, second: nn.Module) -> None:
    """Two calls of `model` with one seed must give two networks with the same weights."""
    mine, other = dict(first.named_parameters()), dict(second.named_parameters())
    if {id(item) for item in mine.values()} & {id(item) for item in other.values()}:
        raise ProblemError(f"{owner}: model must build a new network on each call, got the same parameters twice")
    if mine.keys() != other.keys() or not all(_alike(mine[name], other[name]) for name in mine):
        raise ProblemError(
            f"{owner}: model must draw its weights from the global generators, which each run seeds; "
            "two calls with one seed gave different weights"
        )


def _check_repeats(owner: str, networks: tuple[nn.Module, nn.Module], loss: Loss, batch: Batch, split: Split) -> None:
    """Two networks with the same weights must give one batch the same loss under one seed."""
    found: list[float] = []
    for network in networks:
        with (
            TorchRandom(next(network.parameters()).device).seeded(0),
            _reported(owner, "loss(model, batch)", split, "train"),
        ):
            value: object = loss(network, batch)
        if not isinstance(value, torch.Tensor) or value.numel() != 1:
            return  # refused with the right words by `_check_loss`
        found.append(float(value.detach()))
    first, second = found
    if abs(first - second) > _ROUNDING * max(abs(first), abs(second)):
        raise ProblemError(
            f"{owner}: loss is not reproducible: two calls with one seed, the same weights and the same batch gave "
            f"{first!r} and {second!r}; draw random numbers from PyTorch's global generators, which each run seeds"
        )


def _alike(first: torch.Tensor, second: torch.Tensor) -> bool:
    return first.shape == second.shape and bool(((first == second) | (first.isnan() & second.isnan())).all())


def _check_loss(owner: str, network: nn.Module, loss: Loss, batch: Batch, split: Split, name: str) -> None:
    """The loss on a training batch: one finite number with finite gradients; the batch is left alone."""
    versions = [tensor._version for tensor in _tensors(batch)]
    with _reported(owner, "loss(model, batch)", split, name):
        value: object = loss(network, batch)
    if not isinstance(value, torch.Tensor):
        raise ProblemError(f"{owner}: loss must return a tensor of one number, got {type(value).__name__}")
    if value.numel() != 1:
        raise ProblemError(f"{owner}: loss must return one number, the batch's mean, got shape {tuple(value.shape)}")
    if not bool(value.isfinite()):
        raise ProblemError(
            f"{owner}: loss must be finite at the initial weights, got {value.item()} on the {name} data"
        )
    if not value.requires_grad:
        raise ProblemError(f"{owner}: loss must be differentiable in the model's parameters, got one without gradient")
    if [tensor._version for tensor in _tensors(batch)] != versions:
        raise ProblemError(f"{owner}: loss must leave its batch as it is, but it, or the model, changed it in place")
    network.zero_grad()
    with _reported(owner, "the gradient of loss(model, batch)", split, name):
        value.backward()  # type: ignore[no-untyped-call]
    gradients = {key: p.grad for key, p in network.named_parameters() if p.requires_grad and p.grad is not None}
    if not gradients:
        raise ProblemError(f"{owner}: loss must depend on the model's parameters, got no gradient for any of them")
    for key, gradient in gradients.items():
        if gradient.layout != torch.strided:
            raise ProblemError(f"{owner}: gradients must be dense, got a sparse one for {key!r}")
        if not bool(gradient.isfinite().all()):
            raise ProblemError(f"{owner}: gradients must be finite at the initial weights, got others for {key!r}")


def _mean(owner: str, what: str, network: nn.Module, function: Metric, batch: Batch, split: Split, name: str) -> None:
    """`function` on a batch of whole-split evaluation must be one finite number."""
    versions = [tensor._version for tensor in _tensors(batch)]
    with _reported(owner, f"{what}(model, batch)", split, name):
        value: object = function(network, batch)
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, RuntimeError):
        shape = f" of shape {tuple(value.shape)}" if isinstance(value, torch.Tensor) else ""
        raise ProblemError(f"{owner}: {what} must return one number, got {type(value).__name__}{shape}") from None
    if number != number or number in (float("inf"), float("-inf")):
        raise ProblemError(f"{owner}: {what} must be finite at the initial weights, got {number} on the {name} data")
    if [tensor._version for tensor in _tensors(batch)] != versions:
        raise ProblemError(f"{owner}: {what} must leave its batch as it is, but it, or the model, changed it in place")


def _telling_batches(split: Split, size: int) -> Iterator[Batch]:
    """Batches of `size` that together hold the extreme rows, filled up with the first ones."""
    extreme = split.extreme_rows()
    for first in range(0, max(1, len(extreme)), size):
        wanted = extreme[first : first + size]
        filling = (row for row in range(len(split)) if row not in wanted)
        rows = wanted + list(islice(filling, size - len(wanted)))
        yield from split.batches(torch.tensor(rows), size, 0)


@contextmanager
def _reported(owner: str, what: str, split: Split | None = None, name: str = "") -> Iterator[None]:
    """What the user's code raises inside becomes a ProblemError of one line."""
    try:
        yield
    except Exception as error:
        raise ProblemError(f"{owner}: {_explained(error, what, split, name)}") from error


def _explained(error: Exception, what: str, split: Split | None, name: str) -> str:
    label = re.search(r"Target (-?\d+) is out of bounds", str(error))
    if label is not None:
        classes = _classes(error.__traceback__)
        admissible = f"[0, {classes}), one of the network's {classes} outputs" if classes else "[0, number of outputs)"
        return f"labels must be whole numbers in {admissible}, got {label[1]} in the {name} data"
    double = split.double if isinstance(split, ArraySplit) else None
    hint = f"; {double} is float64, networks are float32 by default" if double and "ouble" in str(error) else ""
    where = f" on the {name} data" if name else ""
    return f"{what} raised {type(error).__name__}{where}: {_line(error)}{hint}"


def _classes(traceback: TracebackType | None) -> int | None:
    """How many classes the cross-entropy that raised was given: its input's second axis."""
    while traceback is not None:
        frame = traceback.tb_frame
        if frame.f_code.co_name in {"cross_entropy", "nll_loss"} and isinstance(
            frame.f_locals.get("input"), torch.Tensor
        ):
            shape = frame.f_locals["input"].shape
            return int(shape[1] if len(shape) > 1 else shape[0])
        traceback = traceback.tb_next
    return None


def _line(error: BaseException) -> str:
    """The first line of an error's text."""
    return str(error).strip().partition("\n")[0] or "no message"


def _tensors(batch: Any) -> list[torch.Tensor]:
    if isinstance(batch, torch.Tensor):
        return [batch]
    if isinstance(batch, Mapping):
        return [tensor for item in batch.values() for tensor in _tensors(item)]
    if isinstance(batch, tuple | list):
        return [tensor for item in batch for tensor in _tensors(item)]
    return []
