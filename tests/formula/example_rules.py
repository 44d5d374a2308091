"""Small rules of kinds that the library does not have yet: they show what the language can say."""

from __future__ import annotations

from typing import Literal

from steepest.core.arrays import namespace
from steepest.formula import (
    Count,
    NonNegative,
    Positive,
    Rule,
    Slot,
    Unit,
    dot,
    maximum,
    mean,
    norm,
    random,
    rule,
    sqrt,
    where,
)


@rule(needs=("value",), sets_step=True)
def polyak_step(u, value, *, lowest: float = 0.0, eps: NonNegative = 0.0):
    """(f − f*) / ‖g‖²."""
    return (value - lowest) / (dot(u, u, over="model") + eps) * u


@rule(needs=("hessian_diagonal",))
def precondition(u, hessian_diagonal, *, floor: Positive = 1e-3):
    return u / maximum(hessian_diagonal, floor)


@rule
def ascend(u, *, rho: NonNegative = 0.05):
    """SAM: the gradient is taken at p + ρ g / ‖g‖."""
    return u


@ascend.query
def _ascended(p, g, rho):
    return p + rho * g / norm(g, over="model")


@rule(slots=(Slot("slow", init="p"),), last=True)
def slow_weights(u, p, slow, k, *, every: Count = 5, share: Unit = 0.5):
    """Lookahead (Zhang et al. 2019): every few updates p goes back to a point between where it was and is."""
    turn = (k - 1) / every
    ends = where(k - every * _floor(k, every) == 0, 1.0, 0.0)
    after = p - u
    moved = slow + share * (after - slow)
    del turn
    return where(ends > 0, p - moved, u), where(ends > 0, moved, slow)


def _floor(k, every):
    """⌊k / every⌋ without a floor: the quotient less its distance from one, by halves (k below 64)."""
    result = 0.0 * k
    for bit in (32, 16, 8, 4, 2, 1):
        result = where(k >= (result + bit) * every, result + bit, result)
    return result


@rule
def switch(u, k, *, first: Rule, second: Rule, after: Count = 3):
    """One rule up to an age, another after it."""
    return where(k <= after, first(u), second(u))


@rule
def grafted(u, *, size: Rule, direction: Rule):
    """The step size of one rule, the direction of another."""
    length, way = size(u), direction(u)
    return way * (norm(length) / norm(way))


@rule(slots=(Slot("d", like="model", init=1e-6), Slot("r", like="model"), Slot("s")))
def d_adaptation(u, s, d, r, k, *, growth: Positive = 1e9):
    """The shape of D-Adaptation (Defazio & Mishchenko 2023): an estimate of the distance, for the whole model."""
    r = r + d * d * dot(u, u, over="model")
    s = s + d * u
    size = norm(s, over="model")
    new = maximum(d, minimum_of(size * size - r, size, growth * d))
    return new * u / sqrt(r / (new * new)), new, r, s


def minimum_of(difference, size, cap):
    return where(difference > 0, where(difference / (2 * size) < cap, difference / (2 * size), cap), 0.0)


@rule(slots=(Slot("size", like="tensor", init=1.0),))
def normalize_tensor(u, size, *, beta: Unit = 0.9):
    """Each tensor by a running average of its own root mean square: one number a tensor."""
    size = beta * size + (1 - beta) * sqrt(mean(u * u))
    return u / size, size


@rule(slots=(Slot("before", init="first"), Slot("sum", init=2.5)))
def difference(u, before, sum):
    """Slots that begin at the first update and at a number."""
    return u - before + 0.0 * sum, u, sum + 1.0


def _rows(shape):
    return shape[:1]


def _columns(shape):
    return shape[1:]


def _square(shape):
    return (shape[0], shape[0])


@rule(slots=(Slot("r", like=_rows), Slot("c", like=_columns)), opaque=True)
def factored(u, r, c, *, beta: Unit = 0.9, eps: Positive = 1e-8):
    """Factored second moments, as Adafactor's: row and column means."""
    xp = namespace(u)
    square = u * u
    r = beta * r + (1 - beta) * xp.mean(square, axis=1)
    c = beta * c + (1 - beta) * xp.mean(square, axis=0)
    second = r[:, None] * c[None, :] / xp.mean(r)
    return u / (xp.sqrt(second) + eps), r, c


@rule(slots=(Slot("left", like=_square, init="eye"),), opaque=True)
def whiten(u, left, *, beta: Unit = 0.9):
    """A matrix slot that begins as the identity."""
    xp = namespace(u)
    left = beta * left + (1 - beta) * (u @ xp.matrix_transpose(u))
    return xp.linalg.solve(left, u), left


@rule
def noise(u, *, scale: NonNegative = 1.0, kind: Literal["normal", "uniform", "rademacher"] = "normal"):
    return u + scale * random(u, kind)


@rule(slots=("v",))
def optional_decay(u, p, v, *, share: Positive | None = None, mode: Literal["plus", "minus"] | None = None):
    """Arguments that may be left out."""
    u = u if share is None else u + share * p
    return (-u if mode == "minus" else u), v + u
