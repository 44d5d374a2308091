"""Over which learning rates a method's chosen setting keeps its result."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from steepest.lab.study import Study
from steepest.lab.tuning import rate_name
from steepest.statistics import RateInterval, usable_rates
from steepest.trace import Column


@dataclass(frozen=True, eq=False)
class Usable:
    """The ladder of a method: rates ascending, values of shape (rates, tuning seeds), and the interval found in it."""

    rates: Column
    values: Column
    interval: RateInterval


def usable(study: Study, method: str) -> Usable | None:
    """The usable learning rates about the chosen one; None for a method without one, or without a setting."""
    choice = study.choice(method)
    name = rate_name(study.spec.spaces[method])
    entry = study.entry(method)
    if choice is None or name is None or not study.phase("rates", entry):
        return None
    found: dict[float, dict[int, float]] = {}
    for run in (*study.phase("tune", entry), *study.phase("confirm", entry), *study.phase("rates", entry)):
        if {**run.setting, name: 0.0} == {**choice.setting, name: 0.0}:
            found.setdefault(run.setting[name], {})[run.seed] = run.validation
    found = {rate: values for rate, values in found.items() if len(values) == len(study.spec.tuning_seeds)}
    rates = sorted(found)
    values = np.array([[found[rate][seed] for seed in study.spec.tuning_seeds] for rate in rates])
    return Usable(np.array(rates), values, usable_rates(rates, values, rates.index(choice.setting[name])))
