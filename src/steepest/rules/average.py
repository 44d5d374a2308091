"""Averages of the iterates, evaluated in place of the last one."""

from __future__ import annotations

from steepest.formula import Natural, Slot, Unit, maximum, rule, where


@rule(slots=(Slot("mean", init="p"),), last=True)
def average(u, p, mean, *, beta: Unit = 0.999):
    """Exponential moving average of the parameters: mean ← β mean + (1 − β)(p − u), from mean = p₀.

    It reads the final p − u, so it must be last in its chain. The answer point is the mean; the training goes on
    at p. Shapes: u, p, mean alike. beta in [0, 1). Raises HyperparameterError for a value outside its range.
    Source: Tarvainen & Valpola 2017, arXiv:1703.01780, §2. Dialect: torch.optim.swa_utils.get_ema_multi_avg_fn(β), with
    its average begun at the start.

    >>> import numpy as np
    >>> from steepest.formula import chain
    >>> from steepest.rules import learning_rate
    >>> r = chain(learning_rate(lr=1.0), average(beta=0.5))
    >>> p, state = np.array([4.0]), r.init(np.array([4.0]))
    >>> p, state, _ = r.update(p, np.array([2.0]), state)
    >>> p, r.answer(p, state)
    (array([2.]), array([3.]))
    """
    return u, beta * mean + (1 - beta) * (p - u)


@average.answer
def _average(mean):
    return mean


@rule(slots=(Slot("mean", init="p"),), last=True)
def polyak_average(u, p, mean, k, *, start: Natural = 0):
    """Polyak–Ruppert average: the mean of the iterates p after updates start + 1, start + 2, …, each with equal weight.

    mean ← mean + (p − u − mean) / max(1, k − start), and mean ← p − u while k ≤ start. It must be last in its chain.
    The answer point is the mean. Shapes: u, p, mean alike. start in 0, 1, 2, …
    Raises HyperparameterError for a value outside its range.
    Source: Polyak & Juditsky 1992; Ruppert 1988.

    >>> import numpy as np
    >>> from steepest.formula import chain
    >>> from steepest.rules import learning_rate
    >>> r = chain(learning_rate(lr=1.0), polyak_average())
    >>> p, state = np.array([4.0]), r.init(np.array([4.0]))
    >>> for _ in range(2):
    ...     p, state, _ = r.update(p, np.array([1.0]), state)
    >>> r.answer(p, state)
    array([2.5])
    """
    after = p - u
    return u, where(k <= start, after, mean + (after - mean) / maximum(k - start, 1))


@polyak_average.answer
def _polyak_average(mean):
    return mean
