"""The drop-in classes against `torch.optim`: the same bits of arithmetic, the same groups, the same state dicts."""

from __future__ import annotations

import inspect
import io
from collections.abc import Callable
from contextlib import redirect_stdout
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np
import pytest
import torch
from rule_checks import run_optax
from rule_field import assert_alike, field, in_torch

import steepest.torch as ours
from steepest.core.errors import HyperparameterError, InputError, InputTypeError
from steepest.formula import chain
from steepest.schedules import cosine

Build = Callable[..., torch.optim.Optimizer]


def run(build: Build, steps: int = 30, dtype: str = "float64", seed: int = 11) -> dict[str, np.ndarray]:
    """Where an optimizer ends, parameters exchanged by what PyTorch's users do."""
    params, optimizer = start(build, dtype, seed)
    world = field(seed, steps)
    for k in range(steps):
        advance(optimizer, params, world.at(k, values(params)))
    return values(params)


def start(build: Build, dtype: str = "float64", seed: int = 11) -> tuple[dict[str, Any], torch.optim.Optimizer]:
    params = {name: torch.nn.Parameter(in_torch(dtype)(p)) for name, p in field(seed, 1).start.items()}
    return params, build(list(params.items()))


def advance(optimizer: torch.optim.Optimizer, params: dict[str, Any], grads: dict[str, np.ndarray]) -> None:
    optimizer.zero_grad()
    for name, p in params.items():
        p.grad = torch.tensor(grads[name], dtype=p.dtype)
    optimizer.step()


def values(params: dict[str, Any]) -> dict[str, np.ndarray]:
    return {name: p.detach().numpy().copy() for name, p in params.items()}


PAIRS: dict[str, tuple[str, dict[str, Any]]] = {
    "sgd": ("SGD", {"lr": 0.05}),
    "sgd-decay": ("SGD", {"lr": 0.05, "weight_decay": 0.2}),
    "sgd-momentum": ("SGD", {"lr": 0.05, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1}),
    "sgd-nesterov": ("SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True}),
    "sgd-maximize": ("SGD", {"lr": 0.01, "momentum": 0.5, "weight_decay": 0.1, "maximize": True}),
    "adam": ("Adam", {}),
    "adam-settings": ("Adam", {"lr": 0.05, "betas": (0.7, 0.8), "eps": 1e-3, "weight_decay": 0.1}),
    "adam-amsgrad": ("Adam", {"lr": 0.05, "betas": (0.9, 0.5), "amsgrad": True}),
    "adam-maximize": ("Adam", {"lr": 0.05, "maximize": True}),
    "adamw": ("AdamW", {}),
    "adamw-settings": ("AdamW", {"lr": 0.05, "betas": (0.7, 0.8), "eps": 1e-3, "weight_decay": 0.3}),
    "adamw-amsgrad": ("AdamW", {"lr": 0.05, "betas": (0.9, 0.5), "amsgrad": True, "maximize": True}),
    "adagrad": ("Adagrad", {}),
    "adagrad-settings": ("Adagrad", {"lr": 0.1, "weight_decay": 0.1, "initial_accumulator_value": 0.2, "eps": 1e-3}),
    "radam": ("RAdam", {}),
    "radam-settings": ("RAdam", {"lr": 0.05, "betas": (0.7, 0.8), "eps": 1e-3, "weight_decay": 0.1}),
    "radam-maximize": ("RAdam", {"lr": 0.05, "maximize": True}),
    "rmsprop": ("RMSprop", {}),
    "rmsprop-settings": ("RMSprop", {"lr": 0.02, "alpha": 0.9, "eps": 1e-3, "weight_decay": 0.1, "momentum": 0.6}),
    "rmsprop-centered": ("RMSprop", {"lr": 0.02, "centered": True, "momentum": 0.3}),
}
each_pair = pytest.mark.parametrize("pair", PAIRS)


def builds(pair: str) -> tuple[Build, Build]:
    name, settings = PAIRS[pair]
    return (
        lambda params: getattr(ours, name)(params, **settings),
        lambda params: getattr(torch.optim, name)(params, **settings),
    )


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-13), ("float32", 2e-6)])
@each_pair
def test_equals_torch_optim(pair: str, dtype: str, tolerance: float) -> None:
    mine, theirs = builds(pair)
    assert_alike(run(mine, dtype=dtype), run(theirs, dtype=dtype), rtol=tolerance, atol=tolerance)


