"""AdaHessian."""

from __future__ import annotations

from typing import Annotated

from steepest.core.arrays import namespace
from steepest.core.ranges import Range
from steepest.core.schedule import Schedule
from steepest.formula import Count, Positive, Rule, Slot, Unit, method, rule, sqrt, where
from steepest.rules.decay_weights import Decay, Exempt, decayed
from steepest.rules.learning_rate import learning_rate

Power = Annotated[float, Range(low=0, high=1, open_low=True)]
"""(0, 1]."""


@rule(slots=("m", Slot("v", nonnegative=True), Slot("count", like="tensor")), needs=("hessian_diagonal",))
def scale_by_adahessian(
    u,
    hessian_diagonal,
    m,
    v,
    count,
    k,
    t,
    *,
    beta1: Unit = 0.9,
    beta2: Unit = 0.999,
    eps: Positive = 1e-8,
    power: Power | None = None,
    every: Count = 1,
):
    """Adam with the Hessian's diagonal h in the place of the gradient under the root, from m = v = 0.

        m ← β₁ m + (1 − β₁) u          v ← β₂ v + (1 − β₂) h², at updates 1, 1 + n, 1 + 2n, …
        u ← (m / (1 − β₁ᵏ)) / ((v / (1 − β₂ʲ))^(κ/2) + ε),    j the number of h so far

    h is an estimate by Hutchinson's method, z ∘ (H z) with random signs z, that costs a Hessian-vector product; it is
    asked for at every n-th update only, and the oracle counts it. A tensor that has had no h yet waits for one.

    Shapes: u, h, m, v alike; j one number a tensor. Units: for κ = 1, u comes out as a Newton step, in those of p; ε
    those of h. beta1, beta2 in [0, 1); eps = ε in (0, ∞), outside the root; power = κ in (0, 1], None for 1; every = n
    from 1.
    Raises HyperparameterError for a value outside its range, InputTypeError for an update without the diagonal.
    Source: Yao, Gholami, Shen, Mustafa, Keutzer & Mahoney 2021, arXiv:2006.00719, Algorithm 1. Dialect: for n = 1 the
    authors' code and pytorch_optimizer.AdaHessian. For n > 1 the first takes an old h again at every update, and the
    second corrects v by k; here v is corrected by what is in it. Convolutions: see `scale_by_spatial_adahessian`.

    >>> import numpy as np
    >>> from steepest.formula import chain
    >>> r = chain(scale_by_adahessian(), learning_rate(lr=1.0))
    >>> p = np.array([3.0])
    >>> r.update(p, 4 * p, r.init(p), hessian_diagonal=np.array([4.0]))[0].round(6)
    array([0.])
    """
    root = sqrt if power is None else (lambda x: x ** (power / 2))
    return _newton_step(u, hessian_diagonal, m, v, count, k, t, beta1, beta2, eps, root, every)


@rule(slots=("m", Slot("v", nonnegative=True), Slot("count", like="tensor")), needs=("hessian_diagonal",), opaque=True)
def scale_by_spatial_adahessian(
    u,
    hessian_diagonal,
    m,
    v,
    count,
    k,
    t,
    *,
    beta1: Unit = 0.9,
    beta2: Unit = 0.999,
    eps: Positive = 1e-8,
    power: Power | None = None,
    every: Count = 1,
):
    """`scale_by_adahessian` with the mean of |h| over each convolution kernel in the place of h.

        h̄ ← mean of |h| over a kernel,  v ← β₂ v + (1 − β₂) h̄²

    The mean is over the last dimensions of a tensor with three or more, (out, in, *kernel) as PyTorch has it; other
    tensors keep their h. It evens out the estimate's noise. It works on whole arrays, so it is not compiled.

    Shapes: u, m, v alike, h of one number a kernel. Units: those of `scale_by_adahessian`. beta1, beta2 in [0, 1); eps
    in (0, ∞); power in (0, 1]; every from 1.
    Raises HyperparameterError for a value outside its range.
    Source: Yao et al. 2021, arXiv:2006.00719, §3.2 and Figure 2. Dialect: the authors' code for four dimensions, here
    for any number of kernel dimensions; its averages over blocks of matrix rows are not here.

    >>> import numpy as np
    >>> from steepest.formula import chain
    >>> r = chain(scale_by_spatial_adahessian(), learning_rate(lr=1.0))
    >>> p = np.zeros((1, 1, 2))
    >>> r.update(p, np.ones((1, 1, 2)), r.init(p), hessian_diagonal=np.array([[[1.0, -3.0]]]))[0].round(6)
    array([[[-0.5, -0.5]]])
    """
    xp, h = namespace(hessian_diagonal), abs(hessian_diagonal)
    if h.ndim > 2:
        h = xp.mean(h, axis=tuple(range(2, h.ndim)), keepdims=True)
    half = 0.5 if power is None else power / 2
    return _newton_step(u, h, m, v, count, k, t, beta1, beta2, eps, lambda x: x**half, every)


def _newton_step(u, h, m, v, count, k, t, beta1, beta2, eps, root, every):
    """The update and the new slots; where no h is asked for, what stands in its place is not read."""
    fresh = (t - 1) % every == 0
    m = beta1 * m + (1 - beta1) * u
    v = where(fresh, beta2 * v + (1 - beta2) * h * h, v)
    count = where(fresh, count + 1, count)
    corrected = v / where(count > 0, 1 - beta2**count, 1.0)
    step = (m / (1 - beta1**k)) / (root(corrected) + eps)
    return where(count > 0, step, 0.0 * u), m, v, count


@method
def adahessian(
    lr: float | Schedule = 0.1,
    *,
    beta1: float | Schedule = 0.9,
    beta2: float | Schedule = 0.999,
    eps: float | Schedule = 1e-8,
    power: float | Schedule | None = None,
    every: int = 1,
    spatial: bool = False,
    weight_decay: float | Schedule = 0.0,
    decay: Decay = "lr",
    exempt: Exempt = "none",
) -> Rule:
    """AdaHessian: momentum over the Hessian's diagonal: see `scale_by_adahessian`.

    lr in (0, ∞); the betas in [0, 1); eps in (0, ∞); power in (0, 1], None for 1; every from 1: updates between two
    Hessian-vector products; spatial: means over convolution kernels; weight_decay in [0, ∞), placed by `decay` but
    where `exempt`. Needs the Hessian's diagonal: in PyTorch `optimizer.estimate_hessian(loss)`.
    Source: Yao et al. 2021, arXiv:2006.00719, Algorithm 1.

    >>> sorted(adahessian(every=2).needs)
    ['hessian_diagonal']
    """
    formula = scale_by_spatial_adahessian if spatial else scale_by_adahessian
    scaling = formula(beta1=beta1, beta2=beta2, eps=eps, power=power, every=every)
    return decayed((scaling,), learning_rate(lr=lr), decay, weight_decay, exempt)
