"""Runs that are trained together have the numbers of runs by themselves, and what cannot is refused."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn.functional import cross_entropy, mse_loss  # noqa: E402
from torch.utils.data import Dataset  # noqa: E402

from steepest.core.errors import InputError  # noqa: E402
from steepest.problems import TrainingProblem, grid_gradient  # noqa: E402

SEEDS = (0, 3, 3, 7)


def data(rows: int, seed: int, dtype: Any = torch.float64) -> tuple[Any, Any]:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(rows, 5, generator=generator, dtype=dtype)
    return x, (x.sum(1) > 0).long() + (x[:, 0] > 1).long()


def loss(network: nn.Module, batch: Any) -> Any:
    return cross_entropy(network(batch[0]), batch[1])


def accuracy(network: nn.Module, batch: Any) -> Any:
    return (network(batch[0]).argmax(1) == batch[1]).double().mean()


def problem(layers: Callable[[], list[nn.Module]] = list, **changed: Any) -> TrainingProblem:
    def model() -> nn.Module:
        return nn.Sequential(nn.Linear(5, 6), *layers(), nn.Tanh(), nn.Linear(6, 3)).double()

    given = {"model": model, "loss": loss, "train": data(46, 0), "validation": data(20, 1), "test": data(9, 2)}
    return TrainingProblem("tiny", **{**given, "batch_size": 8, "metric": accuracy, **changed})


def check_equal(made: TrainingProblem, seeds: tuple[int, ...] = SEEDS, rtol: float = 1e-12, batches: int = 7) -> Any:
    """A few steps of gradient descent, together and alone; over the end of an epoch, which has 5 batches here."""
    grid = made.start_together(seeds)
    alone = [made.start(seed) for seed in seeds]
    for _ in range(batches):
        grid.advance()
        values = grid.values()
        norms = grid.gradient_norms()
        for run, objective in enumerate(alone):
            objective.advance()
            value, gradients = objective.value_and_gradient()
            assert values[run] == pytest.approx(value, rel=rtol)
            there = {name: g for name, g in gradients.items() if g is not None}
            assert {name for name, g in grid.gradients.items() if g is not None} == there.keys()
            length = np.sqrt(sum(float(g.square().sum()) for g in there.values()))
            assert norms[run] == pytest.approx(length, rel=1e3 * rtol)
            for name, g in there.items():
                np.testing.assert_allclose(grid.gradients[name][run], g, rtol=1e3 * rtol, atol=rtol * length)
                objective.tensors[name].data.sub_(0.1 * g)
                grid.tensors[name][run].sub_(0.1 * grid.gradients[name][run])
    measured = grid.measure(final=True)
    for run, objective in enumerate(alone):
        single = objective.measure(final=True)
        assert list(single) == list(measured)
        assert {name: measured[name][run] for name in single} == pytest.approx(single, rel=1e3 * rtol)
        for name, buffer in objective.model.named_buffers():
            np.testing.assert_allclose(grid.constants[name][run], buffer, rtol=1e3 * rtol)
    return grid


@pytest.mark.parametrize("seeds", [SEEDS, (4, 4, 4), (2,)])
def test_equal_to_single_runs(seeds: tuple[int, ...]) -> None:
    grid = check_equal(problem(), seeds)
    assert grid.runs == len(seeds)
    assert grid.samples == 8
    assert grid._verdict.repeats
    assert grid._verdict.measures_together


def test_single_precision() -> None:
    def model() -> nn.Module:
        return nn.Sequential(nn.Linear(5, 6), nn.ReLU(), nn.Linear(6, 3))

    splits = {name: data(rows, rows, torch.float32) for name, rows in (("train", 46), ("validation", 20), ("test", 9))}
    check_equal(problem(model=model, **splits), rtol=1e-6)


def test_keyed_batches() -> None:
    def keyed(rows: int, seed: int) -> dict[str, Any]:
        x, y = data(rows, seed)
        return {"x": x, "y": y}

    def of_dict(network: nn.Module, batch: Any) -> Any:
        return cross_entropy(network(batch["x"]), batch["y"])

    check_equal(problem(loss=of_dict, train=keyed(46, 0), validation=keyed(20, 1), test=keyed(9, 2), metric=None))


def test_batch_norm_keeps_its_own_averages() -> None:
    grid = check_equal(problem(lambda: [nn.BatchNorm1d(6)]))
    assert grid._verdict.repeats
    assert len({float(mean) for mean in grid.constants["1.running_mean"][:, 0]}) == 3
    assert grid.constants["1.num_batches_tracked"].tolist() == [7] * 4


def test_dropout_is_drawn_as_by_the_run_itself() -> None:
    check_equal(problem(lambda: [nn.Dropout(0.5)]), (5, 5, 5))


def test_draws_of_several_seeds_are_refused() -> None:
    with pytest.raises(InputError, match=r"^tiny: runs cannot be trained together: .*random"):
        problem(lambda: [nn.Dropout(0.5)]).start_together(SEEDS)


def test_frozen_and_unused_parameters() -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.frozen, self.unused = nn.Linear(5, 3), nn.Linear(5, 3), nn.Linear(2, 2)
            self.frozen.requires_grad_(False)

        def forward(self, x: Any) -> Any:
            return self.used(x) + self.frozen(x)

    grid = check_equal(problem(model=lambda: Odd().double()))
    assert grid.gradients["unused.weight"] is None
    assert sorted(grid.tensors) == ["unused.bias", "unused.weight", "used.bias", "used.weight"]
    assert sorted(grid.constants) == ["frozen.bias", "frozen.weight"]


def test_a_metric_that_leaves_pytorch_is_asked_for_run_by_run() -> None:
    def share(network: nn.Module, batch: Any) -> float:
        return float((network(batch[0]).argmax(1) == batch[1]).double().mean())

    grid = check_equal(problem(metric=share))
    assert not grid._verdict.measures_together


def test_a_loss_of_one_element() -> None:
    check_equal(problem(loss=lambda network, batch: loss(network, batch).reshape(1)))


class Counting(nn.Module):
    """Its answer depends on how often it was asked; in `measure` it is not."""

    def __init__(self, private: bool) -> None:
        super().__init__()
        self.calls, self._calls, self.private = 0, 0, private

    def forward(self, x: Any) -> Any:
        if self.training and self.private:
            self._calls += 1
        elif self.training:
            self.calls += 1
        return x / (1 + 0.1 * (self.calls + self._calls))


@pytest.mark.parametrize("private", [False, True])
def test_a_network_that_counts_is_not_recorded(private: bool) -> None:
    assert not check_equal(problem(lambda: [Counting(private)]))._verdict.repeats


def test_a_loss_that_counts_is_not_recorded() -> None:
    calls = {"late": 0.0}

    def late(network: nn.Module, batch: Any) -> Any:
        calls["late"] += 1
        return loss(network, batch)

    assert not problem(loss=late).start_together(SEEDS)._verdict.repeats


def test_what_differs_by_seed_without_being_a_buffer_is_refused() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = torch.rand(6, dtype=torch.float64)

        def forward(self, x: Any) -> Any:
            return x * self.scale

    with pytest.raises(InputError, match=r"the loss of one run is .* alone and .* among others"):
        problem(lambda: [Scaled()]).start_together(SEEDS)
    check_equal(problem(lambda: [Scaled()]), (3, 3))


def test_control_flow_on_data_is_refused() -> None:
    def branching(network: nn.Module, batch: Any) -> Any:
        found = loss(network, batch)
        return found if found.item() > 0 else 2 * found

    with pytest.raises(InputError, match=r"^tiny: runs cannot be trained together: RuntimeError: .*item"):
        problem(loss=branching).start_together(SEEDS)


def test_shapes_that_differ_by_seed_are_refused() -> None:
    def model() -> nn.Module:
        width = 4 + int(torch.randint(0, 9, ()))
        return nn.Sequential(nn.Linear(5, width), nn.Tanh(), nn.Linear(width, 3)).double()

    with pytest.raises(InputError, match="same shapes"):
        problem(model=model).start_together(range(5))


def test_a_data_set_that_is_read_is_refused() -> None:
    class Read(Dataset):  # type: ignore[type-arg]
        def __len__(self) -> int:
            return 12

        def __getitem__(self, row: int) -> Any:
            x, y = data(12, 0)
            return x[row], y[row]

    with pytest.raises(InputError, match="arrays in memory"):
        problem(train=Read()).start_together(SEEDS)


@pytest.mark.parametrize(("seeds", "said"), [((), "at least 1 seed"), ((-1,), r"\[0, 2\^63\)"), ((0.5,), "whole")])
def test_bad_seeds(seeds: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        problem().start_together(seeds)


def test_the_global_state_stays_as_it_is() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    grid = problem(lambda: [nn.Dropout(0.5)]).start_together((1, 1))
    grid.values()
    grid.measure()
    assert torch.equal(torch.rand(3), expected)


def test_measurements_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    from steepest.problems import training_grid

    whole = problem().start_together(range(7)).measure(final=True)
    monkeypatch.setattr(training_grid, "_MEASURED_BYTES", 1)
    pieces = problem().start_together(range(7)).measure(final=True)
    for name, numbers in whole.items():
        np.testing.assert_allclose(pieces[name], numbers, rtol=1e-12)


def test_a_wrong_recording_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: a recording that gives twice the gradient. The trial falls back to the function itself."""
    make = grid_gradient.make_fx

    def wrong(function: Any) -> Any:
        return lambda *given: lambda *later: tuple(2 * part for part in make(function)(*given)(*later))

    monkeypatch.setattr(grid_gradient, "make_fx", wrong)
    assert not check_equal(problem())._verdict.repeats


def test_wrong_batches_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: each run reads the batches of another seed."""
    from steepest.problems import training_grid

    order = training_grid.BatchOrder
    monkeypatch.setattr(training_grid, "BatchOrder", lambda split, size, seed: order(split, size, seed + 1))
    with pytest.raises(InputError, match="the loss of one run"):
        problem().start_together(SEEDS)


def test_order_of_batches_is_that_of_single_runs() -> None:
    made = problem()
    grid, alone = made.start_together(SEEDS), [made.start(seed) for seed in SEEDS]
    for _, (run, objective) in itertools.product(range(7), enumerate(alone)):
        if run == 0:
            grid.advance()
        objective.advance()
        for mine, theirs in zip(grid.batch, objective.batch, strict=True):
            assert torch.equal(mine[run], theirs)


def test_regression_with_a_penalty_on_the_weights() -> None:
    def ridge(network: nn.Module, batch: Any) -> Any:
        penalty = sum(p.square().sum() for p in network.parameters())
        return mse_loss(network(batch[0])[:, 0], batch[1].double()) + 0.01 * penalty

    check_equal(problem(loss=ridge, metric=None))
