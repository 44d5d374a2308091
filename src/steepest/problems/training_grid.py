"""Many live training runs of one problem as one batched computation."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast, final

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.func import vmap
from torch.utils._pytree import tree_map

from steepest.core.errors import InputError
from steepest.problems.batches import BatchOrder
from steepest.problems.grid_gradient import GridGradient, OfOneRun, Tensors
from steepest.problems.seeding import TorchRandom
from steepest.problems.splits import ArraySplit, Batch, Split

if TYPE_CHECKING:
    from steepest.problems.training_objective import Loss, Metric

Vector = npt.NDArray[np.float64]

_MEASURING: Final = 0
_MEASURED_BYTES: Final = 2**22
"""What whole-split measurements may hold at once: beyond the processor's caches more runs together gain nothing."""


@dataclass(frozen=True)
class Verdict:
    """What a trial of a grid against single runs has shown; see `check_grid`.

    untouched: parameters that take no part in the loss, and have no gradient. measures_together: whether measurements
    on whole splits can be batched too. repeats: whether a step can be recorded, and gives the same numbers then.
    bytes_a_run: memory that one more run takes in a step. bytes_a_sample: what a forward pass holds of one sample.
    """

    untouched: frozenset[str]
    measures_together: bool
    repeats: bool
    bytes_a_run: int
    bytes_a_sample: int


