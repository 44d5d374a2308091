"""The contract of every public rule: one line each in `CONTRACT` joins it to every check of the suite."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import rule_references as reference
import torch
from hypothesis import strategies as st
from rule_adaptive import ADAPTIVE
from rule_case import BETA, DECAY, EPS, LR, Case, Make, Outcome, Peer, Settings, change, decays, last, scaled, single
from rule_extra import EXTRA, EXTRA_REQUIRED
from rule_field import Field
from rule_layerwise import LAYERWISE
from rule_matrix import MATRIX, MATRIX_REQUIRED
from rule_peers import by_adabelief_pytorch, by_optax, by_pytorch_optimizer, by_torch, clipped, optax_ema
from rule_plateau import PLATEAU
from rule_references import descend

from steepest import rules
from steepest.formula import Rule, chain
from steepest.rules import learning_rate


def _heavy_ball(field: Field, *, beta: float = 0.9, form: str = "accumulate", **settings: Any) -> Outcome:
    if form == "velocity":
        return last(descend(field, after=partial(reference.accumulated, beta=beta), **settings))
    scaling = reference.accumulated if form == "accumulate" else reference.average_momentum
    return last(descend(field, partial(scaling, beta=beta), **settings))


def _nesterov(field: Field, *, beta: float = 0.9, form: str = "sutskever", **settings: Any) -> Outcome:
    if form == "lookahead":
        after = partial(reference.accumulated, beta=beta)
        return last(descend(field, after=after, look_ahead=beta, **settings))
    return last(descend(field, partial(reference.momentum, beta=beta, nesterov=True), **settings))


def _rmsprop(field: Field, *, momentum: float = 0.0, **settings: Any) -> Outcome:
    """Momentum runs over the scaled updates, which therefore come from a history of histories."""
    own = {name: settings.pop(name) for name in ("beta", "eps", "centered", "eps_position") if name in settings}

    def scaling(seen: list[float]) -> float:
        return reference.accumulated([reference.rms(seen[: t + 1], **own) for t in range(len(seen))], beta=momentum)

    return last(descend(field, scaling, **settings))


def _average(field: Field, *, lr: float, beta: float = 0.999) -> Outcome:
    path = descend(field, lr=lr)
    return Outcome(path[-1], reference.exponential_average(path, beta))


def _polyak_average(field: Field, *, lr: float, start: int = 0) -> Outcome:
    path = descend(field, lr=lr)
    return Outcome(path[-1], reference.mean_after(path, start))


def _averaged(formula: Callable[..., Rule]) -> Make:
    return lambda lr=0.1, **settings: chain(learning_rate(lr=lr), formula(**settings))


SGD, Adam, AdamW, RAdam = torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW, torch.optim.RAdam
clip_all, clip_each = torch.nn.utils.clip_grad_norm_, torch.nn.utils.clip_grad_value_

ADAM_CHANGES = {"beta1": change(0.5), "beta2": change(0.9), "eps": change(1e-2), "amsgrad": change(True, beta2=0.5)}
RMS_CHANGES = {
    "beta": change(0.5),
    "eps": change(1e-2),
    "centered": change(True),
    "eps_position": change("inside", eps=1e-3),
}
ADAM_DRAWN = {"beta1": BETA, "beta2": BETA, "eps": EPS, "amsgrad": st.booleans()}
RMS_DRAWN = {
    "beta": st.floats(0.05, 0.995),
    "eps": EPS,
    "centered": st.booleans(),
    "eps_position": st.sampled_from(["outside", "inside"]),
}
ADAM = ("beta1", "beta2", "eps", "amsgrad")
RADAM_CHANGES = {
    "beta1": change(0.5),
    "beta2": change(0.9),
    "eps": change(1e-2),
    "threshold": change(9),
    "eps_position": change("corrected", eps=1e-3),
    "unrectified": change("zero"),
}
RADAM_DRAWN = {
    "beta1": BETA,
    "beta2": st.one_of(BETA, st.floats(0.7, 0.999)),
    "eps": EPS,
    "threshold": st.integers(4, 8),
    "eps_position": st.sampled_from(["uncorrected", "corrected"]),
    "unrectified": st.sampled_from(["momentum", "zero"]),
}
BELIEF_CHANGES = {
    "beta1": change(0.5),
    "beta2": change(0.9),
    "eps": change(1e-2),
    "eps_root": change(1e-3, 0.0, eps=1e-2),
    "rectify": change(True),
}
BELIEF_DRAWN = {
    "beta1": BETA,
    "beta2": st.one_of(BETA, st.floats(0.7, 0.999)),
    "eps": EPS,
    "eps_root": st.one_of(st.none(), st.just(0.0), EPS),
    "rectify": st.booleans(),
}

CONTRACT: list[Case] = [
    Case("learning_rate", learning_rate, {"lr": LR}, scaled(reference.identity, ()), {"lr": change(0.02)},
         (Peer("torch.optim.SGD", {"lr": 0.1}, by_torch(SGD, lr=0.1)),)),
    Case("sgd", rules.sgd, {"lr": LR, **DECAY}, scaled(reference.identity, ()),
         {**decays("l2"), "decay": change("independent", weight_decay=0.1)}, (
        Peer("torch.optim.SGD", {"lr": 0.1}, by_torch(SGD, lr=0.1)),
        Peer("torch.optim.SGD, decay", {"lr": 0.1, "weight_decay": 0.2}, by_torch(SGD, lr=0.1, weight_decay=0.2)),
        Peer("optax.sgd", {"lr": 0.1}, by_optax("sgd", learning_rate=0.1), optax=True),
    ), same=(("decay", "lr"),)),
    Case("momentum", single(rules.momentum),
         {"lr": LR, "beta": BETA, "dampening": st.floats(0, 1), "nesterov": st.booleans()},
         scaled(reference.momentum, ("beta", "dampening", "nesterov")),
         {"beta": change(0.5), "dampening": change(0.5), "nesterov": change(True)}, (
        Peer("torch.optim.SGD, dampening", {"beta": 0.8, "dampening": 0.5},
             by_torch(SGD, lr=0.1, momentum=0.8, dampening=0.5)),
        Peer("torch.optim.SGD, nesterov", {"nesterov": True}, by_torch(SGD, lr=0.1, momentum=0.9, nesterov=True)),
    )),
    Case("average_momentum", single(rules.average_momentum), {"lr": LR, "beta": BETA},
         scaled(reference.average_momentum, ("beta",)), {"beta": change(0.5)},
         (Peer("optax.ema", {"beta": 0.8}, optax_ema, optax=True),)),
    Case("lookahead_momentum", lambda lr=0.1, **s: chain(learning_rate(lr=lr), rules.lookahead_momentum(**s)),
         {"lr": LR, "beta": BETA}, partial(_nesterov, form="lookahead"), {"beta": change(0.5)}),
    Case("heavy_ball", rules.heavy_ball,
         {"lr": LR, "beta": BETA, "form": st.sampled_from(["accumulate", "velocity", "average"]), **DECAY}, _heavy_ball,
         {**decays("l2"), "beta": change(0.5), "form": change("velocity", "average", weight_decay=0.1, decay="lr")}, (
        Peer("torch.optim.SGD, momentum", {"lr": 0.1, "weight_decay": 0.1},
             by_torch(SGD, lr=0.1, momentum=0.9, weight_decay=0.1)),
        Peer("torch.optim.SGD, momentum, for constant lr", {"lr": 0.1, "form": "velocity", "beta": 0.7},
             by_torch(SGD, lr=0.1, momentum=0.7)),
        Peer("optax.sgd, momentum", {"lr": 0.1}, by_optax("sgd", learning_rate=0.1, momentum=0.9), optax=True),
    )),
    Case("nesterov", rules.nesterov,
         {"lr": LR, "beta": BETA, "form": st.sampled_from(["sutskever", "lookahead"]), **DECAY}, _nesterov,
         {**decays("l2"), "beta": change(0.5), "form": change("lookahead")}, (
        Peer("torch.optim.SGD, nesterov", {"lr": 0.1, "weight_decay": 0.1},
             by_torch(SGD, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.1)),
        Peer("optax.sgd, nesterov", {"lr": 0.1, "beta": 0.7},
             by_optax("sgd", learning_rate=0.1, momentum=0.7, nesterov=True), optax=True),
    )),
    Case("scale_by_adagrad", single(rules.scale_by_adagrad), {"lr": LR, "initial": st.floats(0, 1), "eps": EPS},
         scaled(reference.adagrad, ("initial", "eps")), {"initial": change(0.1), "eps": change(1e-2)},
         scale_free=("eps",)),
    Case("adagrad", rules.adagrad, {"lr": LR, "initial": st.floats(0, 1), "eps": EPS, **DECAY},
         scaled(reference.adagrad, ("initial", "eps")),
         {**decays("l2"), "initial": change(0.1), "eps": change(1e-2)}, (
        Peer("torch.optim.Adagrad", {"lr": 0.1, "initial": 0.1, "eps": 1e-3, "weight_decay": 0.1},
             by_torch(torch.optim.Adagrad, lr=0.1, initial_accumulator_value=0.1, eps=1e-3, weight_decay=0.1)),
        Peer("torch.optim.Adagrad, defaults", {}, by_torch(torch.optim.Adagrad)),
    ), scale_free=("eps",)),
    Case("scale_by_rms", single(rules.scale_by_rms), {"lr": LR, **RMS_DRAWN},
         scaled(reference.rms, ("beta", "eps", "centered", "eps_position")), RMS_CHANGES, scale_free=("eps",)),
    Case("rmsprop", rules.rmsprop, {"lr": LR, **RMS_DRAWN, "momentum": BETA, **DECAY}, _rmsprop,
         {**decays("l2"), **RMS_CHANGES, "momentum": change(0.5)}, (
        Peer("torch.optim.RMSprop, defaults", {}, by_torch(torch.optim.RMSprop)),
        Peer("torch.optim.RMSprop, centered, momentum",
             {"eps": 1e-3, "centered": True, "momentum": 0.6, "weight_decay": 0.1},
             by_torch(torch.optim.RMSprop, eps=1e-3, centered=True, momentum=0.6, weight_decay=0.1)),
        Peer("optax.rmsprop", {"lr": 0.1, "beta": 0.9, "eps": 1e-3, "eps_position": "inside"},
             by_optax("rmsprop", learning_rate=0.1, decay=0.9, eps=1e-3, eps_in_sqrt=True), optax=True),
        Peer("optax.rmsprop, centered, momentum",
             {"lr": 0.1, "beta": 0.9, "eps": 1e-3, "eps_position": "inside", "centered": True, "momentum": 0.5},
             by_optax("rmsprop", learning_rate=0.1, decay=0.9, eps=1e-3, eps_in_sqrt=True, centered=True, momentum=0.5),
             optax=True),
        Peer("optax.rmsprop, eps outside", {"lr": 0.1, "beta": 0.9, "eps": 1e-3},
             by_optax("rmsprop", learning_rate=0.1, decay=0.9, eps=1e-3, eps_in_sqrt=False), optax=True),
    ), scale_free=("eps",)),
    Case("scale_by_adam", single(rules.scale_by_adam), {"lr": LR, **ADAM_DRAWN}, scaled(reference.adam, ADAM),
         ADAM_CHANGES, (Peer("optax.adam", {"lr": 0.1, "eps": 1e-3}, by_optax("adam", learning_rate=0.1, eps=1e-3),
                             optax=True),), scale_free=("eps",)),
    Case("adam", rules.adam, {"lr": LR, **ADAM_DRAWN, **DECAY}, scaled(reference.adam, ADAM),
         {**decays("l2"), **ADAM_CHANGES}, (
        Peer("torch.optim.Adam, defaults", {}, by_torch(Adam)),
        Peer("torch.optim.Adam", {"lr": 0.05, "beta1": 0.7, "beta2": 0.8, "eps": 1e-3, "weight_decay": 0.1},
             by_torch(Adam, lr=0.05, betas=(0.7, 0.8), eps=1e-3, weight_decay=0.1)),
        Peer("torch.optim.Adam, amsgrad", {"lr": 0.05, "beta2": 0.5, "amsgrad": True},
             by_torch(Adam, lr=0.05, betas=(0.9, 0.5), amsgrad=True)),
        Peer("torch.optim.AdamW", {"lr": 0.05, "weight_decay": 0.1, "decay": "lr"},
             by_torch(AdamW, lr=0.05, weight_decay=0.1)),
        Peer("optax.adam", {"lr": 0.05, "beta1": 0.7, "eps": 1e-3},
             by_optax("adam", learning_rate=0.05, b1=0.7, eps=1e-3), optax=True),
    ), scale_free=("eps",)),
    Case("adamw", rules.adamw, {"lr": LR, **ADAM_DRAWN, **DECAY}, scaled(reference.adam, ADAM),
         {**decays("lr"), **ADAM_CHANGES}, (
        Peer("torch.optim.AdamW, defaults", {}, by_torch(AdamW)),
        Peer("torch.optim.AdamW", {"lr": 0.05, "beta1": 0.7, "beta2": 0.8, "eps": 1e-3, "weight_decay": 0.3},
             by_torch(AdamW, lr=0.05, betas=(0.7, 0.8), eps=1e-3, weight_decay=0.3)),
        Peer("torch.optim.AdamW, amsgrad", {"lr": 0.05, "beta2": 0.5, "amsgrad": True},
             by_torch(AdamW, lr=0.05, betas=(0.9, 0.5), amsgrad=True)),
        Peer("torch.optim.AdamW, λ / lr", {"lr": 0.05, "weight_decay": 0.01, "decay": "independent"},
             by_torch(AdamW, lr=0.05, weight_decay=0.2)),
        Peer("torch.optim.Adam, L2", {"lr": 0.05, "weight_decay": 0.1, "decay": "l2"},
             by_torch(Adam, lr=0.05, weight_decay=0.1)),
        Peer("optax.adamw", {"lr": 0.05, "weight_decay": 0.1}, by_optax("adamw", learning_rate=0.05, weight_decay=0.1),
             optax=True),
    )),
    Case("scale_by_lion", single(rules.scale_by_lion), {"lr": LR, "beta1": BETA, "beta2": BETA},
         scaled(reference.lion, ("beta1", "beta2")), {"beta1": change(0.3), "beta2": change(0.5)}, scale_free=()),
    Case("lion", rules.lion, {"lr": LR, "beta1": BETA, "beta2": BETA, **DECAY},
         scaled(reference.lion, ("beta1", "beta2")),
         {**decays("lr"), "beta1": change(0.3), "beta2": change(0.5)}, (
        Peer("optax.lion", {"lr": 0.02, "weight_decay": 0.1}, by_optax("lion", learning_rate=0.02, weight_decay=0.1),
             optax=True),
        Peer("optax.lion, betas", {"lr": 0.02, "beta1": 0.5, "beta2": 0.7},
             by_optax("lion", learning_rate=0.02, b1=0.5, b2=0.7, weight_decay=0.0), optax=True),
    )),
    Case("scale_by_radam", single(rules.scale_by_radam), {"lr": LR, **RADAM_DRAWN},
         scaled(reference.radam, tuple(RADAM_DRAWN)), RADAM_CHANGES, (
        Peer("optax.radam", {"eps": 1e-3, "eps_position": "corrected"}, by_optax("radam", learning_rate=0.1, eps=1e-3),
             optax=True),
    ), scale_free=("eps",), scale_given={"unrectified": "zero"}),
    Case("radam", rules.radam, {"lr": LR, **RADAM_DRAWN, **DECAY}, scaled(reference.radam, tuple(RADAM_DRAWN)),
         {**decays("l2"), **RADAM_CHANGES}, (
        Peer("torch.optim.RAdam, defaults", {}, by_torch(RAdam)),
        Peer("torch.optim.RAdam", {"lr": 0.05, "beta1": 0.7, "beta2": 0.8, "eps": 1e-3, "weight_decay": 0.1},
             by_torch(RAdam, lr=0.05, betas=(0.7, 0.8), eps=1e-3, weight_decay=0.1)),
        Peer("torch.optim.RAdam, decoupled", {"lr": 0.05, "eps": 1e-3, "weight_decay": 0.1, "decay": "lr"},
             by_torch(RAdam, lr=0.05, eps=1e-3, weight_decay=0.1, decoupled_weight_decay=True)),
        Peer("optax.radam", {"lr": 0.05, "beta1": 0.7, "eps": 1e-3, "eps_position": "corrected"},
             by_optax("radam", learning_rate=0.05, b1=0.7, eps=1e-3), optax=True),
        Peer("optax.radam, threshold",
             {"lr": 0.05, "beta2": 0.9, "eps": 1e-3, "eps_position": "corrected", "threshold": 8},
             by_optax("radam", learning_rate=0.05, b2=0.9, eps=1e-3, threshold=8.0), optax=True),
        Peer("pytorch_optimizer.RAdam", {"lr": 0.05, "beta1": 0.7, "eps": 1e-3, "unrectified": "zero"},
             by_pytorch_optimizer("RAdam", lr=0.05, betas=(0.7, 0.999), eps=1e-3)),
        Peer("pytorch_optimizer.RAdam, early momentum",
             {"lr": 0.05, "eps": 1e-3, "weight_decay": 0.1, "decay": "independent"},
             by_pytorch_optimizer("RAdam", lr=0.05, eps=1e-3, degenerated_to_sgd=True, weight_decay=0.1,
                                  fixed_decay=True, weight_decouple=True)),
    ), scale_free=("eps",), scale_given={"unrectified": "zero"}),
    Case("scale_by_adabelief", single(rules.scale_by_adabelief), {"lr": LR, **BELIEF_DRAWN},
         scaled(reference.adabelief, tuple(BELIEF_DRAWN)), BELIEF_CHANGES, (
        Peer("optax.adabelief", {"eps": 1e-3, "eps_root": 1e-5},
             by_optax("adabelief", learning_rate=0.1, eps=1e-3, eps_root=1e-5), optax=True),
    ), scale_free=("eps", "eps_root"), scale_given={"rectify": False, "eps_root": 1e-4}),
    Case("adabelief", rules.adabelief, {"lr": LR, **BELIEF_DRAWN, **DECAY},
         scaled(reference.adabelief, tuple(BELIEF_DRAWN)), {**decays("lr"), **BELIEF_CHANGES}, (
        Peer("optax.adabelief, defaults", {}, by_optax("adabelief", learning_rate=1e-3), optax=True),
        Peer("optax.adabelief", {"lr": 0.05, "beta1": 0.7, "beta2": 0.9, "eps": 1e-3, "eps_root": 0.0},
             by_optax("adabelief", learning_rate=0.05, b1=0.7, b2=0.9, eps=1e-3, eps_root=0.0), optax=True),
        Peer("adabelief_pytorch, defaults", {"rectify": True}, by_adabelief_pytorch()),
        Peer("adabelief_pytorch, not rectified", {"lr": 0.05, "beta1": 0.7, "eps": 1e-3, "weight_decay": 0.1},
             by_adabelief_pytorch(lr=0.05, betas=(0.7, 0.999), eps=1e-3, weight_decay=0.1, rectify=False)),
        Peer("adabelief_pytorch, rectified, fixed decay",
             {"lr": 0.05, "beta2": 0.9, "eps": 1e-3, "rectify": True, "weight_decay": 0.1, "decay": "independent"},
             by_adabelief_pytorch(lr=0.05, betas=(0.9, 0.9), eps=1e-3, weight_decay=0.1, fixed_decay=True)),
        Peer("adabelief_pytorch, L2", {"lr": 0.05, "eps": 1e-3, "weight_decay": 0.1, "decay": "l2"},
             by_adabelief_pytorch(lr=0.05, eps=1e-3, weight_decay=0.1, weight_decouple=False, rectify=False)),
        Peer("pytorch_optimizer.AdaBelief", {"lr": 0.05, "eps": 1e-3, "weight_decay": 0.1},
             by_pytorch_optimizer("AdaBelief", lr=0.05, eps=1e-3, weight_decay=0.1, weight_decouple=True)),
    ), scale_free=("eps", "eps_root"), scale_given={"rectify": False, "eps_root": 1e-4}),
    Case("decay_weights", single(rules.decay_weights), {"lr": LR, **{k: DECAY[k] for k in ("weight_decay", "exempt")}},
         scaled(reference.identity, ()),
         {"weight_decay": change(0.2), "exempt": change("vectors")},
         (Peer("torch.optim.SGD, decay", {"weight_decay": 0.2}, by_torch(SGD, lr=0.1, weight_decay=0.2)),)),
    Case("clip_norm", single(rules.clip_norm),
         {"lr": LR, "max_norm": st.floats(0.01, 30), "over": st.sampled_from(["model", "tensor"])},
         lambda field, **s: last(reference.clip_norm(field, **s)),
         {"max_norm": change(2.0), "over": change("tensor")}, (
        Peer("clip_grad_norm_", {"max_norm": 0.5}, clipped(partial(clip_all, max_norm=0.5), 0.1)),
        Peer("clip_grad_norm_ of each tensor", {"max_norm": 0.5, "over": "tensor"},
             clipped(partial(clip_all, max_norm=0.5), 0.1, each=True)),
        Peer("clip_grad_norm_, above", {"max_norm": 1e3}, clipped(partial(clip_all, max_norm=1e3), 0.1)),
    ), coupled=True),
    Case("clip_value", single(rules.clip_value), {"lr": LR, "max_value": st.floats(0.01, 10)},
         scaled(reference.clip_value, ("max_value",)), {"max_value": change(2.0)},
         (Peer("clip_grad_value_", {"max_value": 0.3}, clipped(partial(clip_each, clip_value=0.3), 0.1)),)),
    Case("average", _averaged(rules.average), {"lr": LR, "beta": BETA}, _average, {"beta": change(0.5)}),
    Case("polyak_average", _averaged(rules.polyak_average), {"lr": LR, "start": st.integers(0, 12)}, _polyak_average,
         {"start": change(20)}),
    *LAYERWISE,
    *ADAPTIVE,
    *EXTRA,
    *MATRIX,
    *PLATEAU,
]  # fmt: skip

REQUIRED: Mapping[str, Settings] = {
    **{name: {"lr": 0.1} for name in ("learning_rate", "sgd", "heavy_ball", "nesterov")},
    **{name: {"lr": 0.1} for name in ("proximal_learning_rate", "decaying_learning_rate")},
    **EXTRA_REQUIRED,
    **MATRIX_REQUIRED,
    "clip_norm": {"max_norm": 0.5},
    "clip_value": {"max_value": 0.5},
    "decay_weights": {"weight_decay": 0.1},
}
"""Arguments without a default."""

BY_NAME = {case.name: case for case in CONTRACT}


def base(case: Case, **settings: Any) -> Rule:
    """The case's rule with its defaults, but for `settings`."""
    return case.make(**{**REQUIRED.get(case.name, {}), **settings})
