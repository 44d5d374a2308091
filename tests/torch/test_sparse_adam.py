"""SparseAdam on the sparse gradients of embeddings, beside PyTorch's own."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from steepest.core.errors import HyperparameterError, InputError, InputTypeError
from steepest.formula import chain
from steepest.rules import sparse_adam
from steepest.torch import Optimizer, SparseAdam


def embeddings(dtype: torch.dtype = torch.float64) -> torch.nn.ModuleList:
    torch.manual_seed(0)
    return torch.nn.ModuleList([torch.nn.Embedding(n, d, sparse=True, dtype=dtype) for n, d in ((20, 3), (7, 2))])


def losses(tables: torch.nn.ModuleList, steps: int, seed: int = 1) -> Iterator[torch.Tensor]:
    """Batches with repeated words, one without the second table, and one that gives some zeros."""
    generator = torch.Generator().manual_seed(seed)
    for step in range(steps):
        words = torch.randint(0, 20, (6,), generator=generator)
        loss = (tables[0](words) ** 2).sum() + tables[0](words[:2]).relu().sum()
        if step != 2:
            loss = loss + (tables[1](words % 7) ** 3).sum()
        yield loss


def trained(
    kind: Any, steps: int = 12, dtype: torch.dtype = torch.float64, **settings: Any
) -> tuple[torch.nn.ModuleList, Any]:
    tables = embeddings(dtype)
    optimizer = kind(tables.parameters(), **settings)
    for loss in losses(tables, steps):
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return tables, optimizer


@pytest.mark.parametrize(
    "settings", [{}, {"lr": 0.05, "betas": (0.7, 0.8), "eps": 1e-3}, {"maximize": True, "lr": 0.01}]
)
def test_equals_pytorchs(settings: dict[str, Any]) -> None:
    for dtype, tolerance in ((torch.float64, 1e-13), (torch.float32, 2e-6)):
        ours, optimizer = trained(SparseAdam, dtype=dtype, **settings)
        theirs, peer = trained(torch.optim.SparseAdam, dtype=dtype, **settings)
        for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
            torch.testing.assert_close(p, q, rtol=tolerance, atol=tolerance)
            assert p.dtype == dtype
        for mine, other in zip(optimizer.state.values(), peer.state.values(), strict=True):
            assert mine.keys() == other.keys() and mine["step"] == other["step"]
            for slot in ("exp_avg", "exp_avg_sq"):
                torch.testing.assert_close(mine[slot], other[slot], rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("sparse_dim", [1, 2])
def test_stored_zeros_are_gradients_and_indices_are_added_up(sparse_dim: int) -> None:
    found = []
    for kind in (SparseAdam, torch.optim.SparseAdam):
        p = torch.nn.Parameter(torch.ones(4, 3, dtype=torch.float64))
        optimizer = kind([p], lr=0.1)
        for step in range(4):
            if sparse_dim == 1:
                index, values = [[1, 3, 1]], torch.tensor([[1.0, 0, 2], [0, step, 0], [1, 0, -2]])
            else:
                index, values = [[1, 3, 1], [0, 2, 0]], torch.tensor([1.0, 0.0, step])
            p.grad = torch.sparse_coo_tensor(index, values.double(), (4, 3), check_invariants=True)
            optimizer.step()
        found.append(p.detach())
    torch.testing.assert_close(*found, rtol=1e-14, atol=1e-15)


def test_what_does_not_occur_is_left_alone_to_the_bit() -> None:
    p = torch.nn.Parameter(torch.randn(5, 2))
    before, optimizer = p.detach().clone(), SparseAdam([p], lr=0.1)
    for rows in ([0, 3], [3], []):
        p.grad = torch.sparse_coo_tensor([rows], torch.ones(len(rows), 2), (5, 2), check_invariants=True)
        optimizer.step()
    assert (p.detach() != before).any(dim=1).tolist() == [True, False, False, True, False]
    assert optimizer.state[p]["step"] == 3  # a gradient without values is a step, too
    assert torch.equal(optimizer.state[p]["exp_avg"][[1, 2, 4]], torch.zeros(3, 2))


def test_equals_the_dense_rule_where_no_stored_value_is_zero() -> None:
    """The dense rule takes zeros as absent; random gradients have none but for the rows that do not occur."""
    sparse, dense = (torch.nn.Parameter(torch.ones(6, 2, dtype=torch.float64)) for _ in range(2))
    ours, rule = SparseAdam([sparse], lr=0.1), Optimizer([dense], chain(sparse_adam(lr=0.1)))
    generator = torch.Generator().manual_seed(3)
    for _ in range(8):
        rows = torch.randperm(6, generator=generator)[:2]
        values = torch.randn(2, 2, generator=generator, dtype=torch.float64)
        sparse.grad = torch.sparse_coo_tensor(rows[None], values, (6, 2), check_invariants=True)
        dense.grad = sparse.grad.to_dense()
        ours.step()
        rule.step()
    torch.testing.assert_close(sparse, dense, rtol=1e-14, atol=1e-15)


def test_state_dicts_are_exchanged_with_pytorchs() -> None:
    """Continue ours from PyTorch's and the other way round; and through pickle."""
    _, whole = trained(torch.optim.SparseAdam, steps=12, lr=0.05)
    end = [p.detach().clone() for group in whole.param_groups for p in group["params"]]
    for first, second in ((torch.optim.SparseAdam, SparseAdam), (SparseAdam, torch.optim.SparseAdam)):
        tables, begun = trained(first, steps=5, lr=0.05)
        resumed = second(tables.parameters(), lr=0.3)
        resumed.load_state_dict(pickle.loads(pickle.dumps(copy.deepcopy(begun.state_dict()))))
        assert resumed.param_groups[0]["lr"] == 0.05
        for step, loss in enumerate(losses(tables, 12)):
            if step >= 5:
                resumed.zero_grad()
                loss.backward()
                resumed.step()
        for p, q in zip(tables.parameters(), end, strict=True):
            torch.testing.assert_close(p.detach(), q, rtol=1e-13, atol=1e-13)