@final
class TrainingGrid:
    """R runs of one training problem: parameters stacked along a first axis, one forward and backward pass for all.

    Losses and gradients are `vmap` of `grad_and_value` of the loss under `torch.func.functional_call`. Each run has the
    initial weights and batches that `TrainingObjective` has for its seed, so it gives the same numbers up to rounding:
    products of many small matrices may add in another order. Buffers (batch norm's averages) are stacked, and updated
    in a step, as PyTorch does.

    Made by `TrainingProblem.start_together`. owner: the problem's name. networks: by seed, freshly built. seeds: one a
    run, seeds may repeat. Where all runs have one seed, they share one batch and what the network draws (dropout); runs
    of several seeds may not draw.

    tensors: (R, …) by name, changed in place by methods. gradients: (R, …) by name, None where a tensor takes no part;
    each evaluation writes into the same arrays. constants: what is stacked besides: buffers, and parameters that are
    not trained. samples: of one run's batch. Raises InputError for networks whose shapes differ by seed.

    >>> import torch
    >>> from torch.nn.functional import mse_loss
    >>> from steepest.problems import TrainingProblem
    >>> x = torch.linspace(-1, 1, 100)[:, None]
    >>> problem = TrainingProblem("line", lambda: torch.nn.Linear(1, 1),
    ...     lambda model, batch: mse_loss(model(batch[0]), batch[1]), (x, 2 * x), (x, 2 * x), batch_size=10)
    >>> grid = problem.start_together([0, 1, 2])
    >>> {name: tuple(tensor.shape) for name, tensor in grid.tensors.items()}
    {'weight': (3, 1, 1), 'bias': (3, 1)}
    >>> bool(abs(grid.values()[1] - problem.start(1).value()) < 1e-6)
    True
    """

    def __init__(
        self,
        owner: str,
        networks: Mapping[int, nn.Module],
        seeds: Sequence[int],
        loss: Loss,
        metric: Metric | None,
        splits: Mapping[str, Split],
        samples: int,
        device: torch.device,
        *,
        verdict: Verdict,
    ) -> None:
        self._verdict, self.samples, self.runs = verdict, samples, len(seeds)
        self._model, self._loss, self._metric = copy.deepcopy(networks[seeds[0]]), loss, metric
        self._splits, self._random = splits, TorchRandom(device)
        self.tensors, self.constants = _stacked(owner, [networks[seed] for seed in seeds])
        self._moving = {name: tensor for name, tensor in self.tensors.items() if name not in verdict.untouched}
        self._still = {n: t for n, t in (*self.tensors.items(), *self.constants.items()) if n not in self._moving}
        self.gradients: dict[str, torch.Tensor | None] = dict.fromkeys(self.tensors)
        self.gradients |= {name: torch.zeros_like(tensor) for name, tensor in self._moving.items()}
        distinct = list(dict.fromkeys(seeds))
        rows = ArraySplit("rows", {0: torch.arange(len(splits["train"]))}, keyed=False)
        self._orders = [BatchOrder(rows, samples, seed) for seed in distinct]
        self._order_of = torch.tensor([distinct.index(seed) for seed in seeds])
        self._shared = len(distinct) == 1
        self._gradient = GridGradient(self._model, loss, shared=self._shared, record=verdict.repeats)
        self.advance()

    @property
    def batch(self) -> Batch:
        """The current batch: of all runs where they share it, else with the runs along a first axis."""
        return self._batch

    @property
    def bytes_a_run(self) -> int:
        """Memory that one more run takes in a step."""
        return self._verdict.bytes_a_run

    def advance(self) -> None:
        """Draw each run's next batch."""
        drawn: list[Any] = [next(order) for order in self._orders]
        rows = torch.stack([batch[0] for batch in drawn])
        if not self._shared:
            rows = rows[self._order_of]
        (self._batch,) = self._splits["train"].batches(rows.reshape(-1), rows.numel(), 0)
        if not self._shared:
            shape = (self.runs, self.samples)
            self._batch = tree_map(lambda tensor: tensor.reshape(*shape, *tensor.shape[1:]), self._batch)

    def values(self) -> Vector:
        """Losses of all runs, each on its own batch, (R,); their gradients go into `gradients`."""
        with self._random.seeded(self._orders[0].noise_seed) if self._shared else nullcontext():
            losses, found = self._gradient(self._moving, self._still, self._batch)
        for name, gradient in zip(self._moving, found, strict=True):
            cast(torch.Tensor, self.gradients[name]).copy_(gradient)
        return _numpy(losses)

    def gradient_norms(self) -> Vector:
        """The Euclidean norm of each run's whole gradient, (R,); tensors are added in float64."""
        squares = np.zeros(self.runs)
        with np.errstate(over="ignore", invalid="ignore"):
            for gradient in self.gradients.values():
                if gradient is not None:
                    squares += _numpy(torch.linalg.vector_norm(gradient.reshape(self.runs, -1), dim=1)) ** 2
        return np.asarray(np.sqrt(squares))

    def measure(self, final: bool = False) -> dict[str, Vector]:
        """As `TrainingObjective.measure`, each name with the numbers of all runs."""
        with _evaluating(self._model), torch.no_grad():
            found = self._means("validation", self._metric)
            if final:
                found |= self._means("train", None)
                found |= self._means("test", self._metric) if "test" in self._splits else {}
        return found

    def _means(self, name: str, metric: Metric | None) -> dict[str, Vector]:
        split = self._splits[name]
        functions = {"loss": self._loss} if metric is None else {"loss": self._loss, "metric": metric}
        sums = {key: np.zeros(self.runs) for key in functions}
        for batch, size in split.spans():
            for key, function in functions.items():
                sums[key] += size * self._measured(function, batch, size)
        return {f"{name}_{key}": total / len(split) for key, total in sums.items()}

    def _measured(self, function: Callable[..., Any], batch: Batch, size: int) -> Vector:
        """`function` of every run on a batch that all share."""
        one = OfOneRun(self._model, function)
        if not self._verdict.measures_together:
            numbers = []
            for run in range(self.runs):
                tensors, constants = _part(self.tensors, run), _part(self.constants, run)
                with self._random.seeded(_MEASURING):
                    numbers.append(float(one(tensors, constants, batch)))
            return np.array(numbers)
        chunk = max(1, _MEASURED_BYTES // (self._verdict.bytes_a_sample * size))
        together = vmap(one, in_dims=(0, 0, None), chunk_size=None if chunk >= self.runs else chunk)
        return _numpy(together(self.tensors, self.constants, batch))


def _part(stacks: Tensors, run: int) -> dict[str, torch.Tensor]:
    return {name: tensor[run] for name, tensor in stacks.items()}


def _stacked(owner: str, networks: Sequence[nn.Module]) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Trained parameters, and everything else by name, stacked over the runs."""
    first = networks[0]
    trained = [name for name, p in first.named_parameters() if p.requires_grad]
    tables = [{**dict(network.named_parameters()), **dict(network.named_buffers())} for network in networks]
    for table in tables:
        if {n: (t.shape, t.dtype) for n, t in table.items()} != {n: (t.shape, t.dtype) for n, t in tables[0].items()}:
            raise InputError(f"{owner}: networks of all seeds must have the same shapes to be trained together")
    stacks = {name: torch.stack([table[name].detach() for table in tables]) for name in tables[0]}
    return {name: stacks[name] for name in trained}, {n: t for n, t in stacks.items() if n not in trained}


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    modules = list(model.modules())
    training = [module.training for module in modules]
    model.eval()
    try:
        yield
    finally:
        for module, flag in zip(modules, training, strict=True):
            module.training = flag


def _numpy(tensor: torch.Tensor) -> Vector:
    return np.asarray(tensor.detach().to("cpu", torch.float64).numpy())
