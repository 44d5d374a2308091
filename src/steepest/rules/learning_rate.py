"""The learning rate, as a rule of its own."""

from __future__ import annotations

from steepest.formula import LearningRate, rule


@rule(sets_step=True)
def learning_rate(u, *, lr: LearningRate):
    """Learning rate: u ← lr · u.

    Shapes: any. Units: lr carries what is missing from u to p.
    lr in (0, ∞); a schedule may reach 0.
    Raises HyperparameterError for a value outside its range.
    Source: Robbins & Monro 1951, whose step sizes are a schedule.

    >>> import numpy as np
    >>> p = np.array([1.0])
    >>> step = learning_rate(lr=0.1)
    >>> step.update(p, np.array([2.0]), step.init(p))[0]
    array([0.8])
    """
    return lr * u
