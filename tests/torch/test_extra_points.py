"""Rules that ask for more, on a network: curvature, train and eval points, two gradients, micro-batches."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rule_field import assert_alike
from torch_network import closure_of, network, same, weights

from steepest.core.errors import InputError, InputTypeError
from steepest.engines.hutchinson import signs_at
from steepest.formula import accumulate, chain
from steepest.problems.hessian_vector import hessian_vector
from steepest.rules import (
    adahessian,
    adam,
    adamw,
    polyak_step,
    prodigy,
    sam,
    schedule_free_adamw,
    schedule_free_sgd,
    sgd,
    sharpness_aware,
    sophia,
)
from steepest.torch import Optimizer, gauss_newton_bartlett

X = torch.linspace(-1, 1, 12, dtype=torch.float64).reshape(6, 2)


def smooth() -> torch.nn.Sequential:
    """A small network with curvature everywhere."""
    torch.manual_seed(3)
    return torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1)).double()


def loss_of(model: torch.nn.Module) -> torch.Tensor:
    return ((model(X) - torch.sin(2 * X.sum(dim=1, keepdim=True))) ** 2).mean()


def hessian(model: torch.nn.Module) -> tuple[list[str], np.ndarray]:
    """The whole Hessian, over all parameters in a row."""
    names = [name for name, _ in model.named_parameters()]
    shapes = [p.shape for p in model.parameters()]
    sizes = [p.numel() for p in model.parameters()]

    def of(flat: torch.Tensor) -> torch.Tensor:
        parts = [part.reshape(shape) for part, shape in zip(flat.split(sizes), shapes, strict=True)]
        return loss_of(lambda x: torch.func.functional_call(model, dict(zip(names, parts, strict=True)), (x,)))  # type: ignore[arg-type]

    start = torch.cat([p.detach().ravel() for p in model.parameters()])
    return names, torch.autograd.functional.hessian(of, start).numpy()


def flat(arrays: dict[str, Any]) -> np.ndarray:
    return np.concatenate([a.detach().numpy().ravel() for a in arrays.values()])


def test_products_are_those_of_the_whole_hessian() -> None:
    model = smooth()
    names, whole = hessian(model)
    rng = np.random.default_rng(0)
    vectors = {name: torch.tensor(rng.normal(size=p.shape)) for name, p in model.named_parameters()}
    found = hessian_vector(loss_of(model), dict(model.named_parameters()), vectors)
    assert list(found) == names
    np.testing.assert_allclose(flat(found), whole @ flat(vectors), rtol=1e-9, atol=1e-12)


def by_hand(rule: Any, steps: int, every: int) -> torch.nn.Module:
    """The pure interface, with z ∘ (H z) from the whole Hessian at every so many-th step."""
    model = smooth()
    params: Any = dict(model.named_parameters())
    state = rule.init({name: p.detach() for name, p in params.items()})
    for step in range(steps):
        model.zero_grad()
        loss_of(model).backward()
        z = signs_at({name: p.detach() for name, p in params.items()}, seed=0, clock=step)
        product = torch.tensor(hessian(model)[1] @ flat(z)) if step % every == 0 else torch.full((13,), torch.nan)
        parts = product.split([p.numel() for p in params.values()])
        diagonal = {n: z[n] * part.reshape(params[n].shape) for n, part in zip(params, parts, strict=True)}
        grads = {name: p.grad for name, p in params.items()}
        with torch.no_grad():
            after, state, _ = rule.update(params, grads, state, hessian_diagonal=diagonal)
            for name, p in params.items():
                p.copy_(after[name])
    return model


def estimated(model: Any, optimizer: Any) -> None:
    loss = loss_of(model)
    optimizer.estimate_hessian(loss)
    loss.backward()
    optimizer.step()


def from_graph(model: Any, optimizer: Any) -> None:
    loss_of(model).backward(create_graph=optimizer.asks_hessian)
    optimizer.step()


def from_closure(model: Any, optimizer: Any) -> None:
    def closure() -> Any:
        optimizer.zero_grad()
        loss = loss_of(model)
        loss.backward(create_graph=True)
        return loss

    optimizer.step(closure)


@pytest.mark.parametrize("engine", ["eager", "cpu"])
@pytest.mark.parametrize("way", [estimated, from_graph, from_closure])
@pytest.mark.parametrize(
    ("rule", "every"), [(adahessian(lr=0.05, eps=1e-2, every=2), 2), (sophia(lr=0.01, every=3, gamma=1.0), 3)]
)
@pytest.mark.filterwarnings("ignore:Using backward\\(\\) with create_graph=True:UserWarning")
def test_three_ways_to_the_diagonal(rule: Any, every: int, way: Any, engine: Any) -> None:
    model = smooth()
    optimizer = Optimizer(model.named_parameters(), rule, engine=engine)
    for step in range(6):
        optimizer.zero_grad()
        assert optimizer.asks_hessian is (step % every == 0)
        way(model, optimizer)
    same(model, by_hand(rule, 6, every), 1e-9)


def test_a_diagonal_that_is_given() -> None:
    """By name or in order; Gauss–Newton–Bartlett is B times the squared mean gradient."""
    models = [smooth(), smooth()]
    for i, model in enumerate(models):
        optimizer = Optimizer(model.named_parameters(), sophia(lr=0.01, every=1, gamma=1.0))
        for _ in range(3):
            optimizer.zero_grad()
            diagonal = gauss_newton_bartlett(loss_of(model), model.named_parameters(), samples=6)
            loss_of(model).backward()
            for name, p in model.named_parameters():
                assert p.grad is not None
                torch.testing.assert_close(diagonal[name], 6 * p.grad**2, rtol=1e-12, atol=0)
            optimizer.step(hessian_diagonal=diagonal if i else diagonal.values())
    same(models[0], models[1])


def test_what_is_missing_or_too_much_is_said() -> None:
    model = smooth()
    optimizer = Optimizer(model.named_parameters(), adahessian(lr=0.1))
    loss_of(model).backward()
    before = weights(model)
    with pytest.raises(InputTypeError, match=r"reads the Hessian's diagonal at this step; call optimizer.estimate"):
        optimizer.step()
    with pytest.raises(InputError, match="one tensor for each of 4 parameters, got 1"):
        optimizer.step(hessian_diagonal=[torch.ones(3, 2)])
    with pytest.raises(InputTypeError, match="sgd does not need hessian_diagonal"):
        Optimizer(smooth().named_parameters(), sgd(lr=0.1)).step(hessian_diagonal={})
    with pytest.raises(InputTypeError, match="needs the value"):
        Optimizer(smooth().parameters(), polyak_step()).step()
    assert_alike(weights(model), before, rtol=0, atol=0)
    assert optimizer.clock == 0


@pytest.mark.parametrize("name", ["SGDScheduleFree", "AdamWScheduleFree"])
def test_schedule_free_trains_at_y_and_answers_x(name: str, tmp_path: Path) -> None:
    """In both modes the parameters are those of the package, also after a save, and a copy, in evaluation mode."""
    import schedulefree

    held, other = network(), network()
    rule = schedule_free_sgd(lr=0.1) if name == "SGDScheduleFree" else schedule_free_adamw(lr=0.02, weight_decay=0.1)
    settings = {"lr": 0.1} if name == "SGDScheduleFree" else {"lr": 0.02, "weight_decay": 0.1}
    mine = Optimizer(held.named_parameters(), rule)
    theirs = getattr(schedulefree, name)(other.parameters(), **settings)
    assert mine.param_groups[0]["lr"] == settings["lr"]
    for _ in range(3):
        theirs.train()
        mine.train()
        for _ in range(4):
            mine.step(closure_of(held, mine))
            theirs.step(closure_of(other, theirs))
        same(held, other, 1e-12)
        theirs.eval()
        mine.eval()
        same(held, other, 1e-12)
        with pytest.raises(InputError, match="the parameters hold the answer point"):
            mine.step(closure_of(held, mine))
        held, mine = pickle.loads(pickle.dumps((held, mine)))
        mine.save(str(tmp_path / "state"))


def test_sam_by_a_closure() -> None:
    """As its paper has it, with AdamW; and the look of what is left: p, and a closure called twice a step."""
    model, other = network(), network()
    optimizer = Optimizer(model.parameters(), chain(sharpness_aware(rho=0.2), adamw(lr=0.05)))
    base = torch.optim.AdamW(other.parameters(), lr=0.05)
    for _ in range(5):
        calls = []

        def closure(calls: list[int] = calls) -> Any:
            calls.append(1)
            return closure_of(model, optimizer)()

        optimizer.step(closure)
        assert len(calls) == 2
        closure_of(other, base)()
        with torch.no_grad():
            kept = [p.clone() for p in other.parameters()]
            length = torch.sqrt(sum((p.grad**2).sum() for p in other.parameters()))  # type: ignore[arg-type,operator]
            for p in other.parameters():
                p.add_(0.2 / length * p.grad)
        closure_of(other, base)()
        with torch.no_grad():
            for p, before in zip(other.parameters(), kept, strict=True):
                p.copy_(before)
        base.step()
    same(model, other, 1e-10)
    with pytest.raises(InputTypeError, match="takes a second gradient and needs a closure"):
        Optimizer(network().parameters(), sam(lr=0.1)).step()


def test_polyak_by_a_loss_or_a_closure() -> None:
    models = [network(), network()]
    for i, model in enumerate(models):
        optimizer = Optimizer(model.parameters(), polyak_step(max_step=0.5))
        for _ in range(4):
            if i:
                optimizer.step(closure_of(model, optimizer))
            else:
                loss = closure_of(model, optimizer)()
                optimizer.step(loss=loss)
    same(*models)


def batches(step: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(step)
    return list(torch.randn(3, 4, 2, generator=generator, dtype=torch.float64))


def test_micro_batches_are_not_steps(tmp_path: Path) -> None:
    """Three calls are one step on the batch of all; saved and gone on with between them, the same."""
    model, other = smooth(), smooth()
    optimizer = Optimizer(model.named_parameters(), accumulate(adam(lr=0.05), every=3))
    base = torch.optim.Adam(other.parameters(), lr=0.05)
    for step in range(4):
        for i, batch in enumerate(batches(step)):
            optimizer.zero_grad()
            (model(batch) ** 2).mean().backward()
            optimizer.step()
            assert optimizer.report is not None
            assert (optimizer.clock, optimizer.report.applied) == (step + (i == 2), i == 2)
            if step == 2 and i == 1:
                saved, held = copy.deepcopy(optimizer.state_dict()), copy.deepcopy(model.state_dict())
                optimizer.save(str(tmp_path / "state"))
        base.zero_grad()
        (other(torch.cat(batches(step))) ** 2).mean().backward()
        base.step()
        same(model, other, 1e-12)
    for way in ("dict", "file"):
        again = smooth()
        again.load_state_dict(held)
        resumed = Optimizer(again.named_parameters(), accumulate(adam(lr=0.05), every=3))
        if way == "dict":
            resumed.load_state_dict(saved)
        else:
            resumed.load(str(tmp_path / "state"))
        for batch in [batches(2)[2], *batches(3)]:
            resumed.zero_grad()
            (again(batch) ** 2).mean().backward()
            resumed.step()
        assert resumed.clock == 4
        same(again, model, 0.0)


def test_the_rate_of_a_rule_that_sets_its_own_step_is_lr() -> None:
    model = network()
    optimizer = Optimizer(model.parameters(), prodigy(lr=0.7))
    assert optimizer.param_groups[0]["lr"] == 0.7
    torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)
    optimizer.step(closure_of(model, optimizer))
    assert optimizer.report is not None
    assert optimizer.report.hyperparameters["scale_by_prodigy.lr"] == 0.7
