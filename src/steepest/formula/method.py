"""`@method`: a named optimizer, a function whose signature says its hyperparameters and whose body is a chain."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import ParamSpec, overload

from steepest.core.errors import speaking_of
from steepest.formula.chain import Chain, chain
from steepest.formula.rule import Rule

P = ParamSpec("P")


@overload
def method(function: Callable[P, Rule], /) -> Callable[P, Chain]: ...


@overload
def method(**names: str) -> Callable[[Callable[P, Rule]], Callable[P, Chain]]: ...


def method(
    function: Callable[P, Rule] | None = None, /, **names: str
) -> Callable[P, Chain] | Callable[[Callable[P, Rule]], Callable[P, Chain]]:
    """Name the chain that a function returns after it, and let errors speak of the arguments that it was given.

    `@method` alone, or with names: where an argument is not called what the formula calls it, the argument by
    "rule__hyperparameter".

    >>> from steepest.rules import adam, rmsprop
    >>> adam(lr=0.1)
    adam(lr=0.1, beta1=0.9, beta2=0.999, eps=1e-08, amsgrad=False, weight_decay=0.0, decay='l2', exempt='none')
    >>> rmsprop(momentum=1.0)
    Traceback (most recent call last):
    ...
    steepest.core.errors.HyperparameterError: rmsprop: momentum must be in [0, 1), got 1.0
    """
    renamed: Mapping[str, str] = {path.replace("__", "."): argument for path, argument in names.items()}

    def decorate(function: Callable[P, Rule]) -> Callable[P, Chain]:
        name = function.__name__
        signature = inspect.signature(function)

        @functools.wraps(function)
        def build(*args: P.args, **kwargs: P.kwargs) -> Chain:
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            with speaking_of(name, renamed):
                made = chain(function(*args, **kwargs))
            settings = ", ".join(f"{key}={value!r}" for key, value in bound.arguments.items())
            return replace(made, name=name, call=f"{name}({settings})")

        return build

    return decorate if function is None else decorate(function)
