"""A grid of runs gives each run's own trace."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn.functional import cross_entropy  # noqa: E402

from steepest import rules  # noqa: E402
from steepest.core.errors import HyperparameterError, InputError, InputTypeError  # noqa: E402
from steepest.core.schedule import Schedule  # noqa: E402
from steepest.core.status import Status  # noqa: E402
from steepest.formula import Rule, chain, norm, partition, rule  # noqa: E402
from steepest.formula import random as draw  # noqa: E402
from steepest.problems import TrainingProblem, get  # noqa: E402
from steepest.run import grid as grid_module  # noqa: E402
from steepest.run import run  # noqa: E402
from steepest.run.grid import run_grid, why_alone  # noqa: E402
from steepest.run.sharing import Settings, structures  # noqa: E402
from steepest.schedules import cosine  # noqa: E402
from steepest.trace import Trace  # noqa: E402

STEPS = 13


def data(rows: int, seed: int) -> tuple[Any, Any]:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(rows, 5, generator=generator, dtype=torch.float64)
    return x, (x.sum(1) > 0).long()


def model() -> nn.Module:
    return nn.Sequential(nn.Linear(5, 6), nn.Tanh(), nn.Linear(6, 2)).double()


def loss(network: nn.Module, batch: Any) -> Any:
    return cross_entropy(network(batch[0]), batch[1])


def accuracy(network: nn.Module, batch: Any) -> Any:
    return (network(batch[0]).argmax(1) == batch[1]).double().mean()


def problem(**changed: Any) -> TrainingProblem:
    given = {"model": model, "loss": loss, "train": data(46, 0), "validation": data(20, 1), "test": data(9, 2)}
    return TrainingProblem("tiny", **{**given, "batch_size": 8, "metric": accuracy, **changed})


@rule
def noisy(u, *, scale: float = 0.1):  # type: ignore[no-untyped-def]
    return u + scale * draw(u)


@rule(needs=("value",))
def by_value(u, value, *, eta: float = 0.1):  # type: ignore[no-untyped-def]
    return eta * value * u


def by_name(name: str, shape: tuple[int, ...]) -> str:
    return "first" if name.startswith("0.") else "rest"


def same(mine: Trace, theirs: Trace, rtol: float = 1e-9) -> None:
    for table in ("steps", "evaluations"):
        columns, others = getattr(mine, table), getattr(theirs, table)
        assert list(columns) == list(others)
        for name in columns:
            if name == "seconds":
                assert columns[name].shape == others[name].shape
                assert (np.diff(columns[name]) > 0).all()
            else:
                np.testing.assert_allclose(columns[name], others[name], rtol=rtol, atol=1e-12, err_msg=name)
    known = dict(mine.meta)
    assert known.pop("runs_together") >= 1
    assert known == dict(theirs.meta)


def check(entries: list[tuple[Rule, int]], made: TrainingProblem | None = None, **options: Any) -> list[Trace]:
    made = made or problem()
    given = {"steps": STEPS, "evaluate_every": 4, "gradient_norm_every": 3, **options}
    traces = run_grid(made, entries, **given)
    assert len(traces) == len(entries)
    for (method, seed), trace in zip(entries, traces, strict=True):
        same(trace, run(made, method, seed=seed, **given))
    return traces


ROUNDING_DECIDES = {"soap"}
"""Its first bases are those of a singular matrix: weights that differ by 1e-15 give losses that differ by 3e-3."""


@pytest.mark.parametrize("name", sorted(rules.METHODS))
def test_every_method_beside_another_setting_of_its_own(name: str) -> None:
    method = rules.METHODS[name]
    if why_alone(made(method, 0.02)):
        pytest.skip(why_alone(made(method, 0.02)))
    steps = 1 if name in ROUNDING_DECIDES else STEPS
    check(
        [(made(method, 0.02), 0), (rules.sgd(lr=0.1), 1), (made(method, 0.01), 1), (made(method, 0.02), 5)], steps=steps
    )


def made(method: Any, lr: float) -> Rule:
    try:
        return method(lr=lr)
    except TypeError:  # a method that finds its own rate
        return method()


OWN = {
    "norm of the model": chain(rules.clip_norm(max_norm=0.1), rules.learning_rate(lr=0.3)),
    "random": chain(noisy(), rules.learning_rate(lr=0.3)),
    "value": chain(by_value(), rules.learning_rate(lr=0.3)),
    "parts by name": partition(by_name, first=rules.sgd(lr=0.5), rest=rules.adam(lr=0.01)),
    "look-ahead": rules.nesterov(lr=0.1, form="lookahead"),
    "average": chain(rules.sgd(lr=0.3), rules.average(beta=0.9)),
}


@pytest.mark.parametrize("name", sorted(OWN))
def test_a_rule_that_must_see_its_own_run_alone(name: str) -> None:
    method = OWN[name]
    assert structures([method]) == [None]
    check([(method, 0), (rules.sgd(lr=0.1), 0), (method, 1), (method, 1)])


def test_schedules_differ_by_run() -> None:
    entries = [(rules.adam(lr=cosine(lr, steps=length)), 0) for lr, length in ((0.1, 13), (0.01, 20))]
    entries.append((rules.adam(lr=0.05), 0))
    first, second, third = check(entries)
    assert first.steps["learning_rate"][1] == 0.1
    assert first.steps["learning_rate"][-1] < second.steps["learning_rate"][-1]
    assert set(third.steps["learning_rate"][1:]) == {0.05}
    assert len(set(structures([method for method, _ in entries]))) == 1


def test_decay_is_another_structure() -> None:
    entries = [(rules.adam(lr=0.01), 0), (rules.adam(lr=0.01, weight_decay=0.1), 0), (rules.adam(lr=0.01), 1)]
    assert len(set(structures([method for method, _ in entries]))) == 2
    check(entries)
    check([(rules.adam(lr=0.01), 0), (rules.adam(lr=0.01, amsgrad=True), 0)])


def test_equal_settings_have_one_row() -> None:
    methods = [rules.adam(lr=0.1), rules.adam(lr=0.2), rules.adam(lr=0.1)]
    settings = Settings(methods, ["a/", "b/", "c/"], ["w"])
    rates: Any = settings.values(0)["learning_rate.lr"]
    assert dict(rates) == {"a/w": 0.1, "b/w": 0.2, "c/w": 0.1}
    assert rates.numbers == (0.1, 0.2)
    assert settings.values(0)["scale_by_adam.beta1"] == 0.9
    assert settings.values(1) is settings.values(0)
    assert list(settings.last("learning_rate.lr")) == [0.1, 0.2, 0.1]
    assert np.isnan(settings.last("no.such"))


def test_a_run_that_explodes_ends_while_others_go_on() -> None:
    def square(network: nn.Module, batch: Any) -> Any:
        return network(batch[0]).square().mean().square()

    entries = [(rules.sgd(lr=lr), 0) for lr in (0.01, 1e30, 0.02, 1e6)]
    traces = check(entries, problem(loss=square, metric=None), steps=30)
    ends = [trace.status for trace in traces]
    assert ends == [Status.MAX_STEPS, Status.NONFINITE, Status.MAX_STEPS, Status.NONFINITE]
    assert "test_loss" in traces[0].evaluations
    assert "test_loss" not in traces[1].evaluations
    assert len(traces[1].steps["step"]) < len(traces[3].steps["step"]) < 31


def test_all_explode() -> None:
    def square(network: nn.Module, batch: Any) -> Any:
        return network(batch[0]).square().mean().square()

    check([(rules.sgd(lr=1e30), seed) for seed in (0, 1)], problem(loss=square, metric=None), steps=30)


@pytest.mark.parametrize("every", [1, 5, STEPS, 100])
def test_evaluations(every: int) -> None:
    check([(rules.sgd(lr=0.1), 0), (OWN["average"], 1)], evaluate_every=every)


@pytest.mark.parametrize("every", [0, 1, 5])
def test_gradient_norms(every: int) -> None:
    check([(rules.sgd(lr=0.1), 0), (rules.adam(lr=0.1), 1)], gradient_norm_every=every)


def test_defaults_are_those_of_a_run() -> None:
    entries = [(rules.sgd(lr=0.1), 0), (rules.adam(lr=0.1), 1)]
    for (method, seed), trace in zip(entries, run_grid(problem(), entries, steps=45), strict=True):
        same(trace, run(problem(), method, steps=45, seed=seed))


def test_batch_norm_and_dropout() -> None:
    def network() -> nn.Module:
        return nn.Sequential(nn.Linear(5, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Dropout(0.3), nn.Linear(6, 2)).double()

    check([(rules.sgd(lr=0.1), 2), (rules.adam(lr=0.1), 2), (OWN["random"], 2)], problem(model=network))


def test_single_precision() -> None:
    splits = {name: tuple(part.float() if part.is_floating_point() else part for part in data(rows, rows))
              for name, rows in (("train", 46), ("validation", 20), ("test", 9))}  # fmt: skip
    small = problem(model=lambda: model().float(), **splits)
    entries = [(rules.adam(lr=0.01), 0), (rules.adam(lr=0.02), 0), (rules.lamb(lr=0.02), 0)]
    given = {"steps": STEPS, "evaluate_every": 4}
    for (method, seed), trace in zip(entries, run_grid(small, entries, **given), strict=True):
        same(trace, run(small, method, seed=seed, **given), rtol=1e-4)


def test_callback_sees_every_step_and_may_stop() -> None:
    seen: list[int] = []

    def stop(step: int) -> bool:
        seen.append(step)
        return step == 3

    traces = run_grid(problem(), [(rules.sgd(lr=0.1), 0), (rules.sgd(lr=0.2), 1)], steps=STEPS, callback=stop)
    assert seen == [1, 2, 3]
    for (lr, seed), trace in zip(((0.1, 0), (0.2, 1)), traces, strict=True):
        alone = run(problem(), rules.sgd(lr=lr), seed=seed, steps=STEPS, callback=lambda step, value: step == 3)
        same(trace, alone)
        assert trace.status is Status.STOPPED


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"steps": 0}, r"run_grid: steps must be a whole number in \[1, inf\)"),
        ({"evaluate_every": 0}, "evaluate_every"),
        ({"gradient_norm_every": -1}, "gradient_norm_every"),
        ({"entries": []}, "at least 1 run"),
        ({"entries": [(rules.sgd(lr=cosine(0.1, steps=5)), 0)]}, "5 steps, shorter than the runs' 13"),
        ({"entries": [(rules.sgd(lr=0.1), -1)]}, r"seed must be a whole number"),
        ({"problem": get("bowl")}, "bowl has no batched form"),
    ],
)
def test_bad_input(changed: dict[str, Any], said: str) -> None:
    given = {"problem": problem(), "entries": [(rules.sgd(lr=0.1), 0)], "steps": STEPS, **changed}
    with pytest.raises(InputError, match=said):
        run_grid(given.pop("problem"), given.pop("entries"), **given)


def test_only_rules() -> None:
    with pytest.raises(InputTypeError, match="pairs of a rule and a seed"):
        run_grid(problem(), [(object(), 0)], steps=3)  # type: ignore[list-item]


@rule
def ascending(u, p, *, rho: float = 0.1):  # type: ignore[no-untyped-def]
    return u


@ascending.query
def _ascend(p, g, rho):  # type: ignore[no-untyped-def]
    return p + rho * g / norm(g, over="model")


def test_two_gradients_a_step_are_refused() -> None:
    method = chain(ascending(), rules.learning_rate(lr=0.1))
    assert why_alone(method) == "its rule takes two gradients a step"
    assert not why_alone(rules.adam(lr=0.1))
    with pytest.raises(InputError, match="takes two gradients a step"):
        run_grid(problem(), [(method, 0)], steps=3)


class Late(Schedule):
    """Leaves its range after three steps."""

    def __call__(self, step: int) -> float:
        return 0.1 if step < 3 else -1.0

    @property
    def length(self) -> None:
        return None


def test_a_schedule_that_leaves_its_range() -> None:
    with pytest.raises(HyperparameterError, match="learning_rate: lr must be"):
        run_grid(problem(), [(rules.sgd(lr=Late()), 0), (rules.sgd(lr=0.1), 0)], steps=9)


def test_rows_of_another_run_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: two runs exchange their settings."""

    class Exchanged(Settings):  # type: ignore[misc]
        def __init__(self, rules: Any, labels: Any, tensors: Any) -> None:
            super().__init__(rules[::-1], labels, tensors)

    monkeypatch.setattr(grid_module, "Settings", Exchanged)
    with pytest.raises(AssertionError):
        check([(rules.sgd(lr=0.1), 0), (rules.sgd(lr=0.2), 0)])
