"""Hessian-vector products of a loss, by differentiating its gradient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from steepest.core.arrays import Array, Tensors


def hessian_vector(loss: torch.Tensor, parameters: Tensors, vectors: Tensors) -> dict[str, Array]:
    """∇²loss times the vectors, by name and in the parameters' shapes; the loss's graph is used up.

    A parameter on which the loss depends linearly, or not at all, has zeros.

    >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> hessian_vector((x**3).sum(), {"x": x}, {"x": torch.tensor([1.0, -1.0])})["x"]
    tensor([  6., -12.])
    """
    gradients = torch.autograd.grad(loss, _list(parameters), create_graph=True, allow_unused=True)
    return differentiated(dict(zip(parameters, gradients, strict=True)), parameters, vectors)


def differentiated(
    gradients: Mapping[str, torch.Tensor | None], parameters: Tensors, vectors: Tensors, *, keep: bool = False
) -> dict[str, Array]:
    """The derivative of ⟨gradients, vectors⟩, where the gradients were taken with create_graph=True.

    keep: keep the graph for what follows.
    """
    curved = [(g, vectors[name]) for name, g in gradients.items() if g is not None and g.requires_grad]
    products: Sequence[torch.Tensor | None] = [None] * len(parameters)
    if curved:
        outputs, directions = zip(*curved, strict=True)
        products = torch.autograd.grad(
            outputs, _list(parameters), grad_outputs=directions, retain_graph=keep, allow_unused=True
        )
    return {
        name: torch.zeros_like(p) if product is None else product
        for name, p, product in zip(parameters, _list(parameters), products, strict=True)
    }


def _list(parameters: Tensors) -> list[torch.Tensor]:
    return list(parameters.values())  # type: ignore[arg-type]
