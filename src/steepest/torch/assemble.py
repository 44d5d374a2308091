"""What the drop-in classes have in common: PyTorch's names, arguments and defaults, over steepest's rules.

Beyond PyTorch's arguments each takes: clip (a global gradient norm, in (0, ∞)), average (β of an exponential average
of the parameters, in [0, 1), which `optimizer.eval()` puts into the model), decay ("l2", "lr" or "independent", where
weight decay stands), exempt ("vectors" spares biases and gains), and, as `Optimizer` describes them, nonfinite,
moments, rounding, zero_gradients and engine. Every number may be a schedule.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from steepest.core.errors import InputTypeError, speaking_of
from steepest.core.schedule import Schedule
from steepest.formula import Rule, chain
from steepest.rules import average as average_rule
from steepest.rules import clip_norm, learning_rate
from steepest.rules.decay_weights import Decay, Exempt, decayed
from steepest.torch.groups import Key

Number = float | Schedule
EXECUTED: Mapping[str, object] = {"foreach": None, "differentiable": False}
"""What torch.optim's groups say of execution; it means nothing here, and lets torch.optim load our state dicts."""
COMMON: Mapping[str, Key] = {
    "learning_rate.lr": "lr",
    "decay_weights.weight_decay": "weight_decay",
}
"""Group keys that all drop-in classes have."""


def assembled(
    name: str,
    keys: Mapping[str, Key],
    scaling: Callable[[], tuple[Rule, ...]],
    lr: Number,
    weight_decay: Number,
    clip: Number | None,
    average: Number | None,
    decay: Decay,
    exempt: Exempt,
) -> Rule:
    """Clipping, the optimizer, and averaging; weight decay is always there, so that a group can have its own.

    Errors speak of `name`, the class, and of what its arguments are called, by `keys`.
    """

    def core() -> Rule:
        return decayed(scaling(), learning_rate(lr=lr), decay, weight_decay, exempt, always=True)

    return surrounded(name, keys, core, clip, average)


def surrounded(
    name: str, keys: Mapping[str, Key], core: Callable[[], Rule], clip: Number | None, average: Number | None
) -> Rule:
    """Clipping, the optimizer that `core` makes, and averaging.

    Errors speak of `name`, the class, and of what its arguments are called, by `keys`.
    """
    said = {path: key if isinstance(key, str) else f"{key[0]}[{key[1]}]" for path, key in keys.items()}
    with speaking_of(name, {**said, "clip_norm.max_norm": "clip", "average.beta": "average"}):
        before = () if clip is None else (clip_norm(max_norm=clip),)
        after = () if average is None else (average_rule(beta=average),)
        return chain(*before, core(), *after).named(name.lower())


def pair(betas: tuple[Number, Number]) -> tuple[Number, Number]:
    """Two averaging factors; raises InputTypeError for another number of them."""
    if len(betas) != 2:
        raise InputTypeError(f"betas must be a pair of numbers in [0, 1), got {betas!r}")
    return betas[0], betas[1]
