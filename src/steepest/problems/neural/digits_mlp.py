"""Handwritten digits with a two-layer network: a small real problem that trains in a second."""

from __future__ import annotations

from typing import Final

from steepest.core.errors import MissingExtraError
from steepest.problems.training import TrainingProblem

try:
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split
except ImportError as error:
    raise MissingExtraError("scikit-learn", "lab") from error

import torch  # after `training`, which says what to install where it is missing
from torch import nn
from torch.nn.functional import cross_entropy

_SPLIT_SEED: Final = 0
_Batch = tuple[torch.Tensor, torch.Tensor]


def digits_mlp() -> TrainingProblem:
    """A network 64–32–10 with ReLU on scikit-learn's 1,797 digits of 8 × 8 pixels, by cross-entropy.

    Pixels are scaled to [0, 1]; 1,078 samples train, 359 validate, 360 test, classes in equal shares, the same split
    always. The metric is accuracy; batches have 64 samples. Raises MissingExtraError where scikit-learn is missing.
    Source: Alpaydin & Kaynak 1998, Optical Recognition of Handwritten Digits, as in `sklearn.datasets.load_digits`.

    >>> digits_mlp().sizes
    {'train': 1078, 'validation': 359, 'test': 360}
    """
    digits = load_digits()
    pixels, labels = (digits.data / 16).astype("float32"), digits.target.astype("int64")
    x_train, x_rest, y_train, y_rest = train_test_split(
        pixels, labels, train_size=0.6, stratify=labels, random_state=_SPLIT_SEED
    )
    x_validation, x_test, y_validation, y_test = train_test_split(
        x_rest, y_rest, train_size=0.5, stratify=y_rest, random_state=_SPLIT_SEED
    )
    return TrainingProblem(
        "digits-mlp",
        _network,
        _loss,
        train=(x_train, y_train),
        validation=(x_validation, y_validation),
        test=(x_test, y_test),
        batch_size=64,
        metric=_accuracy,
        higher_is_better=True,
        summary="network 64–32–10 on scikit-learn's 8 × 8 digits, cross-entropy, accuracy",
    )


def _network() -> nn.Module:
    return nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))


def _loss(model: nn.Module, batch: _Batch) -> torch.Tensor:
    pixels, labels = batch
    return cross_entropy(model(pixels), labels)


def _accuracy(model: nn.Module, batch: _Batch) -> torch.Tensor:
    pixels, labels = batch
    return (model(pixels).argmax(dim=1) == labels).float().mean()
