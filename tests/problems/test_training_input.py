"""Every mistake in a TrainingProblem becomes one clear line, before anything is trained."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from steepest.core.errors import InputError, InputTypeError, ProblemError
from steepest.problems import TrainingProblem


def model():
    return nn.Linear(4, 3)


def loss(model, batch):
    return cross_entropy(model(batch[0]), batch[1])


def data(count=30, low=0, high=3):
    rng = np.random.default_rng(count)
    return rng.standard_normal((count, 4)).astype(np.float32), rng.integers(low, high, count)


def changed(row, column, value):
    x, y = data()
    (x[row] if column == 0 else y)[0 if column == 0 else row] = value
    return x, y


def make(**changes):
    arguments = {"model": model, "loss": loss, "train": data(), "validation": data(7), "batch_size": 8} | changes
    return TrainingProblem("mine", arguments.pop("model"), arguments.pop("loss"), **arguments)


def test_the_problem_without_a_mistake_passes():
    make().check()
    make(batch_size=30).check()
    make(batch_size=np.int64(1), metric=lambda m, b: 1, test=data(1)).check()


@pytest.mark.parametrize(
    ("changes", "error", "text"),
    [
        (
            {"model": nn.Linear(4, 3)},
            InputTypeError,
            "mine: model must be a function that builds the network.*got a Linear",
        ),
        ({"model": 3}, InputTypeError, "mine: model must be a function, got int"),
        ({"loss": "mse"}, InputTypeError, "mine: loss must be a function, got str"),
        ({"metric": 1.0}, InputTypeError, "mine: metric must be a function, got float"),
        ({"higher_is_better": 1}, InputTypeError, "mine: higher_is_better must be True or False, got 1"),
        ({"higher_is_better": True}, InputError, "mine: higher_is_better=True needs a metric"),
        ({"target": float("nan")}, InputError, r"mine: target must be in \(-inf, inf\), got nan"),
        ({"summary": None}, InputTypeError, "mine: summary must be a string, got NoneType"),
        *(
            ({"batch_size": size}, InputError, rf"mine: batch_size must be a whole number in \[1, 30\].*got {size!r}")
            for size in (0, -1, 31, 2.5, 8.0, True, "8")
        ),
        ({"train": data()[0]}, InputTypeError, "mine: train must be a tuple or dict of arrays.*got ndarray"),
        ({"train": None}, InputTypeError, "mine: train must be a tuple or dict of arrays.*got NoneType"),
        ({"test": "file"}, InputTypeError, "mine: test must be a tuple or dict of arrays.*got str"),
        ({"train": ()}, InputError, "mine: train must hold at least one array, got none"),
        ({"train": (data()[0], data(29)[1])}, InputError, "mine: train must have arrays of equal length, got 30, 29"),
        ({"validation": data(0)}, InputError, "mine: validation must have at least 1 sample, got 0"),
        ({"test": ([1.0, 2.0],)}, InputTypeError, r"mine: test\[0\] must be an array, got list"),
        ({"test": (np.array(["a"]),)}, InputTypeError, r"mine: test\[0\] must hold numbers, got dtype <U1"),
        ({"test": (np.float32(1),)}, InputError, r"mine: test\[0\] must be a dense array"),
    ],
)
def test_arguments_that_cannot_be_are_refused_at_once(changes, error, text):
    with pytest.raises(error, match=text) as caught:
        make(**changes)
    assert "\n" not in str(caught.value)


def raising(*_):
    raise KeyError("no such layer\nsecond line")


def in_place(model, batch):
    batch[0].add_(1)
    return loss(model, batch)


def no_parameters():
    return nn.ReLU()


def all_frozen():
    return nn.Linear(4, 3).requires_grad_(False)


def sparse():
    return nn.EmbeddingBag(10, 3, sparse=True)


shared = cache(model)
generator = torch.Generator()


def own_randomness():
    network = model()
    nn.init.normal_(network.weight, generator=generator)
    return network


def not_finite_on(count):
    return lambda m, b: loss(m, b) * (float("nan") if len(b[0]) == count else 1)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"model": raising}, r"mine: model\(\) raised KeyError: 'no such layer"),
        (
            {"model": lambda width: model()},
            r"mine: model\(\) raised TypeError: .*missing 1 required positional argument",
        ),
        ({"model": lambda: "net"}, "mine: model must return a torch.nn.Module, got str"),
        ({"model": no_parameters}, "mine: model must have at least one parameter that requires a gradient, got none"),
        ({"model": all_frozen}, "mine: model must have at least one parameter that requires a gradient, got none"),
        ({"model": lambda: nn.LazyLinear(3)}, "mine: model must know the shapes of its parameters"),
        ({"model": shared}, "mine: model must build a new network on each call, got the same parameters twice"),
        ({"model": own_randomness}, "mine: model must draw its weights from the global generators"),
        (
            {"model": lambda: nn.Linear(5, 3)},
            r"mine: loss\(model, batch\) raised RuntimeError on the train data: mat1 and",
        ),
        ({"loss": raising}, r"mine: loss\(model, batch\) raised KeyError on the train data: 'no such layer"),
        ({"loss": lambda m, b: 1.0}, "mine: loss must return a tensor of one number, got float"),
        ({"loss": lambda m, b: m(b[0])}, r"mine: loss must return one number, the batch's mean, got shape \(8, 3\)"),
        (
            {"loss": lambda m, b: loss(m, b) / 0},
            "mine: loss must be finite at the initial weights, got inf on the train",
        ),
        ({"loss": lambda m, b: loss(m, b).detach()}, "mine: loss must be differentiable in the model's parameters"),
        (
            {"loss": lambda m, b: torch.ones((), requires_grad=True) * 2},
            "mine: loss must depend on the model's parameters, got no gradient",
        ),
        (
            {"loss": lambda m, b: loss(m, b) + (m.weight.sum() * 0).sqrt()},
            "mine: gradients must be finite at the initial weights, got others for 'weight'",
        ),
        (
            {"loss": lambda m, b: loss(m, b) * (1 + np.random.default_rng().random())},
            r"mine: loss is not reproducible: two calls with one seed, .* gave \d\.\d+ and \d\.\d+; draw random",
        ),
        ({"loss": in_place}, "mine: loss must leave its batch as it is, but it, or the model, changed it in place"),
        (
            {"model": sparse, "train": (data()[1][:, None], data()[1]), "validation": (data()[1][:, None], data()[1])},
            "mine: gradients must be dense, got a sparse one for 'weight'",
        ),
        (
            {"loss": not_finite_on(7)},
            "mine: loss must be finite at the initial weights, got nan on the validation data",
        ),
        ({"metric": raising}, r"mine: metric\(model, batch\) raised KeyError on the validation data"),
        ({"metric": lambda m, b: b[0]}, r"mine: metric must return one number, got Tensor of shape \(7, 4\)"),
        ({"metric": lambda m, b: None}, "mine: metric must return one number, got NoneType"),
        ({"metric": lambda m, b: float("inf")}, "mine: metric must be finite at the initial weights, got inf"),
        ({"metric": lambda m, b: b[0].zero_().sum()}, "mine: metric must leave its batch as it is"),
        (
            {"train": changed(17, 1, 11)},
            r"mine: labels must be whole numbers in \[0, 3\).*3 outputs, got 11 in the train",
        ),
        ({"train": changed(29, 1, -1)}, r"mine: labels must be whole numbers in \[0, 3\).*got -1 in the train data"),
        ({"validation": data(2000, high=4)}, r"mine: labels must be .*\[0, 3\).*got 3 in the validation data"),
        ({"test": changed(29, 1, 3)}, r"mine: labels must be .*\[0, 3\).*got 3 in the test data"),
        (
            {"train": (data()[0].astype(float), data()[1])},
            r"raised RuntimeError on the train data: .*; train\[0\] is float64, networks are float32 by default",
        ),
    ],
)
def test_the_dry_run_explains(changes, text):
    problem = make(**changes)
    with pytest.raises(ProblemError, match=text) as caught:
        problem.check()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"train": changed(12, 0, np.nan)}, r"mine: train\[0\] must be finite, got nan in row 12"),
        ({"validation": changed(3, 0, -np.inf)}, r"mine: validation\[0\] must be finite, got -inf in row 3"),
        (
            {"test": {"x": torch.tensor([1.0, 2.0, np.nan, np.inf])}},
            r"mine: test\['x'\] must be finite, got nan in row 2",
        ),
    ],
)
def test_data_that_are_not_finite_are_named(changes, text):
    with pytest.raises(InputError, match=text):
        make(**changes).check()


@pytest.mark.parametrize("name", ["train", "validation", "test"])
@pytest.mark.parametrize("label", [-1, 3])
def test_one_wrong_label_among_many_is_found(name, label):
    x, y = data(3000)
    y[2999] = label
    with pytest.raises(ProblemError, match=rf"labels must be .*\[0, 3\).*got {label} in the {name} data"):
        make(**{name: (x, y)}).check()


def test_a_label_that_the_loss_ignores_is_admissible():
    make(train=changed(5, 1, -100)).check()


def test_a_generator_loss_of_another_origin_still_names_the_label():
    def stripped(model, batch):
        raise IndexError("Target 12 is out of bounds.")

    with pytest.raises(ProblemError, match=r"labels must be whole numbers in \[0, number of outputs\), got 12"):
        make(loss=stripped).check()


def test_seed_and_device():
    for seed in (-1, 0.5, 2**63, True, "0"):
        with pytest.raises(InputError, match=r"mine: seed must be a whole number in \[0, 2\^63\), got"):
            make().start(seed)
    make().start(2**63 - 1)
    for device in ("cuda:77", "tpu"):
        with pytest.raises(InputError, match=f"mine: device must be one that PyTorch can use here, got '{device}'"):
            make().start(0, device)
        with pytest.raises(InputError, match="device must be"):
            make().check(device)


def test_name():
    for name, error in (("", InputError), (None, InputTypeError)):
        with pytest.raises(error, match="TrainingProblem: name must"):
            TrainingProblem(name, model, loss, data(), data())


def test_a_failed_check_leaves_the_random_state():
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    with pytest.raises(ProblemError):
        make(loss=lambda m, b: torch.rand(()) / 0 + raising()).check()
    assert torch.equal(torch.rand(3), expected)


def test_a_small_data_set_is_one_batch_unless_told_otherwise():
    arguments = {"model": model, "loss": loss, "validation": data(7)}
    assert TrainingProblem("mine", train=data(30), **arguments).batch_size == 30
    assert TrainingProblem("mine", train=data(65), **arguments).batch_size == 64


def test_a_data_set_that_raises_says_which_sample():
    class Broken(torch.utils.data.Dataset):
        def __len__(self):
            return 12

        def __getitem__(self, row):
            if row == 3:
                raise OSError("cannot read 3.png")
            x, y = data(12)
            return x[row], y[row]

    with pytest.raises(ProblemError, match=r"train: sample 3 raised OSError: cannot read 3\.png"):
        make(train=Broken()).check()
