"""Clipping by norm."""

from __future__ import annotations

from typing import Literal

from steepest.formula import Positive, minimum, norm, rule


@rule
def clip_norm(u, *, max_norm: Positive, over: Literal["model", "tensor"] = "model"):
    """Clip the norm: u ← u · min(1, c / (‖u‖ + 1e-6)).

    ‖u‖ is the Euclidean norm over all tensors (over="model", the default), or over each tensor alone
    (over="tensor", what Keras calls clipnorm). Shapes: any. Units: max_norm those of u. max_norm = c in (0, ∞).
    The norm is summed in float64 and stands in the step report as "clip_norm.norm"; it is taken over all parameter
    groups. A non-finite gradient makes every element NaN: see `nonfinite`.
    Raises HyperparameterError for a value outside its range.
    Source: Pascanu, Mikolov & Bengio 2013, arXiv:1211.5063, Algorithm 1. Dialect: torch.nn.utils.clip_grad_norm_,
    whose 1e-6 is kept.

    >>> import numpy as np
    >>> from steepest.formula import chain
    >>> from steepest.rules import learning_rate
    >>> r = chain(clip_norm(max_norm=1.0), learning_rate(lr=1.0))
    >>> p = np.zeros(2)
    >>> after, _, report = r.update(p, np.array([3.0, 4.0]), r.init(p))
    >>> after.round(6), report.seen
    (array([-0.6, -0.8]), {'clip_norm.norm': 5.0})
    """
    return minimum(1.0, max_norm / (norm(u, over=over) + 1e-6)) * u
