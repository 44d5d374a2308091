"""What one rule under contract must declare, and what its declarations are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from hypothesis import strategies as st
from rule_field import Arrays, Field
from rule_references import descend

from steepest.formula import Rule, chain
from steepest.rules import learning_rate

Make = Callable[..., Rule]
Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Outcome:
    """What a reference says of the end of a run."""

    points: Arrays
    answers: Arrays | None = None


@dataclass(frozen=True)
class Change:
    """Other values of one hyperparameter, each of which alone must change a run, and what else that takes."""

    values: tuple[object, ...]
    given: Settings


@dataclass(frozen=True)
class Peer:
    """Another library's optimizer in the same dialect.

    build: from tensors to a function that makes one step by their gradients; or, for optax, to a transformation.
    closure: whether that function is given one that takes the gradients anew and returns the value; see `Closure`.
    narrow: whether some of its sums are in float32 whatever the parameters are.
    """

    name: str
    settings: Settings
    build: Callable[..., Any]
    optax: bool = False
    closure: bool = False
    narrow: bool = False


@dataclass(frozen=True)
class Case:
    """One public rule under contract.

    make: a rule that sets its step, from hyperparameters. drawn: values for the comparison with the reference.
    changes: for every hyperparameter. coupled: its tensors influence each other. normed: the elements of one tensor do.
    by_row: those of one row do, so that only rows may be permuted.
    """

    name: str
    make: Make
    drawn: Mapping[str, st.SearchStrategy[Any]]
    reference: Callable[..., Outcome]
    changes: Mapping[str, Change]
    peers: tuple[Peer, ...] = ()
    coupled: bool = False
    normed: bool = False
    by_row: bool = False
    scale_free: tuple[str, ...] | None = None
    """Where not None: scaling the gradients by c leaves updates alone if these hyperparameters scale by c."""
    scale_given: Settings = field(default_factory=dict)
    """What else that takes."""
    same: tuple[tuple[str, object], ...] = ()
    """Choices that are equal to the default by mathematics, and must be so to the bit."""
    across: Settings | None = None
    """Where not None: array libraries are compared on gradients of `even_field` with these settings fixed, because
    others magnify roundings (the inverse root of a matrix of condition κ by κ) or compute in fewer bits."""
    takes: Callable[[tuple[int, ...]], bool] = lambda shape: True
    """Whether a tensor of this shape is one for the rule; it refuses any other."""


# What is drawn.
LR = st.floats(1e-2, 1.0)
BETA = st.one_of(st.just(0.0), st.floats(0.01, 0.995))
EPS = st.floats(-8, -0.5).map(lambda exponent: 10.0**exponent)
DECAY = {
    "weight_decay": st.one_of(st.just(0.0), st.floats(1e-3, 0.3)),
    "decay": st.sampled_from(["l2", "lr", "independent"]),
    "exempt": st.sampled_from(["none", "vectors"]),
}


def change(*values: object, **given: object) -> Change:
    return Change(values, given)


def decays(default: str) -> dict[str, Change]:
    """Of the weight decay that every named optimizer takes."""
    others = tuple(place for place in ("l2", "lr", "independent") if place != default)
    return {
        "lr": change(0.02),
        "weight_decay": change(0.2),
        "decay": change(*others, weight_decay=0.1),
        "exempt": change("vectors", weight_decay=0.1),
    }


def last(path: list[Arrays]) -> Outcome:
    return Outcome(path[-1])


def scaled(scaling: Callable[..., float], names: tuple[str, ...]) -> Callable[..., Outcome]:
    """The reference of a chain of a scaling, a learning rate and a weight decay."""

    def run(field: Field, **settings: Any) -> Outcome:
        own = {name: settings.pop(name) for name in names if name in settings}
        return last(descend(field, partial(scaling, **own), **settings))

    return run


def single(formula: Callable[..., Rule]) -> Make:
    """A formula as a rule that sets its step."""

    def make(lr: float = 0.1, **settings: Any) -> Rule:
        return chain(formula(**settings), learning_rate(lr=lr))

    return make
