"""What `steepest explain` prints."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from typing import Any

from steepest import rules
from steepest.core.errors import EngineUnavailable, InputTypeError, UnknownNameError
from steepest.core.ranges import Range
from steepest.core.sources import Source
from steepest.engines import Storage
from steepest.engines.explain import explain
from steepest.formula import Rule, chain


def explained(
    names: Sequence[str],
    clip: float | None,
    average: float | None,
    dtype: Any,
    moments: Any,
    rounding: Any,
    nonfinite: Any,
    parameters: int,
) -> Iterator[str]:
    """The text for each rule, with the floor at a bandwidth that is measured now; all is checked before that."""
    Range(low=1, integer=True).check("explain", "parameters", parameters)
    storage = Storage(moments, rounding)
    before = () if clip is None else (rules.clip_norm(max_norm=clip),)
    after = () if average is None else (rules.average(beta=average),)
    made = [chain(*before, _rule(name), *after) if before or after else _rule(name) for name in names]
    found = [explain(rule, dtype=dtype, storage=storage, nonfinite=nonfinite) for rule in made]
    speed, remark = _bandwidth()
    for explanation in found:
        yield str(explanation)
        if speed is not None:
            floor = explanation.floor(parameters, speed)
            yield f"  floor for {parameters:,} parameters: {1e3 * floor:.3g} ms, at {speed / 1e9:.3g} GB/s {remark}\n"
        else:
            yield f"  no floor: {remark}\n"


def _bandwidth() -> tuple[float | None, str]:
    from steepest.engines.cpu import pool
    from steepest.engines.cpu.bandwidth import bandwidth

    try:
        speed = bandwidth()
    except EngineUnavailable as error:
        return None, str(error)
    count = pool.threads()
    return speed, f"measured now with {count} thread{'' if count == 1 else 's'} (x ← x + y in place)"


def _rule(name: str) -> Rule:
    source = Source.parse(name)
    if source is None:
        known = {**rules.METHODS, **{n: getattr(rules, n) for n in rules.__all__ if n != "METHODS"}}
        if name not in known:
            raise UnknownNameError("rule", name, sorted(known))
        found: object = known[name]
    else:
        found = source.load()
    if not isinstance(found, Rule) and callable(found):
        found = found(**_needed(found))
    if not isinstance(found, Rule):
        raise InputTypeError(
            f"explain: {name} must be a rule, or make one without arguments, got {type(found).__name__}"
        )
    return found


def _needed(factory: Any) -> dict[str, float]:
    """A value for each number that a rule cannot do without: the plan does not depend on it."""
    parameters = inspect.signature(factory).parameters.values()
    return {
        p.name: 0.1 for p in parameters if p.default is p.empty and p.kind in {p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD}
    }
