"""Everything that training changes, noted down and put back bit for bit."""

from __future__ import annotations

import copy
import random
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from types import TracebackType
from typing import Any, final

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader

from steepest.core.errors import InputTypeError
from steepest.torch.optimizer import Optimizer

AnyGenerator = torch.Generator | np.random.Generator
Restore = Callable[[], None]


@final
class Unchanged:
    """Inside, a model may be trained; at the end, also by an exception, all is as it was.

    model: its parameters, buffers, gradients and training flags. optimizer: its parameters, state and groups. loader:
    what its samplers keep in attributes. generators: their states. Beside them the random states of PyTorch, NumPy and
    Python. Tensors are put back in place: what points to them stays right. Ctrl-C waits until all is back.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        loader: Iterable[Any] | None = None,
        generators: Sequence[AnyGenerator] = (),
    ) -> None:
        self.model, self.optimizer, self.loader, self.generators = model, optimizer, loader, tuple(generators)
        for generator in self.generators:
            if not isinstance(generator, torch.Generator | np.random.Generator):
                raise InputTypeError(f"generators must be of PyTorch or NumPy, got {type(generator).__name__}")
        self._restores: list[Restore] = []

    def __enter__(self) -> Unchanged:
        noted: list[Restore] = [_random_states(self.generators)]
        noted += [_sampler(sampler) for sampler in _samplers(self.loader)]
        noted.append(_modules(self.model))
        parameters = [*self.model.parameters(), *(p for g in self.optimizer.param_groups for p in g["params"])]
        noted += [_gradient(p) for p in parameters]
        tensors = [_tensor(p) for p in parameters]
        # Last to first: slots that start as the parameter need it in its place, and an optimizer may move it again.
        self._restores = [*noted, *tensors, _optimizer(self.optimizer), *tensors]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with _uninterrupted():
            for restore in reversed(self._restores):
                restore()

    def reseed(self, seed: int) -> None:
        """Other random numbers and another order than training would have: the same for the same seed."""
        torch.manual_seed(seed)
        np.random.seed(seed)
        random.seed(seed)
        for place, generator in enumerate(self.generators):
            if isinstance(generator, torch.Generator):
                generator.manual_seed(seed + place)
            else:
                generator.bit_generator.state = np.random.default_rng([seed, place]).bit_generator.state


def generators_of(loader: Iterable[Any] | None) -> list[torch.Generator]:
    """The generators that a loader and its samplers draw from."""
    owners = [] if loader is None else [loader, *_samplers(loader)]
    found = [getattr(owner, "generator", None) for owner in owners]
    return list({id(generator): generator for generator in found if isinstance(generator, torch.Generator)}.values())


@contextmanager
def copy_of_loader(loader: Iterable[Any] | None) -> Iterator[Iterable[Any] | None]:
    """A loader over the same data, so that workers kept by the given one, and its running iterator, are left alone."""
    if not isinstance(loader, DataLoader):
        yield loader
        return
    own = copy.copy(loader)
    own.__dict__["_iterator"] = None
    try:
        yield own
    finally:
        workers = own.__dict__["_iterator"]
        if workers is not None:
            workers._shutdown_workers()


def _samplers(loader: Iterable[Any] | None) -> list[Any]:
    batches = getattr(loader, "batch_sampler", None)
    found = [getattr(loader, "sampler", None), batches, getattr(batches, "sampler", None)]
    return list({id(sampler): sampler for sampler in found if sampler is not None}.values())


def _sampler(sampler: Any) -> Restore:
    """What it keeps: by `state_dict` where it has one, and its attributes, containers copied."""
    load = getattr(sampler, "load_state_dict", None)
    state = copy.deepcopy(sampler.state_dict()) if callable(load) else None
    attributes = dict(getattr(sampler, "__dict__", {}))
    contents = {name: _content(value) for name, value in attributes.items()}

    def restore() -> None:
        if hasattr(sampler, "__dict__"):
            sampler.__dict__.clear()
            sampler.__dict__.update(attributes)
        for put_back in contents.values():
            put_back()
        if callable(load):
            load(state)

    return restore


def _random_states(generators: Sequence[AnyGenerator]) -> Restore:
    cpu, legacy, python = torch.get_rng_state(), np.random.get_state(), random.getstate()
    started = torch.cuda.is_available() and torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    cuda = torch.cuda.get_rng_state_all() if started else []
    own = [_generator(generator) for generator in generators]

    def restore() -> None:
        for put_back in own:
            put_back()
        random.setstate(python)
        np.random.set_state(legacy)
        torch.set_rng_state(cpu)
        if cuda:
            torch.cuda.set_rng_state_all(cuda)

    return restore


def _generator(generator: AnyGenerator) -> Restore:
    if isinstance(generator, torch.Generator):
        state = generator.get_state()
        return partial(_set_state, generator, state)
    return partial(setattr, generator.bit_generator, "state", copy.deepcopy(generator.bit_generator.state))


def _set_state(generator: torch.Generator, state: torch.Tensor) -> None:
    generator.set_state(state)


def _modules(model: nn.Module) -> Restore:
    """Training flags, and the parameters and buffers of every module with the very tensors they are."""
    modules = list(model.modules())
    flags = [module.training for module in modules]
    tables = [_content(table) for module in modules for table in (module._parameters, module._buffers)]

    def restore() -> None:
        for module, flag in zip(modules, flags, strict=True):
            module.training = flag
        for put_back in tables:
            put_back()

    return restore


def _gradient(parameter: torch.Tensor) -> Restore:
    """The gradient as it is: steps in between make new ones, because this one is taken away first."""
    gradient, content = parameter.grad, _content(parameter.grad)

    def restore() -> None:
        content()
        parameter.grad = gradient

    return restore


def _optimizer(optimizer: torch.optim.Optimizer) -> Restore:
    if isinstance(optimizer, Optimizer):
        return _ours(optimizer)
    parts = [_content(optimizer.state), *(_content(group) for group in optimizer.param_groups)]
    kept = dict(optimizer.__dict__)

    def restore() -> None:
        optimizer.__dict__.clear()
        optimizer.__dict__.update(kept)
        for put_back in parts:
            put_back()

    return restore


def _ours(optimizer: Optimizer) -> Restore:
    """Through its state dict, which has every bit of the state; one that has not begun becomes so again."""
    begun, resume = optimizer._running is not None, optimizer._resume
    groups, contents = optimizer.param_groups, [_content(group) for group in optimizer.param_groups]
    state, report = optimizer.state_dict() if begun else {}, optimizer.report

    def restore() -> None:
        if begun:
            optimizer.load_state_dict(state)
        else:
            optimizer._running, optimizer._resume, optimizer._published = None, resume, None
            optimizer.state.clear()
        optimizer.param_groups = groups
        for put_back in contents:
            put_back()
        optimizer._groups.regroup(optimizer.param_groups, optimizer._names)
        optimizer.report = report

    return restore


def _content(value: Any) -> Restore:
    """Put tensors back in place, and dicts and lists with the very items they had; other values do not change."""
    if isinstance(value, torch.Tensor):
        return _tensor(value)
    if isinstance(value, dict):
        return _table(value)
    if isinstance(value, list | tuple):
        return _items(value)
    return _nothing


def _table(table: dict[Any, Any]) -> Restore:
    items, inner = list(table.items()), [_content(item) for item in table.values()]

    def restore() -> None:
        table.clear()
        table.update(items)
        for put_back in inner:
            put_back()

    return restore


def _items(row: list[Any] | tuple[Any, ...]) -> Restore:
    items, inner = list(row), [_content(item) for item in row]

    def restore() -> None:
        if isinstance(row, list):
            row[:] = items
        for put_back in inner:
            put_back()

    return restore


def _nothing() -> None:
    """There is nothing that could have changed."""


def _tensor(tensor: torch.Tensor) -> Restore:
    saved = tensor.detach().clone()

    def restore() -> None:
        with torch.no_grad():
            tensor.detach().copy_(saved)

    return restore


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Ctrl-C waits until the end of it; only the main thread has signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[Any] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: came.append(frame))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if came and callable(before):
            before(signal.SIGINT, came[0])
