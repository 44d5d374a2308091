"""TrainingProblem: what a seed decides, what a run may ask, and what measuring leaves alone."""

from __future__ import annotations

import random
from collections import Counter

import cloudpickle
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss
from torch.utils.data import Dataset, TensorDataset

from steepest.problems import TrainingProblem
from steepest.problems.seeding import NOISE, ORDER, READING, nth, stream

N, VALIDATION, BATCH = 50, 23, 8


def data(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((count, 5)).astype(np.float32), rng.integers(0, 3, count)


def loss(model, batch):
    return cross_entropy(model(batch[0]), batch[1])


def accuracy(model, batch):
    return (model(batch[0]).argmax(1) == batch[1]).float().mean()


def plain() -> nn.Module:
    return nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 3))


def noisy() -> nn.Module:
    return nn.Sequential(nn.Linear(5, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 3))


def problem(model=plain, **changes) -> TrainingProblem:
    arguments = {"train": data(N), "validation": data(VALIDATION, 1), "test": data(11, 2)}
    arguments |= {"batch_size": BATCH, "metric": accuracy, "higher_is_better": True} | changes
    return TrainingProblem("small", model, arguments.pop("loss", loss), **arguments)


def sgd(objective, steps: int, lr: float = 0.1, between=lambda objective, step: None) -> list[float]:
    """Losses and final weights of a plain gradient descent."""
    seen = []
    for step in range(steps):
        value, gradients = objective.value_and_gradient()
        seen.append(value)
        between(objective, step)
        with torch.no_grad():
            for name, parameter in objective.tensors.items():
                parameter -= lr * gradients[name]
        objective.advance()
    return seen + [number for parameter in objective.tensors.values() for number in parameter.flatten().tolist()]


def draws() -> list[float]:
    """The next numbers of every global generator."""
    return [torch.rand(()).item(), float(np.random.rand()), random.random()]


@pytest.mark.parametrize("model", [plain, noisy])
def test_one_seed_gives_the_same_bits_and_another_does_not(model):
    first = sgd(problem(model).start(7), 20)
    torch.rand(3)
    again = sgd(problem(model).start(7), 20, between=lambda *_: torch.rand(5))
    assert first == again
    assert all(a != b for a, b in zip(first, sgd(problem(model).start(8), 20), strict=True) if a != 1 and b != 1)


def test_the_seed_gives_the_weights_of_manual_seed():
    torch.manual_seed(5)
    expected = plain().state_dict()
    found = problem().start(5).tensors
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_two_methods_see_the_same_weights_and_batches():
    one, two = problem(noisy).start(3), problem(noisy).start(3)
    assert all(torch.equal(one.tensors[name], two.tensors[name]) for name in one.tensors)
    for step in range(30):
        assert all(torch.equal(a, b) for a, b in zip(one.batch, two.batch, strict=True))
        one.value_and_gradient()
        for _ in range(step % 3):  # another method asks more often, moves elsewhere, and draws numbers itself
            two.value_and_gradient()
            two.value()
            torch.rand(4)
        with torch.no_grad():
            next(iter(two.tensors.values())).add_(0.1)
        one.advance()
        two.advance()


