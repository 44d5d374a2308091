"""Drop-in classes: PyTorch's names, arguments and defaults, over steepest's rules.

Beyond PyTorch's arguments each takes: clip (a global gradient norm, in (0, ∞)), average (β of an exponential average
of the parameters, in [0, 1), which `optimizer.eval()` puts into the model), decay ("l2", "lr" or "independent", where
weight decay stands), exempt ("vectors" spares biases and gains), and nonfinite ("apply", "skip" or "raise"). Every
number may be a schedule.
"""

from __future__ import annotations

from typing import ClassVar, final

from steepest.core.errors import InputError, InputTypeError
from steepest.core.schedule import Schedule
from steepest.core.stepper import Nonfinite
from steepest.formula import Rule, chain
from steepest.rules import average as average_rule
from steepest.rules import clip_norm, learning_rate, scale_by_adagrad, scale_by_adam, scale_by_lion, scale_by_rms
from steepest.rules import momentum as momentum_rule
from steepest.rules.decay_weights import Decay, Exempt, decayed
from steepest.torch.optimizer import Key, Optimizer, Parameters

Number = float | Schedule
_COMMON: dict[str, Key] = {
    "learning_rate.lr": "lr",
    "decay_weights.weight_decay": "weight_decay",
    "average.beta": "average.beta",
}


@final
class SGD(Optimizer):
    """Gradient descent with momentum, as torch.optim.SGD: see `steepest.rules.momentum`.

    lr in (0, ∞); momentum in [0, 1); dampening in [0, 1]; weight_decay in [0, ∞), in the gradient (decay="l2").

    >>> import torch
    >>> p = torch.nn.Parameter(torch.tensor([1.0]))
    >>> optimizer = SGD([p], lr=0.1, momentum=0.9)
    >>> p.grad = torch.tensor([2.0])
    >>> optimizer.step()
    >>> p.detach()
    tensor([0.8000])
    """

    _keys: ClassVar = _COMMON | {"momentum.beta": "momentum", "momentum.dampening": "dampening"}
    _slot_names: ClassVar = {"momentum_buffer": "momentum.v"}

    def __init__(
        self,
        params: Parameters,
        lr: Number = 1e-3,
        momentum: Number = 0.0,
        dampening: Number = 0.0,
        weight_decay: Number = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        clip: Number | None = None,
        average: Number | None = None,
        decay: Decay = "l2",
        exempt: Exempt = "none",
        nonfinite: Nonfinite = "apply",
    ) -> None:
        if nesterov and (momentum == 0 or dampening != 0):
            raise InputError(
                f"SGD: nesterov needs momentum in (0, 1) and dampening 0, got momentum {momentum!r} and {dampening!r}"
            )
        scaling = (momentum_rule(beta=momentum, dampening=dampening, nesterov=nesterov),) if momentum != 0 else ()
        rule = _assembled("sgd", scaling, lr, weight_decay, clip, average, decay, exempt)
        super().__init__(params, rule, nonfinite=nonfinite, maximize=maximize)


@final
class Adagrad(Optimizer):
    """AdaGrad, as torch.optim.Adagrad (a schedule takes the place of lr_decay): see `steepest.rules.scale_by_adagrad`.

    lr in (0, ∞); weight_decay in [0, ∞), in the gradient (decay="l2"); initial_accumulator_value in [0, ∞);
    eps in (0, ∞).
    """

    _keys: ClassVar = _COMMON | {
        "scale_by_adagrad.eps": "eps",
        "scale_by_adagrad.initial": "initial_accumulator_value",
    }
    _slot_names: ClassVar = {"sum": "scale_by_adagrad.s"}

    def __init__(
        self,
        params: Parameters,
        lr: Number = 1e-2,
        weight_decay: Number = 0.0,
        initial_accumulator_value: Number = 0.0,
        eps: Number = 1e-10,
        *,
        maximize: bool = False,
        clip: Number | None = None,
        average: Number | None = None,
        decay: Decay = "l2",
        exempt: Exempt = "none",
        nonfinite: Nonfinite = "apply",
    ) -> None:
        scaling = (scale_by_adagrad(initial=initial_accumulator_value, eps=eps),)
        rule = _assembled("adagrad", scaling, lr, weight_decay, clip, average, decay, exempt)
        super().__init__(params, rule, nonfinite=nonfinite, maximize=maximize)


@final
class RMSprop(Optimizer):
    """RMSprop, as torch.optim.RMSprop: see `steepest.rules.scale_by_rms`.

    lr in (0, ∞); alpha and momentum in [0, 1); eps in (0, ∞); weight_decay in [0, ∞), in the gradient (decay="l2").
    """

    _keys: ClassVar = _COMMON | {
        "scale_by_rms.beta": "alpha",
        "scale_by_rms.eps": "eps",
        "momentum.beta": "momentum",
    }
    _slot_names: ClassVar = {
        "square_avg": "scale_by_rms.v",
        "grad_avg": "scale_by_rms.m",
        "momentum_buffer": "momentum.v",
    }

    def __init__(
        self,
        params: Parameters,
        lr: Number = 1e-2,
        alpha: Number = 0.99,
        eps: Number = 1e-8,
        weight_decay: Number = 0.0,
        momentum: Number = 0.0,
        centered: bool = False,
        *,
        maximize: bool = False,
        clip: Number | None = None,
        average: Number | None = None,
        decay: Decay = "l2",
        exempt: Exempt = "none",
        nonfinite: Nonfinite = "apply",
    ) -> None:
        scaling: tuple[Rule, ...] = (scale_by_rms(beta=alpha, eps=eps, centered=centered),)
        if momentum != 0:
            scaling = (*scaling, momentum_rule(beta=momentum))
        rule = _assembled("rmsprop", scaling, lr, weight_decay, clip, average, decay, exempt)
        super().__init__(params, rule, nonfinite=nonfinite, maximize=maximize)