def test_lion_equals_optax() -> None:
    import optax

    mine = run(lambda params: ours.Lion(params, lr=0.02, betas=(0.8, 0.9), weight_decay=0.1))
    world = field(11, 30)
    theirs = run_optax(lambda: optax.lion(0.02, 0.8, 0.9, weight_decay=0.1), world, "float64")
    assert_alike(mine, theirs, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-13), ("float32", 2e-6)])
def test_decoupled_decay_is_torchs_flag(dtype: str, tolerance: float) -> None:
    settings: dict[str, Any] = {"lr": 0.05, "weight_decay": 0.2}
    mine = run(lambda params: ours.RAdam(params, **settings, decay="lr"), dtype=dtype)
    theirs = run(lambda params: torch.optim.RAdam(params, **settings, decoupled_weight_decay=True), dtype=dtype)
    assert_alike(mine, theirs, rtol=tolerance, atol=tolerance)


def theirs_adabelief(params: Any, **settings: Any) -> torch.optim.Optimizer:
    import adabelief_pytorch

    with redirect_stdout(io.StringIO()):  # it greets its user
        return adabelief_pytorch.AdaBelief([p for _, p in params], print_change_log=False, **settings)


@pytest.mark.parametrize("rectify", [False, True])
def test_adabelief_equals_its_authors(rectify: bool) -> None:
    settings: dict[str, Any] = {"lr": 0.05, "betas": (0.7, 0.8), "eps": 1e-3, "weight_decay": 0.1, "rectify": rectify}
    mine = run(lambda params: ours.AdaBelief(params, **settings))
    assert_alike(mine, run(lambda params: theirs_adabelief(params, **settings)), rtol=1e-12, atol=1e-13)


def test_adabelief_begins_as_its_authors_do() -> None:
    """The defaults, but for rectify."""
    assert_alike(run(ours.AdaBelief), run(lambda p: theirs_adabelief(p, rectify=False)), rtol=1e-12, atol=1e-13)


def test_lamb_equals_optax() -> None:
    import optax

    mine = run(lambda params: ours.LAMB(params, lr=0.02, betas=(0.8, 0.9), eps=1e-3, weight_decay=0.1))
    theirs = run_optax(lambda: optax.lamb(0.02, 0.8, 0.9, 1e-3, weight_decay=0.1), field(11, 30), "float64")
    assert_alike(mine, theirs, rtol=1e-12, atol=1e-13)


