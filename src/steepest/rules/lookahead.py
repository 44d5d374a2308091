"""Lookahead: k steps forward, 1 step back."""

from __future__ import annotations

from steepest.core.ranges import Share
from steepest.formula import Count, Slot, rule, where


@rule(slots=(Slot("slow", init="p"),), last=True)
def lookahead(u, p, slow, t, *, every: Count = 5, alpha: Share = 0.5):
    """Lookahead around the rules before it: every k updates, slow ← slow + α (p − u − slow), and p goes there too.

    At other updates p moves by u alone. The clock decides, so all tensors turn back at once. It must be last in its
    chain, for it reads the final p − u. The answer point is the slow one. Inner averages go on as they were.

    Shapes: u, p, slow alike. every = k in 1, 2, 3, …; alpha = α in [0, 1].
    Raises HyperparameterError for a value outside its range.
    Source: Zhang, Lucas, Hinton & Ba 2019, arXiv:1907.08610, Algorithm 1. Dialect: the paper's "maintain" for the
    inner optimizer's state; equal to pytorch_optimizer.Lookahead with pullback_momentum="none".

    >>> import numpy as np
    >>> from steepest.formula import chain
    >>> from steepest.rules import learning_rate
    >>> r = chain(learning_rate(lr=1.0), lookahead(every=2))
    >>> p, state = np.array([4.0]), r.init(np.array([4.0]))
    >>> for _ in range(2):
    ...     p, state, _ = r.update(p, np.array([1.0]), state)
    >>> p, r.answer(p, state)
    (array([3.]), array([3.]))
    """
    back = slow + alpha * (p - u - slow)
    turns = t % every == 0
    return where(turns, p - back, u), where(turns, back, slow)


@lookahead.answer
def _slow(slow):
    return slow
