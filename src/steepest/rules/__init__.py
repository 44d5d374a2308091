"""Update rules: one paper a file. `METHODS` names the ones that a study can compare."""

from collections.abc import Callable, Mapping

from steepest.formula import Chain, accumulate
from steepest.rules.accelerated_gradient import accelerated_gradient, accelerated_momentum
from steepest.rules.adabelief import adabelief, scale_by_adabelief
from steepest.rules.adabound import adabound, scale_by_adabound
from steepest.rules.adadelta import adadelta, scale_by_adadelta
from steepest.rules.adafactor import (
    adafactor,
    clip_rms,
    decay_by_rate,
    relative_step,
    scale_by_decaying_rms,
    scale_by_factored_rms,
)
from steepest.rules.adagrad import adagrad, scale_by_adagrad
from steepest.rules.adahessian import adahessian, scale_by_adahessian, scale_by_spatial_adahessian
from steepest.rules.adam import adam, adamw, scale_by_adam
from steepest.rules.adamax import adamax, scale_by_adamax
from steepest.rules.adan import adan, proximal_learning_rate, scale_by_adan
from steepest.rules.ademamix import ademamix, scale_by_ademamix
from steepest.rules.agc import agc
from steepest.rules.amsgrad import amsgrad, scale_by_amsgrad
from steepest.rules.asam import adaptive_sharpness_aware, asam
from steepest.rules.asgd import asgd, decaying_learning_rate
from steepest.rules.average import average, polyak_average
from steepest.rules.centralize import centralize
from steepest.rules.clip_norm import clip_norm
from steepest.rules.clip_value import clip_value
from steepest.rules.dadapt_adagrad import d_adapted_adagrad, dadapt_adagrad
from steepest.rules.dadapt_adam import d_adapted_adam, dadapt_adam
from steepest.rules.dadapt_sgd import d_adapted_sgd, dadapt_sgd
from steepest.rules.decay_weights import decay_weights
from steepest.rules.dog import dog, ldog, scale_by_dog, scale_by_ldog
from steepest.rules.lamb import lamb, scale_by_uncorrected_adam
from steepest.rules.lars import lars, scale_by_lars
from steepest.rules.learning_rate import learning_rate
from steepest.rules.lion import lion, scale_by_lion
from steepest.rules.lookahead import lookahead
from steepest.rules.momentum import average_momentum, heavy_ball, lookahead_momentum, momentum, nesterov, sgd
from steepest.rules.muon import muon, muon_adamw, scale_by_momentum_average
from steepest.rules.nadam import nadam, scale_by_nadam
from steepest.rules.novograd import novograd, scale_by_novograd
from steepest.rules.orthogonalize import orthogonalize, orthogonalize_flattened
from steepest.rules.polyak_step import polyak_step, scale_by_polyak_step
from steepest.rules.polynomial_average import polynomial_average
from steepest.rules.prodigy import prodigy, scale_by_prodigy
from steepest.rules.radam import radam, scale_by_radam
from steepest.rules.reduce_on_plateau import reduce_on_plateau
from steepest.rules.rmsprop import rmsprop, scale_by_rms
from steepest.rules.rprop import rprop, scale_by_rprop
from steepest.rules.sam import sam, sharpness_aware
from steepest.rules.schedule_free_adamw import scale_by_corrected_rms, schedule_free_adamw
from steepest.rules.schedule_free_sgd import schedule_free, schedule_free_sgd
from steepest.rules.shampoo import scale_by_shampoo, shampoo
from steepest.rules.sign_sgd import scale_by_sign, sign_sgd
from steepest.rules.signum import signum
from steepest.rules.soap import scale_by_late_adam, scale_by_soap, soap
from steepest.rules.sophia import scale_by_sophia, sophia
from steepest.rules.sparse_adam import scale_by_sparse_adam, sparse_adam
from steepest.rules.swa import swa
from steepest.rules.switch import switch
from steepest.rules.trust_ratio import scale_by_trust_ratio
from steepest.rules.yogi import scale_by_yogi, yogi

