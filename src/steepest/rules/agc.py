"""AGC: adaptive gradient clipping."""

from __future__ import annotations

from steepest.core.arrays import namespace
from steepest.formula import Positive, rule


@rule(opaque=True, batched=True)
def agc(u, p, *, clipping: Positive = 0.01, eps: Positive = 1e-3):
    """Clip each unit's gradient in proportion to the unit's weights: u ← u · min(1, λ max(‖p‖, ε) / ‖u‖).

    A unit is what the first dimension counts: a row of a matrix, a filter of a convolution (out, in, *kernel) as
    PyTorch has it; a vector or a number is one unit. Norms are Euclidean, of each unit alone. The paper leaves the
    last layer unclipped: see `partition`.

    Shapes: u, p alike. Units: λ those of u over those of p; ε those of p. clipping = λ in (0, ∞); eps = ε in (0, ∞):
    units that begin at zero can grow. It works on whole arrays, so it is not traced.
    Raises HyperparameterError for a value outside its range.
    Source: Brock, De, Smith & Simonyan 2021, arXiv:2102.06171, eq. 3. Dialect: for arrays of PyTorch's layout;
    pytorch_optimizer.agc takes each row of a (out, in, width) kernel for a unit, optax.adaptive_grad_clip units along
    the last dimension.

    >>> import numpy as np
    >>> from steepest.formula import chain
    >>> from steepest.rules import learning_rate
    >>> r = chain(agc(clipping=0.5), learning_rate(lr=1.0))
    >>> p = np.array([[3.0, 4.0], [0.0, 2.0]])
    >>> r.update(p, np.array([[0.0, 5.0], [0.0, 0.1]]), r.init(p))[0]
    array([[3. , 1.5],
           [0. , 1.9]])
    """
    xp = namespace(u)
    allowed = clipping * xp.maximum(_unit_norm(xp, p), xp.full((), eps, dtype=p.dtype))
    length = _unit_norm(xp, u)
    one = xp.ones_like(length)
    return u * xp.where(length > allowed, allowed / xp.where(length > 0, length, one), one)


def _unit_norm(xp, x):
    """Of each unit of each tensor of a stack."""
    axes = tuple(range(2 if x.ndim > 2 else 1, x.ndim))
    return xp.sqrt(xp.sum(x * x, axis=axes, keepdims=True)) if axes else xp.abs(x)