def test_groups_and_pytorchs_schedulers_count() -> None:
    ends = []
    for kind in (SparseAdam, torch.optim.SparseAdam):
        tables = embeddings()
        groups = [
            {"params": tables[0].parameters(), "lr": 0.1},
            {"params": tables[1].parameters(), "betas": (0.5, 0.9)},
        ]
        optimizer = kind(groups, lr=0.02)
        scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 2, 0.5)
        for loss in losses(tables, 8):
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
        ends.append(list(tables.parameters()))
    for p, q in zip(*ends, strict=True):
        torch.testing.assert_close(p, q, rtol=1e-13, atol=1e-13)


def test_a_closure_is_called_with_gradients_enabled() -> None:
    tables = embeddings()
    optimizer = SparseAdam(tables.parameters(), lr=0.1)

    def closure() -> float:
        loss = next(losses(tables, 1))
        optimizer.zero_grad()
        loss.backward()
        return float(loss.detach())

    first = optimizer.step(closure)
    assert first is not None and closure() < first


def test_a_dense_gradient_is_refused_before_anything_changes() -> None:
    tables = embeddings()
    dense = torch.nn.Parameter(torch.ones(2, dtype=torch.float64))
    optimizer = SparseAdam([*tables.parameters(), dense], lr=0.1)
    before = [p.detach().clone() for p in tables.parameters()]
    next(losses(tables, 1)).backward()
    dense.grad = torch.ones_like(dense)
    with pytest.raises(InputTypeError, match=r"SparseAdam: gradients must be sparse, got one of layout torch\.strided"):
        optimizer.step()
    assert all(torch.equal(p, q) for p, q in zip(tables.parameters(), before, strict=True))
    assert not optimizer.state


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lr": 0.0}, r"SparseAdam: lr must be in \(0, inf\), got 0.0"),
        ({"betas": (0.9, 1.0)}, r"SparseAdam: betas\[1\] must be in \[0, 1\), got 1.0"),
        ({"eps": -1.0}, r"SparseAdam: eps must be in \(0, inf\), got -1.0"),
    ],
)
def test_numbers_out_of_range_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(HyperparameterError, match=message):
        SparseAdam(embeddings().parameters(), **settings)
    tables = embeddings()
    optimizer = SparseAdam(tables.parameters(), lr=0.1)
    before = [p.detach().clone() for p in tables.parameters()]
    optimizer.param_groups[0].update(settings)
    next(losses(tables, 1)).backward()
    with pytest.raises(HyperparameterError, match=message):
        optimizer.step()
    assert all(torch.equal(p, q) for p, q in zip(tables.parameters(), before, strict=True))


def test_parameters_that_are_not_dense_and_real_are_refused() -> None:
    for p in (torch.ones(3, dtype=torch.complex64), torch.ones(3).to_sparse()):
        with pytest.raises(InputError, match="SparseAdam: parameters must be dense and real"):
            SparseAdam([p.requires_grad_()])
    optimizer = SparseAdam([torch.nn.Parameter(torch.ones(3))])
    with pytest.raises(InputError, match="must be dense and real"):
        optimizer.add_param_group({"params": [torch.ones(2, dtype=torch.complex64).requires_grad_()]})
    assert len(optimizer.param_groups) == 1


def test_a_number_as_a_parameter() -> None:
    found = []
    for kind in (SparseAdam, torch.optim.SparseAdam):
        p = torch.nn.Parameter(torch.tensor(2.0, dtype=torch.float64))
        optimizer = kind([p], lr=0.1)
        for value in (1.0, 0.5):
            p.grad = torch.tensor(value, dtype=torch.float64).to_sparse()
            optimizer.step()
        found.append(p.detach())
    torch.testing.assert_close(*found)
