"""`@method`: a named optimizer, a function whose signature says its hyperparameters and whose body is a chain."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import ParamSpec

from steepest.core.errors import HyperparameterError
from steepest.formula.chain import Chain, chain
from steepest.formula.rule import Rule

P = ParamSpec("P")


def method(function: Callable[P, Rule]) -> Callable[P, Chain]:
    """Name the chain that `function` returns after it, and let its errors speak of the arguments that were given.

    >>> from steepest.rules import adam
    >>> adam(lr=0.1)
    adam(lr=0.1, beta1=0.9, beta2=0.999, eps=1e-08, amsgrad=False, weight_decay=0.0, decay='l2', exempt='none')
    """
    name = function.__name__
    signature = inspect.signature(function)

    @functools.wraps(function)
    def build(*args: P.args, **kwargs: P.kwargs) -> Chain:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        try:
            made = chain(function(*args, **kwargs))
        except HyperparameterError as error:
            _, _, rest = str(error).partition(": ")
            raise HyperparameterError(f"{name}: {rest}") from None
        settings = ", ".join(f"{key}={value!r}" for key, value in bound.arguments.items())
        return replace(made, name=name, call=f"{name}({settings})")

    return build
