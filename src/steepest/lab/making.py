"""How each kind of contestant becomes a method for one run: with a setting, and a schedule for its learning rate."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from typing import Any, cast

from steepest import rules
from steepest.core.errors import InputError, InputTypeError
from steepest.core.schedule import Schedule
from steepest.formula import Rule, chain
from steepest.lab.schedule_families import learning_rate
from steepest.lab.spaces import Setting
from steepest.run import Method

Make = Callable[[Setting, str, int], Rule | Method]
"""Makes a method of a setting, a schedule's name and the run's number of steps."""

KINDS = (
    "a rule, a torch.optim class, an optax transformation, an object with name, text, facts and start(), "
    "or a function that returns one"
)
"""What a method may be, in words."""


def of_rules(factory: Callable[..., Rule]) -> Make:
    """A function of `rules`."""

    def make(setting: Setting, schedule: str, steps: int) -> Rule | Method:
        return factory(**_scheduled(setting, "lr", schedule, steps))

    return make


def called(factory: Callable[..., object], name: str, rate: str | None) -> Make:
    """A user's function that returns a rule or a method."""

    def make(setting: Setting, schedule: str, steps: int) -> Rule | Method:
        made = factory(**_scheduled(setting, rate, schedule, steps))
        if not is_method(made):
            raise InputTypeError(f"{name}: must return {KINDS}, got {type(made).__name__}")
        return cast(Rule | Method, made)

    return make


def with_learning_rate(factory: Callable[..., object]) -> Make:
    """A function that returns a rule without a step length, which gets one at its end."""

    def make(setting: Setting, schedule: str, steps: int) -> Rule | Method:
        rate = learning_rate(schedule, setting["lr"], steps)
        rule = cast(Rule, factory(**{key: value for key, value in setting.items() if key != "lr"}))
        return chain(rule, rules.learning_rate(lr=rate)).named(rule.name)

    return make


def fixed(method: object) -> Make:
    """A rule or method that is made already; each run has a copy of its own, which may note on itself what it likes."""
    rule = isinstance(method, Rule)
    return lambda setting, schedule, steps: cast(Rule | Method, method if rule else copy.copy(method))


def of_torch(factory: Callable[..., object], name: str, rate: str | None) -> Make:
    """A `torch.optim` class, or a partial of one."""

    def make(setting: Setting, schedule: str, steps: int) -> Rule | Method:
        from steepest.torch.foreign import TorchMethod  # only where a torch optimizer takes part

        kind, settings = _unwrapped(factory)
        scheduled = _schedule(setting, rate, schedule, steps)
        if scheduled is not None and rate != "lr":
            raise InputError(f"{name}: schedule must be 'constant' for an optimizer without lr, got {schedule!r}")
        return TorchMethod(kind, {**settings, **setting}, schedule=scheduled)

    return make


def of_transformation(transformation: object) -> Make:
    """An optax transformation that is made already."""

    def make(setting: Setting, schedule: str, steps: int) -> Rule | Method:
        from steepest.jax import OptaxMethod  # only where optax takes part

        return OptaxMethod(transformation)

    return make


def of_optax_factory(factory: Callable[..., object], rate: str | None) -> Make:
    """A function that returns an optax transformation."""

    def make(setting: Setting, schedule: str, steps: int) -> Rule | Method:
        from steepest.jax import OptaxMethod

        kind, settings = _unwrapped(factory)
        return OptaxMethod(kind, {**settings, **setting}, schedule=_schedule(setting, rate, schedule, steps))

    return make


def is_method(item: object) -> bool:
    """Whether a run can drive it: a rule, or an instance with name, text, facts and start."""
    return isinstance(item, Rule) or (isinstance(item, Method) and not isinstance(item, type))


def _schedule(setting: Setting, rate: str | None, family: str, steps: int) -> Schedule | None:
    if rate is None or rate not in setting:
        return None
    value = learning_rate(family, setting[rate], steps)
    return value if isinstance(value, Schedule) else None


def _scheduled(setting: Setting, rate: str | None, family: str, steps: int) -> dict[str, float | Schedule]:
    schedule = _schedule(setting, rate, family, steps)
    return dict(setting) if schedule is None or rate is None else {**setting, rate: schedule}


def _unwrapped(factory: Callable[..., object]) -> tuple[Any, dict[str, Any]]:
    """A `functools.partial` as what it calls and its keywords."""
    if isinstance(factory, functools.partial) and not factory.args:
        return factory.func, dict(factory.keywords)
    return factory, {}
