"""The contract of the rules that scale each tensor by its own length."""

from __future__ import annotations

from functools import partial
from typing import Any

import rule_references as reference
from hypothesis import strategies as st
from rule_case import BETA, DECAY, EPS, LR, Case, Outcome, Peer, change, decays, last, scaled, single
from rule_field import Field
from rule_peers import by_optax, by_pytorch_optimizer, optax_chain, optax_cosine

from steepest import rules
from steepest.schedules import cosine


def _trust_ratio(field: Field, *, eps: float = 0.0, **settings: Any) -> Outcome:
    return last(reference.trust_ratio(field, ratio_eps=eps, **_without_none(settings)))


def _lamb(
    field: Field, *, bias_correction: bool = True, beta1: float, beta2: float, eps: float, **settings: Any
) -> Outcome:
    moments = reference.adam if bias_correction else reference.uncorrected_adam
    scaling = partial(moments, beta1=beta1, beta2=beta2, eps=eps)
    return last(reference.trust_ratio(field, scaling, **_without_none(settings)))


def _without_none(settings: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if value is not None}


RATIO = {"trust_coefficient": st.floats(1e-3, 2.0), "exempt": DECAY["exempt"]}
NORM = st.one_of(st.none(), st.floats(0.1, 10))

LAYERWISE: list[Case] = [
    Case("scale_by_trust_ratio", single(rules.scale_by_trust_ratio),
         {"lr": LR, **RATIO, "eps": st.one_of(st.just(0.0), EPS), "max_norm": NORM}, _trust_ratio,
         {"trust_coefficient": change(0.5), "eps": change(0.1), "max_norm": change(0.5), "exempt": change("vectors")}, (
        Peer("optax.scale_by_trust_ratio", {"lr": 0.05}, optax_chain(0.05, "scale_by_trust_ratio"), optax=True),
        Peer("optax.scale_by_trust_ratio, eps", {"lr": 0.05, "trust_coefficient": 0.3, "eps": 0.1},
             optax_chain(0.05, "scale_by_trust_ratio", trust_coefficient=0.3, eps=0.1), optax=True),
    ), normed=True, scale_free=("eps",)),
    Case("scale_by_uncorrected_adam", single(rules.scale_by_uncorrected_adam),
         {"lr": LR, "beta1": BETA, "beta2": BETA, "eps": EPS},
         scaled(reference.uncorrected_adam, ("beta1", "beta2", "eps")),
         {"beta1": change(0.5), "beta2": change(0.9), "eps": change(1e-2)}, scale_free=("eps",)),
    Case("lamb", rules.lamb,
         {"lr": LR, "beta1": BETA, "beta2": BETA, "eps": EPS, "bias_correction": st.booleans(), "max_norm": NORM,
          "ratio_eps": st.one_of(st.just(0.0), EPS), **DECAY}, _lamb,
         {**decays("lr"), "beta1": change(0.5), "beta2": change(0.9), "eps": change(1e-2),
          "bias_correction": change(False, weight_decay=0.1), "max_norm": change(0.5), "ratio_eps": change(0.1)}, (
        Peer("optax.lamb, defaults", {}, by_optax("lamb", learning_rate=1e-3), optax=True),
        Peer("optax.lamb", {"lr": 0.05, "beta1": 0.7, "beta2": 0.8, "eps": 1e-3, "weight_decay": 0.1},
             by_optax("lamb", learning_rate=0.05, b1=0.7, b2=0.8, eps=1e-3, weight_decay=0.1), optax=True),
        Peer("pytorch_optimizer.Lamb",
             {"lr": 0.05, "beta1": 0.7, "eps": 1e-3, "ratio_eps": 1e-3, "max_norm": 10.0, "bias_correction": False,
              "weight_decay": 0.1},
             by_pytorch_optimizer("Lamb", lr=0.05, betas=(0.7, 0.999), eps=1e-3, adam_debias=True, weight_decay=0.1,
                                weight_decouple=False)),
    ), normed=True, scale_free=("eps",)),
    Case("scale_by_lars", single(rules.scale_by_lars),
         {"lr": LR, **RATIO, "weight_decay": DECAY["weight_decay"]},
         lambda field, **s: last(reference.lars(field, beta=0.0, **s)),
         {"trust_coefficient": change(0.1), "weight_decay": change(0.2), "exempt": change("vectors")}, (
        Peer("pytorch_optimizer.LARS, no momentum", {"lr": 0.1, "weight_decay": 0.2, "exempt": "vectors"},
             by_pytorch_optimizer("LARS", lr=0.1, momentum=0.0, weight_decay=0.2)),
    ), normed=True, scale_free=()),
    Case("lars", rules.lars,
         {"lr": LR, "beta": BETA, "trust_coefficient": RATIO["trust_coefficient"], "nesterov": st.booleans(),
          "denominator": st.sampled_from(["sum", "norm"]), "form": st.sampled_from(["velocity", "accumulate"]),
          **DECAY}, lambda field, **s: last(reference.lars(field, **s)),
         {**decays("l2"), "beta": change(0.5), "trust_coefficient": change(0.1), "nesterov": change(True),
          "denominator": change("norm", weight_decay=0.1),
          "form": change("accumulate", lr=cosine(1.0, steps=40))}, (
        Peer("optax.lars", {"lr": 0.5, "weight_decay": 0.1, "denominator": "norm"},
             by_optax("lars", learning_rate=0.5, weight_decay=0.1), optax=True),
        Peer("optax.lars, nesterov",
             {"lr": 5.0, "beta": 0.7, "nesterov": True, "trust_coefficient": 0.01, "weight_decay": 0.1,
              "denominator": "norm"},
             by_optax("lars", learning_rate=5.0, momentum=0.7, nesterov=True, trust_coefficient=0.01, weight_decay=0.1),
             optax=True),
        Peer("optax.lars, lr inside the buffer",
             {"lr": cosine(5.0, steps=30), "weight_decay": 0.1, "denominator": "norm"},
             optax_cosine("lars", 5.0, 30, weight_decay=0.1), optax=True),
        Peer("pytorch_optimizer.LARS", {"lr": 0.1, "weight_decay": 0.2, "form": "accumulate", "exempt": "vectors"},
             by_pytorch_optimizer("LARS", lr=0.1, weight_decay=0.2)),
        Peer("pytorch_optimizer.LARS, nesterov",
             {"lr": 0.1, "beta": 0.7, "weight_decay": 0.2, "form": "accumulate", "nesterov": True, "exempt": "vectors",
              "trust_coefficient": 0.01},
             by_pytorch_optimizer("LARS", lr=0.1, momentum=0.7, nesterov=True, weight_decay=0.2,
                                  trust_coefficient=0.01)),
    ), normed=True, scale_free=()),
]  # fmt: skip
