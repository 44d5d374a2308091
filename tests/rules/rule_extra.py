"""The contract of rules that ask for more: several gradients, curvature, wrappers, averages, clipping by unit."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import rule_peers_extra as peers
import rule_references as reference
import rule_references_extra as extra
from hypothesis import strategies as st
from rule_case import BETA, DECAY, EPS, LR, Case, Outcome, Peer, change, decays, scaled, single
from rule_field import Field
from rule_references import descend

from steepest import rules
from steepest.formula import Rule, chain
from steepest.rules import adam, heavy_ball, learning_rate, sgd


def _switch(field: Field, *, first: Rule, second: Rule, at: int) -> Outcome:
    """Two runs, the second from where the first ended, on the gradients that were left, with a state of its own."""
    at = min(at, field.steps)
    early = _plain(first)(Field(field.start, field.noise[:at], field.slope)) if at else field.start
    late = Field(early, field.noise[at:], field.slope)
    return Outcome(_plain(second)(late) if late.noise else early)


def _plain(rule: Rule) -> Callable[[Field], Any]:
    """A run of one of the rules that are switched here, by its reference."""
    values = {path.rpartition(".")[2]: value for path, value in rule.hyperparameters().items()}
    scalings = {"sgd": (reference.identity, ()), "adam": (reference.adam, ("beta1", "beta2", "eps")),
                "heavy_ball": (reference.accumulated, ("beta",))}  # fmt: skip
    scaling, names = scalings[rule.name]
    own = {name: values[name] for name in names}
    return lambda field: descend(field, partial(scaling, **own), lr=values["lr"])[-1]


def _accumulated(field: Field, *, rule: Rule, every: int) -> Outcome:
    """A run on the means of each `every` gradients, which are taken at one point; what is left over does not count."""
    groups = [field.noise[k : k + every] for k in range(0, field.steps - every + 1, every)]
    means = tuple({name: np.mean([noise[name] for noise in group], axis=0) for name in field.start} for group in groups)
    return Outcome(_plain(rule)(Field(field.start, means, field.slope)) if means else field.start)


def _after(formula: Callable[..., Rule]) -> Callable[..., Rule]:
    """A rule that stands behind the learning rate."""
    return lambda lr=0.1, **settings: chain(learning_rate(lr=lr), formula(**settings))


OPEN = st.floats(0.05, 0.95)
KAPPA = st.one_of(st.none(), st.floats(1, 50))
SEQUENCE = st.sampled_from(["fista", "linear"])
GROWTH = st.one_of(st.none(), st.floats(1.1, 3))
FIXED = st.sampled_from(["none", "vectors"])
D0 = st.floats(1e-3, 0.1)
WEIGHTS = {"r": st.floats(0, 2), "weight_lr_power": st.floats(0, 2)}
L2_ONLY = {name: DECAY[name] for name in ("weight_decay", "exempt")}
L2_CHANGES = {"weight_decay": change(0.2), "exempt": change("vectors", weight_decay=0.1)}
ASAM_DRAWN = {"rho": st.floats(0, 2), "eta": st.floats(0, 0.5), "fixed": FIXED}
DADAPT_CHANGES = {"lr": change(0.5, d0=0.01), "d0": change(1e-3), "growth": change(1.1, d0=1e-3)}
ADAGRAD_CHANGES = {"beta": change(0.5, d0=0.01), "eps": change(1.0, d0=0.01), "growth": change(1.1, lr=10.0, d0=1e-3)}
ADAM_CHANGES = {
    "beta1": change(0.5, d0=0.01),
    "beta2": change(0.9, d0=0.01),
    "eps": change(1e-1, d0=0.01),
    "bias_correction": change(True, d0=0.01),
}
SOPHIA_DRAWN = {"beta1": BETA, "beta2": BETA, "gamma": st.floats(0.01, 3), "eps": EPS, "every": st.integers(1, 4)}
SOPHIA_CHANGES = {
    "beta1": change(0.5),
    "beta2": change(0.5, gamma=1.0, every=2),
    "gamma": change(1.0),
    "eps": change(1e-1),
    "every": change(3, gamma=1.0),
}
HESSIAN_DRAWN = {
    "beta1": BETA,
    "beta2": BETA,
    "eps": EPS,
    "power": st.one_of(st.none(), st.floats(0.3, 1)),
    "every": st.integers(1, 4),
}
HESSIAN_CHANGES = {
    "beta1": change(0.5),
    "beta2": change(0.9),
    "eps": change(3.0),
    "power": change(0.5),
    "every": change(3),
}
PRODIGY_CHANGES = {
    **ADAM_CHANGES,
    "lr": change(0.5, d0=0.01),
    "beta3": change(0.9, d0=0.01),
    "safeguard_warmup": change(True, lr=0.3, d0=0.01),
    "d0": change(1e-3),
    "d_coef": change(2.0, d0=0.01),
    "growth": change(1.1, d0=1e-3),
}
PRODIGY_DRAWN = {
    "lr": st.floats(0.1, 1.0), "beta1": BETA, "beta2": st.floats(0.3, 0.995), "beta3": st.one_of(st.none(), OPEN),
    "eps": EPS, "bias_correction": st.booleans(), "safeguard_warmup": st.booleans(), "d0": D0,
    "d_coef": st.floats(0.5, 2), "growth": GROWTH,
}  # fmt: skip
DADAPT_ADAM_DRAWN = {"lr": st.floats(0.1, 1.0), "beta1": BETA, "beta2": st.floats(0.3, 0.995), "eps": EPS,
                     "bias_correction": st.booleans(), "d0": D0, "growth": GROWTH}  # fmt: skip
DOG_DRAWN = {"lr": LR, "reps": st.floats(1e-4, 0.1), "eps": EPS}
DOG_CHANGES = {"reps": change(1e-2), "eps": change(10.0, reps=0.1)}
INSIDE = {"weight_decay": change(0.2, d0=0.1), "exempt": change("vectors", d0=0.1, weight_decay=0.1)}
PLACED = {
    "weight_decay": change(0.2, d0=0.1),
    "decay": change("l2", "lr", "independent", d0=0.1, weight_decay=0.1),
    "exempt": change("vectors", d0=0.1, weight_decay=0.1),
}


def placed(default: str) -> dict[str, Any]:
    """Of the weight decay of a rule that finds its own step."""
    others = tuple(place for place in ("l2", "lr", "independent") if place != default)
    return {**PLACED, "decay": change(*others, d0=0.1, weight_decay=0.1)}


EXTRA: list[Case] = [
    Case("sharpness_aware", single(rules.sharpness_aware), {"lr": LR, "rho": st.floats(0, 1), "eps": EPS},
         extra.sharpness, {"rho": change(0.5), "eps": change(0.5, rho=0.5)}, coupled=True),
    Case("sam", rules.sam, {"lr": LR, "rho": st.floats(0, 1), "beta": BETA, "nesterov": st.booleans(), **DECAY},
         extra.sharpness,
         {**decays("l2"), "rho": change(0.5), "beta": change(0.5), "nesterov": change(True),
          "decay": change("lr", "independent", weight_decay=0.1)}, (
        Peer("pytorch_optimizer.SAM", {"rho": 0.3, "beta": 0.8, "weight_decay": 0.1},
             peers.sam(rho=0.3, momentum=0.8, weight_decay=0.1), closure=True, narrow=True),
    ), coupled=True),
    Case("adaptive_sharpness_aware", single(rules.adaptive_sharpness_aware), {"lr": LR, **ASAM_DRAWN, "eps": EPS},
         partial(extra.sharpness, eta=0.01),
         {"rho": change(1.0), "eta": change(0.5), "eps": change(0.5), "fixed": change("vectors")}, coupled=True),
    Case("asam", rules.asam, {"lr": LR, **ASAM_DRAWN, "beta": BETA, "nesterov": st.booleans(), **DECAY},
         partial(extra.sharpness, eps=1e-16),
         {**decays("l2"), "rho": change(1.0), "eta": change(0.5), "fixed": change("vectors"), "beta": change(0.5),
          "nesterov": change(True)}, (
        Peer("pytorch_optimizer.SAM, adaptive", {"rho": 0.3, "eta": 0.0, "beta": 0.8},
             peers.sam(rho=0.3, momentum=0.8, adaptive=True), closure=True, narrow=True),
    ), coupled=True),
    Case("accelerated_momentum", _after(rules.accelerated_momentum), {"lr": LR, "kappa": KAPPA, "sequence": SEQUENCE},
         extra.accelerated, {"kappa": change(10.0), "sequence": change("linear")}),
    Case("accelerated_gradient", rules.accelerated_gradient,
         {"lr": LR, "kappa": KAPPA, "sequence": SEQUENCE, **DECAY}, extra.accelerated,
         {**decays("l2"), "decay": change("independent", weight_decay=0.1), "kappa": change(10.0),
          "sequence": change("linear")}, same=(("decay", "lr"),)),
    Case("scale_by_polyak_step", single(rules.scale_by_polyak_step),
         {"lr": LR, "lower": st.floats(-5, 5), "max_step": st.one_of(st.none(), st.floats(0.01, 2)), "eps": EPS},
         extra.polyak, {"lower": change(1.0), "max_step": change(0.05), "eps": change(1.0)}, (
        Peer("optax.scale_by_polyak", {"lr": 0.1, "lower": 0.5, "max_step": 0.3, "eps": 0.1},
             peers.optax_polyak(0.1, f_min=0.5, max_learning_rate=0.3, eps=0.1, variant="sps+"), optax=True),
    ), coupled=True),
    Case("polyak_step", rules.polyak_step,
         {"lr": LR, "lower": st.floats(-5, 5), "max_step": st.one_of(st.none(), st.floats(0.01, 2)), "eps": EPS,
          **DECAY}, extra.polyak,
         {**decays("lr"), "decay": change("l2", "independent", lr=0.5, weight_decay=0.1), "lower": change(1.0),
          "max_step": change(0.05), "eps": change(1.0)}, (
        Peer("pytorch_optimizer.AliG", {"max_step": 0.05, "eps": 1e-6}, peers.alig(max_lr=0.05), closure=True),
    ), coupled=True),
    Case("schedule_free", lambda lr=0.1, **s: rules.schedule_free(lr=lr, **s), {"lr": LR, "beta": OPEN, **WEIGHTS},
         extra.schedule_free,
         {"lr": change(0.02), "beta": change(0.5), "r": change(1.0),
          "weight_lr_power": change(0.0, lr=peers.warmup(0.1, 30))}),
    Case("schedule_free_sgd", rules.schedule_free_sgd, {"lr": LR, "beta": OPEN, **WEIGHTS, **L2_ONLY},
         extra.schedule_free,
         {"lr": change(0.02), "beta": change(0.5), "r": change(1.0),
          "weight_lr_power": change(0.0, lr=peers.warmup(0.1, 30)),
          "weight_decay": change(0.2, lr=0.1), "exempt": change("vectors", lr=0.1, weight_decay=0.1)}, (
        Peer("schedulefree.SGDScheduleFree", {"lr": 0.1, "beta": 0.8, "r": 1.0, "weight_decay": 0.1},
             peers.schedule_free("SGDScheduleFree", lr=0.1, momentum=0.8, r=1.0, weight_decay=0.1)),
        Peer("schedulefree.SGDScheduleFree, warmup", {"lr": peers.warmup(0.1, 20)},
             peers.schedule_free("SGDScheduleFree", lr=0.1, warmup_steps=20)),
    )),
    Case("scale_by_corrected_rms", single(rules.scale_by_corrected_rms), {"lr": LR, "beta2": BETA, "eps": EPS},
         scaled(extra.corrected_rms, ("beta2", "eps")), {"beta2": change(0.9), "eps": change(1e-2)},
         scale_free=("eps",)),
    Case("schedule_free_adamw", rules.schedule_free_adamw,
         {"lr": LR, "beta1": OPEN, "beta2": BETA, "eps": EPS, **WEIGHTS, **L2_ONLY,
          "decay": st.sampled_from(["l2", "lr"])},
         lambda field, beta1=0.9, beta2=0.999, **s: extra.schedule_free(field, beta=beta1, beta2=beta2, **s),
         {"lr": change(0.02), "beta1": change(0.5), "beta2": change(0.9), "eps": change(1e-2), "r": change(1.0),
          "weight_lr_power": change(0.0, lr=peers.warmup(0.1, 30)), "weight_decay": change(0.2),
          "decay": change("l2", weight_decay=0.1), "exempt": change("vectors", weight_decay=0.1)}, (
        Peer("schedulefree.AdamWScheduleFree",
             {"lr": 0.05, "beta1": 0.8, "beta2": 0.9, "eps": 1e-3, "r": 0.5, "weight_decay": 0.1},
             peers.schedule_free("AdamWScheduleFree", lr=0.05, betas=(0.8, 0.9), eps=1e-3, r=0.5, weight_decay=0.1)),
        Peer("schedulefree.AdamWScheduleFree, warmup", {"lr": peers.warmup(0.05, 20)},
             peers.schedule_free("AdamWScheduleFree", lr=0.05, warmup_steps=20)),
        Peer("schedulefree.AdamWScheduleFree, defaults", {}, peers.schedule_free("AdamWScheduleFree")),
    )),
    Case("d_adapted_sgd", lambda **s: rules.d_adapted_sgd(**s),
         {"lr": st.floats(0.1, 1.0), "beta": BETA, "d0": D0, "growth": GROWTH}, extra.dadapt_sgd,
         {**DADAPT_CHANGES, "beta": change(0.5, d0=0.01)}, coupled=True, scale_free=()),
    Case("dadapt_sgd", rules.dadapt_sgd,
         {"lr": st.floats(0.1, 1.0), "beta": BETA, "d0": D0, "growth": GROWTH, **L2_ONLY}, extra.dadapt_sgd,
         {**DADAPT_CHANGES, "beta": change(0.5, d0=0.01), **INSIDE}, (
        Peer("dadaptation.DAdaptSGD", {"lr": 0.5, "beta": 0.6, "d0": 1e-2},
             peers.dadaptation("DAdaptSGD", lr=0.5, momentum=0.6, d0=1e-2)),
        Peer("dadaptation.DAdaptSGD, growth", {"d0": 1e-3, "growth": 1.1},
             peers.dadaptation("DAdaptSGD", d0=1e-3, growth_rate=1.1)),
    ), coupled=True, scale_free=()),
    Case("d_adapted_adam", lambda **s: rules.d_adapted_adam(**s), {**DADAPT_ADAM_DRAWN, **L2_ONLY},
         partial(extra.dadapt_adam, decay="lr"), {**DADAPT_CHANGES, **ADAM_CHANGES, **INSIDE}, coupled=True,
         scale_free=("eps",)),
    Case("dadapt_adam", rules.dadapt_adam, {**DADAPT_ADAM_DRAWN, **DECAY}, extra.dadapt_adam,
         {**DADAPT_CHANGES, **ADAM_CHANGES, **placed("l2")}, (
        Peer("dadaptation.DAdaptAdam",
             {"lr": 0.5, "beta1": 0.7, "beta2": 0.9, "eps": 1e-3, "d0": 1e-2, "weight_decay": 0.1},
             peers.dadaptation("DAdaptAdam", lr=0.5, betas=(0.7, 0.9), eps=1e-3, d0=1e-2, weight_decay=0.1)),
        Peer("dadaptation.DAdaptAdam, decoupled",
             {"bias_correction": True, "d0": 1e-3, "growth": 1.2, "weight_decay": 0.1, "decay": "lr"},
             peers.dadaptation("DAdaptAdam", use_bias_correction=True, d0=1e-3, growth_rate=1.2, weight_decay=0.1,
                               decouple=True)),
    ), coupled=True, scale_free=("eps",)),
    Case("d_adapted_adagrad", lambda **s: rules.d_adapted_adagrad(**s),
         {"lr": st.floats(0.1, 1.0), "beta": BETA, "eps": EPS, "d0": D0, "growth": GROWTH}, extra.dadapt_adagrad,
         {**DADAPT_CHANGES, **ADAGRAD_CHANGES}, coupled=True),
    Case("dadapt_adagrad", rules.dadapt_adagrad,
         {"lr": st.floats(0.1, 1.0), "beta": BETA, "eps": EPS, "d0": D0, "growth": GROWTH, **L2_ONLY},
         extra.dadapt_adagrad,
         {**DADAPT_CHANGES, **ADAGRAD_CHANGES, **INSIDE}, (
        Peer("dadaptation.DAdaptAdaGrad", {"lr": 0.5, "beta": 0.6, "eps": 1e-3, "d0": 1e-2, "weight_decay": 0.1},
             peers.dadaptation("DAdaptAdaGrad", lr=0.5, momentum=0.6, eps=1e-3, d0=1e-2, weight_decay=0.1)),
        Peer("dadaptation.DAdaptAdaGrad, growth", {"d0": 1e-3, "growth": 1.1},
             peers.dadaptation("DAdaptAdaGrad", eps=1e-8, d0=1e-3, growth_rate=1.1)),
    ), coupled=True),
    Case("scale_by_prodigy", lambda **s: rules.scale_by_prodigy(**s), {**PRODIGY_DRAWN, **L2_ONLY}, extra.prodigy,
         {**PRODIGY_CHANGES, **INSIDE}, coupled=True, scale_free=("eps",)),
    Case("prodigy", rules.prodigy, {**PRODIGY_DRAWN, **DECAY}, extra.prodigy, {**PRODIGY_CHANGES, **placed("lr")}, (
        Peer("prodigyopt.Prodigy",
             {"lr": 0.5, "beta1": 0.7, "beta2": 0.9, "eps": 1e-3, "d0": 1e-2, "d_coef": 0.8, "weight_decay": 0.1},
             peers.prodigy(lr=0.5, betas=(0.7, 0.9), eps=1e-3, d0=1e-2, d_coef=0.8, weight_decay=0.1)),
        Peer("prodigyopt.Prodigy, corrected, growth",
             {"bias_correction": True, "safeguard_warmup": True, "d0": 1e-3, "growth": 1.3, "beta3": 0.8},
             peers.prodigy(use_bias_correction=True, safeguard_warmup=True, d0=1e-3, growth_rate=1.3, beta3=0.8)),
        Peer("prodigyopt.Prodigy, L2", {"d0": 1e-3, "weight_decay": 0.1, "decay": "l2"},
             peers.prodigy(d0=1e-3, weight_decay=0.1, decouple=False)),
    ), coupled=True, scale_free=("eps",)),
    Case("scale_by_dog", single(rules.scale_by_dog), DOG_DRAWN, extra.dog, DOG_CHANGES, coupled=True),
    Case("scale_by_ldog", single(rules.scale_by_ldog), DOG_DRAWN, partial(extra.dog, layers=True), DOG_CHANGES,
         normed=True),
    Case("dog", rules.dog, {**DOG_DRAWN, **DECAY}, extra.dog,
         {**decays("l2"), "weight_decay": change(0.2, reps=0.1), "decay": change("lr", "independent", reps=0.1,
          weight_decay=0.1), "exempt": change("vectors", reps=0.1, weight_decay=0.1), **DOG_CHANGES}, (
        Peer("dog.DoG", {"lr": 0.5, "reps": 1e-2, "eps": 1e-3, "weight_decay": 0.1},
             peers.dog("DoG", lr=0.5, reps_rel=1e-2, eps=1e-3, weight_decay=0.1)),
        Peer("dog.DoG, defaults", {}, peers.dog("DoG")),
    ), coupled=True),
    Case("ldog", rules.ldog, {**DOG_DRAWN, **DECAY}, partial(extra.dog, layers=True),
         {**decays("l2"), "weight_decay": change(0.2, reps=0.1), "decay": change("lr", "independent", reps=0.1,
          weight_decay=0.1), "exempt": change("vectors", reps=0.1, weight_decay=0.1), **DOG_CHANGES}, (
        Peer("dog.LDoG", {"lr": 0.5, "reps": 1e-2, "eps": 1e-3, "weight_decay": 0.1},
             peers.dog("LDoG", lr=0.5, reps_rel=1e-2, eps=1e-3, weight_decay=0.1)),
    ), normed=True),
    Case("scale_by_adahessian", single(rules.scale_by_adahessian), {"lr": LR, **HESSIAN_DRAWN}, extra.adahessian,
         HESSIAN_CHANGES),
    Case("scale_by_spatial_adahessian", single(rules.scale_by_spatial_adahessian), {"lr": LR, **HESSIAN_DRAWN},
         partial(extra.adahessian, spatial=True), HESSIAN_CHANGES),
    Case("adahessian", rules.adahessian, {"lr": LR, **HESSIAN_DRAWN, "spatial": st.booleans(), **DECAY},
         extra.adahessian,
         {**decays("lr"), **HESSIAN_CHANGES,
          "spatial": change()}, (
        Peer("pytorch_optimizer.AdaHessian",
             {"lr": 0.1, "beta1": 0.7, "beta2": 0.9, "eps": 0.1, "power": 0.5, "weight_decay": 0.1},
             peers.adahessian(lr=0.1, betas=(0.7, 0.9), eps=0.1, hessian_power=0.5, weight_decay=0.1), closure=True),
    ), same=(("spatial", True),)),
    Case("scale_by_sophia", single(rules.scale_by_sophia), {"lr": LR, **SOPHIA_DRAWN}, extra.sophia, SOPHIA_CHANGES),
    Case("sophia", rules.sophia, {"lr": LR, **SOPHIA_DRAWN, **DECAY}, extra.sophia,
         {**decays("lr"), **SOPHIA_CHANGES}, (
        Peer("pytorch_optimizer.SophiaH",
             {"lr": 0.02, "beta1": 0.7, "beta2": 0.9, "gamma": 0.2, "eps": 1e-3, "every": 1, "weight_decay": 0.1},
             peers.sophia(lr=0.1, betas=(0.7, 0.9), p=0.2, eps=5e-3, weight_decay=0.02), closure=True),
    )),
    Case("lookahead", _after(rules.lookahead), {"lr": LR, "every": st.integers(1, 12), "alpha": st.floats(0, 1)},
         extra.lookahead, {"every": change(3), "alpha": change(0.8)}, (
        Peer("pytorch_optimizer.Lookahead", {"every": 4, "alpha": 0.3}, peers.lookahead(k=4, alpha=0.3)),
    )),
    Case("swa", _after(rules.swa), {"lr": LR, "start": st.integers(0, 12), "every": st.integers(1, 5)}, extra.swa,
         {"start": change(20), "every": change(3)}),
    Case("polynomial_average", _after(rules.polynomial_average), {"lr": LR, "gamma": st.floats(0, 10)},
         extra.polynomial_average, {"gamma": change(2.0)}),
    Case("agc", single(rules.agc), {"lr": LR, "clipping": st.floats(0.01, 3), "eps": st.floats(1e-3, 2)}, extra.agc,
         {"clipping": change(0.5), "eps": change(2.0)}, (
        Peer("pytorch_optimizer.agc", {"clipping": 0.5}, peers.agc(lr=0.1, agc_clip_val=0.5)),
    ), normed=True, by_row=True),
    Case("centralize", single(rules.centralize), {"lr": LR}, extra.centralize, {}, (
        Peer("pytorch_optimizer.centralize_gradient", {}, peers.centralize(lr=0.1)),
        Peer("optax.centralize", {}, peers.optax_centralize, optax=True),
    ), normed=True, by_row=True),
    Case("switch", rules.switch,
         {"first": st.sampled_from([adam(lr=0.1, beta1=0.5), heavy_ball(lr=0.05)]),
          "second": st.sampled_from([adam(lr=0.05), sgd(lr=0.1)]), "at": st.integers(0, 12)}, _switch,
         {"first": change(sgd(lr=0.1)), "second": change(adam(lr=0.1)), "at": change(10)}),
    Case("accumulate", rules.accumulate,
         {"rule": st.sampled_from([adam(lr=0.1, beta1=0.5), heavy_ball(lr=0.05)]), "every": st.integers(1, 11)},
         _accumulated, {"rule": change(sgd(lr=0.1)), "every": change(3)}),
]  # fmt: skip

EXTRA_REQUIRED: dict[str, dict[str, Any]] = {
    **{name: {"lr": 0.1} for name in ("sam", "asam", "accelerated_gradient", "sophia")},
    **{name: {"eps": 1.0} for name in ("scale_by_adahessian", "scale_by_spatial_adahessian", "adahessian")},
    "switch": {"first": adam(lr=0.1), "second": heavy_ball(lr=0.05), "at": 5},
    "accumulate": {"rule": heavy_ball(lr=0.05), "every": 1},
}
"""Arguments without a default; and an ε that keeps what is divided by a small curvature well conditioned."""
