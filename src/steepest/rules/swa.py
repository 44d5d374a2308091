"""SWA: stochastic weight averaging."""

from __future__ import annotations

from steepest.formula import Count, Natural, Slot, floor, rule, where


@rule(slots=(Slot("mean", init="p"),), last=True)
def swa(u, p, mean, k, *, start: Natural = 0, every: Count = 1):
    """The mean of p after updates s, s + c, s + 2c, …, each with equal weight; s = 0 is the start itself.

    At update s + jc, mean ← mean + (p − u − mean) / (j + 1); until s, mean ← p − u. It must be last in its chain.
    The answer point is the mean. The training goes on at p. Statistics of normalization layers are of p, not of the
    mean: run the training data through the network before it is evaluated there.

    Shapes: u, p, mean alike. start = s in 0, 1, 2, …; every = c in 1, 2, 3, …
    Raises HyperparameterError for a value outside its range.
    Source: Izmailov, Podoprikhin, Garipov, Vetrov & Wilson 2018, arXiv:1803.05407, Algorithm 1; its learning rate is
    that of the chain. Dialect: equal to torch.optim.swa_utils.AveragedModel updated at those points.

    >>> import numpy as np
    >>> from steepest.formula import chain
    >>> from steepest.rules import learning_rate
    >>> r = chain(learning_rate(lr=1.0), swa(start=1, every=2))
    >>> p, state = np.array([4.0]), r.init(np.array([4.0]))
    >>> for _ in range(3):  # 3, 2, 1
    ...     p, state, _ = r.update(p, np.array([1.0]), state)
    >>> r.answer(p, state)
    array([2.])
    """
    after = p - u
    taken = floor((k - start) / every)
    longer = where((k - start) % every == 0, mean + (after - mean) / (taken + 1), mean)
    return u, where(k <= start, after, longer)


@swa.answer
def _mean(mean):
    return mean
