"""Adadelta."""

from __future__ import annotations

from steepest.core.schedule import Schedule
from steepest.formula import Positive, Rule, Slot, Unit, method, rule, sqrt
from steepest.rules.decay_weights import Decay, Exempt, decayed
from steepest.rules.learning_rate import learning_rate


@rule(slots=(Slot("v", nonnegative=True), Slot("d", nonnegative=True)))
def scale_by_adadelta(u, v, d, *, rho: Unit = 0.9, eps: Positive = 1e-6):
    """Adadelta: the root mean square of past updates over that of past gradients.

    Elementwise, from v = d = 0, with incoming update u:

        v ← ρ v + (1 − ρ) u²          u ← √(d + ε) / √(v + ε) · u          d ← ρ d + (1 − ρ) u²

    where d takes the outgoing u: the ratio knows how long the updates before this one were. As d starts at zero the
    first update has the length √(ε / (v + ε)) |u|, and ε decides how fast the updates grow.

    Shapes: u, v, d alike. Units: u comes out in those of p, and the learning rate is a pure number. But ε is added to
    a mean square of gradients and to one of updates, so scaling the function or p does change the run.
    rho in [0, 1); eps in (0, ∞), inside both roots.
    Raises HyperparameterError for a value outside its range.
    Source: Zeiler 2012, arXiv:1212.5701, Algorithm 1. Dialect: the paper's; equal to torch.optim.Adadelta and
    optax.scale_by_adadelta.

    >>> import numpy as np
    >>> from steepest.formula import chain
    >>> r = chain(scale_by_adadelta(rho=0.75, eps=1.0), learning_rate(lr=1.0))
    >>> p = np.zeros(1)
    >>> r.update(p, np.array([4.0]), r.init(p))[0].round(6)  # −√1 / √(0.25 · 16 + 1) · 4
    array([-1.788854])
    """
    v = rho * v + (1 - rho) * u * u
    delta = sqrt(d + eps) / sqrt(v + eps) * u
    return delta, v, rho * d + (1 - rho) * delta * delta


@method
def adadelta(
    lr: float | Schedule = 1.0,
    *,
    rho: float | Schedule = 0.9,
    eps: float | Schedule = 1e-6,
    weight_decay: float | Schedule = 0.0,
    decay: Decay = "l2",
    exempt: Exempt = "none",
) -> Rule:
    """Adadelta with a learning rate: see `scale_by_adadelta`. Weight decay is L2 unless `decay` says otherwise.

    lr in (0, ∞), 1 in the paper, which has none; rho in [0, 1); eps in (0, ∞); weight_decay in [0, ∞), placed by
    `decay` but where `exempt`. The mean square of updates is of those before the learning rate. Dialect:
    torch.optim.Adadelta, its defaults.

    >>> adadelta().slots().keys()
    dict_keys(['scale_by_adadelta.v', 'scale_by_adadelta.d'])
    """
    return decayed((scale_by_adadelta(rho=rho, eps=eps),), learning_rate(lr=lr), decay, weight_decay, exempt)
