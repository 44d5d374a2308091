"""Update rules: one paper a file. `METHODS` names the ones that a study can compare."""

from collections.abc import Callable, Mapping

from steepest.formula import Chain
from steepest.rules.adabelief import adabelief, scale_by_adabelief
from steepest.rules.adagrad import adagrad, scale_by_adagrad
from steepest.rules.adam import adam, adamw, scale_by_adam
from steepest.rules.average import average, polyak_average
from steepest.rules.clip_norm import clip_norm
from steepest.rules.clip_value import clip_value
from steepest.rules.decay_weights import decay_weights
from steepest.rules.lamb import lamb, scale_by_uncorrected_adam
from steepest.rules.lars import lars, scale_by_lars
from steepest.rules.learning_rate import learning_rate
from steepest.rules.lion import lion, scale_by_lion
from steepest.rules.momentum import average_momentum, heavy_ball, lookahead_momentum, momentum, nesterov, sgd
from steepest.rules.radam import radam, scale_by_radam
from steepest.rules.rmsprop import rmsprop, scale_by_rms
from steepest.rules.trust_ratio import scale_by_trust_ratio

METHODS: Mapping[str, Callable[..., Chain]] = {
    method.__name__.replace("_", "-"): method
    for method in (sgd, heavy_ball, nesterov, adagrad, rmsprop, adam, adamw, radam, adabelief, lion, lamb, lars)
}
"""The named optimizers, by the names that the command line knows."""

__all__ = [
    "METHODS",
    "adabelief",
    "adagrad",
    "adam",
    "adamw",
    "average",
    "average_momentum",
    "clip_norm",
    "clip_value",
    "decay_weights",
    "heavy_ball",
    "lamb",
    "lars",
    "learning_rate",
    "lion",
    "lookahead_momentum",
    "momentum",
    "nesterov",
    "polyak_average",
    "radam",
    "rmsprop",
    "scale_by_adabelief",
    "scale_by_adagrad",
    "scale_by_adam",
    "scale_by_lars",
    "scale_by_lion",
    "scale_by_radam",
    "scale_by_rms",
    "scale_by_trust_ratio",
    "scale_by_uncorrected_adam",
    "sgd",
]
