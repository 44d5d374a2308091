"""The average of the iterates with weights that grow like a power of their number."""

from __future__ import annotations

from steepest.formula import NonNegative, Slot, rule


@rule(slots=(Slot("mean", init="p"),), last=True)
def polynomial_average(u, p, mean, k, *, gamma: NonNegative = 8.0):
    """Polynomial-decay average: mean ← mean + (γ + 1) / (γ + k) · (p − u − mean), for k = 1, 2, …

    The weight of an iterate grows about like its number to the γ, so the start is forgotten without a parameter that
    knows the run's length; γ = 0 is the plain mean of all iterates after the start. It must be last in its chain. The
    answer point is the mean.

    Shapes: u, p, mean alike. gamma = γ in [0, ∞). Raises HyperparameterError for a value outside its range.
    Source: Shamir & Zhang 2013, arXiv:1212.1824, §4. Dialect: the PolynomialDecayAverager of the package dog-optimizer,
    whose DoG is meant to be evaluated at it.

    >>> import numpy as np
    >>> from steepest.formula import chain
    >>> from steepest.rules import learning_rate
    >>> r = chain(learning_rate(lr=1.0), polynomial_average(gamma=1.0))
    >>> p, state = np.array([4.0]), r.init(np.array([4.0]))
    >>> for _ in range(2):  # 3, 2
    ...     p, state, _ = r.update(p, np.array([1.0]), state)
    >>> r.answer(p, state).round(6)
    array([2.333333])
    """
    return u, mean + (gamma + 1) / (gamma + k) * (p - u - mean)


@polynomial_average.answer
def _mean(mean):
    return mean
