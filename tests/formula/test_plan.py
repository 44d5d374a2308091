"""Plans: the passes and bytes of known rules, and on random small graphs the minimum that exhaustive search finds."""

from __future__ import annotations

import random
from typing import Any

import example_rules as examples
import pytest
from shortest_plan import cheaper, followed, leaves_of, random_graph

from steepest.engines.formats import Format, Storage
from steepest.formula import Graph, Rule, chain, norm, rule
from steepest.formula.plan import Plan, Unplannable, plan
from steepest.rules import (
    adam,
    adamw,
    average,
    clip_norm,
    heavy_ball,
    lamb,
    lars,
    learning_rate,
    lion,
    radam,
    rmsprop,
    scale_by_trust_ratio,
    sgd,
)

CLIP = clip_norm(max_norm=1.0)
CLIPPED_ADAMW = chain(CLIP, adamw(), average())
CLIPPED_LAMB = chain(CLIP, lamb(weight_decay=0.1))
LAMB, LARS = lamb(weight_decay=0.1), lars(lr=0.1, weight_decay=0.1)
ATOMIC, ZERO = {"atomic": True}, {"zero": True}


@pytest.mark.parametrize(
    ("made", "given", "passes", "moved"),
    [
        (sgd(lr=0.1), {}, 1, 12),  # g p → p
        (heavy_ball(lr=0.1), {}, 1, 20),  # g m p → m p
        (lion(), {}, 1, 20),
        (rmsprop(), {}, 1, 20),
        (adamw(), {}, 1, 28),  # g m v p → m v p
        (radam(), {}, 1, 28),
        (adam(amsgrad=True), {}, 1, 36),  # and one moment more
        (adamw(), ZERO, 1, 32),  # and g
        (adamw(), ATOMIC, 2, 32),  # g once more
        (adamw(), {**ATOMIC, **ZERO}, 2, 36),
        (chain(CLIP, adamw()), {}, 2, 32),
        (chain(CLIP, adamw()), ATOMIC, 2, 32),  # the norm is a check already
        (CLIPPED_ADAMW, {}, 2, 40),  # g | g m v p mean → m v p mean
        (CLIPPED_ADAMW, ZERO, 2, 44),
        (chain(CLIP, sgd(lr=0.1)), {}, 2, 16),
        (LAMB, {}, 2, 40),  # g m v p → m v | m v p → p
        (lamb(), {}, 2, 40),
        (LAMB, ATOMIC, 2, 44),  # g m v p | g m v p → m v p
        (LAMB, ZERO, 2, 44),
        (LARS, {}, 2, 28),  # g p | g p b → p b
        (CLIPPED_LAMB, {}, 3, 44),  # g | g m v p → m v | m v p → p
        (CLIPPED_LAMB, ATOMIC, 3, 44),
        (chain(scale_by_trust_ratio(), learning_rate(lr=0.1)), {}, 2, 20),
        (chain(examples.normalize_tensor(), learning_rate(lr=0.1)), {}, 2, 16),
        (chain(examples.d_adaptation(), learning_rate(lr=0.1)), {}, 2, 24),
    ],
)
def test_passes_and_bytes_of_known_rules(made: Rule, given: dict[str, bool], passes: int, moved: float) -> None:
    found = plan(made.graph(), **given)
    assert (len(found.passes), found.bytes) == (passes, moved)
    assert followed(found, zero=given.get("zero", False)) == moved
    assert found.temporaries == ()


def stored(made: Rule, storage: Storage, numbers: str, **given: Any) -> Plan:
    """The plan for large tensors of these numbers, kept so."""
    formats = storage.formats(made.slots(), numbers, small=False)
    sizes = {name: form.bytes for name, form in formats.items()}
    lossy = [name for name, form in formats.items() if form.lossy]
    found = plan(made.graph(), sizes=sizes, lossy=lossy, **given)
    assert followed(found, lossy=frozenset(lossy), zero=given.get("zero", False)) == found.bytes
    return found


BLOCKED = 1 + 4 / 256


