"""The Gauss–Newton–Bartlett estimate of the Hessian's diagonal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch

from steepest.core.ranges import Range


def gauss_newton_bartlett(
    sampled_loss: torch.Tensor, parameters: Iterable[tuple[str, torch.Tensor]], *, samples: int
) -> dict[str, torch.Tensor]:
    """The Gauss–Newton–Bartlett estimate of the Hessian's diagonal: B ĝ ∘ ĝ, by name.

    sampled_loss: the mean loss over a batch whose labels were drawn from the model's own predictions: for a classifier,
    `cross_entropy(logits, Categorical(logits=logits).sample())`. parameters: `model.named_parameters()`; those without
    a gradient have zeros. samples: B in 1, 2, 3, …, over how many the mean was taken: of a language model, batch times
    tokens. Never negative; its mean is the diagonal of the Gauss–Newton matrix, for a negative log-likelihood. It costs
    one gradient. Give it to `optimizer.step(hessian_diagonal=…)` at the updates that read one:
    `optimizer.asks_hessian`.

    Source: Liu, Li, Hall, Liang & Ma 2024, arXiv:2305.14342, Algorithm 2.

    >>> logits = torch.zeros(4, 2, requires_grad=True)
    >>> loss = torch.nn.functional.cross_entropy(logits, torch.tensor([0, 1, 1, 0]))
    >>> gauss_newton_bartlett(loss, [("logits", logits)], samples=4)["logits"][0]
    tensor([0.0625, 0.0625])
    """
    count = Range(low=1, integer=True).check("gauss_newton_bartlett", "samples", samples)
    named = {name: p for name, p in parameters if p.requires_grad}
    gradients: Sequence[torch.Tensor | None] = torch.autograd.grad(
        sampled_loss, list(named.values()), allow_unused=True
    )
    return {
        name: torch.zeros_like(p) if g is None else count * g * g
        for (name, p), g in zip(named.items(), gradients, strict=True)
    }
