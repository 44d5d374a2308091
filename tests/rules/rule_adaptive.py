"""Elementwise adaptive, sign and layer-wise rules under contract."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import rule_references_adaptive as reference
import torch
from hypothesis import strategies as st
from rule_case import BETA, DECAY, EPS, LR, Case, Outcome, Peer, change, decays, last, scaled, single
from rule_field import Field
from rule_peers import by_optax, by_pytorch_optimizer, by_torch, optax_chain

from steepest import rules
from steepest.formula import chain, rule, where


def _asgd(field: Field, *, t0: int = 1_000_000, **settings: Any) -> Outcome:
    path = reference.asgd(field, **settings)
    return Outcome(path[-1], reference.asgd_mean(path, t0))


def in_float64(kind: type[torch.optim.Optimizer], **settings: Any) -> Callable[..., Any]:
    """PyTorch keeps the scalars of NAdam and ASGD in its default dtype."""

    def build(params: list[torch.Tensor]) -> Callable[[], None]:
        optimizer = kind(params, **settings)

        def step() -> None:
            torch.set_default_dtype(torch.float64)
            try:
                optimizer.step()
            finally:
                torch.set_default_dtype(torch.float32)

        return step

    return build


def by_optimi(name: str, **settings: Any) -> Callable[..., Any]:
    def build(params: list[torch.Tensor]) -> Callable[[], Any]:
        import optimi

        return getattr(optimi, name)(params, **settings).step

    return build


def by_adabound(**settings: Any) -> Callable[..., Any]:
    """The authors' package calls PyTorch as it was in 2019, with factors before tensors."""

    def build(params: list[torch.Tensor]) -> Callable[[], Any]:
        import warnings

        import adabound

        optimizer = adabound.AdaBound(params, **settings)

        def step() -> None:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "This overload of", UserWarning)
                optimizer.step()

        return step

    return build


def by_optax_contrib(name: str, **settings: Any) -> Callable[[], Any]:
    def build() -> Any:
        import optax.contrib

        return getattr(optax.contrib, name)(**settings)

    return build


@rule
def keep_large(u):
    """About half of the gradients become zeros."""
    return where(abs(u) < BELOW, 0.0, u)


def _sparse_adam(field: Field, **settings: Any) -> Outcome:
    own = {name: settings.pop(name) for name in ("beta1", "beta2", "eps", "zeros") if name in settings}
    return last(reference.thresholded(field, partial(reference.sparse_adam, **own), below=BELOW, **settings))


def by_sparse_adam(**settings: Any) -> Callable[..., Any]:
    """PyTorch's, with the same gradients made sparse."""

    def build(params: list[torch.Tensor]) -> Callable[[], None]:
        optimizer = torch.optim.SparseAdam(params, **settings)

        def step() -> None:
            for p in params:
                assert p.grad is not None
                p.grad = torch.where(p.grad.abs() < BELOW, 0.0, p.grad).to_sparse()
            optimizer.step()

        return step

    return build


