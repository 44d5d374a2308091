"""Methods with rules around them, by name: what they are, where they are tuned, and how they are pasted."""

from __future__ import annotations

import inspect

import pytest

from steepest import rules
from steepest.core.errors import FormulaError, InputError, InputTypeError, UnknownNameError
from steepest.formula import accumulate, chain
from steepest.lab.contestant import contestant
from steepest.lab.paste import code
from steepest.lab.wrapped import WRAPPERS, wrapped

SGD = rules.sgd(lr=0.1)
BY_HAND = {
    "centralize": chain(rules.centralize(), SGD),
    "agc": chain(rules.agc(), SGD),
    "clip-norm": chain(rules.clip_norm(max_norm=1.0), SGD),
    "clip-value": chain(rules.clip_value(max_value=1.0), SGD),
    "sharpness-aware": chain(rules.sharpness_aware(), SGD),
    "adaptive-sharpness-aware": chain(rules.adaptive_sharpness_aware(), SGD),
    "lookahead": chain(SGD, rules.lookahead()),
    "average": chain(SGD, rules.average()),
    "polyak-average": chain(SGD, rules.polyak_average()),
    "polynomial-average": chain(SGD, rules.polynomial_average()),
    "swa": chain(SGD, rules.swa()),
    "reduce-on-plateau": chain(SGD, rules.reduce_on_plateau()),
    "accumulate": accumulate(SGD, every=4),
}


@pytest.mark.parametrize("name", WRAPPERS)
def test_each_is_the_chain_that_one_would_write(name: str):
    assert wrapped(f"sgd+{name}")(lr=0.1) == BY_HAND[name].named(f"sgd_{name.replace('-', '_')}")


def test_every_rule_that_goes_around_a_method_has_a_name():
    """All formulas but scalings, momentum, learning rates, decay, and what a method is made of."""
    parts = ("scale_by_", "d_adapted_", "orthogonalize", "schedule_free", "decay", "relative_step", "clip_rms")
    inside = {"momentum", "average_momentum", "lookahead_momentum", "accelerated_momentum", "learning_rate",
              "proximal_learning_rate", "decaying_learning_rate", "muon", "switch"}  # fmt: skip
    methods = {method.__name__ for method in rules.METHODS.values()}
    others = {name for name in rules.__all__ if not name.startswith(parts)} - methods - inside - {"METHODS"}
    assert {name.replace("_", "-") for name in others} == WRAPPERS.keys()


@pytest.mark.parametrize("name", WRAPPERS)
def test_each_is_tuned_where_it_has_numbers(name: str):
    found = contestant(f"adam+{name}")
    plain = contestant("adam")
    own = found.space.dimensions[len(plain.space.dimensions) :]
    assert found.space.dimensions[: len(plain.space.dimensions)] == plain.space.dimensions
    assert found.default is not None and found.default.keys() == set(found.space.names)
    for dimension in own:
        assert 0 <= dimension.position(found.default[dimension.name]) <= 1
        low, high = ({**found.default, dimension.name: dimension.value(unit)} for unit in (0.1, 0.9))
        assert found.key(low, "constant", 5) != found.key(high, "constant", 5)
    schedule = found.make(found.space.setting([0.5] * 9), "cosine", 20)
    assert schedule.length == 20


def test_several_stand_one_around_another():
    made = wrapped("adamw+centralize+clip-norm+average")(lr=0.1, clip_norm_max_norm=0.5, average_beta=0.9)
    hand = chain(rules.clip_norm(max_norm=0.5), rules.centralize(), rules.adamw(lr=0.1), rules.average(beta=0.9))
    assert made == hand.named("adamw_centralize_clip_norm_average")
    assert contestant("adamw + average").name == "adamw + average"


def test_what_is_refused():
    with pytest.raises(UnknownNameError, match="unknown method 'adm'"):
        contestant("adm+average")
    with pytest.raises(UnknownNameError, match="did you mean lookahead"):
        contestant("adam+lookahed")
    with pytest.raises(InputError, match=r"must differ, got 'sgd\+average\+average'"):
        contestant("sgd+average+average")
    with pytest.raises(FormulaError, match="one rule may define the answer point"):
        wrapped("schedule-free-sgd+average")(lr=0.1)
    with pytest.raises((TypeError, InputTypeError)):
        wrapped("sgd+average")(lr=0.1, lookahead_alpha=0.5)


def test_what_is_pasted_runs():
    found = contestant("adamw+lookahead+clip-norm")
    setting = found.space.setting([0.5] * 9)
    text = code(found, setting, "cosine", 30, network=False, problem="bowl")
    assert 'wrapped("adamw+lookahead+clip-norm")' in text
    namespace: dict = {}
    exec(text, namespace)
    assert namespace["rule"] == found.make(setting, "cosine", 30)
    assert inspect.signature(wrapped("sgd+average")).parameters["average_beta"].default == 0.999
