"""How a setting is chosen from tuning runs; decisions on data, nothing is run here."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from steepest.jax import LEARNING_RATE
from steepest.lab.records import Run
from steepest.lab.spaces import Dimension, Setting, Space
from steepest.lab.spec import Entry


@dataclass(frozen=True)
class Choice:
    """The setting chosen for a method, and what speaks against relying on it.

    validation: the median validation loss over the tuning seeds it was run on. remarks: a clause each.
    """

    setting: Setting
    validation: float
    remarks: tuple[str, ...] = ()


def candidates(trials: Sequence[Run], count: int) -> list[Run]:
    """The best `count` trials by validation loss, best first; trials that diverged or failed are none of them."""
    finite = [run for run in trials if math.isfinite(run.validation)]
    return sorted(finite, key=lambda run: run.validation)[:count]


def choose(runs: Sequence[Run]) -> tuple[Setting, float] | None:
    """The setting whose median validation loss over the tuning seeds is least, and that median.

    `runs` are the candidates' on all their tuning seeds, the best trial's first, which wins a tie. A diverged run
    counts as +inf. None where no setting has a finite median.
    """
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(json.dumps(dict(run.setting), sort_keys=True), []).append(run)
    medians = {key: statistics.median(run.validation for run in group) for key, group in groups.items()}
    best = min(medians, key=medians.__getitem__, default=None)
    if best is None or not math.isfinite(medians[best]):
        return None
    return groups[best][0].setting, medians[best]


def leading(choices: Mapping[Entry, Choice | None]) -> dict[str, Entry]:
    """For each method the schedule whose choice has the least validation loss; the first of equal ones.

    A method that has no choice under any schedule is left out.
    """
    best: dict[str, Entry] = {}
    for entry, choice in choices.items():
        known = choices[best[entry.method]] if entry.method in best else None
        if choice is not None and (known is None or choice.validation < known.validation):
            best[entry.method] = entry
    return best


def remarks(space: Space, setting: Setting, trials: Sequence[Run]) -> tuple[str, ...]:
    """Whether the learning rate chosen lies at the border of its range or next to a trial that diverged."""
    rate = _rate(space)
    if rate is None:
        return ()
    chosen = setting[rate.name]
    found = []
    if at_border(space, setting):
        end = "upper" if rate.position(chosen) > 0.5 else "lower"
        found.append(f"{rate.name} = {chosen:g} lies at the {end} border of [{rate.low:g}, {rate.high:g}]")
    ordered = sorted(trials, key=lambda run: run.setting[rate.name])
    place = next((i for i, run in enumerate(ordered) if dict(run.setting) == dict(setting)), None)
    if place is not None and any(run.diverged for run in ordered[max(0, place - 1) : place + 2]):
        found.append(f"{rate.name} = {chosen:g} is next to a trial that diverged")
    return tuple(found)


def at_border(space: Space, setting: Setting) -> bool:
    """Whether the learning rate lies in the outermost 5 % of its range; False where none is tuned."""
    rate = _rate(space)
    return rate is not None and rate.at_border(setting[rate.name])


def rate_name(space: Space) -> str | None:
    """What the learning rate is called in a space, None where none is tuned."""
    rate = _rate(space)
    return None if rate is None else rate.name


def _rate(space: Space) -> Dimension | None:
    return next((dimension for dimension in space.dimensions if dimension.name in LEARNING_RATE), None)


def learning_rate_of(setting: Mapping[str, float]) -> float | None:
    """The learning rate in a setting, None where there is none."""
    return next((setting[name] for name in LEARNING_RATE if name in setting), None)