def test_lars_equals_pytorch_optimizer() -> None:
    """For a constant learning rate, inside the buffer is as outside."""
    import pytorch_optimizer

    settings: dict[str, Any] = {"lr": 0.5, "momentum": 0.8, "weight_decay": 0.1, "trust_coefficient": 0.01}
    for nesterov in (False, True):
        mine = run(lambda params, n=nesterov: ours.LARS(params, **settings, nesterov=n, exempt="vectors"))
        theirs = run(lambda params, n=nesterov: pytorch_optimizer.LARS([p for _, p in params], **settings, nesterov=n))
        assert_alike(mine, theirs, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", ["LAMB", "LARS"])
@pytest.mark.parametrize("decay", ["l2", "lr", "independent"])
def test_classes_with_a_trust_ratio_are_their_rules(name: str, decay: str) -> None:
    from steepest import rules

    for weight_decay in (0.0, 0.1):
        settings: dict[str, Any] = {"weight_decay": weight_decay, "decay": decay, "exempt": "vectors"}
        mine = run(lambda params, s=settings: getattr(ours, name)(params, lr=0.1, clip=0.5, average=0.5, **s))
        made = chain(
            rules.clip_norm(max_norm=0.5), getattr(rules, name.lower())(lr=0.1, **settings), rules.average(beta=0.5)
        )
        assert_alike(mine, run(lambda params, r=made: ours.Optimizer(params, r)), rtol=1e-15, atol=0)


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "Adagrad", "RAdam", "RMSprop"])
def test_arguments_and_defaults_are_torchs(name: str) -> None:
    mine = inspect.signature(getattr(ours, name)).parameters
    theirs = inspect.signature(getattr(torch.optim, name)).parameters
    shared = [key for key in mine if key in theirs]
    for key in shared:
        assert mine[key].default == theirs[key].default, key
    missing = {key for key, p in theirs.items() if key not in mine}
    assert missing <= {"lr_decay", "foreach", "capturable", "differentiable", "fused", "decoupled_weight_decay"}
    positional = [key for key, p in mine.items() if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert positional[:2] == ["params", "lr"]


@each_pair
def test_state_dicts_go_both_ways(pair: str) -> None:
    """Each class continues the other's run: state, clock and groups in PyTorch's layout."""
    mine, theirs = builds(pair)
    world = field(11, 20)
    whole = run(theirs, steps=20)
    for first, second in ((theirs, mine), (mine, theirs)):
        params, optimizer = start(first)
        for k in range(10):
            advance(optimizer, params, world.at(k, values(params)))
        packed = optimizer.state_dict()
        again = {name: torch.nn.Parameter(p.detach().clone()) for name, p in params.items()}
        other = second(list(again.items()))
        other.load_state_dict(packed)
        for k in range(10, 20):
            advance(other, again, world.at(k, values(again)))
        assert_alike(values(again), whole, rtol=1e-12, atol=1e-13)


@each_pair
def test_a_class_loads_its_own_state_dict_to_the_bit(pair: str) -> None:
    mine, _ = builds(pair)
    world, whole = field(11, 20), run(mine, steps=20)
    params, optimizer = start(mine)
    for k in range(10):
        advance(optimizer, params, world.at(k, values(params)))
    packed = optimizer.state_dict()
    advance(optimizer, {n: torch.nn.Parameter(p.detach().clone()) for n, p in params.items()}, world.noise[0])
    again = {name: torch.nn.Parameter(p.detach().clone()) for name, p in params.items()}
    other = mine(list(again.items()))
    other.load_state_dict(packed)
    assert other.clock == 10  # type: ignore[attr-defined]
    for k in range(10, 20):
        advance(other, again, world.at(k, values(again)))
    assert_alike(values(again), whole, rtol=0, atol=0)


CHANGES: dict[str, dict[str, tuple[dict[str, Any], dict[str, Any]]]] = {
    "SGD": {
        "lr": ({}, {"lr": 0.02}),
        "momentum": ({}, {"momentum": 0.5}),
        "dampening": ({"momentum": 0.9}, {"dampening": 0.5}),
        "nesterov": ({"momentum": 0.9}, {"nesterov": True}),
    },
    "Adagrad": {
        "lr": ({}, {"lr": 0.02}),
        "initial_accumulator_value": ({}, {"initial_accumulator_value": 0.1}),
        "eps": ({}, {"eps": 1e-2}),
    },
    "RMSprop": {
        "lr": ({}, {"lr": 0.02}),
        "alpha": ({}, {"alpha": 0.5}),
        "eps": ({}, {"eps": 1e-2}),
        "momentum": ({}, {"momentum": 0.5}),
        "centered": ({}, {"centered": True}),
    },
    "Adam": {
        "lr": ({}, {"lr": 0.02}),
        "betas": ({}, {"betas": (0.5, 0.999)}),
        "betas, second": ({}, {"betas": (0.9, 0.9)}),
        "eps": ({}, {"eps": 1e-2}),
        "amsgrad": ({"betas": (0.9, 0.5)}, {"amsgrad": True}),
    },
    "RAdam": {
        "lr": ({}, {"lr": 0.02}),
        "betas": ({}, {"betas": (0.5, 0.999)}),
        "betas, second": ({}, {"betas": (0.9, 0.9)}),
        "eps": ({}, {"eps": 1e-2}),
    },
    "AdaBelief": {
        "lr": ({}, {"lr": 0.02}),
        "betas": ({}, {"betas": (0.5, 0.999)}),
        "betas, second": ({}, {"betas": (0.9, 0.9)}),
        "eps": ({}, {"eps": 1e-2}),
        "rectify": ({}, {"rectify": True}),
    },
    "LAMB": {
        "lr": ({}, {"lr": 0.02}),
        "betas": ({}, {"betas": (0.5, 0.999)}),
        "betas, second": ({}, {"betas": (0.9, 0.9)}),
        "eps": ({}, {"eps": 1e-2}),
        "bias_correction": ({"weight_decay": 0.1}, {"bias_correction": False}),
    },
    "LARS": {
        "lr": ({}, {"lr": 0.02}),
        "momentum": ({}, {"momentum": 0.5}),
        "trust_coefficient": ({}, {"trust_coefficient": 0.1}),
        "nesterov": ({}, {"nesterov": True}),
    },
    "Lion": {
        "lr": ({}, {"lr": 0.02}),
        "betas": ({}, {"betas": (0.3, 0.99)}),
        "betas, second": ({}, {"betas": (0.9, 0.5)}),
    },
}
CHANGES["AdamW"] = CHANGES["Adam"]
EXECUTION = {"moments", "rounding", "zero_gradients", "engine"}
"""Arguments of how a step is kept and executed, which have a test of their own."""
DECOUPLED = {"AdamW", "Lion"}


def common(name: str) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    return {
        "weight_decay": ({}, {"weight_decay": 0.2}),
        "decay": ({"weight_decay": 0.1}, {"decay": "independent"}),
        "exempt": ({"weight_decay": 0.1}, {"exempt": "vectors"}),
        "maximize": ({}, {"maximize": True}),
        # LARS without decay undoes every scale of the gradient.
        "clip": ({"weight_decay": 0.1} if name == "LARS" else {}, {"clip": 0.5}),
        "average": ({}, {"average": 0.5}),
        "nonfinite": ({}, {"nonfinite": "skip"}),
    }


ALL_CHANGES = [(name, key, *changed) for name in CHANGES for key, changed in {**CHANGES[name], **common(name)}.items()]


def test_every_argument_of_every_class_is_tried() -> None:
    classes = {name for name in ours.__all__ if isinstance(getattr(ours, name), type)}
    drop_ins = {name for name in classes if issubclass(getattr(ours, name), ours.Optimizer)}
    assert sorted(CHANGES) == sorted(drop_ins - {"Optimizer", "Muon", "MuonAdamW"})
    for name in CHANGES:
        declared = set(inspect.signature(getattr(ours, name)).parameters) - {"params"}
        assert {key.split(",")[0] for key in (CHANGES[name] | common(name))} == declared - EXECUTION


@pytest.mark.parametrize("name", CHANGES)
def test_every_class_says_how_it_is_kept_and_executed(name: str) -> None:
    made = getattr(ours, name)

    def stepped(dtype: torch.dtype = torch.float32, **settings: Any) -> tuple[torch.Tensor, Any]:
        p = torch.nn.Parameter(torch.linspace(-1, 1, 5_000, dtype=dtype).reshape(50, 100))
        optimizer = made([p], lr=0.05, **({"momentum": 0.9} if name == "SGD" else {}), **settings)
        for k in range(2):
            p.grad = torch.cos(torch.arange(5_000.0) + k).to(dtype).reshape(50, 100)
            optimizer.step()
        return p, optimizer

    _, eager = stepped(engine="eager")
    assert eager._running.engine.name == "eager"
    p, optimizer = stepped(zero_gradients=True)
    assert optimizer._running.engine.name == "cpu"
    assert not p.grad.any()
    for moments, dtype in (("bfloat16", torch.bfloat16), ("8bit", torch.uint8)):
        p, optimizer = stepped(moments=moments)
        kept = {value.dtype for key, value in optimizer.state[p].items() if key != "step"} - {torch.float32}
        assert kept == {dtype}
    nearest, _ = stepped(torch.bfloat16)
    stochastic, _ = stepped(torch.bfloat16, rounding="stochastic")
    assert not torch.equal(nearest, stochastic)


@pytest.mark.parametrize(("name", "key", "given", "changed"), ALL_CHANGES, ids=[f"{n}.{k}" for n, k, *_ in ALL_CHANGES])
def test_every_argument_changes_the_run(name: str, key: str, given: dict, changed: dict) -> None:
    settings = {"lr": 0.05, **given}

    def end(settings: dict[str, Any]) -> dict[str, np.ndarray]:
        params, optimizer = start(lambda p: getattr(ours, name)(p, **settings))
        world = field(11, 40)
        for k in range(40):
            grads = world.at(k, values(params))
            if key == "nonfinite" and k == 20:
                grads["bias"] = np.full(4, np.nan)
            advance(optimizer, params, grads)
        optimizer.eval()  # type: ignore[attr-defined]
        return values(params)

    one, other, begin = end(settings), end({**settings, **changed}), field(11, 1).start
    went = max(np.max(np.abs(one[n] - begin[n])) for n in begin if n != "bias")
    apart = max(float(np.max(np.nan_to_num(np.abs(one[n] - other[n]), nan=1e3))) for n in begin)
    assert apart > 1e-6 * went


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda p: ours.Adam(p, betas=(1.0, 0.999)), r"betas.*must be in \[0, 1\), got 1.0"),
        (lambda p: ours.SGD(p, momentum=1.0), r"momentum must be in \[0, 1\), got 1.0"),
        (lambda p: ours.RMSprop(p, alpha=1.0), r"alpha must be in \[0, 1\), got 1.0"),
        (lambda p: ours.Adam(p, lr=0.0), r"lr must be in \(0, inf\), got 0.0"),
        (lambda p: ours.Adam(p, clip=-1.0), r"clip.*must be in \(0, inf\), got -1.0"),
        (lambda p: ours.Adagrad(p, initial_accumulator_value=-1.0), r"initial_accumulator_value must be in \[0, inf\)"),
    ],
)
def test_out_of_range_names_the_argument_that_was_given(build: Build, message: str) -> None:
    with pytest.raises(HyperparameterError, match=message):
        start(build)