def test_an_epoch_reads_every_sample_at_most_once_in_a_new_order():
    order = problem(train=(np.arange(N, dtype=np.float32)[:, None].repeat(5, 1), np.zeros(N, int))).start(0)
    epochs = []
    for _ in range(40):
        rows = []
        for _ in range(N // BATCH):
            rows += order.batch[0][:, 0].tolist()
            order.advance()
        assert len(set(rows)) == len(rows) == N // BATCH * BATCH
        epochs.append(rows)
    assert len({tuple(rows) for rows in epochs}) == 40
    counts = Counter(row for rows in epochs for row in rows)
    assert set(counts) == set(range(N)) and min(counts.values()) > 30, "the rest that is dropped changes"


def test_batches_are_the_rows_of_the_seeds_permutations():
    rows = np.arange(3000, dtype=np.float32)[:, None].repeat(5, 1)
    for seed in (0, 1):
        generator = torch.Generator().manual_seed(stream(seed, ORDER))
        objective = problem(train=(rows, np.zeros(3000, int)), batch_size=400).start(seed)
        for _ in range(3):
            permutation = torch.randperm(3000, generator=generator)
            for first in range(0, 2800, 400):
                assert objective.batch[0][:, 0].tolist() == permutation[first : first + 400].tolist()
                objective.advance()


def test_streams_of_a_run_differ_and_follow_its_seed():
    seeds = {stream(seed, which) for seed in range(20) for which in (ORDER, NOISE, READING)}
    assert len(seeds) == 60 and all(0 <= seed < 2**63 for seed in seeds)
    assert len({nth(stream(0, NOISE), index) % 2**32 for index in range(1000)}) == 1000


def test_batches_beyond_one_gathering_are_those_of_one_permutation():
    rows = np.arange(3000, dtype=np.float32)[:, None].repeat(5, 1)
    objective = problem(train=(rows, np.zeros(3000, int)), batch_size=700).start(0)
    seen = []
    for _ in range(4):
        assert len(objective.batch[0]) == 700
        seen += objective.batch[0][:, 0].tolist()
        objective.advance()
    assert len(set(seen)) == 2800


def test_value_and_gradient_are_the_networks_own():
    objective = problem().start(0)
    reference = plain()
    reference.load_state_dict(objective.model.state_dict())
    expected = loss(reference, objective.batch)
    expected.backward()
    value, gradients = objective.value_and_gradient()
    assert value == expected.item() == objective.value()
    assert gradients.keys() == dict(reference.named_parameters()).keys()
    for name, parameter in reference.named_parameters():
        assert torch.equal(gradients[name], parameter.grad)
    again = objective.value_and_gradient().gradients
    assert all(torch.equal(gradients[name], again[name]) for name in again), "gradients do not add up"


def test_one_batch_gives_one_value_whatever_the_network_draws():
    objective = problem(noisy).start(0)
    values = [objective.value(), objective.value_and_gradient().value, objective.value(), objective.value()]
    assert len(set(values)) == 1
    objective._order.drawn += 1  # the next batch's noise on the same data
    assert objective.value() != values[0]


def test_value_leaves_buffers_as_they_are():
    objective = problem(noisy).start(0)
    before = {name: item.clone() for name, item in objective.model.named_buffers()}
    objective.value()
    assert all(torch.equal(before[name], item) for name, item in objective.model.named_buffers())
    objective.value_and_gradient()
    assert not torch.equal(before["1.running_mean"], objective.model.get_buffer("1.running_mean"))


@pytest.mark.parametrize("model", [plain, noisy])
def test_measuring_changes_neither_the_run_nor_random_states(model):
    def look(objective, step):
        if step % 2:
            torch.manual_seed(11), np.random.seed(11), random.seed(11)
            objective.measure(final=step % 3 == 0)
            after = draws()
            torch.manual_seed(11), np.random.seed(11), random.seed(11)
            assert after == draws()

    assert sgd(problem(model).start(2), 20) == sgd(problem(model).start(2), 20, between=look)


def test_start_step_and_check_leave_the_callers_random_state():
    def seeded():
        torch.manual_seed(1), np.random.seed(1), random.seed(1)

    seeded()
    expected = draws()
    seeded()
    made = problem(noisy)
    made.check()
    made.fingerprint()
    sgd(made.start(4), 5)
    assert draws() == expected


def test_a_metric_that_draws_is_measured_alike_each_time():
    objective = problem(metric=lambda model, batch: torch.rand(())).start(0)
    assert objective.measure() == objective.measure()


def test_means_are_those_of_one_full_batch():
    objective = problem(noisy, train=data(2500), validation=data(2051, 1)).start(0)
    sgd(objective, 5)
    found = objective.measure(final=True)
    network = objective.model.eval()
    with torch.no_grad():
        for name, (x, y) in {"train": data(2500), "validation": data(2051, 1), "test": data(11, 2)}.items():
            batch = torch.from_numpy(x), torch.from_numpy(y)
            assert found[f"{name}_loss"] == pytest.approx(loss(network, batch).item(), rel=1e-6)
            if name != "train":
                assert found[f"{name}_metric"] == pytest.approx(accuracy(network, batch).item(), rel=1e-6)


def test_what_is_measured_follows_from_what_was_declared():
    assert problem().start(0).measure().keys() == {"validation_loss", "validation_metric"}
    alone = problem(metric=None, higher_is_better=False, test=None).start(0)
    assert alone.measure().keys() == {"validation_loss"}
    assert alone.measure(final=True).keys() == {"validation_loss", "train_loss"}


def test_modules_in_evaluation_mode_stay_so():
    def frozen():
        network = noisy()
        network[1].eval()
        network[0].weight.requires_grad_(False)
        return network

    objective = problem(frozen).start(0)
    objective.measure()
    assert [module.training for module in objective.model] == [True, False, True, True, True]
    assert objective.model.training and "0.weight" not in objective.tensors and "0.bias" in objective.tensors


def test_an_unused_parameter_has_no_gradient():
    class Partly(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.unused = nn.Linear(5, 3), nn.Linear(1, 1)

        def forward(self, x):
            return self.used(x)

    made = problem(Partly)
    made.check()
    gradients = made.start(0).value_and_gradient().gradients
    assert gradients["unused.weight"] is None and gradients["used.weight"] is not None


class Samples(Dataset):
    """A data set whose samples are drawn anew by every generator each time."""

    def __init__(self, count: int, noise: float) -> None:
        self.x, self.y = data(count)
        self.noise = noise

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, row: int):
        drawn = torch.rand(()).item() + np.random.rand() + random.random()
        return {"x": self.x[row] + np.float32(self.noise * drawn), "y": int(self.y[row])}


def keyed_loss(model, batch):
    return cross_entropy(model(batch["x"]), batch["y"])


@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_data_sets_are_read_as_reproducibly_as_arrays(noise):
    made = problem(loss=keyed_loss, metric=None, higher_is_better=False, test=None, validation=Samples(9, noise),
                   train=Samples(N, noise))  # fmt: skip
    made.check()
    first = sgd(made.start(0), 12)
    assert first == sgd(made.start(0), 12, between=lambda *_: draws()) != sgd(made.start(1), 12)
    objective = made.start(0)
    assert objective.batch["x"].shape == (BATCH, 5) and objective.measure() == objective.measure()


def test_dict_list_and_tensor_data_set_give_the_same_run_as_a_tuple():
    x, y = data(N)
    expected = sgd(problem().start(0), 10)
    as_dict = problem(loss=keyed_loss, metric=None, higher_is_better=False, test=None,
                      train={"x": x, "y": y}, validation={"x": x, "y": y})  # fmt: skip
    as_dict.check()
    assert sgd(as_dict.start(0), 10) == expected
    assert sgd(problem(train=[x, torch.from_numpy(y)]).start(0), 10) == expected
    assert sgd(problem(train=TensorDataset(torch.from_numpy(x), torch.from_numpy(y))).start(0), 10) == expected


def test_read_only_strided_and_backward_arrays_are_read():
    x, y = data(N)
    x_view = np.asfortranarray(x)[::-1][::-1]
    y.flags.writeable = False
    assert sgd(problem(train=(x_view, y)).start(0), 5) == sgd(problem().start(0), 5)


def test_a_regression_with_float_targets():
    x = torch.linspace(-1, 1, 64)[:, None]
    made = TrainingProblem(
        "line", lambda: nn.Linear(1, 1), lambda m, b: mse_loss(m(b[0]), b[1]), (x, 3 * x), (x, 3 * x)
    )
    made.check()
    objective = made.start(0)
    sgd(objective, 300)
    assert objective.measure()["validation_loss"] < 1e-6


def test_properties():
    made = problem(target=0.9, summary="three classes")
    assert (made.name, made.summary, made.batch_size, made.target) == ("small", "three classes", 8, 0.9)
    assert made.sizes == {"train": N, "validation": VALIDATION, "test": 11} and made.batches_per_epoch == 6
    assert made.model is plain and made.higher_is_better and made.has_metric
    assert problem().summary == "50 training samples in batches of 8"


def test_a_pickled_problem_is_the_same_problem():
    scale = 2.0
    made = problem(loss=lambda model, batch: scale * loss(model, batch))
    copy = cloudpickle.loads(cloudpickle.dumps(made))
    assert copy._fingerprint is not None, "the other process need not be able to read the source"
    assert copy.fingerprint() == made.fingerprint()
    assert sgd(copy.start(0), 5) == sgd(made.start(0), 5)
