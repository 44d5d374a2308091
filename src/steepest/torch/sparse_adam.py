"""SparseAdam, as PyTorch has it: for the sparse gradients of embeddings."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, cast, final

import torch

from steepest.core.errors import InputError, InputTypeError, speaking_of
from steepest.formula import Chain, State, chain
from steepest.rules import learning_rate, scale_by_sparse_adam
from steepest.torch.assemble import pair

_ROWS = "rows"
_SAID = {"learning_rate.lr": "lr", **{f"scale_by_sparse_adam.beta{i}": f"betas[{i - 1}]" for i in (1, 2)}}


@final
class SparseAdam(torch.optim.Optimizer):
    """Adam on sparse gradients, as torch.optim.SparseAdam: see `steepest.rules.scale_by_sparse_adam`.

    Only the rows of p, m and v that the gradient holds are read and written, so a step costs as much as what occurred
    in the batch, not as much as the vocabulary. The averages of the other rows stand still. A stored value that is 0
    counts as a gradient; indices that occur more than once are added up first.

    params: dense floating-point tensors or groups of them, whose gradients are in PyTorch's sparse COO layout, as from
    `torch.nn.Embedding(…, sparse=True)`. lr in (0, ∞); betas each in [0, 1); eps in (0, ∞), all numbers, read from the
    groups at each step. maximize: ascend. Raises InputTypeError for a dense gradient, InputError or
    HyperparameterError for a group out of range, before anything is changed.
    State dicts have PyTorch's layout and can be exchanged with torch.optim.SparseAdam. What is dense in the model
    takes an optimizer of its own.

    >>> words = torch.nn.Embedding(5, 2, sparse=True)
    >>> optimizer = SparseAdam(words.parameters(), lr=0.1)
    >>> before = words.weight.detach().clone()
    >>> words(torch.tensor([3, 1, 3])).sum().backward()
    >>> optimizer.step()
    >>> (words.weight.detach() - before).any(dim=1).tolist()
    [False, True, False, True, False]
    """

    def __init__(
        self,
        params: Iterable[torch.Tensor] | Iterable[tuple[str, torch.Tensor]] | Iterable[dict[str, Any]],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "maximize": maximize})

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group; nothing is added where its numbers are out of range or its tensors are not dense."""
        _rule({**self.defaults, **param_group})
        super().add_param_group(param_group)
        added = self.param_groups[-1]["params"]
        if wrong := [p for p in added if p.layout is not torch.strided or not p.is_floating_point()]:
            self.param_groups.pop()
            raise InputError(f"SparseAdam: parameters must be dense and real, got {wrong[0].layout}, {wrong[0].dtype}")

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Update the rows that have gradients. closure: evaluates the model, calls backward and returns the loss."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        taking_part = []
        for group in self.param_groups:
            rule = _rule(group)
            for p in group["params"]:
                if p.grad is not None and p.grad.layout is not torch.sparse_coo:
                    raise InputTypeError(f"SparseAdam: gradients must be sparse, got one of layout {p.grad.layout}")
                if p.grad is not None:
                    taking_part.append((rule, p, group["maximize"]))
        for rule, p, maximize in taking_part:
            self._update(rule, p, maximize)
        return loss

    def _update(self, rule: Chain, p: torch.Tensor, maximize: bool) -> None:
        """One tensor: the rule is run on the rows that the gradient holds, gathered, and they are put back."""
        state = self.state[p]
        if not state:
            state["step"] = 0
            state["exp_avg"], state["exp_avg_sq"] = (
                torch.zeros_like(p, memory_format=torch.preserve_format) for _ in range(2)
            )
        age, gradient = int(state["step"]), p.grad.coalesce()  # type: ignore[union-attr]
        state["step"] += 1
        whole: tuple[torch.Tensor, ...] = (p, state["exp_avg"], state["exp_avg_sq"])
        if gradient.sparse_dim() == 0:  # one element, or none
            whole, gradient = tuple(x.unsqueeze(0) for x in whole), gradient.to_dense().unsqueeze(0).to_sparse(1)
        index = tuple(gradient.indices())
        if not gradient.values().numel():
            return
        point, m, v = (x[index] for x in whole)
        slots = {"scale_by_sparse_adam.m": {_ROWS: m}, "scale_by_sparse_adam.v": {_ROWS: v}}
        before = State(age, {_ROWS: age}, slots)
        after, found, _ = rule.update({_ROWS: point}, {_ROWS: gradient.values()}, before, maximize=maximize)
        rows = (after[_ROWS], *(found.slots[path][_ROWS] for path in slots))
        for tensor, values in zip(whole, rows, strict=True):
            tensor[index] = cast(torch.Tensor, values)


def _rule(group: dict[str, Any]) -> Chain:
    """The rule with a group's numbers, checked; stored zeros are gradients."""
    beta1, beta2 = pair(group["betas"])
    with speaking_of("SparseAdam", _SAID):
        scaling = scale_by_sparse_adam(beta1=beta1, beta2=beta2, eps=group["eps"], zeros="present")
        return chain(scaling, learning_rate(lr=group["lr"]))
