"""A user's own network, loss and data as a problem."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, final

from steepest.core.errors import InputError, InputTypeError, MissingExtraError
from steepest.core.ranges import Range
from steepest.problems.fingerprint import fingerprint
from steepest.problems.problem import Problem, run_seed

try:
    from torch import nn
except ImportError as error:
    raise MissingExtraError("PyTorch", "torch") from error

from steepest.problems.batches import BatchOrder
from steepest.problems.grid_check import check_grid
from steepest.problems.splits import read_split
from steepest.problems.training_check import build, dry_run, torch_device
from steepest.problems.training_grid import TrainingGrid
from steepest.problems.training_objective import TrainingObjective

if TYPE_CHECKING:
    from steepest.problems.splits import Data, Split
    from steepest.problems.training_grid import Verdict
    from steepest.problems.training_objective import Loss, Metric


@final
class TrainingProblem(Problem):
    """Training a PyTorch network on data with a fixed split into training, validation and test.

    name: short, lower case, with hyphens. model: a function without arguments that builds a new `torch.nn.Module`.
    loss(model, batch): the batch's mean loss, a tensor of one number. train, validation, test: a tuple or dict of
    arrays (NumPy, PyTorch) of equal length, samples along the first axis, held and not copied; or a map-style data
    set; a batch is a tuple or dict of tensors, or what `default_collate` makes. batch_size in [1, training samples],
    left out: 64, or all where there are fewer. metric(model, batch): the batch's mean of what counts in the end, one
    number; higher_is_better says which way. target: the validation metric (without one, the validation loss) that
    counts as reached. summary: one line.

    A run's seed decides the initial weights (those after `torch.manual_seed(seed)`), the order of batches (random
    reshuffling, a last batch that is not full is dropped) and what the network draws; the same for every method,
    whatever the method itself draws. The global random state of the caller is left as it was.

    Raises InputError and InputTypeError for arguments that cannot be; `check` tries the rest.

    >>> import torch
    >>> from torch.nn.functional import mse_loss
    >>> x = torch.linspace(-1, 1, 100)[:, None]
    >>> problem = TrainingProblem("line", lambda: torch.nn.Linear(1, 1),
    ...     lambda model, batch: mse_loss(model(batch[0]), batch[1]), (x, 2 * x), (x, 2 * x), batch_size=10)
    >>> problem.check()
    >>> sorted(problem.start(seed=0).tensors)
    ['bias', 'weight']
    """

    def __init__(
        self,
        name: str,
        model: Callable[[], nn.Module],
        loss: Loss,
        train: Data,
        validation: Data,
        test: Data | None = None,
        *,
        batch_size: int | None = None,
        metric: Metric | None = None,
        higher_is_better: bool = False,
        target: float | None = None,
        summary: str = "",
    ) -> None:
        _check_text("TrainingProblem", "name", name)
        if not name:
            raise InputError("TrainingProblem: name must not be empty")
        _check_text(name, "summary", summary)
        _check_model(name, model)
        _check_callable(name, "loss", loss)
        if metric is not None:
            _check_callable(name, "metric", metric)
        if not isinstance(higher_is_better, bool):
            raise InputTypeError(f"{name}: higher_is_better must be True or False, got {higher_is_better!r}")
        if higher_is_better and metric is None:
            raise InputError(f"{name}: higher_is_better=True needs a metric; a loss is better when lower")
        self._target = None if target is None else Range().check(name, "target", target)
        splits = {"train": train, "validation": validation} | ({} if test is None else {"test": test})
        self._splits: dict[str, Split] = {key: read_split(name, key, data) for key, data in splits.items()}
        samples = len(self._splits["train"])
        self._batch_size = _whole(name, "batch_size", min(64, samples) if batch_size is None else batch_size, samples)
        self._name, self._model, self._loss, self._metric = name, model, loss, metric
        self._higher_is_better = higher_is_better
        self._summary = summary or f"{len(self._splits['train'])} training samples in batches of {self._batch_size}"
        self._text = fingerprint(model, loss, metric)
        self._fingerprint: str | None = None
        self._placed: dict[str, dict[str, Split]] = {}
        self._verdicts: dict[tuple[str, bool], Verdict] = {}

    @property
    def name(self) -> str:
        return self._name

    @property
    def summary(self) -> str:
        return self._summary

    @property
    def model(self) -> Callable[[], nn.Module]:
        """The function that builds the network."""
        return self._model

    @property
    def batch_size(self) -> int:
        return self._batch_size

    @property
    def batches_per_epoch(self) -> int:
        """Full batches in one pass over the training data."""
        return len(self._splits["train"]) // self._batch_size

    @property
    def sizes(self) -> dict[str, int]:
        """How many samples each split has: "train", "validation", and "test" where there is one."""
        return {name: len(split) for name, split in self._splits.items()}

    @property
    def has_metric(self) -> bool:
        """Whether `measure` gives a metric beside the loss."""
        return self._metric is not None

    @property
    def metric_name(self) -> str:
        """What tables call the metric: its function's name in words, "metric" where that says nothing."""
        name = str(getattr(self._metric, "__name__", "")).strip("_")
        return name.replace("_", " ") if name.isidentifier() else "metric"

    @property
    def higher_is_better(self) -> bool:
        """Which way the metric is better; False without one."""
        return self._higher_is_better

    @property
    def target(self) -> float | None:
        """The validation metric (without one, the validation loss) that counts as reached."""
        return self._target

    def check(self, device: str = "cpu") -> None:
        """Try on a fresh network all that a run asks for, once.

        Raises InputError for data that are not finite, and ProblemError where the model, the loss, its gradient or
        the metric raise or give what cannot be used, where labels are out of range, where the model hands out one
        network twice, and where a batch is changed in place. Random states stay as they are. Of a map-style data
        set, only the first samples are looked at.
        """
        place = torch_device(self._name, device)
        dry_run(self._name, self._model, self._loss, self._metric, self._splits, self._batch_size, place)

    def start(self, seed: int, device: str = "cpu") -> TrainingObjective:
        """A new network with its first batch, on `device`; `seed` is a whole number in [0, 2^63)."""
        seed = run_seed(self._name, seed)
        place = torch_device(self._name, device)
        network = build(self._name, self._model, seed, place)
        splits = self._on(place)
        order = BatchOrder(splits["train"], self._batch_size, seed)
        return TrainingObjective(network, self._loss, self._metric, splits, order, self._batch_size, place)

    def start_together(self, seeds: Sequence[int], device: str = "cpu") -> TrainingGrid:
        """The runs of these seeds, which may repeat, as one batched computation: see `TrainingGrid`.

        Raises InputError with the reason where that is not possible, or does not give the numbers of single runs.
        """
        seeds = [run_seed(self._name, seed) for seed in seeds]
        if not seeds:
            raise InputError(f"{self._name}: seeds must hold at least 1 seed, got none")
        place = torch_device(self._name, device)
        networks = {seed: build(self._name, self._model, seed, place) for seed in dict.fromkeys(seeds)}
        parts = (self._loss, self._metric, self._on(place), self._batch_size, place)
        key = (str(place), len(networks) > 1)
        if key not in self._verdicts:
            self._verdicts[key] = check_grid(self._name, networks, seeds, *parts)
        return TrainingGrid(self._name, networks, seeds, *parts, verdict=self._verdicts[key])

    def fingerprint(self) -> str:
        """A hash of data, batch size, and the text of model, loss and metric; computed once."""
        if self._fingerprint is None:
            data = {name: split.content() for name, split in self._splits.items()}
            self._fingerprint = fingerprint("training", self._text, self._batch_size, data)
        return self._fingerprint

    def __getstate__(self) -> dict[str, Any]:
        """The fingerprint travels along: another process may not be able to read the functions' source."""
        self.fingerprint()
        return self.__dict__ | {"_placed": {}, "_verdicts": {}}

    def _on(self, device: Any) -> dict[str, Split]:
        """The splits on `device`, moved there once."""
        key = str(device)
        if key not in self._placed:
            self._placed[key] = {name: split.to(device) for name, split in self._splits.items()}
        return self._placed[key]


def _check_text(owner: str, name: str, value: object) -> None:
    if not isinstance(value, str):
        raise InputTypeError(f"{owner}: {name} must be a string, got {type(value).__name__}")


def _check_model(owner: str, model: object) -> None:
    if isinstance(model, nn.Module):
        raise InputTypeError(
            f"{owner}: model must be a function that builds the network, so that each run starts from its own weights, "
            f"got a {type(model).__name__}; pass `lambda: {type(model).__name__}(...)`"
        )
    _check_callable(owner, "model", model)


def _check_callable(owner: str, name: str, value: object) -> None:
    if not callable(value):
        raise InputTypeError(f"{owner}: {name} must be a function, got {type(value).__name__}")


def _whole(owner: str, name: str, value: object, high: int) -> int:
    """`value` as an int in [1, high], the number of training samples."""
    try:
        number = 0 if isinstance(value, bool) else operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        number = 0
    if not 1 <= number <= high:
        raise InputError(
            f"{owner}: {name} must be a whole number in [1, {high}], the number of training samples, got {value!r}"
        )
    return number
