"""What a study says beside its verdict, in sentences: the setting to take, how wide, how fast, what to beware of."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from steepest.lab.reach import Goal, arrival, goal
from steepest.lab.result import Result
from steepest.lab.study import Study
from steepest.lab.tuning import learning_rate_of, rate_name
from steepest.lab.usable import usable
from steepest.statistics import variance_share


def details(study: Study) -> tuple[str, ...]:
    """The sentences that follow the verdict."""
    best = study.best()
    return (*_setting(study, best), *_tie_breaker(study), *_target(study, goal(study)), *_advice(study))


def warnings(study: Study) -> tuple[str, ...]:
    """What speaks against relying on the result."""
    found = []
    failed = [
        f"{result.method} on {result.failed} of {result.seeds} seeds" for result in study.table() if result.failed
    ]
    if failed:
        found.append(f"Runs that raised an error rank last, as diverged ones do: {', '.join(failed)}.")
    found += [line for name in study.verdict.order for line in _better_rate(study, name)]
    if study.seedless:
        found.append("Runs on this problem do not depend on the seed: every method has one run, repeated.")
    if not study.spec.timing:
        found.append("Runs shared the machine, so their times are not shown: compare steps only.")
    return tuple(found)


def _setting(study: Study, best: Result) -> Iterator[str]:
    if best.setting is None:
        return
    name = rate_name(study.spec.spaces[best.method])
    rate = learning_rate_of(best.setting)
    parts = [f"{key} {value:.4g}" for key, value in best.setting.items() if key != name]
    parts += [f"schedule {best.schedule}"] if best.schedule != "constant" else []
    lead = f"Take {best.method}"
    if rate is not None and name is not None:
        lead += f" with {name} {rate:.4g}{_range(study, best.method)}"
        lead += f", {', '.join(parts)}" if parts else ""
    elif parts:
        lead += f" with {', '.join(parts)}"
    yield f"{lead}."


def _range(study: Study, method: str) -> str:
    found = usable(study, method)
    if found is None:
        return ""
    interval = found.interval
    if interval.first_diverged is None:
        edge = f"no rate up to {found.rates[-1]:.3g} diverged"
    else:
        edge = f"{interval.decades_to_divergence:.2g} decades below divergence at {interval.first_diverged:.3g}"
    return f" (usable {interval.low:.4g} to {interval.high:.4g}; {edge})"


def _better_rate(study: Study, method: str) -> Iterator[str]:
    """Whether the ladder of learning rates found what the trials missed."""
    found = usable(study, method)
    if found is None:
        return
    medians = np.median(found.values, axis=1)
    at = found.rates.tolist().index(found.interval.chosen)
    best = int(np.argmin(medians))
    if medians[best] < found.values[at].min():
        name = rate_name(study.spec.spaces[method])
        yield (
            f"{method}: {name} {found.rates[best]:.4g} did better on the tuning seeds than the chosen "
            f"{found.interval.chosen:.4g}; more trials would find it."
        )


def _tie_breaker(study: Study) -> Iterator[str]:
    """Among the tied: the widest range of usable learning rates, then the cheapest step, then the fewest settings."""
    tied = [name for name in (study.verdict.order[0], *study.verdict.tied) if study.choice(name) is not None]
    if len(tied) < 2 or study.verdict.best is None or not study.verdict.enough:
        return
    chosen = min(tied, key=lambda name: preference(study, name))
    if chosen != tied[0]:
        width = -preference(study, chosen)[0]
        yield (
            f"Among the tied, {chosen} is the easiest to use: its learning rate may vary over {width:.2g} decades "
            f"({tied[0]}: {-preference(study, tied[0])[0]:.2g})."
        )


def preference(study: Study, method: str) -> tuple[float, float, int]:
    """By which tied methods are ordered, least first: usable width, gradients a step, number of settings."""
    found = usable(study, method)
    width = round(found.interval.decades, 6) if found is not None else 0.0
    return -width, study.gradients_per_step(method) or math.inf, len(study.spec.spaces[method].names)


def _target(study: Study, wanted: Goal | None) -> Iterator[str]:
    if wanted is None:
        yield "No method's runs give a target to be timed to."
        return
    what = f"{wanted.label} {'≥' if wanted.higher else '≤'} {wanted.value:.4g} ({wanted.rule})"
    known = {name: arrival(study, name, wanted) for name in study.verdict.order}
    hits = {name: item.steps for name, item in known.items() if item is not None}
    if not any(item.hits for item in hits.values()):
        yield f"No method reached the target, {what}."
        return
    fastest = min(hits, key=lambda name: (hits[name].median.estimate, hits[name].restricted_mean))
    item = hits[fastest]
    if math.isinf(item.median.estimate):
        yield f"{fastest} reached the target, {what}, most often: on {item.hits} of {item.n} seeds."
    else:
        yield f"{fastest} is the first at the target, {what}: after {item.median.estimate:.0f} steps in the median."


def _advice(study: Study) -> Iterator[str]:
    """Whether seeds or trials are worth more now."""
    best = study.best()
    runs = [run for run in study.phase("confirm", study.entry(best.method)) if math.isfinite(run.validation)]
    groups: dict[str, list[float]] = {}
    for run in (*study.trials(best.method), *runs):
        groups.setdefault(str(sorted(run.setting.items())), []).append(run.validation)
    repeated = [values for values in groups.values() if len(values) == len(study.spec.tuning_seeds)]
    if len(repeated) > 1 and all(math.isfinite(value) for values in repeated for value in values):
        share = variance_share(repeated)
        if share < 0.5:
            yield (
                f"Among {best.method}'s best settings seeds make {1 - share:.0%} of the variance: more seeds tell more "
                "than more trials."
            )
