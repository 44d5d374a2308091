"""The digits problem: its data and what a plain PyTorch loop makes of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from steepest.problems import digits_mlp


def test_splits_are_stratified_disjoint_and_complete():
    splits = digits_mlp()._splits
    rows = [
        np.c_[pixels.numpy() * 16, labels.numpy()] for pixels, labels in (s.span(0, len(s)) for s in splits.values())
    ]
    digits = load_digits()
    expected = np.c_[digits.data, digits.target]
    together = np.concatenate(rows)
    assert together[np.lexsort(together.T)].tolist() == expected[np.lexsort(expected.T)].tolist()
    assert [len(part) for part in rows] == [1078, 359, 360]
    for part in rows:
        shares = np.bincount(part[:, -1].astype(int), minlength=10) / len(part)
        np.testing.assert_allclose(shares, np.bincount(digits.target) / 1797, atol=1.5 / len(part))


def test_network_and_data_are_as_described():
    objective = digits_mlp().start(seed=0)
    assert [tuple(p.shape) for p in objective.tensors.values()] == [(32, 64), (32,), (10, 32), (10,)]
    pixels, labels = objective.batch
    assert pixels.dtype == torch.float32 and labels.dtype == torch.int64 and objective.samples == 64 == len(labels)
    assert pixels.min() == 0 and pixels.max() == 1
    assert digits_mlp().higher_is_better and digits_mlp().has_metric


def test_it_can_be_learned():
    objective = digits_mlp().start(seed=0)
    optimizer = torch.optim.Adam(objective.tensors.values(), lr=0.01)
    before = objective.measure()
    for _ in range(200):
        objective.value_and_gradient()
        optimizer.step()
        objective.advance()
    after = objective.measure(final=True)
    assert before["validation_metric"] < 0.3 and before["validation_loss"] == pytest.approx(np.log(10), rel=0.1)
    assert after["validation_metric"] > 0.93 and after["test_metric"] > 0.93 and after["train_loss"] < 0.15
    assert after.keys() == {"validation_loss", "validation_metric", "train_loss", "test_loss", "test_metric"}
