"""Whether runs of a training problem give the same numbers together as one by one: found by trying."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from torch import nn

from steepest.core.errors import InputError
from steepest.problems.batches import BatchOrder
from steepest.problems.grid_gradient import keeps_no_count
from steepest.problems.seeding import TorchRandom
from steepest.problems.splits import ArraySplit, Batch, Split
from steepest.problems.training_grid import TrainingGrid, Verdict
from steepest.problems.training_objective import TrainingObjective

if TYPE_CHECKING:
    from steepest.problems.training_objective import Loss, Metric

_BATCHES: Final = 2
"""How many batches are tried: a network that counts its calls shows it on the second."""
_COPIES: Final = 4
"""Parameter-sized tensors a run holds beside its activations: weights, gradients, and two slots of a rule."""


def check_grid(
    owner: str,
    networks: Mapping[int, nn.Module],
    seeds: Sequence[int],
    loss: Loss,
    metric: Metric | None,
    splits: Mapping[str, Split],
    samples: int,
    device: torch.device,
) -> Verdict:
    """Train two of the runs together for two batches, and each of them alone, and compare.

    Losses, gradients and buffers must agree to half the digits of their numbers (√ε of the dtype); where whole-split
    measurements cannot be batched, or differ, they will be taken run by run. Raises InputError with the reason where
    the runs cannot be trained together: what `vmap` refuses, draws that differ by seed, results that differ.
    """
    if not isinstance(splits["train"], ArraySplit):
        raise InputError(f"{owner}: runs are trained together on arrays in memory, got a data set that is read")
    pair = (seeds[0], next((seed for seed in seeds if seed != seeds[0]), seeds[0]))
    parts = (loss, metric, splits, samples, device)
    chosen = {seed: networks[seed] for seed in pair}
    try:
        known = _verdict(networks[pair[0]], pair[0], *parts)
        try:
            found = _compare(owner, chosen, pair, known, *parts)
        except Exception:
            if not known.repeats:
                raise
            found = _compare(owner, chosen, pair, replace(known, repeats=False), *parts)
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"{owner}: runs cannot be trained together: {_line(error)}") from error
    return found


def _verdict(
    network: nn.Module,
    seed: int,
    loss: Loss,
    metric: Metric | None,
    splits: Mapping[str, Split],
    samples: int,
    device: torch.device,
) -> Verdict:
    """What single runs say, and the hope that all can be batched."""
    (batch,) = splits["train"].batches(torch.arange(samples), samples, 0)
    with TorchRandom(device).seeded(0):
        repeats = keeps_no_count(copy.deepcopy(network), loss, batch)
    gradients = _alone(network, seed, loss, metric, splits, samples, device).value_and_gradient().gradients
    untouched = frozenset(name for name, gradient in gradients.items() if gradient is None)
    return Verdict(untouched, True, repeats, *_memory(network, loss, batch, samples, device))


def _compare(
    owner: str, networks: Mapping[int, nn.Module], pair: Sequence[int], verdict: Verdict, *parts: Any
) -> Verdict:
    """The verdict after a trial; raises InputError where the runs together are not what they are alone."""
    grid = TrainingGrid(owner, networks, pair, *parts, verdict=verdict)
    alone = [_alone(networks[seed], seed, *parts) for seed in pair]
    for batch in range(_BATCHES):
        if batch:
            grid.advance()
            for objective in alone:
                objective.advance()
        _compare_step(owner, grid, alone)
    return replace(verdict, measures_together=_measures_alike(grid, alone))


def _alone(
    network: nn.Module,
    seed: int,
    loss: Loss,
    metric: Metric | None,
    splits: Mapping[str, Split],
    samples: int,
    device: torch.device,
) -> TrainingObjective:
    order = BatchOrder(splits["train"], samples, seed)
    return TrainingObjective(copy.deepcopy(network), loss, metric, splits, order, samples, device)


def _compare_step(owner: str, grid: TrainingGrid, alone: Sequence[TrainingObjective]) -> None:
    together = grid.values()
    for run, objective in enumerate(alone):
        value, gradients = objective.value_and_gradient()
        if not math.isclose(together[run], value, rel_tol=_tolerance(objective.tensors.values())):
            raise InputError(
                f"{owner}: runs cannot be trained together: the loss of one run is {value:.9g} alone and "
                f"{together[run]:.9g} among others"
            )
        found = {name: None if g is None else g[run] for name, g in grid.gradients.items()}
        named = dict(objective.model.named_parameters()) | dict(objective.model.named_buffers())
        constants = {name: tensor[run] for name, tensor in grid.constants.items()}
        for what, mine, theirs in (
            ("gradient", found, gradients),
            ("state", constants, {name: named[name].detach() for name in constants}),
        ):
            if not _alike(mine, theirs):
                raise InputError(
                    f"{owner}: runs cannot be trained together: the {what} of a run alone is not what it is with others"
                )


def _alike(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> bool:
    """Whether the two differ by little, measured over all tensors at once."""
    if mine.keys() != theirs.keys() or any((mine[name] is None) != (theirs[name] is None) for name in mine):
        return False
    there = [name for name in mine if mine[name] is not None]
    if not there:
        return True
    wide = [(mine[name].double(), theirs[name].double()) for name in there]
    distance = math.sqrt(sum(float((a - b).square().sum()) for a, b in wide))
    length = math.sqrt(sum(float(b.square().sum()) for _, b in wide))
    return distance <= _tolerance(theirs[name] for name in there) * length


def _tolerance(tensors: Any) -> float:
    return math.sqrt(max((torch.finfo(t.dtype).eps for t in tensors if t.is_floating_point()), default=0.0))


def _measures_alike(grid: TrainingGrid, alone: Sequence[TrainingObjective]) -> bool:
    try:
        together = grid.measure(final=True)
    except Exception:  # a metric that leaves PyTorch is asked for run by run
        return False
    tolerance = _tolerance(grid.tensors.values())
    for run, objective in enumerate(alone):
        single = objective.measure(final=True)
        if single.keys() != together.keys():
            return False
        if not all(np.isclose(together[name][run], single[name], rtol=tolerance, equal_nan=True) for name in single):
            return False
    return True


def _memory(network: nn.Module, loss: Loss, batch: Batch, samples: int, device: torch.device) -> tuple[int, int]:
    """Bytes that a run takes in a step, and what a forward pass keeps of one sample."""
    kept: dict[int, int] = {}
    probe = copy.deepcopy(network)
    held = [*probe.parameters(), *probe.buffers()]
    own = {tensor.untyped_storage().data_ptr() for tensor in held}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with TorchRandom(device).seeded(0), torch.autograd.graph.saved_tensors_hooks(keep, _as_is):
        loss(probe, batch)
    activations = sum(kept.values())
    return _COPIES * sum(t.numel() * t.element_size() for t in held) + activations, max(1, activations // samples)


def _as_is(tensor: Any) -> Any:
    return tensor


def _line(error: BaseException) -> str:
    """The first line of an error's text, with its kind."""
    text = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
