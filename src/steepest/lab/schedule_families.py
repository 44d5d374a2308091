"""Learning-rate schedules by name: each makes the schedule of a run from its peak and its number of steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final

from steepest import schedules
from steepest.core.errors import InputError, UnknownNameError
from steepest.core.schedule import Schedule

Family = Callable[[float, int], Schedule]
"""Makes a run's schedule of its peak and its number of steps."""

WARMUP_SHARE = 0.05
"""Share of the steps over which the schedules with a warmup rise, one-cycle excepted."""


def _warmup(steps: int) -> int:
    return max(1, round(WARMUP_SHARE * steps))


def _constant_then(make: Family) -> Family:
    """A family that has no schedule of a single step keeps the peak in a run of one."""
    return lambda peak, steps: schedules.constant(peak) if steps == 1 else make(peak, steps)


def _step(peak: float, steps: int) -> Schedule:
    return schedules.step_decay(peak, every=math.ceil(steps / 3), factor=0.1)


def _multi_step(peak: float, steps: int) -> Schedule:
    first = max(1, steps // 2)
    return schedules.multi_step(peak, milestones=(first, max(first + 1, 3 * steps // 4)), factor=0.1)


def _exponential(peak: float, steps: int) -> Schedule:
    return schedules.exponential(peak, rate=math.log(100) / steps)


def _inverse_time(peak: float, steps: int) -> Schedule:
    return schedules.inverse_time(peak, rate=9 / steps)


def _restarts(peak: float, steps: int) -> Schedule:
    return schedules.cosine_restarts(peak, period=math.ceil(steps / 7), growth=2)


def _cyclic(peak: float, steps: int) -> Schedule:
    return schedules.cyclic(peak, initial=peak / 10, up=math.ceil(steps / 8))


def _stable(peak: float, steps: int) -> Schedule:
    decay = max(1, round(0.2 * steps))
    return schedules.warmup_stable_decay(peak, steps, warmup=_warmup(steps), decay=decay)


FAMILIES: Final[Mapping[str, Family | None]] = {
    "constant": None,
    "cosine": schedules.cosine,
    "cosine-restarts": _restarts,
    "cyclic": _cyclic,
    "exponential": _exponential,
    "geometric": lambda peak, steps: schedules.geometric(peak, steps, final=peak / 100),
    "inverse-sqrt": lambda peak, steps: schedules.inverse_sqrt(peak, warmup=_warmup(steps)),
    "inverse-time": _inverse_time,
    "linear": schedules.linear,
    "linear-warmup": lambda peak, steps: schedules.linear_warmup(peak, warmup=_warmup(steps)),
    "multi-step": _multi_step,
    "one-cycle": _constant_then(schedules.one_cycle),
    "polynomial": lambda peak, steps: schedules.polynomial(peak, steps, power=2.0),
    "step": _step,
    "warmup-cosine": _constant_then(lambda peak, steps: schedules.warmup_cosine(peak, steps, warmup=_warmup(steps))),
    "warmup-linear": _constant_then(lambda peak, steps: schedules.warmup_linear(peak, steps, warmup=_warmup(steps))),
    "warmup-stable-decay": _constant_then(_stable),
}
"""The tuned learning rate is the peak of each, and each is used to its end.

`constant` keeps the number itself. `linear`, `cosine` and `polynomial` (a square) fall to zero; `exponential` and
`geometric` to a hundredth, `inverse-time` to a tenth. `step` divides by ten after each third of the run, `multi-step`
after a half and three quarters. `cosine-restarts` has three cycles, each twice as long as the one before; `cyclic`
four triangles up from a tenth. Those with a warmup rise over the first twentieth: `linear-warmup` stays there,
`inverse-sqrt` falls as 1/√t, `warmup-linear` and `warmup-cosine` fall to zero, `warmup-stable-decay` over the last
fifth alone. `one-cycle` rises over three tenths from a 25th, and falls to a 250,000th."""

WITHOUT_MEANING: Final[Mapping[str, str]] = {
    "noam": "its rate follows from the model's width, so there is no peak to tune; use inverse-sqrt",
    "join": "it combines schedules; give a method with its own schedule",
    "scale": "it changes a schedule; give a method with its own schedule",
    "clip": "it changes a schedule; give a method with its own schedule",
    "reduce-on-plateau": "it depends on the loss, so it is a rule; give a method with it, as sgd+reduce-on-plateau",
}
"""What cannot shape the runs of a study, and why."""

_ALIASES: Final[Mapping[str, str]] = {"step-decay": "step"}


def learning_rate(family: str | Family, peak: float, steps: int) -> float | Schedule:
    """The learning rate of a run of `steps` steps: the number itself, or a schedule with this peak.

    family: a name in FAMILIES, or a function of the peak and the number of steps. Raises UnknownNameError or
    InputError for another name.

    >>> learning_rate("cosine", 0.1, 100), learning_rate("constant", 0.1, 100)
    (cosine(peak=0.1, steps=100, final=0.0), 0.1)
    """
    if not isinstance(family, str):
        return family(peak, steps)
    check_family(family)
    make = FAMILIES[_ALIASES.get(family, family)]
    return peak if make is None else make(peak, steps)


def check_family(family: str) -> None:
    """Raise unless `family` is the name of a schedule that can shape the runs of a study.

    InputError for a schedule without a meaning there, UnknownNameError for others.
    """
    plain = family.replace("_", "-")
    if plain in WITHOUT_MEANING:
        raise InputError(f"schedule: {family} cannot shape the runs of a study: {WITHOUT_MEANING[plain]}")
    if family not in FAMILIES and family not in _ALIASES:
        raise UnknownNameError("schedule", family, FAMILIES)