@pytest.mark.parametrize(
    ("made", "storage", "numbers", "moved", "state"),
    [
        (adamw(), Storage(), "float64", 56, 16),
        (adamw(), Storage(), "bfloat16", 2 + 2 + 16 + 2, 8),
        (adamw(), Storage(rounding="stochastic"), "bfloat16", 2 + 2 + 16 + 2, 8),
        (adamw(), Storage(rounding="kahan"), "bfloat16", 2 + 4 + 16 + 4, 8),
        (adamw(), Storage("bfloat16"), "bfloat16", 2 + 2 + 8 + 2, 4),
        (adamw(), Storage("bfloat16"), "float32", 4 + 4 + 8 + 4, 4),
        (adamw(), Storage("8bit"), "float32", 4 + 4 + 4 * BLOCKED + 4, 2 * BLOCKED),
        (adamw(), Storage("8bit"), "bfloat16", 2 + 2 + 4 * BLOCKED + 2, 2 * BLOCKED),
        (CLIPPED_ADAMW, Storage("8bit"), "float32", 4 + 4 + 4 + 4 * BLOCKED + 8 + 4, 2 * BLOCKED + 4),
    ],
)
def test_bytes_by_how_arrays_are_kept(made: Rule, storage: Storage, numbers: str, moved: float, state: float) -> None:
    found = stored(made, storage, numbers)
    assert found.bytes == pytest.approx(moved, rel=1e-15)
    assert found.state_bytes == pytest.approx(state, rel=1e-15)


def test_rounded_moments_are_not_read_in_place_of_what_was_computed() -> None:
    """LAMB's second pass must compute from the moments before rounding: so they are written last."""
    exact, rounded = plan(LAMB.graph()), stored(LAMB, Storage("8bit"), "float32")
    assert [sorted(step.stores) for step in exact.passes] == [["slot:scale_by_adam.m", "slot:scale_by_adam.v"], ["p"]]
    assert [len(step.stores) for step in rounded.passes] == [0, 3]
    assert rounded.bytes == 4 + 2 * BLOCKED + 4 + (4 + 2 * BLOCKED + 4) + (2 * BLOCKED + 4)


def test_formats_have_the_bytes_of_their_planes() -> None:
    width = {"float32": 4, "float64": 8, "uint16": 2, "uint8": 1}
    for kind in ("float32", "float64", "bfloat16", "stochastic", "kahan"):
        form = Format(kind)  # type: ignore[arg-type]
        assert form.bytes == sum(width[plane] for plane in form.planes)
    for kind in ("signed8", "unsigned8"):
        assert Format(kind).bytes == 1 + 4 / 256 and Format(kind).planes == ("uint8", "float32")  # type: ignore[arg-type]


# What may live between passes.


@rule(slots=("a", "b", "c"))
def dear(u, a, b, c):
    """x takes four arrays to make: storing it once spares three of them in the second pass."""
    x = u * a + b * c
    return norm(x) * x, a, b, c


@rule(slots=("a",))
def cheap(u, a):
    """x takes two: recomputing it moves as much as storing it, and a temporary takes memory besides."""
    x = u * a
    return norm(x) * x, a


@rule(slots=("a", "b", "c"))
def kept(u, a, b, c):
    """x is the new c anyway: the second pass reads it there."""
    x = u * a + b * c
    return norm(x) * x, a, b, x


@rule(slots=("a", "b", "c", "d"))
def rounded_copy(u, a, b, c, d):
    """x is the new d, which is rounded: to have it exactly in the second pass takes a temporary."""
    x = u * a + b * c
    return norm(x) * x, a, b, c, x


@rule(slots=("a", "b", "c"))
def old_and_new(u, a, b, c):
    """x is the new b, but the old b is needed together with the norm: x waits in a temporary."""
    x = u * a * c + b
    return norm(x) * x * b, a, x, c


def test_a_temporary_where_it_spares_bytes() -> None:
    found = plan(dear().graph())
    assert followed(found) == found.bytes == 16 + 4 + (4 + 4) + 4
    assert found.temporaries == ("temporary:0",)
    assert [sorted(step.stores) for step in found.passes] == [["temporary:0"], ["p"]]
    assert [sorted(step.loads) for step in found.passes][1] == ["p", "temporary:0"]


def test_no_temporary_where_recomputing_moves_as_much_or_the_value_is_kept_anyway() -> None:
    assert (plan(cheap().graph()).bytes, plan(cheap().graph()).temporaries) == (8 + (12 + 4), ())
    assert (plan(kept().graph()).bytes, plan(kept().graph()).temporaries) == (16 + 4 + (8 + 4), ())


