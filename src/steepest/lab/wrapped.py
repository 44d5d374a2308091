"""Methods with rules around them, by name: "adamw+lookahead", "sgd+centralize+average"."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, final

from steepest import rules
from steepest.core.errors import InputError, UnknownNameError
from steepest.formula import Rule, accumulate, chain
from steepest.lab.spaces import SPACES, Dimension, Space


@dataclass(frozen=True)
class Wrapper:
    """A rule that stands before or behind a method, or around it.

    around: the method's rule, and its own hyperparameters, to the whole. defaults: its hyperparameters that are tuned,
    with their usual values; dimensions: their ranges.
    """

    around: Callable[..., Rule]
    defaults: Mapping[str, float]
    dimensions: tuple[Dimension, ...] = ()


def _before(formula: Callable[..., Rule]) -> Callable[..., Rule]:
    return lambda rule, **settings: chain(formula(**settings), rule)


def _behind(formula: Callable[..., Rule]) -> Callable[..., Rule]:
    return lambda rule, **settings: chain(rule, formula(**settings))


WRAPPERS: Final[Mapping[str, Wrapper]] = {
    "centralize": Wrapper(_before(rules.centralize), {}),
    "agc": Wrapper(_before(rules.agc), {"clipping": 0.01}, (Dimension("clipping", 1e-3, 1e-1),)),
    "clip-norm": Wrapper(_before(rules.clip_norm), {"max_norm": 1.0}, (Dimension("max_norm", 1e-1, 1e1),)),
    "clip-value": Wrapper(_before(rules.clip_value), {"max_value": 1.0}, (Dimension("max_value", 1e-2, 1e1),)),
    "sharpness-aware": Wrapper(_before(rules.sharpness_aware), {"rho": 0.05}, (Dimension("rho", 1e-2, 5e-1),)),
    "adaptive-sharpness-aware": Wrapper(
        _before(rules.adaptive_sharpness_aware), {"rho": 0.5}, (Dimension("rho", 1e-1, 5e0),)
    ),
    "lookahead": Wrapper(_behind(rules.lookahead), {"alpha": 0.5}, (Dimension("alpha", 0.2, 0.8, "linear"),)),
    "average": Wrapper(_behind(rules.average), {"beta": 0.999}, (Dimension("beta", 1e-4, 1e-1, complement=True),)),
    "polyak-average": Wrapper(_behind(rules.polyak_average), {}),
    "polynomial-average": Wrapper(_behind(rules.polynomial_average), {"gamma": 8.0}, (Dimension("gamma", 1.0, 32.0),)),
    "swa": Wrapper(_behind(rules.swa), {}),
    "reduce-on-plateau": Wrapper(
        _behind(rules.reduce_on_plateau), {"factor": 0.1}, (Dimension("factor", 0.1, 0.9, "linear"),)
    ),
    "accumulate": Wrapper(lambda rule: accumulate(rule, every=4), {}),
}
"""What may stand around a method in a study. Ranges lie about the papers' values; what is not tuned has the rule's own
default, and accumulation takes four batches a step."""


@final
@dataclass(frozen=True)
class Wrapped:
    """A method with rules around it, from the inside out: a factory of rules, as those of `rules.METHODS`.

    Its hyperparameters are the method's, and the wrappers' by their names: `lookahead_alpha`.

    >>> made = wrapped("sgd+lookahead")
    >>> [path for path, _ in made(lr=0.1, lookahead_alpha=0.8).links()], made.space.names
    (['learning_rate', 'lookahead'], ('lr', 'lookahead_alpha'))
    """

    method: str
    wrappers: tuple[str, ...]

    @property
    def __signature__(self) -> inspect.Signature:
        own = inspect.signature(rules.METHODS[self.method])
        more = [
            inspect.Parameter(_argument(name, key), inspect.Parameter.KEYWORD_ONLY, default=value)
            for name in self.wrappers
            for key, value in WRAPPERS[name].defaults.items()
        ]
        return own.replace(parameters=[*own.parameters.values(), *more])

    @property
    def space(self) -> Space:
        """The method's space, and after it the wrappers'."""
        more = [
            Dimension(_argument(name, part.name), part.low, part.high, part.scale, part.complement)
            for name in self.wrappers
            for part in WRAPPERS[name].dimensions
        ]
        return Space((*SPACES[self.method].dimensions, *more))

    def __call__(self, *args: Any, **settings: Any) -> Rule:
        given = self.__signature__.bind(*args, **settings)
        given.apply_defaults()
        taken: dict[str, Any] = dict(given.arguments)
        around = {
            name: {key: taken.pop(_argument(name, key)) for key in WRAPPERS[name].defaults} for name in self.wrappers
        }
        rule: Rule = rules.METHODS[self.method](**taken)
        for name, own in around.items():
            rule = WRAPPERS[name].around(rule, **own)
        return rule.named("_".join((self.method, *self.wrappers)).replace("-", "_"))


def wrapped(name: str) -> Wrapped:
    """A method and what is around it, of their names with "+" between.

    Raises UnknownNameError for a name that is not known, InputError for a rule that is named twice.
    """
    method, *wrappers = (part.strip() for part in name.split("+"))
    if method not in rules.METHODS:
        raise UnknownNameError("method", method, rules.METHODS)
    for one in wrappers:
        if one not in WRAPPERS:
            raise UnknownNameError("rule around a method", one, WRAPPERS)
    if len(set(wrappers)) < len(wrappers):
        raise InputError(f"methods: rules around a method must differ, got {name!r}")
    return Wrapped(method, tuple(wrappers))


def _argument(wrapper: str, key: str) -> str:
    return f"{wrapper.replace('-', '_')}_{key}"
