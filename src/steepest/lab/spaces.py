"""Declared search spaces: for each method the ranges in which its hyperparameters are tuned. Numbers only."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from steepest.core.errors import InputError

Setting = Mapping[str, float]
"""Hyperparameters by name, as a method's factory takes them."""

BORDER = 0.05
"""The outermost share of a range, at each end, in which a chosen value is flagged."""


@dataclass(frozen=True)
class Dimension:
    """One hyperparameter's range.

    low < high, both positive where the scale is "log". With `complement` the range is that of 1 − value:
    averaging factors are searched on a log scale of their distance from 1.

    >>> Dimension("lr", 1e-4, 1.0).value(0.5), Dimension("beta2", 1e-3, 1e-1, complement=True).value(0.5)
    (0.01, 0.99)
    """

    name: str
    low: float
    high: float
    scale: Literal["log", "linear"] = "log"
    complement: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise InputError(f"space: {self.name} must have finite low < high, got [{self.low!r}, {self.high!r}]")
        if self.scale == "log" and self.low <= 0:
            raise InputError(f"space: {self.name} must have low in (0, inf) on a log scale, got {self.low!r}")

    def value(self, unit: float) -> float:
        """The value at `unit` in [0, 1], to four significant digits: what is printed is what was run."""
        if self.scale == "log":
            raw = math.exp(math.log(self.low) + unit * (math.log(self.high) - math.log(self.low)))
        else:
            raw = self.low + unit * (self.high - self.low)
        rounded = min(max(float(f"{raw:.4g}"), self.low), self.high)
        return float(f"{1 - rounded:.12g}") if self.complement else rounded

    def position(self, value: float) -> float:
        """Where `value` lies in the range: 0 at its low end, 1 at its high end."""
        raw = 1 - value if self.complement else value
        if self.scale == "log":
            return (math.log(raw) - math.log(self.low)) / (math.log(self.high) - math.log(self.low))
        return (raw - self.low) / (self.high - self.low)

    def at_border(self, value: float) -> bool:
        """Whether `value` lies in the outermost 5 % of the range."""
        return not BORDER <= self.position(value) <= 1 - BORDER

    def __str__(self) -> str:
        name = f"1 − {self.name}" if self.complement else self.name
        return f"{name} in [{self.low:g}, {self.high:g}] {self.scale}"


@dataclass(frozen=True)
class Space:
    """The ranges of a method; the learning rate comes first, so that all methods share its quasi-random points.

    >>> print(Space.of(Dimension("lr", 1e-4, 1.0)))
    lr in [0.0001, 1] log
    """

    dimensions: tuple[Dimension, ...] = ()

    def __post_init__(self) -> None:
        names = self.names
        if len(set(names)) < len(names):
            raise InputError(f"space: dimensions must have names of their own, got {list(names)}")

    @classmethod
    def of(cls, *dimensions: Dimension) -> Space:
        return cls(dimensions)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(dimension.name for dimension in self.dimensions)

    def setting(self, point: Sequence[float]) -> dict[str, float]:
        """The hyperparameters at a point of the unit cube, which may have more coordinates than are needed."""
        return {dimension.name: dimension.value(point[i]) for i, dimension in enumerate(self.dimensions)}

    def __str__(self) -> str:
        return ", ".join(str(dimension) for dimension in self.dimensions) or "fixed"


def learning_rate_only(name: str = "lr") -> Space:
    """The space of a method that declares none: its learning rate alone, over four decades."""
    return Space.of(Dimension(name, 1e-4, 1.0))


def _momentum(name: str) -> Dimension:
    return Dimension(name, 0.02, 0.5, complement=True)


def _memory(name: str) -> Dimension:
    return Dimension(name, 1e-3, 1e-1, complement=True)


