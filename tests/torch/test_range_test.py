"""The range test in a PyTorch loop: what it finds, and that it leaves everything as it was, bit for bit."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, RandomSampler, TensorDataset

import steepest.torch as ours
from steepest import rules
from steepest.core.errors import HyperparameterError, InputError, InputTypeError
from steepest.schedules import cosine
from steepest.torch.range_test import range_test
from steepest.torch.unchanged import Unchanged

Loop = tuple[nn.Module, torch.optim.Optimizer, DataLoader[Any]]


class Network(nn.Module):
    """Batch norm's buffers, dropout's random numbers, and a part that is not in training."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm, self.drop = nn.Linear(5, 8), nn.BatchNorm1d(8), nn.Dropout(0.3)
        self.frozen, self.last = nn.BatchNorm1d(8), nn.Linear(8, 2)
        self.register_buffer("hidden", torch.zeros(1), persistent=False)
        self.frozen.eval()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.hidden = self.hidden + 1  # another tensor each time
        return self.last(self.frozen(self.drop(torch.relu(self.norm(self.first(x))))))


def loss(model: nn.Module, batch: Any) -> torch.Tensor:
    x, y = batch
    noise = random.random() + float(np.random.rand())  # a user's augmentation draws from everywhere
    return nn.functional.mse_loss(model(x + 0.01 * noise), y)


OPTIMIZERS: dict[str, Callable[[nn.Module], torch.optim.Optimizer]] = {
    "torch SGD": lambda m: torch.optim.SGD(m.parameters(), lr=0.1, momentum=0.9),
    "torch Adam": lambda m: torch.optim.Adam(m.parameters(), lr=0.01, amsgrad=True),
    "torch AdamW, fused": lambda m: torch.optim.AdamW(m.parameters(), lr=0.01, fused=True),
    "torch Adam, groups": lambda m: torch.optim.Adam(
        [{"params": m.first.parameters(), "lr": 0.02}, {"params": m.last.parameters()}], lr=torch.tensor(0.01)
    ),
    "torch Rprop": lambda m: torch.optim.Rprop(m.parameters()),
    "SGD": lambda m: ours.SGD(m.parameters(), lr=0.1, momentum=0.9, average=0.9),
    "AdamW": lambda m: ours.AdamW(m.named_parameters(), lr=0.01, clip=1.0),
    "AdamW, eager": lambda m: ours.AdamW(m.parameters(), lr=0.01, engine="eager"),
    "Adam, 8-bit moments": lambda m: ours.Adam(m.parameters(), lr=0.01, moments="8bit"),
    "Adam, scheduled β": lambda m: ours.Adam(m.parameters(), lr=0.01, betas=(cosine(0.9, 1000, 0.5), 0.99)),
    "look-ahead": lambda m: ours.Optimizer(m.parameters(), rules.nesterov(lr=0.1, form="lookahead")),
}
each_optimizer = pytest.mark.parametrize("name", list(OPTIMIZERS))


def started(name: str = "torch Adam") -> Loop:
    torch.manual_seed(1)
    model = Network()
    data = TensorDataset(torch.randn(64, 5), torch.randn(64, 2))
    loader = DataLoader(data, batch_size=8, shuffle=True, generator=torch.Generator().manual_seed(5))
    return model, OPTIMIZERS[name](model), loader


def trained(loop: Loop, batches: Iterator[Any], steps: int) -> list[float]:
    model, optimizer, _ = loop
    values = []
    for _ in range(steps):
        optimizer.zero_grad()
        value = loss(model, next(batches))
        value.backward()
        optimizer.step()
        values.append(value.item())
    return values


