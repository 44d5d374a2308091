"""Which runs are trained together, in what groups, and that a group gives what its runs give one by one."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn.functional import mse_loss  # noqa: E402

from steepest import rules  # noqa: E402
from steepest.lab import batching  # noqa: E402
from steepest.lab.batching import Batching, choose, chunks, why_by_itself  # noqa: E402
from steepest.lab.bench import Bench, Task  # noqa: E402
from steepest.lab.contestant import contestant  # noqa: E402
from steepest.problems import Problem, TrainingProblem, get  # noqa: E402
from steepest.trace import from_bytes  # noqa: E402

STEPS = 6


def data(rows: int, seed: int) -> Any:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(rows, 3, generator=generator)
    return x, x @ torch.tensor([[1.0], [-2.0], [0.5]])


def loss(network: nn.Module, batch: Any) -> Any:
    return mse_loss(network(batch[0]), batch[1])


def line(model: Callable[[], nn.Module] = lambda: nn.Linear(3, 1), of: Any = loss) -> TrainingProblem:
    return TrainingProblem("line", model, of, data(64, 0), data(20, 1), data(20, 2), batch_size=16)


def bench(problem: Problem | None = None, steps: int = STEPS, **methods: Any) -> Bench:
    entrants = {name: contestant(item, name) for name, item in {"sgd": "sgd", "adam": "adam", **methods}.items()}
    return Bench(problem or line(), entrants, steps, "cpu")


def task(method: str = "sgd", seed: int = 0, lr: float = 0.1, every: int = STEPS, **changed: Any) -> Task:
    given = {"schedule": "constant", "phase": "tune", **changed}
    return Task(f"{method}/{seed}/{lr}/{every}", method, setting={"lr": lr}, seed=seed, evaluate_every=every, **given)


def tasks(count: int, **changed: Any) -> list[Task]:
    return [task(("sgd", "adam")[number % 2], lr=0.01 * (number + 1), **changed) for number in range(count)]


def timings(monkeypatch: pytest.MonkeyPatch, alone: float, together: Callable[[int], float]) -> list[int]:
    """Seconds a step and run that the trials find; gives the sizes that were tried."""
    sizes: list[int] = []

    def tried(bench: Bench, tasks: Any) -> float:
        sizes.append(len(tasks))
        return together(len(tasks))

    monkeypatch.setattr(batching, "_alone", lambda bench, task: alone)
    monkeypatch.setattr(batching, "_together", tried)
    return sizes


def test_outcomes_are_those_of_single_runs() -> None:
    made = bench()
    group = [task("sgd", 0), task("adam", 0, 0.02), task("sgd", 1, 0.05), task("adam", 1000, 0.01)]
    for one, outcome in zip(group, made.execute_many(group), strict=True):
        alone = made.execute(one)
        assert (outcome.status, outcome.error, outcome.together, alone.together) == (alone.status, None, 4, 1)
        assert dict(outcome.scores) == pytest.approx(dict(alone.scores), rel=1e-5)
        assert outcome.seconds > 0
        assert outcome.trace is not None
        assert alone.trace is not None
        mine, theirs = from_bytes(outcome.trace), from_bytes(alone.trace)
        np.testing.assert_allclose(mine.steps["value"], theirs.steps["value"], rtol=1e-5)
        assert mine.meta["method"] == theirs.meta["method"]


def test_a_diverged_run_among_others() -> None:
    first, second = bench().execute_many([task(lr=0.1), task(lr=1e30)])
    assert (first.status, second.status) == ("max_steps", "nonfinite")
    assert second.error is not None
    assert second.error.startswith("the value was")


def test_where_a_group_fails_each_run_has_its_own_end() -> None:
    def failing() -> Any:
        raise RuntimeError("no such thing")

    made = bench(failing=lambda lr=0.1: rules.sgd(lr=lr))
    object.__setattr__(made.methods["failing"], "make_method", lambda *given: failing())
    good, bad = made.execute_many([task("sgd"), task("failing")])
    assert (good.status, good.together) == ("max_steps", 1)
    assert bad.status == "failed"
    assert "no such thing" in str(bad.error)


def test_tasks_of_other_evaluations_run_one_by_one() -> None:
    assert [out.together for out in bench().execute_many([task(every=2), task(every=3)])] == [1, 1]
    assert [out.together for out in bench().execute_many([task()])] == [1]
    assert bench().execute_many([]) == []


@pytest.mark.parametrize(
    ("method", "changed", "said"),
    [
        ("sgd", {}, ""),
        ("sgd", {"alone": True}, "its seconds are scored"),
        ("theirs", {}, "its method is not a rule of steepest"),
        ("broken", {}, "its method cannot be made"),
    ],
)
def test_why_by_itself(method: str, changed: dict[str, Any], said: str) -> None:
    made = bench(theirs=torch.optim.SGD, broken=torch.optim.Adam)
    object.__setattr__(made.methods["broken"], "make_method", lambda *given: 1 / 0)
    assert why_by_itself(made, task(method, **changed)) == said


def test_a_function_has_no_batched_form() -> None:
    assert why_by_itself(bench(get("bowl")), task()) == "the problem has no batched form"


def test_two_gradients_a_step_run_alone() -> None:
    if "sam" in rules.METHODS:
        assert "two gradients" in why_by_itself(bench(sam="sam"), task("sam"))


def keys(groups: list[list[Task]]) -> list[list[str]]:
    return [[task.key for task in group] for group in groups]


def test_chunks_keep_the_order_and_leave_single_ones() -> None:
    given = tasks(10)
    groups = chunks(given, Batching(4), 1, lambda task: task is given[1])
    assert [task for group in groups if len(group) == 1 for task in group] == [given[1]]
    assert [len(group) for group in groups] == [3, 1, 3, 3]
    assert sorted(task.key for group in groups for task in group) == sorted(task.key for task in given)
    assert [groups[0], *groups[2:]] == [[given[0], *given[2:4]], given[4:7], given[7:]]


@pytest.mark.parametrize(
    ("count", "size", "jobs", "lengths"),
    [
        (240, 240, 1, [240]),
        (240, 240, 2, [120, 120]),
        (240, 64, 2, [60, 60, 60, 60]),
        (72, 64, 1, [36, 36]),
        (9, 64, 2, [4, 5]),
        (5, 64, 8, [5]),
        (3, 1, 2, [1, 1, 1]),
        (0, 64, 2, []),
    ],
)
def test_chunks_are_even_and_keep_every_job_busy(count: int, size: int, jobs: int, lengths: list[int]) -> None:
    assert [len(group) for group in chunks(tasks(count), Batching(size), jobs, lambda task: False)] == lengths


def test_chunks_have_one_evaluation_interval_and_where_asked_one_seed() -> None:
    given = [task(seed=seed, every=every, lr=lr) for lr in (0.1, 0.2) for seed in (0, 1) for every in (2, 3)]
    groups = chunks(given, Batching(8), 1, lambda task: False)
    assert [{task.evaluate_every for task in group} for group in groups] == [{2}, {3}]
    groups = chunks(given, Batching(8, by_seed=True), 1, lambda task: False)
    assert [{(task.seed, task.evaluate_every) for task in group} for group in groups] == [
        {(0, 2)}, {(0, 3)}, {(1, 2)}, {(1, 3)}
    ]  # fmt: skip


def test_the_faster_way_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = timings(monkeypatch, 1.0, lambda size: 0.2)
    found = choose(bench(), tasks(140))
    assert (found.size, found.alone, found.together, found.reason) == (8, 1.0, 0.2, "")
    assert sizes == [140, 35, 8]
    assert str(found).startswith("up to 8 runs at a time in one batched computation, 5.0 times as fast as one by one")


def test_larger_groups_only_where_they_are_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = timings(monkeypatch, 1.0, lambda size: 10 / size)
    assert choose(bench(), tasks(140)).size == 140
    assert sizes == [140, 35]


def test_one_by_one_where_together_is_slower(monkeypatch: pytest.MonkeyPatch) -> None:
    timings(monkeypatch, 1.0, lambda size: 1.0)
    found = choose(bench(), tasks(40))
    assert (found.size, str(found)) == (1, "one by one: together is not faster (1.00 times)")


def test_a_short_study_is_not_worth_a_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = timings(monkeypatch, 1e-6, lambda size: 1e-9)
    assert "before a trial would pay" in choose(bench(), tasks(40)).reason
    assert not sizes


def test_memory_limits_the_size(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = timings(monkeypatch, 1.0, lambda size: 1 / size)
    each = line().start_together([0]).bytes_a_run
    monkeypatch.setattr(batching, "MEMORY", 21 * each)
    assert choose(bench(), tasks(140)).size == 21
    assert sizes[0] == 21
    monkeypatch.setattr(batching, "MEMORY", 3 * each)
    assert "hold fewer than 4 runs" in choose(bench(), tasks(140)).reason


def test_a_network_that_draws_goes_by_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "WORTH", 0.0)
    monkeypatch.setattr(batching, "GAIN", 0.0)
    made = bench(line(lambda: nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.Linear(4, 1))))
    several = [task(seed=seed, lr=0.01 * number) for number in range(1, 6) for seed in (0, 1)]
    found = choose(made, several)
    assert found.by_seed
    assert found.size == 5
    assert [{task.seed for task in group} for group in made.plan(several)] == [{0}, {1}]
    together = made.execute_many(made.plan(several)[1])
    for one, outcome in zip(made.plan(several)[1], together, strict=True):
        assert outcome.together == 5
        assert dict(outcome.scores) == pytest.approx(dict(made.execute(one).scores), rel=1e-5)


def test_what_the_problem_refuses_is_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "WORTH", 0.0)

    def branching(network: nn.Module, batch: Any) -> Any:
        found = loss(network, batch)
        return found if found.item() > 0 else 2 * found

    found = choose(bench(line(of=branching)), tasks(8))
    assert found.size == 1
    assert found.reason.startswith("line: runs cannot be trained together: ")


def test_the_plan_is_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = timings(monkeypatch, 1.0, lambda size: 1 / size)
    made = bench()
    assert [len(group) for group in made.plan(tasks(24))] == [24]
    assert [len(group) for group in made.plan(tasks(30), jobs=2)] == [15, 15]
    assert sizes == [24]
    assert list(made.batchings) == ["one seed"]
    several = [*tasks(12), *tasks(12, seed=3)]
    assert [len(group) for group in made.plan(several)] == [24]
    assert list(made.batchings) == ["one seed", "several seeds"]


def test_few_runs_are_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = timings(monkeypatch, 1.0, lambda size: 1 / size)
    made = bench()
    assert keys(made.plan(tasks(3))) == [[task.key] for task in tasks(3)]
    assert not sizes
    assert not made.batchings


def test_real_trials_give_finite_times() -> None:
    made = bench()
    assert 0 < batching._alone(made, task()) < math.inf
    assert 0 < batching._together(made, tasks(4)) < math.inf