SPACES: Final[Mapping[str, Space]] = {
    "sgd": Space.of(Dimension("lr", 1e-3, 1e1)),
    "heavy-ball": Space.of(Dimension("lr", 1e-4, 1e0), _momentum("beta")),
    "nesterov": Space.of(Dimension("lr", 1e-4, 1e0), _momentum("beta")),
    "adagrad": Space.of(Dimension("lr", 1e-4, 1e0)),
    "rmsprop": Space.of(Dimension("lr", 1e-5, 1e-1), _memory("beta")),
    "adam": Space.of(Dimension("lr", 1e-5, 1e-1), _momentum("beta1"), _memory("beta2")),
    "adamw": Space.of(
        Dimension("lr", 1e-5, 1e-1), _momentum("beta1"), _memory("beta2"), Dimension("weight_decay", 1e-4, 1e0)
    ),
    "radam": Space.of(Dimension("lr", 1e-5, 1e-1), _momentum("beta1"), _memory("beta2")),
    "adabelief": Space.of(Dimension("lr", 1e-5, 1e-1), _momentum("beta1"), _memory("beta2")),
    "lion": Space.of(Dimension("lr", 1e-6, 1e-2), _momentum("beta1"), _memory("beta2")),
    "lamb": Space.of(Dimension("lr", 1e-4, 1e0), _momentum("beta1"), _memory("beta2")),
    "lars": Space.of(Dimension("lr", 1e-2, 1e2), _momentum("beta")),
    "muon-adamw": Space.of(Dimension("lr", 1e-4, 1e0), Dimension("adamw_lr", 1e-5, 1e-1), _momentum("beta")),
    "shampoo": Space.of(Dimension("lr", 1e-4, 1e0)),
    "soap": Space.of(Dimension("lr", 1e-5, 1e-1), _momentum("beta1"), _memory("beta2")),
    "adafactor": Space.of(Dimension("lr", 1e-4, 1e0)),
    "amsgrad": Space.of(Dimension("lr", 1e-5, 1e-1), _momentum("beta1"), _memory("beta2")),
    "nadam": Space.of(Dimension("lr", 1e-5, 1e-1), _momentum("beta1"), _memory("beta2")),
    "adamax": Space.of(Dimension("lr", 1e-5, 1e-1), _momentum("beta1"), _memory("beta2")),
    "adadelta": Space.of(Dimension("lr", 1e-2, 1e2), _memory("rho"), Dimension("eps", 1e-8, 1e-4)),
    "yogi": Space.of(Dimension("lr", 1e-5, 1e-1), _momentum("beta1"), _memory("beta2")),
    "adabound": Space.of(
        Dimension("lr", 1e-5, 1e-1), _momentum("beta1"), _memory("beta2"), Dimension("final_ratio", 1e0, 1e3)
    ),
    "adan": Space.of(Dimension("lr", 1e-5, 1e-1), Dimension("beta1", 5e-3, 2e-1, complement=True), _momentum("beta2")),
    "ademamix": Space.of(
        Dimension("lr", 1e-5, 1e-1), _momentum("beta1"), Dimension("beta3", 1e-4, 1e-2, complement=True)
    ),
    "sign-sgd": Space.of(Dimension("lr", 1e-6, 1e-2)),
    "signum": Space.of(Dimension("lr", 1e-6, 1e-2), _momentum("beta")),
    "rprop": Space.of(Dimension("lr", 1e-5, 1e-1), Dimension("eta_minus", 0.3, 0.8, "linear")),
    "novograd": Space.of(
        Dimension("lr", 1e-4, 1e0), _momentum("beta1"), Dimension("beta2", 1e-2, 0.75, complement=True)
    ),
    "asgd": Space.of(Dimension("lr", 1e-3, 1e1), Dimension("lambd", 1e-6, 1e-2)),
    "sparse-adam": Space.of(Dimension("lr", 1e-5, 1e-1), _momentum("beta1"), _memory("beta2")),
    "accelerated-gradient": Space.of(Dimension("lr", 1e-4, 1e0)),
    "sam": Space.of(Dimension("lr", 1e-4, 1e0), Dimension("rho", 1e-2, 5e-1), _momentum("beta")),
    "asam": Space.of(Dimension("lr", 1e-4, 1e0), Dimension("rho", 1e-1, 5e0), _momentum("beta")),
    "polyak-step": Space.of(Dimension("lr", 1e-2, 1e1), Dimension("max_step", 1e-3, 1e1)),
    "schedule-free-sgd": Space.of(Dimension("lr", 1e-3, 1e1), _momentum("beta")),
    "schedule-free-adamw": Space.of(
        Dimension("lr", 1e-5, 1e-1), _momentum("beta1"), _memory("beta2"), Dimension("weight_decay", 1e-4, 1e0)
    ),
    "dadapt-sgd": Space.of(Dimension("lr", 1e-2, 1e2)),
    "dadapt-adam": Space.of(Dimension("lr", 1e-2, 1e2)),
    "dadapt-adagrad": Space.of(Dimension("lr", 1e-2, 1e2)),
    "prodigy": Space.of(Dimension("lr", 1e-2, 1e2)),
    "dog": Space.of(Dimension("lr", 1e-2, 1e2)),
    "ldog": Space.of(Dimension("lr", 1e-2, 1e2)),
    "adahessian": Space.of(Dimension("lr", 1e-4, 1e0), _momentum("beta1"), _memory("beta2")),
    "sophia": Space.of(Dimension("lr", 1e-6, 1e-2), _momentum("beta1"), Dimension("gamma", 1e-3, 1e0)),
}
"""Every range of lr spans four decades about the values in use. Plain gradient steps carry the problem's units and
need the largest; momentum multiplies a step by up to 1 / (1 − β); elementwise-scaled steps move each weight by about
lr and need the smallest; Lion's sign has a norm 3 to 10 times that of Adam's update and wants a learning rate that
much smaller (Chen et al. 2023, arXiv:2302.06675, §5). With a trust ratio the learning rate is the share of its own
length by which a tensor moves: LAMB's directly, LARS's times its trust coefficient of 0.001. Logarithmic ranges of
1 − β follow Choi et al. 2019, arXiv:1910.05446. Weight decay is tuned where it is the method's point; the others keep
their default of none. Adadelta's learning rate is a factor near 1, and its ε sets the length of the first updates
(Zeiler 2012, arXiv:1212.5701, Table 2); AdaBound's last rate is that of SGD with momentum, up to three decades above
Adam's (Luo et al. 2019, arXiv:1902.09843, Appendix G). Signs move every weight by lr, as Lion's do. Adan's and
AdEMAMix's ranges lie about their papers' β; a shorter run needs a smaller β₃ (Pagliardini et al. 2024,
arXiv:2409.03137). Rprop's learning rate is only the first step. NovoGrad's β₂ reaches from optax's default of 0.25 to
the paper's 0.98 and on: it averages one number a tensor. ASGD's rate is plain gradient descent's, and falls on the
time scale 1 / (λ lr); its average begins after t₀ steps, by default never in a study. Muon's orthogonalized updates
have a spectral norm near 1, and its partner AdamW has a rate of its own (Jordan et al. 2024); Shampoo's have one below
1 and grow shorter as its sums grow; SOAP is Adam in another basis; Adafactor's rate is the share of its own size by
which a tensor moves."""
