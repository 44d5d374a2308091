"""The trust ratio: each tensor's step in proportion to the tensor's norm."""

from __future__ import annotations

from typing import Literal

from steepest.formula import NonNegative, Positive, minimum, ndim, norm, rule, where


@rule
def scale_by_trust_ratio(
    u,
    p,
    *,
    trust_coefficient: Positive = 1.0,
    eps: NonNegative = 0.0,
    max_norm: Positive | None = None,
    exempt: Literal["none", "vectors"] = "none",
):
    """Trust ratio: u ← η φ(‖p‖) / (‖u‖ + ε) · u, with Euclidean norms of each tensor alone.

    So, with ε = 0 and φ the identity, every tensor's update has the length η ‖p‖, whatever the gradient's. Where
    φ(‖p‖) or ‖u‖ is 0 the ratio is 1: what begins at zero can leave it. max_norm = c: φ(z) = min(z, c); else φ is
    the identity. exempt="vectors": the ratio is 1 for tensors with fewer than two dimensions, biases and gains.

    Shapes: u, p alike. Units: u comes out in those of p where η has none; ε those of u, max_norm those of p.
    trust_coefficient = η in (0, ∞); eps in [0, ∞); max_norm in (0, ∞) or None. The norms are summed in float64.
    A non-finite element makes its whole tensor's update NaN or 0: see `nonfinite`.
    Raises HyperparameterError for a value outside its range.
    Source: You, Gitman & Ginsburg 2017, arXiv:1708.03888; You et al. 2020, arXiv:1904.00962, Algorithm 2.
    Dialect: equal to optax.scale_by_trust_ratio with its min_norm of 0.

    >>> import numpy as np
    >>> from steepest.formula import chain
    >>> from steepest.rules import learning_rate
    >>> r = chain(scale_by_trust_ratio(), learning_rate(lr=0.1))
    >>> p = np.array([3.0, 4.0])
    >>> r.update(p, np.array([0.0, 0.002]), r.init(p))[0]
    array([3. , 3.5])
    """
    phi = norm(p) if max_norm is None else minimum(norm(p), max_norm)
    length = norm(u)
    ratio = where((phi == 0) | (length == 0), 1.0, trust_coefficient * phi / (length + eps))
    if exempt == "vectors":
        ratio = where(ndim(p) <= 1, 1.0, ratio)
    return ratio * u