def bits(value: Any) -> Any:
    """A value in which two tensors are equal only if their bits, type and layout are."""
    if isinstance(value, torch.Tensor):
        raw = value.detach().contiguous().view(-1).view(torch.uint8) if value.dim() else value.detach().reshape(1)
        return str(value.dtype), tuple(value.shape), bytes(raw.numpy().tobytes())
    if isinstance(value, np.ndarray):
        return value.tobytes()
    if isinstance(value, dict):
        return {key if isinstance(key, str | int) else id(key): bits(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [bits(item) for item in value]
    return value


def everything(loop: Loop) -> dict[str, Any]:
    model, optimizer, loader = loop
    return {
        "identities": [id(t) for t in (*model.parameters(), *model.buffers())],
        "parameters": bits(list(model.parameters())),
        "buffers": bits(dict(model.named_buffers())),
        "gradients": [None if p.grad is None else (id(p.grad), bits(p.grad)) for p in model.parameters()],
        "training": [module.training for module in model.modules()],
        "optimizer": bits(optimizer.state_dict()),
        "groups": [(id(group), sorted(group)) for group in optimizer.param_groups],
        "rates": bits([group["lr"] for group in optimizer.param_groups]),
        "torch": bits(torch.get_rng_state()),
        "numpy": bits(list(np.random.get_state()[1:])),
        "python": random.getstate(),
        "loader": bits(loader.generator.get_state()),
    }


@each_optimizer
def test_everything_is_put_back(name: str) -> None:
    loop = started(name)
    trained(loop, iter(loop[2]), 3)
    before = everything(loop)
    test = range_test(*loop[:2], loss, loop[2], low=1e-4, high=10.0, steps=20, repeats=2)
    assert everything(loop) == before
    assert np.isfinite(test.losses[:, 0]).all()


@each_optimizer
@pytest.mark.parametrize("begun", [0, 3])
def test_training_goes_on_as_without_it(name: str, begun: int) -> None:
    """The same bits at the end, begun or not, with an iterator that was running over the loader meanwhile."""
    random.seed(3)
    np.random.seed(3)
    plain = started(name)
    batches = iter(plain[2])
    expected = trained(plain, batches, begun + 4)
    random.seed(3)
    np.random.seed(3)
    loop = started(name)
    batches = iter(loop[2])
    found = trained(loop, batches, begun)
    range_test(*loop[:2], loss, loop[2], low=1e-4, high=10.0, steps=12)
    found += trained(loop, batches, 4)
    assert found == expected
    mine, theirs = everything(loop), everything(plain)
    for key in ("parameters", "buffers", "torch", "numpy", "python", "loader", "rates"):
        assert mine[key] == theirs[key], key


def test_an_optimizer_that_has_not_begun_may_still_move() -> None:
    loop = started("AdamW")
    range_test(*loop[:2], loss, loop[2], low=1e-4, high=1.0, steps=10)
    assert not loop[1].state
    loop[0].double()
    loop[0](torch.zeros(2, 5, dtype=torch.float64)).sum().backward()
    loop[1].step()


class Broken(Exception):
    pass


@pytest.mark.parametrize("error", [Broken, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("name", ["torch Adam", "AdamW", "look-ahead"])
@pytest.mark.parametrize("after", [0, 5])
def test_put_back_when_the_loss_raises(name: str, error: type[BaseException], after: int) -> None:
    loop = started(name)
    trained(loop, iter(loop[2]), 3)
    before = everything(loop)
    calls = [0]

    def failing(model: nn.Module, batch: Any) -> torch.Tensor:
        model.eval()
        value = loss(model, batch)
        calls[0] += 1
        if calls[0] > after:
            raise error
        return value

    with pytest.raises(error):
        range_test(*loop[:2], failing, loop[2], low=1e-4, high=1.0, steps=20)
    assert calls[0] == after + 1
    assert everything(loop) == before


def test_ctrl_c_while_it_puts_back_waits() -> None:
    """A real signal in the middle of the restoring: all is back first, and then it is raised."""
    loop = started("torch Adam")
    trained(loop, iter(loop[2]), 3)
    before = everything(loop)
    guard = Unchanged(*loop[:2], loop[2], [loop[2].generator])
    with pytest.raises(KeyboardInterrupt), guard:
        trained(loop, iter(loop[2]), 2)
        half = len(guard._restores) // 2
        guard._restores.insert(half, lambda: os.kill(os.getpid(), signal.SIGINT))
    assert everything(loop) == before
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_closure_without_a_loader() -> None:
    model = nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    x = torch.eye(4)
    weights = bits(list(model.parameters()))
    test = range_test(model, optimizer, lambda: (model(x) - 1).square().mean(), low=1e-4, high=100.0, steps=60)
    assert bits(list(model.parameters())) == weights
    assert test.name == "SGD on Linear"
    found = test.suggestion
    assert found is not None
    assert found.diverges is not None
    # The Hessian is 2/4 (I + 1): its largest eigenvalue is that of xxᵀ + 1 over 4 samples, 2.5, so 2/L = 0.8.
    hessian = torch.autograd.functional.hessian(lambda w: (x @ w[:4] + w[4] - 1).square().mean(), torch.zeros(5))  # type: ignore[no-untyped-call]
    stable = 2 / float(torch.linalg.eigvalsh(hessian)[-1])
    assert found.low < found.high < 2 * stable
    assert stable < found.diverges < 10 * stable


def test_generators_and_samplers_of_all_kinds() -> None:
    class Counting(RandomSampler):
        """A sampler that keeps state in attributes, a list among them."""

        def __init__(self, data: Any, generator: torch.Generator) -> None:
            super().__init__(data, generator=generator)
            self.epoch, self.seen = 0, [0]

        def __iter__(self) -> Iterator[int]:
            self.epoch += 1
            self.seen.append(self.epoch)
            self.fresh = True
            return super().__iter__()

    model = Network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    data = TensorDataset(torch.randn(16, 5), torch.randn(16, 2))
    sampler = Counting(data, torch.Generator().manual_seed(2))
    loader = DataLoader(data, batch_size=4, sampler=sampler)
    mine, other = np.random.default_rng(4), torch.Generator().manual_seed(3)
    next(iter(loader))
    before = (sampler.epoch, list(sampler.seen), sampler.__dict__.keys(), bits(sampler.generator.get_state()))
    states = mine.bit_generator.state, bits(other.get_state())

    def drawing(model: nn.Module, batch: Any) -> torch.Tensor:
        mine.random()
        return loss(model, (batch[0] + torch.randn(1, generator=other), batch[1]))

    seen = []
    for _ in range(2):
        test = range_test(
            model, optimizer, drawing, loader, low=1e-3, high=1.0, steps=10, repeats=3, generators=[mine, other]
        )
        seen.append(test.losses)
        assert (
            sampler.epoch,
            list(sampler.seen),
            sampler.__dict__.keys(),
            bits(sampler.generator.get_state()),
        ) == before
        assert (mine.bit_generator.state, bits(other.get_state())) == states
    np.testing.assert_array_equal(seen[0][1:], seen[1][1:])  # repeats have random numbers of their own, the same again
    assert len({row.tobytes() for row in seen[0]}) == 3


WORKERS = """
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from steepest.torch.range_test import range_test

data = TensorDataset(torch.arange(8.0)[:, None])
generator = torch.Generator()
loader = DataLoader(data, 1, shuffle=True, generator=generator, num_workers=1, persistent_workers=True)

def order(test):
    generator.manual_seed(0)
    model = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    seen = []
    for k, (x,) in enumerate(loader):
        seen.append(x.item())
        if k == 2 and test:
            range_test(model, optimizer, lambda m, b: m(b[0]).square().mean(), loader, low=1e-4, high=1e-2, steps=10)
    return seen

order(False)  # what a loader draws when it makes its workers, it draws once
expected = order(False)
workers = loader._iterator
assert order(True) == expected
assert loader._iterator is workers
assert sorted(expected) == list(range(8))
"""


def test_workers_that_persist_and_their_running_iterator_are_left_alone() -> None:
    """In a process of its own: workers are forked, which a process that has loaded JAX warns of."""
    done = subprocess.run([sys.executable, "-W", "error", "-c", WORKERS], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_groups_keep_their_ratio() -> None:
    loop = started("torch Adam, groups")
    rates = []
    loop[1].register_step_pre_hook(lambda o, *_: rates.append([float(g["lr"]) for g in o.param_groups]))
    tensor = loop[1].param_groups[1]["lr"]
    test = range_test(*loop[:2], loss, loop[2], low=1e-3, high=1e-1, steps=11)
    rates = rates[:11]
    np.testing.assert_allclose([r[0] for r in rates], test.rates[: len(rates)], rtol=1e-6)
    np.testing.assert_allclose([r[1] for r in rates], [r[0] / 2 for r in rates], rtol=1e-6)
    assert loop[1].param_groups[1]["lr"] is tensor
    assert float(tensor) == pytest.approx(0.01)


def test_a_loss_that_explodes_ends_the_run() -> None:
    calls = [0]
    model = nn.Linear(3, 1)

    def exploding() -> torch.Tensor:
        calls[0] += 1
        return (model(torch.ones(2, 3))).square().mean() * (math_nan if calls[0] > 6 else 1.0)

    math_nan = float("nan")
    test = range_test(model, torch.optim.SGD(model.parameters(), lr=0.1), exploding, low=1e-4, high=1.0, steps=30)
    assert calls[0] == 7
    assert np.isfinite(test.losses).sum() == 5
    assert np.isinf(test.smoothed[0, 5:]).all()


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"low": 0.0}, HyperparameterError, r"range_test: low must be in \(0, inf\), got 0.0"),
        ({"low": 2.0, "high": 1.0}, HyperparameterError, r"range_test: high must be in \(2, inf\), got 1.0"),
        ({"steps": 9}, HyperparameterError, r"range_test: steps must be a whole number in \[10, inf\), got 9"),
        ({"repeats": 0}, HyperparameterError, r"range_test: repeats must be a whole number in \[1, inf\), got 0"),
        ({"smoothing": 1.0}, HyperparameterError, r"range_test: smoothing must be in \[0, 1\), got 1.0"),
        ({"generators": [3]}, InputTypeError, "generators must be of PyTorch or NumPy, got int"),
        ({"loss": 3}, InputTypeError, "range_test: loss must be a function, got int"),
        ({"loss": lambda model, batch: 1.0}, InputTypeError, "range_test: loss must return a tensor of one number"),
        ({"loader": 3}, InputTypeError, "range_test: loader must be iterable, got int"),
        ({"loader": iter([])}, InputTypeError, "range_test: loader must be one that can be begun again"),
        ({"loader": []}, InputError, "range_test: loader must give at least one batch, got none"),
        ({"optimizer": 3}, InputTypeError, "range_test: optimizer must be a torch.optim.Optimizer, got int"),
    ],
)
def test_what_cannot_be(settings: dict[str, Any], error: type[Exception], message: str) -> None:
    loop = started()
    before = everything(loop)
    arguments = {"model": loop[0], "optimizer": loop[1], "loss": loss, "loader": loop[2], **settings}
    with pytest.raises(error, match=message):
        range_test(**arguments)
    assert everything(loop) == before


def test_optimizers_that_cannot_be_tested() -> None:
    model = Network()
    for optimizer, message in (
        (torch.optim.LBFGS(model.parameters()), "LBFGS takes a closure and cannot be tested"),
        (ours.SGD(model.parameters(), lr=cosine(0.1, 10)), "lr must be a number while it is tested, got cosine"),
    ):
        with pytest.raises(InputError, match=message):
            range_test(model, optimizer, lambda: model(torch.ones(2, 5)).sum())
    averaged = ours.SGD(model.parameters(), lr=0.1, average=0.9)
    model(torch.ones(2, 5)).sum().backward()
    averaged.step()
    averaged.eval()
    with pytest.raises(InputError, match=r"call optimizer\.train\(\) first"):
        range_test(model, averaged, lambda: model(torch.ones(2, 5)).sum())