BELOW = 0.5
ADAM_CHANGES = {"beta1": change(0.5), "beta2": change(0.9), "eps": change(1e-2)}
ADAM_DRAWN = {"beta1": BETA, "beta2": BETA, "eps": EPS}
AMSGRAD_CHANGES = {**ADAM_CHANGES, "maximum_of": change("corrected", beta2=0.9)}
AMSGRAD_DRAWN = {**ADAM_DRAWN, "maximum_of": st.sampled_from(["uncorrected", "corrected"])}
NADAM_CHANGES = {**ADAM_CHANGES, "momentum_decay": change(0.4, 0.0), "momentum": change("constant")}
NADAM_DRAWN = {
    **ADAM_DRAWN,
    "momentum_decay": st.one_of(st.just(0.0), st.floats(1e-3, 10)),
    "momentum": st.sampled_from(["warmed", "constant"]),
}
BOUND_CHANGES = {
    **ADAM_CHANGES,
    "final_ratio": change(1.0),
    "gamma": change(0.5, final_ratio=1.0),
    "amsbound": change(True, beta2=0.5),
}
BOUND_DRAWN = {
    **ADAM_DRAWN,
    "final_ratio": st.floats(0.1, 100),
    "gamma": st.floats(1e-3, 2),
    "amsbound": st.booleans(),
}
YOGI_CHANGES = {**ADAM_CHANGES, "eps": change(1e-1), "initial": change(1e-2), "bias_correction": change(True)}
YOGI_DRAWN = {**ADAM_DRAWN, "initial": st.one_of(st.just(0.0), st.floats(0, 1)), "bias_correction": st.booleans()}
ADAN_CHANGES = {"beta1": change(0.5), "beta2": change(0.5), "beta3": change(0.9), "eps": change(1e-2)}
ADAN_DRAWN = {"beta1": BETA, "beta2": BETA, "beta3": BETA, "eps": EPS}
MIX_CHANGES = {**ADAM_CHANGES, "beta3": change(0.99), "alpha": change(1.0, 0.0), "warmup": change(30, 100)}
MIX_DRAWN = {
    **ADAM_DRAWN,
    "beta3": st.one_of(BETA, st.floats(0.99, 0.99999)),
    "alpha": st.floats(0, 10),
    "warmup": st.one_of(st.none(), st.integers(1, 40)),
}
RPROP_CHANGES = {
    "eta_minus": change(0.3),
    "eta_plus": change(1.1),
    "min_ratio": change(0.9),
    "max_ratio": change(1.05),
}
RPROP_DRAWN = {
    "eta_minus": st.floats(0.1, 0.9),
    "eta_plus": st.floats(1.05, 3),
    "min_ratio": st.floats(1e-4, 0.9),
    "max_ratio": st.floats(1.0, 10),
}
NOVO_CHANGES = {"beta2": change(0.5), "eps": change(1e-1)}
NOVO_DRAWN = {"beta2": BETA, "eps": EPS}
SPARSE_CHANGES = {**ADAM_CHANGES, "zeros": change("present")}
SPARSE_DRAWN = {**ADAM_DRAWN, "zeros": st.sampled_from(["absent", "present"])}
ASGD_CHANGES = {"lambd": change(0.1), "alpha": change(0.5, lambd=0.1)}
ASGD_DRAWN = {"lambd": st.floats(0, 0.5), "alpha": st.floats(0, 1)}

Adadelta, Adamax, Adam, NAdam = torch.optim.Adadelta, torch.optim.Adamax, torch.optim.Adam, torch.optim.NAdam