def test_a_temporary_is_dearer_where_it_is_wider() -> None:
    sizes = {"u": 2.0, "p": 2.0, "slot:dear.a": 2.0, "slot:dear.b": 2.0, "slot:dear.c": 2.0, "temporary": 4.0}
    found = plan(dear().graph(), sizes=sizes)
    assert (found.bytes, found.temporaries) == (8 + (10 + 2), ())


def test_a_value_that_an_array_keeps_rounded_or_takes_too_late_may_wait_in_a_temporary() -> None:
    found = plan(old_and_new().graph())
    assert followed(found) == found.bytes == 16 + 4 + (4 + 8 + 8)
    found = plan(rounded_copy().graph(), lossy=["slot:rounded_copy.d"])
    assert followed(found, lossy=frozenset({"slot:rounded_copy.d"})) == found.bytes == 16 + 4 + 4 + (8 + 4)


# Exhaustive search on small graphs.


def check(graph: Graph, sizes: dict[str, float], lossy: frozenset[str], **given: Any) -> Plan:
    """The plan can be followed, and search finds none of fewer passes or bytes."""
    found = plan(graph, sizes=sizes, lossy=lossy, **given)
    assert followed(found, lossy=lossy, zero=given.get("zero", False)) == found.bytes

    def size(name: str) -> float:
        return sizes.get("temporary" if name.startswith("spare:") else name, 4.0)

    passes = len(found.passes)
    assert passes == 1 or cheaper(graph, passes - 1, 1e9, size, lossy=lossy, spare=0, **given) is None
    if passes <= 3:
        assert cheaper(graph, passes, found.bytes, size, lossy=lossy, **given) is None
    return found


@pytest.mark.parametrize("given", [{}, ATOMIC, ZERO, {**ATOMIC, **ZERO}], ids=str)
def test_no_plan_moves_less(given: dict[str, bool]) -> None:
    found = [check(random_graph(seed, 2, 4), {}, frozenset(), **given) for seed in range(30 if given else 60)]
    assert {len(each.passes) for each in found} >= ({2, 3} if given.get("atomic") else {1, 2, 3})
    assert any(each.temporaries for each in found) or given.get("atomic")


def test_no_plan_moves_less_where_arrays_are_rounded_or_of_differing_width() -> None:
    for seed in range(100):
        graph, rng = random_graph(seed, 2, 4), random.Random(seed)
        arrays = sorted(leaves_of(graph))
        lossy = frozenset(name for name in arrays if name != "u" and rng.random() < 0.5)
        sizes = {name: rng.choice([2.0, 4.0]) if name in lossy else 4.0 for name in arrays}
        check(graph, sizes, lossy, atomic=rng.random() < 0.3, zero=rng.random() < 0.3)


def test_search_finds_what_a_plan_would_have_missed() -> None:
    """The search itself: it knows the best plans of rules whose plans are written above, and what is not enough."""
    for made, best in ((dear(), 32), (cheap(), 24), (kept(), 32), (chain(scale_by_trust_ratio(), sgd(lr=1.0)), 20)):
        assert cheaper(made.graph(), 2, best + 0.5, lambda name: 4.0) == best
        assert cheaper(made.graph(), 2, best, lambda name: 4.0) is None
        assert cheaper(made.graph(), 1, 1e9, lambda name: 4.0) is None


def test_following_a_plan_catches_a_wrong_one() -> None:
    good = plan(LAMB.graph())
    first, second = good.passes
    for passes in [(second, first), (first, first), (first,), (second,), (first, second, second)]:
        with pytest.raises(AssertionError):
            followed(Plan(good.graph, passes, good.sizes, good.bytes))


def test_the_graph_decides_not_the_numbers() -> None:
    one, other = plan(adamw(lr=0.1, beta1=0.5).graph()), plan(adamw(lr=0.3, eps=1e-3).graph())
    assert (one.bytes, one.arrays) == (other.bytes, other.arrays)
    assert one.graph.text == other.graph.text


def test_a_formula_on_whole_arrays_cannot_be_planned() -> None:
    with pytest.raises(Unplannable, match="plan: factored computes with whole arrays"):
        plan(chain(examples.factored(), learning_rate(lr=0.1)).graph())
