"""Clipping by value."""

from __future__ import annotations

from steepest.formula import Positive, maximum, minimum, rule


@rule
def clip_value(u, *, max_value: Positive):
    """Clip each element: u ← min(max(u, −c), c).

    Shapes: any. Units: max_value those of u. max_value = c in (0, ∞). NaN stays NaN. Changes the direction.
    Raises HyperparameterError for a value outside its range.
    Source: Mikolov 2012, Statistical Language Models Based on Neural Networks. Dialect:
    torch.nn.utils.clip_grad_value_.

    >>> import numpy as np
    >>> from steepest.formula import chain
    >>> from steepest.rules import learning_rate
    >>> r = chain(clip_value(max_value=1.0), learning_rate(lr=1.0))
    >>> p = np.zeros(2)
    >>> r.update(p, np.array([5.0, -0.5]), r.init(p))[0]
    array([-1. ,  0.5])
    """
    return minimum(maximum(u, -max_value), max_value)
