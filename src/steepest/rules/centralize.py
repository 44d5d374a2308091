"""Gradient centralization."""

from __future__ import annotations

from steepest.core.arrays import namespace
from steepest.formula import rule


@rule(opaque=True, batched=True)
def centralize(u):
    """Take the mean out of each unit's gradient: u ← u − mean of u over all dimensions but the first.

    A unit is what the first dimension counts: a row of a matrix, a filter of a convolution (out, in, *kernel) as
    PyTorch has it. Vectors and numbers are left alone. It has no hyperparameters, works on whole arrays, so it is not
    traced, and stands before the optimizer.

    Shapes: any. Units: those of u.
    Source: Yong, Huang, Hua & Zhang 2020, arXiv:2004.01461, eq. 1. Dialect: equal to optax.centralize.

    >>> import numpy as np
    >>> from steepest.formula import chain
    >>> from steepest.rules import learning_rate
    >>> r = chain(centralize(), learning_rate(lr=1.0))
    >>> p = np.zeros((2, 2))
    >>> r.update(p, np.array([[1.0, 3.0], [5.0, 5.0]]), r.init(p))[0]
    array([[ 1., -1.],
           [ 0.,  0.]])
    """
    if u.ndim < 3 or 0 in u.shape:  # a stack: tensors have one dimension fewer
        return u
    return u - namespace(u).mean(u, axis=tuple(range(2, u.ndim)), keepdims=True)
