"""Muon, for matrices; and with AdamW for everything else, as one optimizer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import final

from steepest.core.errors import InputTypeError, speaking_of
from steepest.core.schedule import Schedule
from steepest.formula import Rule, Unit, method, partition, rule
from steepest.rules.adam import scale_by_adam
from steepest.rules.decay_weights import Decay, decayed
from steepest.rules.learning_rate import learning_rate
from steepest.rules.orthogonalize import Adjust, Layout, Precision, orthogonalize, orthogonalize_flattened

NOT_HIDDEN = ("*embed*", "*head*", "wte*", "wpe*", "*.wte*", "*.wpe*", "classifier*", "*.classifier*")
"""Names of the matrices that are no hidden layers: embeddings and output layers."""


@rule(slots=("m",))
def scale_by_momentum_average(u, m, k, *, beta: Unit = 0.95, nesterov: bool = True, corrected: bool = False):
    """Muon's momentum, an average: m ← β m + (1 − β) u, from m = 0; u ← m.

    With nesterov, u ← β m + (1 − β) u, one update ahead. corrected: both parts are freed of their start at 0, m by
    1 − βᵏ (1 − βᵏ⁺¹ with nesterov, where u is by 1 − βᵏ). Where what follows does not feel a scale, as `orthogonalize`,
    only the mixture matters, and momentum that accumulates, v ← β v + u, is the same.

    Shapes: u, m alike. Units: m those of u. beta in [0, 1). Raises HyperparameterError for a value outside its range.
    Source: Jordan et al. 2024. Dialect: torch.optim.Muon's; corrected is optax.contrib.muon's.

    >>> import numpy as np
    >>> from steepest.formula import chain
    >>> r = chain(scale_by_momentum_average(beta=0.5), learning_rate(lr=1.0))
    >>> p = np.array([0.0])
    >>> r.update(p, np.array([1.0]), r.init(p))[0]  # 0.5 · 0.5 + 0.5 · 1
    array([-0.75])
    """
    m = beta * m + (1 - beta) * u
    if nesterov and corrected:
        return beta * (m / (1 - beta ** (k + 1))) + (1 - beta) * (u / (1 - beta**k)), m
    if nesterov:
        return beta * m + (1 - beta) * u, m
    return (m / (1 - beta**k) if corrected else m), m


@method(scale_by_momentum_average__beta="beta")
def muon(
    lr: float | Schedule = 0.001,
    *,
    beta: float | Schedule = 0.95,
    nesterov: bool = True,
    corrected: bool = False,
    steps: int = 5,
    eps: float | Schedule = 1e-7,
    precision: Precision = "bfloat16",
    adjust: Adjust = "original",
    layout: Layout = "out_in",
    weight_decay: float | Schedule = 0.1,
    decay: Decay = "lr",
) -> Rule:
    """Muon: momentum, orthogonalized. For matrices alone; `muon_adamw` takes all tensors of a network.

        m ← β m + (1 − β) g,    u ← β m + (1 − β) g    (nesterov; else u ← m)
        p ← p − lr (r NewtonSchulz(u) + λ p)

    See `scale_by_momentum_average` and `orthogonalize`, whose r is `adjust`ed to the shape.

    lr in (0, ∞); beta in [0, 1); steps in {1, 2, …}; eps in (0, ∞); weight_decay = λ in [0, ∞), placed by `decay`.
    Raises InputError for a tensor that has not two dimensions, by name.
    Source: Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks". Dialect: torch.optim.Muon,
    its defaults. pytorch_optimizer.Muon is weight_decay=0 and lr=0.02 by default; optax.contrib.muon is corrected=True,
    layout="in_out", eps=1e-8, precision="same".

    >>> [path for path, _ in muon().links()]
    ['scale_by_momentum_average', 'orthogonalize', 'decay_weights', 'learning_rate']
    """
    momentum = scale_by_momentum_average(beta=beta, nesterov=nesterov, corrected=corrected)
    matrix = orthogonalize(steps=steps, eps=eps, precision=precision, adjust=adjust, layout=layout)
    return decayed((momentum, matrix), learning_rate(lr=lr), decay, weight_decay, "none")


@method(scale_by_momentum_average__beta="beta")
def muon_adamw(
    lr: float | Schedule = 0.02,
    *,
    adamw_lr: float | Schedule = 3e-4,
    beta: float | Schedule = 0.95,
    nesterov: bool = True,
    steps: int = 5,
    eps: float | Schedule = 1e-7,
    precision: Precision = "bfloat16",
    adjust: Adjust = "original",
    beta1: float | Schedule = 0.9,
    beta2: float | Schedule = 0.95,
    adamw_eps: float | Schedule = 1e-10,
    weight_decay: float | Schedule = 0.0,
    decay: Decay = "lr",
    not_hidden: str | Sequence[str] = NOT_HIDDEN,
) -> Rule:
    """Muon for the matrices of hidden layers, AdamW for the rest.

    One optimizer: see `muon` and `scale_by_adam`.

    A tensor goes to AdamW if it has fewer than two dimensions (biases, gains) or if its name matches a pattern of
    `not_hidden` (embeddings and output layers); any other to Muon, those of more than two dimensions, as the kernels of
    convolutions (out, in, k, k), as matrices (out, in · k · k). Patterns are those of `fnmatch`, matched to the whole
    name in lower case; names are those of the parameters, so an output layer that has no telling name must be added.

    lr, of Muon, and adamw_lr in (0, ∞); beta, beta1, beta2 in [0, 1); steps in {1, 2, …}; eps, adamw_eps in (0, ∞);
    weight_decay = λ in [0, ∞), of both parts, placed by `decay`, times each part's own rate. With
    adjust="match_rms_adamw" one rate serves both parts.
    Source: Jordan et al. 2024. Defaults: theirs, as pytorch_optimizer.Muon has them.

    >>> import numpy as np
    >>> r = muon_adamw()
    >>> params = {"embed.weight": np.zeros((9, 4)), "fc.weight": np.zeros((4, 4)), "fc.bias": np.zeros(4)}
    >>> [r.part_of(name, p.shape) for name, p in params.items()]
    ['muon_adamw.adamw', 'muon_adamw.muon', 'muon_adamw.adamw']
    """
    momentum = scale_by_momentum_average(beta=beta, nesterov=nesterov)
    matrix = orthogonalize_flattened(steps=steps, eps=eps, precision=precision, adjust=adjust)
    with speaking_of("muon_adamw", {"scale_by_adam.eps": "adamw_eps", "learning_rate.lr": "adamw_lr"}):
        adam, adamw_rate = scale_by_adam(beta1=beta1, beta2=beta2, eps=adamw_eps), learning_rate(lr=adamw_lr)
    return partition(
        route(not_hidden),
        muon=decayed((momentum, matrix), learning_rate(lr=lr), decay, weight_decay, "none", always=True),
        adamw=decayed((adam,), adamw_rate, decay, weight_decay, "none", always=True),
    ).named("muon_adamw")


@final
@dataclass(frozen=True)
class Route:
    """Which part a tensor goes to: "adamw" by its dimensions or a pattern of its name, else "muon"."""

    not_hidden: tuple[str, ...]

    def __call__(self, name: str, shape: tuple[int, ...]) -> str:
        if len(shape) < 2 or any(fnmatchcase(name.lower(), pattern.lower()) for pattern in self.not_hidden):
            return "adamw"
        return "muon"


def route(not_hidden: str | Sequence[str]) -> Route:
    """Raises InputTypeError for what are no patterns."""
    patterns = (not_hidden,) if isinstance(not_hidden, str) else tuple(not_hidden)
    if not all(isinstance(pattern, str) for pattern in patterns):
        raise InputTypeError(f"muon_adamw: not_hidden must be patterns of names, got {not_hidden!r}")
    return Route(patterns)