ADAPTIVE: list[Case] = [
    Case("scale_by_adadelta", single(rules.scale_by_adadelta), {"lr": LR, "rho": BETA, "eps": EPS},
         scaled(reference.adadelta, ("rho", "eps")), {"rho": change(0.5), "eps": change(1e-3)},
         (Peer("optax.scale_by_adadelta", {"rho": 0.7, "eps": 1e-3},
               optax_chain(0.1, "scale_by_adadelta", rho=0.7, eps=1e-3), optax=True),)),
    Case("adadelta", rules.adadelta, {"lr": LR, "rho": BETA, "eps": EPS, **DECAY},
         scaled(reference.adadelta, ("rho", "eps")), {**decays("l2"), "rho": change(0.5), "eps": change(1e-3)}, (
        Peer("torch.optim.Adadelta, defaults", {}, by_torch(Adadelta)),
        Peer("torch.optim.Adadelta", {"lr": 0.5, "rho": 0.7, "eps": 1e-3, "weight_decay": 0.1},
             by_torch(Adadelta, lr=0.5, rho=0.7, eps=1e-3, weight_decay=0.1)),
        Peer("optax.adadelta", {"lr": 0.5, "eps": 1e-3, "weight_decay": 0.1},
             by_optax("adadelta", learning_rate=0.5, eps=1e-3, weight_decay=0.1), optax=True),
    )),
    Case("scale_by_adamax", single(rules.scale_by_adamax), {"lr": LR, **ADAM_DRAWN},
         scaled(reference.adamax, tuple(ADAM_DRAWN)), ADAM_CHANGES, scale_free=("eps",)),
    Case("adamax", rules.adamax, {"lr": LR, **ADAM_DRAWN, **DECAY}, scaled(reference.adamax, tuple(ADAM_DRAWN)),
         {**decays("l2"), **ADAM_CHANGES}, (
        Peer("torch.optim.Adamax, defaults", {}, by_torch(Adamax)),
        Peer("torch.optim.Adamax", {"lr": 0.05, "beta1": 0.7, "beta2": 0.8, "eps": 1e-1, "weight_decay": 0.1},
             by_torch(Adamax, lr=0.05, betas=(0.7, 0.8), eps=1e-1, weight_decay=0.1)),
        Peer("optax.adamax", {"lr": 0.05, "beta2": 0.9, "eps": 1e-3},
             by_optax("adamax", learning_rate=0.05, b2=0.9, eps=1e-3), optax=True),
        Peer("optax.adamaxw", {"lr": 0.05, "weight_decay": 0.1, "decay": "lr"},
             by_optax("adamaxw", learning_rate=0.05, weight_decay=0.1), optax=True),
    ), scale_free=("eps",)),
    Case("scale_by_amsgrad", single(rules.scale_by_amsgrad), {"lr": LR, **AMSGRAD_DRAWN},
         scaled(reference.amsgrad, tuple(AMSGRAD_DRAWN)), AMSGRAD_CHANGES, (
        Peer("optax.scale_by_amsgrad", {"beta2": 0.5, "eps": 1e-3, "maximum_of": "corrected"},
             optax_chain(0.1, "scale_by_amsgrad", b2=0.5, eps=1e-3), optax=True),
    ), scale_free=("eps",)),
    Case("amsgrad", rules.amsgrad, {"lr": LR, **AMSGRAD_DRAWN, **DECAY},
         scaled(reference.amsgrad, tuple(AMSGRAD_DRAWN)), {**decays("l2"), **AMSGRAD_CHANGES}, (
        Peer("torch.optim.Adam, amsgrad, defaults", {}, by_torch(Adam, amsgrad=True)),
        Peer("torch.optim.Adam, amsgrad", {"lr": 0.05, "beta1": 0.7, "beta2": 0.5, "eps": 1e-3, "weight_decay": 0.1},
             by_torch(Adam, lr=0.05, betas=(0.7, 0.5), eps=1e-3, weight_decay=0.1, amsgrad=True)),
        Peer("optax.amsgrad", {"lr": 0.05, "beta1": 0.7, "beta2": 0.8, "eps": 1e-3, "maximum_of": "corrected"},
             by_optax("amsgrad", learning_rate=0.05, b1=0.7, b2=0.8, eps=1e-3), optax=True),
    ), scale_free=("eps",)),
    Case("scale_by_nadam", single(rules.scale_by_nadam), {"lr": LR, **NADAM_DRAWN},
         scaled(reference.nadam, tuple(NADAM_DRAWN)), NADAM_CHANGES, scale_free=("eps",)),
    Case("nadam", rules.nadam, {"lr": LR, **NADAM_DRAWN, **DECAY}, scaled(reference.nadam, tuple(NADAM_DRAWN)),
         {**decays("l2"), **NADAM_CHANGES}, (
        Peer("torch.optim.NAdam, defaults", {}, in_float64(NAdam)),
        Peer("torch.optim.NAdam",
             {"lr": 0.05, "beta1": 0.7, "beta2": 0.8, "eps": 1e-3, "momentum_decay": 0.5, "weight_decay": 0.1},
             in_float64(NAdam, lr=0.05, betas=(0.7, 0.8), eps=1e-3, momentum_decay=0.5, weight_decay=0.1)),
        Peer("torch.optim.NAdam, decoupled", {"lr": 0.05, "weight_decay": 0.1, "decay": "lr"},
             in_float64(NAdam, lr=0.05, weight_decay=0.1, decoupled_weight_decay=True)),
        Peer("optax.nadam", {"lr": 0.05, "beta1": 0.7, "eps": 1e-3, "momentum": "constant"},
             by_optax("nadam", learning_rate=0.05, b1=0.7, eps=1e-3), optax=True),
        Peer("optax.nadamw", {"lr": 0.05, "weight_decay": 0.1, "decay": "lr", "momentum": "constant"},
             by_optax("nadamw", learning_rate=0.05, weight_decay=0.1), optax=True),
    ), scale_free=("eps",)),
    Case("scale_by_adabound", single(rules.scale_by_adabound), {"lr": LR, **BOUND_DRAWN},
         scaled(reference.adabound, tuple(BOUND_DRAWN)), BOUND_CHANGES),
    Case("adabound", rules.adabound, {"lr": LR, **BOUND_DRAWN, **DECAY},
         scaled(reference.adabound, tuple(BOUND_DRAWN)), {**decays("l2"), **BOUND_CHANGES}, (
        Peer("adabound.AdaBound, defaults", {}, by_adabound()),
        Peer("adabound.AdaBound", {"lr": 0.02, "final_ratio": 5.0, "gamma": 0.1, "eps": 1e-3, "weight_decay": 0.1},
             by_adabound(lr=0.02, final_lr=0.1, gamma=0.1, eps=1e-3, weight_decay=0.1)),
        Peer("adabound.AdaBound, amsbound",
             {"lr": 0.02, "final_ratio": 5.0, "gamma": 0.1, "beta2": 0.5, "amsbound": True},
             by_adabound(lr=0.02, final_lr=0.1, gamma=0.1, betas=(0.9, 0.5), amsbound=True)),
    )),
    Case("scale_by_yogi", single(rules.scale_by_yogi), {"lr": LR, **YOGI_DRAWN},
         scaled(reference.yogi, tuple(YOGI_DRAWN)), YOGI_CHANGES, (
        Peer("optax.scale_by_yogi", {"beta2": 0.9, "initial": 1e-2, "bias_correction": True},
             optax_chain(0.1, "scale_by_yogi", b2=0.9, initial_accumulator_value=1e-2), optax=True),
    ), scale_free=("eps",)),
    Case("yogi", rules.yogi, {"lr": LR, **YOGI_DRAWN, **DECAY}, scaled(reference.yogi, tuple(YOGI_DRAWN)),
         {**decays("lr"), **YOGI_CHANGES}, (
        Peer("optax.yogi", {"lr": 0.05, "beta1": 0.7, "beta2": 0.9, "initial": 1e-6, "bias_correction": True},
             by_optax("yogi", learning_rate=0.05, b1=0.7, b2=0.9), optax=True),
        Peer("pytorch_optimizer.Yogi, defaults", {"initial": 1e-6, "bias_correction": True},
             by_pytorch_optimizer("Yogi")),
        Peer("pytorch_optimizer.Yogi",
             {"lr": 0.05, "beta2": 0.8, "eps": 1e-2, "initial": 1e-2, "bias_correction": True, "weight_decay": 0.1},
             by_pytorch_optimizer("Yogi", lr=0.05, betas=(0.9, 0.8), eps=1e-2, initial_accumulator=1e-2,
                                  weight_decay=0.1)),
        Peer("pytorch_optimizer.Yogi, L2",
             {"initial": 1e-6, "bias_correction": True, "weight_decay": 0.1, "decay": "l2"},
             by_pytorch_optimizer("Yogi", weight_decay=0.1, weight_decouple=False)),
    ), scale_free=("eps",)),
    Case("scale_by_adan", single(rules.scale_by_adan), {"lr": LR, **ADAN_DRAWN},
         scaled(reference.adan, tuple(ADAN_DRAWN)), ADAN_CHANGES, (
        Peer("optax.scale_by_adan, β₂ = 1/2", {"beta2": 0.5, "eps": 1e-3},
             optax_chain(0.1, "scale_by_adan", b2=0.5, eps=1e-3), optax=True),
    ), scale_free=("eps",)),
    Case("adan", rules.adan,
         {"lr": LR, **ADAN_DRAWN, **DECAY, "decay": st.sampled_from(["proximal", "l2", "lr", "independent"])},
         lambda field, **s: last(reference.adan_path(field, **s)),
         {**decays("proximal"), **ADAN_CHANGES}, (
        Peer("pytorch_optimizer.Adan, defaults", {}, by_pytorch_optimizer("Adan")),
        Peer("pytorch_optimizer.Adan",
             {"lr": 0.05, "beta1": 0.9, "beta2": 0.7, "beta3": 0.8, "eps": 1e-3, "weight_decay": 0.5},
             by_pytorch_optimizer("Adan", lr=0.05, betas=(0.9, 0.7, 0.8), eps=1e-3, weight_decay=0.5)),
        Peer("pytorch_optimizer.Adan, no_prox", {"lr": 0.05, "weight_decay": 0.5, "decay": "lr"},
             by_pytorch_optimizer("Adan", lr=0.05, weight_decay=0.5, weight_decouple=True)),
        Peer("optimi.Adan", {"lr": 0.05, "beta1": 0.9, "eps": 1e-3, "weight_decay": 0.5},
             by_optimi("Adan", lr=0.05, betas=(0.9, 0.92, 0.99), eps=1e-3, weight_decay=0.5)),
    ), scale_free=("eps",)),
    Case("proximal_learning_rate", rules.proximal_learning_rate,
         {"lr": LR, "weight_decay": DECAY["weight_decay"], "exempt": DECAY["exempt"]},
         lambda field, **s: last(reference.proximal(field, lambda seen: seen[-1], **s)),
         {"lr": change(0.02), "weight_decay": change(0.2), "exempt": change("vectors", weight_decay=0.1)},
         (Peer("torch.optim.SGD", {"lr": 0.1}, by_torch(torch.optim.SGD, lr=0.1)),)),
    Case("scale_by_ademamix", single(rules.scale_by_ademamix), {"lr": LR, **MIX_DRAWN},
         scaled(reference.ademamix, tuple(MIX_DRAWN)), MIX_CHANGES, scale_free=("eps",)),
    Case("ademamix", rules.ademamix, {"lr": LR, **MIX_DRAWN, **DECAY}, scaled(reference.ademamix, tuple(MIX_DRAWN)),
         {**decays("lr"), **MIX_CHANGES}, (
        Peer("pytorch_optimizer.AdEMAMix, defaults", {}, by_pytorch_optimizer("AdEMAMix")),
        Peer("pytorch_optimizer.AdEMAMix, warmed up",
             {"lr": 0.05, "beta1": 0.8, "beta2": 0.9, "beta3": 0.99, "alpha": 2.0, "eps": 1e-3, "warmup": 20,
              "weight_decay": 0.1},
             by_pytorch_optimizer("AdEMAMix", lr=0.05, betas=(0.8, 0.9, 0.99), alpha=2.0, eps=1e-3, t_alpha_beta3=20,
                                  weight_decay=0.1, weight_decouple=True)),
        Peer("pytorch_optimizer.AdEMAMix, L2", {"lr": 0.05, "weight_decay": 0.1, "decay": "l2"},
             by_pytorch_optimizer("AdEMAMix", lr=0.05, weight_decay=0.1)),
        Peer("optax.contrib.ademamix", {"lr": 0.05, "beta3": 0.99, "alpha": 3.0, "eps": 1e-3, "weight_decay": 0.1},
             by_optax_contrib("ademamix", learning_rate=0.05, b3=0.99, alpha=3.0, eps=1e-3, weight_decay=0.1),
             optax=True),
    ), scale_free=("eps",)),
    Case("scale_by_sign", single(rules.scale_by_sign), {"lr": LR}, scaled(reference.sign, ()), {},
         (Peer("optax.scale_by_sign", {}, optax_chain(0.1, "scale_by_sign"), optax=True),), scale_free=()),
    Case("sign_sgd", rules.sign_sgd, {"lr": LR, **DECAY}, scaled(reference.sign, ()), decays("lr"), (
        Peer("optax.sign_sgd", {"lr": 0.02}, by_optax("sign_sgd", learning_rate=0.02), optax=True),
        Peer("pytorch_optimizer.SignSGD, no momentum", {"lr": 0.02, "weight_decay": 0.1},
             by_pytorch_optimizer("SignSGD", lr=0.02, momentum=0.0, weight_decay=0.1)),
    )),
    Case("signum", rules.signum, {"lr": LR, "beta": BETA, **DECAY}, scaled(reference.signum, ("beta",)),
         {**decays("lr"), "beta": change(0.5)}, (
        Peer("optax.signum", {"lr": 0.02, "beta": 0.7}, by_optax("signum", learning_rate=0.02, beta=0.7), optax=True),
        Peer("pytorch_optimizer.SignSGD", {"lr": 0.02, "weight_decay": 0.1},
             by_pytorch_optimizer("SignSGD", lr=0.02, weight_decay=0.1)),
        Peer("pytorch_optimizer.SignSGD, L2", {"lr": 0.02, "beta": 0.5, "weight_decay": 0.1, "decay": "l2"},
             by_pytorch_optimizer("SignSGD", lr=0.02, momentum=0.5, weight_decay=0.1, weight_decouple=False)),
    )),
    Case("scale_by_rprop", single(rules.scale_by_rprop), {"lr": LR, **RPROP_DRAWN},
         scaled(reference.rprop, tuple(RPROP_DRAWN)), RPROP_CHANGES, scale_free=()),
    Case("rprop", rules.rprop, {"lr": LR, **RPROP_DRAWN, **DECAY}, scaled(reference.rprop, tuple(RPROP_DRAWN)),
         {**decays("lr"), **RPROP_CHANGES}, (
        Peer("torch.optim.Rprop, defaults", {}, by_torch(torch.optim.Rprop)),
        Peer("torch.optim.Rprop",
             {"lr": 0.1, "eta_minus": 0.3, "eta_plus": 1.5, "min_ratio": 0.5, "max_ratio": 2.0},
             by_torch(torch.optim.Rprop, lr=0.1, etas=(0.3, 1.5), step_sizes=(0.05, 0.2))),
    )),
    Case("scale_by_novograd", single(rules.scale_by_novograd), {"lr": LR, **NOVO_DRAWN},
         lambda field, **s: last(reference.novograd(field, **s)), NOVO_CHANGES, normed=True, scale_free=("eps",)),
    Case("novograd", rules.novograd,
         {"lr": LR, "beta1": BETA, **NOVO_DRAWN, "gradient_averaging": st.booleans(), **DECAY},
         lambda field, **s: last(reference.novograd(field, **s)),
         {**decays("lr"), "beta1": change(0.5), **NOVO_CHANGES, "gradient_averaging": change(True)}, (
        Peer("optax.novograd", {"lr": 0.05, "beta1": 0.9, "beta2": 0.25, "eps": 1e-3, "weight_decay": 0.1},
             by_optax("novograd", learning_rate=0.05, eps=1e-3, weight_decay=0.1), optax=True),
        Peer("pytorch_optimizer.NovoGrad, defaults", {"lr": 0.001}, by_pytorch_optimizer("NovoGrad")),
        Peer("pytorch_optimizer.NovoGrad",
             {"lr": 0.05, "beta1": 0.8, "beta2": 0.5, "eps": 1e-3, "gradient_averaging": True, "weight_decay": 0.1},
             by_pytorch_optimizer("NovoGrad", lr=0.05, betas=(0.8, 0.5), eps=1e-3, grad_averaging=True,
                                  weight_decay=0.1)),
    ), normed=True, scale_free=("eps",)),
    Case("scale_by_sparse_adam", lambda lr=0.1, **s: chain(keep_large(), single(rules.scale_by_sparse_adam)(lr, **s)),
         {"lr": LR, **SPARSE_DRAWN}, _sparse_adam, SPARSE_CHANGES),
    Case("sparse_adam", lambda **s: chain(keep_large(), rules.sparse_adam(**s)),
         {"lr": LR, **SPARSE_DRAWN, **DECAY}, _sparse_adam, {**decays("lr"), **SPARSE_CHANGES}, (
        Peer("torch.optim.SparseAdam, defaults", {}, by_sparse_adam()),
        Peer("torch.optim.SparseAdam", {"lr": 0.05, "beta1": 0.7, "beta2": 0.8, "eps": 1e-2},
             by_sparse_adam(lr=0.05, betas=(0.7, 0.8), eps=1e-2)),
    )),
    Case("decaying_learning_rate", rules.decaying_learning_rate, {"lr": LR, **ASGD_DRAWN},
         lambda field, **s: last(reference.asgd(field, **s)), {"lr": change(0.02), **ASGD_CHANGES},
         (Peer("torch.optim.ASGD", {"lr": 0.1, "lambd": 0.1},
               in_float64(torch.optim.ASGD, lr=0.1, lambd=0.1)),)),
    Case("asgd", rules.asgd, {"lr": LR, **ASGD_DRAWN, "t0": st.integers(0, 12), **DECAY}, _asgd,
         {**decays("l2"), "decay": change("independent", weight_decay=0.1), **ASGD_CHANGES, "t0": change(5, 30)}, (
        Peer("torch.optim.ASGD, defaults", {}, in_float64(torch.optim.ASGD)),
        Peer("torch.optim.ASGD", {"lr": 0.1, "lambd": 0.2, "alpha": 0.6, "t0": 7, "weight_decay": 0.1},
             in_float64(torch.optim.ASGD, lr=0.1, lambd=0.2, alpha=0.6, t0=7, weight_decay=0.1)),
    ), same=(("decay", "lr"),)),
]  # fmt: skip