def test_arguments_that_do_not_fit() -> None:
    with pytest.raises(InputError, match="SGD: nesterov needs momentum"):
        start(lambda p: ours.SGD(p, nesterov=True))
    with pytest.raises(InputTypeError, match="betas must be a pair"):
        start(lambda p: ours.Adam(p, betas=(0.9,)))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="decay must be"):
        start(lambda p: ours.Adam(p, decay="late"))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="nonfinite must be 'apply', 'skip' or 'raise', got 'ignore'"):
        start(lambda p: ours.Adam(p, nonfinite="ignore"))  # type: ignore[arg-type]


def test_every_number_may_be_a_schedule() -> None:
    for name in CHANGES:
        hints = get_type_hints(getattr(ours, name).__init__)
        for key in CHANGES[name]:
            hint = hints[key.split(",")[0]]
            if hint is bool or "," in key:
                continue
            is_pair = get_origin(hint) is tuple
            schedule = cosine(0.05, steps=40, final=0.04)
            given = (schedule, schedule) if is_pair else schedule
            settings: dict[str, Any] = {key: given}
            if key == "dampening":
                settings["momentum"] = 0.9
            params, optimizer = start(lambda p, n=name, s=settings: getattr(ours, n)(p, **s))
            mirrored = optimizer.param_groups[0][key]
            assert mirrored == ((0.05, 0.05) if is_pair else 0.05), (name, key)
            advance(optimizer, params, field(1, 1).noise[0])
            after = optimizer.param_groups[0][key]
            assert (after[0] if is_pair else after) == schedule(1)
    assert get_args(hints["betas"])