METHODS: Mapping[str, Callable[..., Chain]] = {
    method.__name__.replace("_", "-"): method
    for method in (
        sgd,
        heavy_ball,
        nesterov,
        adagrad,
        rmsprop,
        adam,
        adamw,
        radam,
        adabelief,
        lion,
        lamb,
        lars,
        amsgrad,
        nadam,
        adamax,
        adadelta,
        yogi,
        adabound,
        adan,
        ademamix,
        sign_sgd,
        signum,
        rprop,
        novograd,
        asgd,
        sparse_adam,
        accelerated_gradient,
        sam,
        asam,
        polyak_step,
        schedule_free_sgd,
        schedule_free_adamw,
        dadapt_sgd,
        dadapt_adam,
        dadapt_adagrad,
        prodigy,
        dog,
        ldog,
        adahessian,
        sophia,
        muon_adamw,
        shampoo,
        soap,
        adafactor,
    )
}
"""The named optimizers, by the names that the command line knows."""

__all__ = [
    "METHODS",
    "accelerated_gradient",
    "accelerated_momentum",
    "accumulate",
    "adabelief",
    "adabound",
    "adadelta",
    "adafactor",
    "adagrad",
    "adahessian",
    "adam",
    "adamax",
    "adamw",
    "adan",
    "adaptive_sharpness_aware",
    "ademamix",
    "agc",
    "amsgrad",
    "asam",
    "asgd",
    "average",
    "average_momentum",
    "centralize",
    "clip_norm",
    "clip_rms",
    "clip_value",
    "d_adapted_adagrad",
    "d_adapted_adam",
    "d_adapted_sgd",
    "dadapt_adagrad",
    "dadapt_adam",
    "dadapt_sgd",
    "decay_by_rate",
    "decay_weights",
    "decaying_learning_rate",
    "dog",
    "heavy_ball",
    "lamb",
    "lars",
    "ldog",
    "learning_rate",
    "lion",
    "lookahead",
    "lookahead_momentum",
    "momentum",
    "muon",
    "muon_adamw",
    "nadam",
    "nesterov",
    "novograd",
    "orthogonalize",
    "orthogonalize_flattened",
    "polyak_average",
    "polyak_step",
    "polynomial_average",
    "prodigy",
    "proximal_learning_rate",
    "radam",
    "reduce_on_plateau",
    "relative_step",
    "rmsprop",
    "rprop",
    "sam",
    "scale_by_adabelief",
    "scale_by_adabound",
    "scale_by_adadelta",
    "scale_by_adagrad",
    "scale_by_adahessian",
    "scale_by_adam",
    "scale_by_adamax",
    "scale_by_adan",
    "scale_by_ademamix",
    "scale_by_amsgrad",
    "scale_by_corrected_rms",
    "scale_by_decaying_rms",
    "scale_by_dog",
    "scale_by_factored_rms",
    "scale_by_lars",
    "scale_by_late_adam",
    "scale_by_ldog",
    "scale_by_lion",
    "scale_by_momentum_average",
    "scale_by_nadam",
    "scale_by_novograd",
    "scale_by_polyak_step",
    "scale_by_prodigy",
    "scale_by_radam",
    "scale_by_rms",
    "scale_by_rprop",
    "scale_by_shampoo",
    "scale_by_sign",
    "scale_by_soap",
    "scale_by_sophia",
    "scale_by_sparse_adam",
    "scale_by_spatial_adahessian",
    "scale_by_trust_ratio",
    "scale_by_uncorrected_adam",
    "scale_by_yogi",
    "schedule_free",
    "schedule_free_adamw",
    "schedule_free_sgd",
    "sgd",
    "shampoo",
    "sharpness_aware",
    "sign_sgd",
    "signum",
    "soap",
    "sophia",
    "sparse_adam",
    "swa",
    "switch",
    "yogi",
]