_ADAM: dict[str, Key] = _COMMON | {
    "scale_by_adam.beta1": ("betas", 0),
    "scale_by_adam.beta2": ("betas", 1),
    "scale_by_adam.eps": "eps",
}
_ADAM_SLOTS = {
    "exp_avg": "scale_by_adam.m",
    "exp_avg_sq": "scale_by_adam.v",
    "max_exp_avg_sq": "scale_by_adam.v_max",
}


@final
class Adam(Optimizer):
    """Adam, as torch.optim.Adam: see `steepest.rules.scale_by_adam`.

    lr in (0, ∞); betas each in [0, 1); eps in (0, ∞); weight_decay in [0, ∞), in the gradient (decay="l2").
    """

    _keys: ClassVar = _ADAM
    _slot_names: ClassVar = _ADAM_SLOTS

    def __init__(
        self,
        params: Parameters,
        lr: Number = 1e-3,
        betas: tuple[Number, Number] = (0.9, 0.999),
        eps: Number = 1e-8,
        weight_decay: Number = 0.0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        clip: Number | None = None,
        average: Number | None = None,
        decay: Decay = "l2",
        exempt: Exempt = "none",
        nonfinite: Nonfinite = "apply",
    ) -> None:
        beta1, beta2 = _two(betas)
        scaling = (scale_by_adam(beta1=beta1, beta2=beta2, eps=eps, amsgrad=amsgrad),)
        rule = _assembled("adam", scaling, lr, weight_decay, clip, average, decay, exempt)
        super().__init__(params, rule, nonfinite=nonfinite, maximize=maximize)


@final
class AdamW(Optimizer):
    """Adam with decoupled weight decay, as torch.optim.AdamW: see `steepest.rules.adamw`.

    lr in (0, ∞); betas each in [0, 1); eps in (0, ∞); weight_decay in [0, ∞), times lr (decay="lr").

    >>> import torch
    >>> model = torch.nn.Linear(2, 1)
    >>> optimizer = AdamW(model.parameters(), lr=3e-4, clip=1.0)
    >>> optimizer.param_groups[0]["betas"], optimizer.param_groups[0]["clip_norm.max_norm"]
    ((0.9, 0.999), 1.0)
    """

    _keys: ClassVar = _ADAM
    _slot_names: ClassVar = _ADAM_SLOTS

    def __init__(
        self,
        params: Parameters,
        lr: Number = 1e-3,
        betas: tuple[Number, Number] = (0.9, 0.999),
        eps: Number = 1e-8,
        weight_decay: Number = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        clip: Number | None = None,
        average: Number | None = None,
        decay: Decay = "lr",
        exempt: Exempt = "none",
        nonfinite: Nonfinite = "apply",
    ) -> None:
        beta1, beta2 = _two(betas)
        scaling = (scale_by_adam(beta1=beta1, beta2=beta2, eps=eps, amsgrad=amsgrad),)
        rule = _assembled("adamw", scaling, lr, weight_decay, clip, average, decay, exempt)
        super().__init__(params, rule, nonfinite=nonfinite, maximize=maximize)


@final
class Lion(Optimizer):
    """Lion with decoupled weight decay: see `steepest.rules.scale_by_lion`. PyTorch has none.

    lr in (0, ∞); betas each in [0, 1); weight_decay in [0, ∞), times lr (decay="lr").
    """

    _keys: ClassVar = _COMMON | {"scale_by_lion.beta1": ("betas", 0), "scale_by_lion.beta2": ("betas", 1)}
    _slot_names: ClassVar = {"exp_avg": "scale_by_lion.m"}

    def __init__(
        self,
        params: Parameters,
        lr: Number = 1e-4,
        betas: tuple[Number, Number] = (0.9, 0.99),
        weight_decay: Number = 0.0,
        *,
        maximize: bool = False,
        clip: Number | None = None,
        average: Number | None = None,
        decay: Decay = "lr",
        exempt: Exempt = "none",
        nonfinite: Nonfinite = "apply",
    ) -> None:
        beta1, beta2 = _two(betas)
        scaling = (scale_by_lion(beta1=beta1, beta2=beta2),)
        rule = _assembled("lion", scaling, lr, weight_decay, clip, average, decay, exempt)
        super().__init__(params, rule, nonfinite=nonfinite, maximize=maximize)


def _assembled(
    name: str,
    scaling: tuple[Rule, ...],
    lr: Number,
    weight_decay: Number,
    clip: Number | None,
    average: Number | None,
    decay: Decay,
    exempt: Exempt,
) -> Rule:
    """Clipping, the optimizer, and averaging; weight decay is always there, so that a group can have its own."""
    core = decayed(scaling, learning_rate(lr=lr), decay, weight_decay, exempt, always=True)
    before = () if clip is None else (clip_norm(max_norm=clip),)
    after = () if average is None else (average_rule(beta=average),)
    return chain(*before, core, *after).named(name)


def _two(betas: tuple[Number, Number]) -> tuple[Number, Number]:
    if len(betas) != 2:
        raise InputTypeError(f"betas must be a pair of numbers in [0, 1), got {betas!r}")
    return betas[0], betas[1]
