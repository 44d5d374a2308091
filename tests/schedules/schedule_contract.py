"""One line for every schedule: sample arguments, its reference, what each argument changes, and its peers."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import optax
import schedule_references as reference
import torch
from torch.optim import lr_scheduler as theirs

from steepest import schedules
from steepest.core.schedule import Schedule
from steepest.schedules import cosine, linear, linear_warmup, warmup_cosine

Settings = Mapping[str, Any]
Values = list[float]


@dataclass(frozen=True)
class Peer:
    """Another library's schedule: its values from step 0 on, which the schedule with `settings` must have.

    steps: how many are compared. skip: the first steps that differ by dialect. shift: ours at k is theirs at k + shift.
    """

    name: str
    settings: Settings
    values: Callable[[int], Values]
    steps: int = 60
    skip: int = 0
    shift: int = 0
    rtol: float = 1e-9


@dataclass(frozen=True)
class Line:
    """A schedule under contract.

    settings: sample arguments, every one. changes: for each, other values, with what else that takes. within: the
    arguments between whose values all of the schedule's lie; None where that is not promised. length: of the sample.
    joints: steps of the sample across which it makes no jump above that of the slopes beside it.
    """

    name: str
    settings: Settings
    changes: Mapping[str, Settings]
    within: tuple[str | float, ...] | None
    length: int | None
    peers: tuple[Peer, ...] = ()
    joints: tuple[int, ...] = ()

    def make(self, **settings: Any) -> Schedule:
        return schedules.SCHEDULES[self.name](**{**self.settings, **settings})

    def reference(self, n: int, **settings: Any) -> Values:
        function: Callable[..., Values] = getattr(reference, self.name)
        return function(n, **{**self.settings, **settings})


def by_torch(build: Callable[[Any], Any], lr: float, key: str = "lr", **options: Any) -> Callable[[int], Values]:
    """The values that a scheduler of torch.optim writes into a group, the first update's first."""

    def values(n: int) -> Values:
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr, **options)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # SequentialLR itself calls a deprecated form
            scheduler = build(optimizer)
            seen = []
            for _ in range(n):
                seen.append(optimizer.param_groups[0][key])
                optimizer.step()
                scheduler.step()
        return seen

    return values


def by_optax(schedule: Any) -> Callable[[int], Values]:
    return lambda n: [float(schedule(k)) for k in range(n)]


def by_pytorch_optimizer(**settings: Any) -> Callable[[int], Values]:
    from pytorch_optimizer.lr_scheduler.wsd import get_wsd_schedule

    return by_torch(lambda o: get_wsd_schedule(o, **settings), 0.1)


F32 = 3e-6  # optax computes in float32

ONE = {"peak": 0.1, "steps": 50, "warmup": 15, "initial": 0.004, "final": 4e-7, "shape": "cosine", "phases": 2}
CYCLE = {"peak": 0.1, "initial": 0.02, "up": 5, "down": 8, "shape": "triangular", "factor": 1.0}


def _one_cycle(key: str = "lr", **settings: Any) -> Callable[[int], Values]:
    def build(o: Any) -> Any:
        return theirs.OneCycleLR(o, **{"max_lr": 0.1, "total_steps": 50, **settings})

    # One step beyond total_steps is an error there.
    return lambda n: by_torch(build, 0.1, key, momentum=0.9)(n - 1) if n > 1 else []


def _cyclic(key: str = "lr", **settings: Any) -> Callable[[int], Values]:
    return by_torch(lambda o: theirs.CyclicLR(o, **settings), 0.02, key, momentum=0.9)


def _warmed(after: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def both(o: Any) -> Any:
        warm = theirs.LinearLR(o, start_factor=1 / 5, end_factor=1.0, total_iters=4)
        return theirs.SequentialLR(o, [warm, after(o)], milestones=[5])

    return both


def _noam(o: Any) -> Any:
    return theirs.LambdaLR(o, lambda k: 64**-0.5 * min((k + 1) ** -0.5, (k + 1) * 10**-1.5))


# fmt: off
CONTRACT = [
    Line("constant", {"value": 0.3}, {"value": {"value": 0.2}}, ("value",), None, (
        Peer("optax.constant_schedule", {}, by_optax(optax.constant_schedule(0.3)), rtol=F32),
    )),
    Line("step_decay", {"peak": 0.1, "every": 7, "factor": 0.5},
         {"peak": {"peak": 0.2}, "every": {"every": 6}, "factor": {"factor": 0.4}}, (0.0, "peak"), None, (
        Peer("torch StepLR", {"factor": 0.3}, by_torch(partial(theirs.StepLR, step_size=7, gamma=0.3), 0.1)),
        Peer("torch StepLR, defaults", {"factor": 0.1}, by_torch(partial(theirs.StepLR, step_size=7), 0.1)),
        Peer("optax.exponential_decay, staircase", {},
             by_optax(optax.exponential_decay(0.1, 7, 0.5, staircase=True)), rtol=F32),
    )),
    Line("multi_step", {"peak": 0.1, "milestones": (5, 6, 30), "factor": 0.5},
         {"peak": {"peak": 0.2}, "milestones": {"milestones": (5, 8, 30)}, "factor": {"factor": 0.4}},
         (0.0, "peak"), None, (
        Peer("torch MultiStepLR", {}, by_torch(partial(theirs.MultiStepLR, milestones=[5, 6, 30], gamma=0.5), 0.1)),
        Peer("optax.piecewise_constant_schedule", {},
             by_optax(optax.piecewise_constant_schedule(0.1, {5: 0.5, 6: 0.5, 30: 0.5})), rtol=F32),
    )),
    Line("exponential", {"peak": 0.1, "rate": 0.05}, {"peak": {"peak": 0.2}, "rate": {"rate": 0.07}},
         (0.0, "peak"), None, (
        Peer("torch ExponentialLR", {"rate": -math.log(0.9)}, by_torch(partial(theirs.ExponentialLR, gamma=0.9), 0.1)),
        Peer("optax.exponential_decay", {"rate": -math.log(0.5) / 8},
             by_optax(optax.exponential_decay(0.1, 8, 0.5)), rtol=F32),
    )),
    Line("geometric", {"peak": 0.1, "steps": 40, "final": 1e-3},
         {"peak": {"peak": 0.2}, "steps": {"steps": 30}, "final": {"final": 2e-3}}, ("peak", "final"), 40, (
        Peer("optax.exponential_decay, end_value", {},
             by_optax(optax.exponential_decay(0.1, 40, 0.01, end_value=1e-3)), rtol=1e-5),
        Peer("optax.exponential_decay, rising", {"final": 10.0},
             by_optax(optax.exponential_decay(0.1, 40, 100.0, end_value=10.0)), rtol=1e-5),
    )),
    Line("inverse_time", {"peak": 0.1, "rate": 0.2}, {"peak": {"peak": 0.2}, "rate": {"rate": 0.3}},
         (0.0, "peak"), None, (
        Peer("torch LambdaLR", {}, by_torch(partial(theirs.LambdaLR, lr_lambda=lambda k: 1 / (1 + 0.2 * k)), 0.1)),
    )),
    Line("inverse_sqrt", {"peak": 0.1, "warmup": 8}, {"peak": {"peak": 0.2}, "warmup": {"warmup": 1}},
         (0.0, "peak"), None, (
        Peer("torch LambdaLR of noam", {"peak": 640**-0.5, "warmup": 10}, by_torch(_noam, 1.0)),
    ), joints=(7, 8)),
    Line("polynomial", {"peak": 0.1, "steps": 50, "power": 2.0, "final": 0.01},
         {"peak": {"peak": 0.2}, "steps": {"steps": 40}, "power": {"power": 0.5}, "final": {"final": 0.02}},
         ("peak", "final"), 50, (
        Peer("torch PolynomialLR", {"power": 0.7, "final": 0.0},
             by_torch(partial(theirs.PolynomialLR, total_iters=50, power=0.7), 0.1)),
        Peer("optax.polynomial_schedule", {}, by_optax(optax.polynomial_schedule(0.1, 0.01, 2.0, 50)), rtol=F32),
    )),
    Line("linear", {"peak": 0.1, "steps": 50, "final": 0.01},
         {"peak": {"peak": 0.2}, "steps": {"steps": 40}, "final": {"final": 0.02}}, ("peak", "final"), 50, (
        Peer("torch LinearLR", {}, by_torch(partial(theirs.LinearLR, start_factor=1.0, end_factor=0.1, total_iters=50),
                                            0.1)),
        Peer("optax.linear_schedule", {}, by_optax(optax.linear_schedule(0.1, 0.01, 50)), rtol=F32),
    )),
    Line("cosine", {"peak": 0.1, "steps": 50, "final": 0.01},
         {"peak": {"peak": 0.2}, "steps": {"steps": 40}, "final": {"final": 0.02}}, ("peak", "final"), 50, (
        Peer("torch CosineAnnealingLR", {"final": 1e-3},
             by_torch(partial(theirs.CosineAnnealingLR, T_max=50, eta_min=1e-3), 0.1), steps=51),
        Peer("optax.cosine_decay_schedule", {}, by_optax(optax.cosine_decay_schedule(0.1, 50, alpha=0.1)), rtol=F32),
    )),
    Line("cosine_restarts", {"peak": 0.1, "period": 7, "growth": 2, "final": 0.01},
         {"peak": {"peak": 0.2}, "period": {"period": 6}, "growth": {"growth": 3}, "final": {"final": 0.02}},
         ("peak", "final"), None, (
        *(Peer(f"torch CosineAnnealingWarmRestarts, T_mult {growth}", {"growth": growth, "final": 1e-3},
               by_torch(partial(theirs.CosineAnnealingWarmRestarts, T_0=7, T_mult=growth, eta_min=1e-3), 0.1),
               steps=400) for growth in (1, 2, 3)),
        Peer("optax.sgdr_schedule", {"final": 0.0}, by_optax(optax.sgdr_schedule([
            {"init_value": 0.1, "peak_value": 0.1, "decay_steps": 7 * 2**i, "warmup_steps": 0} for i in range(4)])),
            rtol=1e-5),
    )),
    Line("linear_warmup", {"peak": 0.1, "warmup": 8}, {"peak": {"peak": 0.2}, "warmup": {"warmup": 10}},
         (0.0, "peak"), None, (
        Peer("torch LinearLR", {}, by_torch(partial(theirs.LinearLR, start_factor=1 / 8, total_iters=7), 0.1)),
        Peer("optax.warmup_constant_schedule", {}, by_optax(optax.warmup_constant_schedule(0.0, 0.1, 8)), shift=1,
             rtol=F32),
    ), joints=(7, 8)),
    Line("warmup_cosine", {"peak": 0.1, "steps": 50, "warmup": 5, "final": 0.01},
         {"peak": {"peak": 0.2}, "steps": {"steps": 40}, "warmup": {"warmup": 6}, "final": {"final": 0.02}},
         (0.0, "peak"), 50, (
        Peer("torch SequentialLR", {"steps": 30, "final": 0.0},
             by_torch(_warmed(partial(theirs.CosineAnnealingLR, T_max=25)), 0.1), steps=31),
        Peer("optax.warmup_cosine_decay_schedule", {},
             by_optax(optax.warmup_cosine_decay_schedule(0.0, 0.1, 5, 50, 0.01)), skip=5, rtol=F32),
        Peer("optax.warmup_cosine_decay_schedule, warmup", {},
             by_optax(optax.warmup_cosine_decay_schedule(0.0, 0.1, 5, 50, 0.01)), steps=5, shift=1, rtol=F32),
    ), joints=(4, 5, 50)),
    Line("warmup_linear", {"peak": 0.1, "steps": 50, "warmup": 5, "final": 0.01},
         {"peak": {"peak": 0.2}, "steps": {"steps": 40}, "warmup": {"warmup": 6}, "final": {"final": 0.02}},
         (0.0, "peak"), 50, (
        Peer("torch SequentialLR", {"steps": 30, "final": 0.0}, by_torch(
            _warmed(partial(theirs.LinearLR, start_factor=1.0, end_factor=0.0, total_iters=25)), 0.1), steps=31),
    ), joints=(4, 5, 50)),
    Line("warmup_stable_decay",
         {"peak": 0.1, "steps": 50, "warmup": 5, "decay": 20, "final": 0.01, "shape": "sqrt"},
         {"peak": {"peak": 0.2}, "steps": {"steps": 45}, "warmup": {"warmup": 6}, "decay": {"decay": 30},
          "final": {"final": 0.02}, "shape": {"shape": "linear"}}, (0.0, "peak"), 50, (
        *(Peer(f"pytorch_optimizer wsd, {kind}", {"shape": shape, "final": 0.0},
               by_pytorch_optimizer(num_warmup_steps=5, num_stable_steps=25, num_decay_steps=20, cooldown_type=kind),
               skip=5) for kind, shape in (("1-sqrt", "sqrt"), ("linear", "linear"), ("1-square", "square"))),
        Peer("pytorch_optimizer wsd, cosine", {"shape": "cosine"},
             by_pytorch_optimizer(num_warmup_steps=5, num_stable_steps=25, num_decay_steps=20, cooldown_type="cosine",
                                  min_lr_ratio=0.1), skip=5),
        Peer("pytorch_optimizer wsd, warmup", {},
             by_pytorch_optimizer(num_warmup_steps=5, num_stable_steps=25, num_decay_steps=20), steps=29, shift=1),
    ), joints=(4, 5, 50)),
    Line("one_cycle", ONE,
         {"peak": {"peak": 0.2}, "steps": {"steps": 40}, "warmup": {"warmup": 16}, "initial": {"initial": 0.01},
          "final": {"final": 1e-3}, "shape": {"shape": "linear"}, "phases": {"phases": 3}}, ("peak", "final"), 50, (
        *(Peer(f"torch OneCycleLR, {name}", settings, _one_cycle(**theirs_), steps=50)
          for name, settings, theirs_ in (
            ("defaults", {}, {}),
            ("linear", {"shape": "linear"}, {"anneal_strategy": "linear"}),
            ("three phases", {"phases": 3}, {"three_phase": True}),
            ("linear, three phases", {"shape": "linear", "phases": 3},
             {"anneal_strategy": "linear", "three_phase": True}),
            ("divisors", {"warmup": 20, "initial": 0.01, "final": 1e-4},
             {"pct_start": 0.4, "div_factor": 10.0, "final_div_factor": 100.0}))),
        Peer("optax.cosine_onecycle_schedule", {"steps": 51, "warmup": 16},
             by_optax(optax.cosine_onecycle_schedule(50, 0.1)), rtol=2e-5),
        Peer("optax.linear_onecycle_schedule", {"steps": 51, "warmup": 16, "shape": "linear", "phases": 3},
             by_optax(optax.linear_onecycle_schedule(50, 0.1, pct_final=0.6)), rtol=2e-4),
    ), joints=(14, 49)),
    Line("cyclic", CYCLE,
         {"peak": {"peak": 0.2}, "initial": {"initial": 0.01}, "up": {"up": 6}, "down": {"down": 9},
          "shape": {"shape": "triangular2"}, "factor": {"factor": 0.97, "shape": "exp_range"}},
         ("peak", "initial"), None, (
        *(Peer(f"torch CyclicLR, {shape}", {"shape": shape, "factor": factor},
               _cyclic(base_lr=0.02, max_lr=0.1, step_size_up=5, step_size_down=8, mode=shape, gamma=factor),
               steps=200) for shape, factor in (("triangular", 1.0), ("triangular2", 1.0), ("exp_range", 0.99))),
        Peer("torch CyclicLR, symmetric", {"down": 5}, _cyclic(base_lr=0.02, max_lr=0.1, step_size_up=5), steps=200),
    ), joints=(5, 13)),
    Line("noam", {"width": 64, "warmup": 10, "factor": 2.0},
         {"width": {"width": 60}, "warmup": {"warmup": 12}, "factor": {"factor": 1.0}}, (0.0, 2 / math.sqrt(640)),
         None, (Peer("torch LambdaLR", {"factor": 1.0}, by_torch(_noam, 1.0)),), joints=(9, 10)),
    Line("join", {"parts": (linear_warmup(0.1, 5), cosine(0.1, 40)), "at": (10,)},
         {"parts": {"parts": (linear_warmup(0.1, 5), linear(0.1, 40))}, "at": {"at": (12,)}}, (0.0, 0.1), 50, (
        Peer("torch SequentialLR", {"at": (5,), "parts": (linear_warmup(0.1, 5), cosine(0.1, 25))},
             by_torch(_warmed(partial(theirs.CosineAnnealingLR, T_max=25)), 0.1), steps=31),
        Peer("optax.join_schedules", {"parts": (linear(0.1, 7, 0.02), cosine(0.3, 40), linear(0.2, 3)), "at": (9, 30)},
             by_optax(optax.join_schedules([optax.linear_schedule(0.1, 0.02, 7), optax.cosine_decay_schedule(0.3, 40),
                                            optax.linear_schedule(0.2, 0.0, 3)], [9, 30])), rtol=F32),
    ), joints=(10, 50)),
    Line("scale", {"schedule": warmup_cosine(0.1, 50, 5), "factor": 0.5},
         {"schedule": {"schedule": cosine(0.1, 50)}, "factor": {"factor": linear(0.5, 50)}}, (0.0, 0.05), 50, (
        Peer("torch ChainedScheduler", {"schedule": cosine(0.1, 50, 0.0), "factor": linear(1.0, 20, 0.5)},
             by_torch(lambda o: theirs.ChainedScheduler([theirs.LinearLR(o, 1.0, 0.5, 20),
                                                         theirs.CosineAnnealingLR(o, 50)]), 0.1), steps=50),
    )),
    Line("clip", {"schedule": cosine(0.1, 50), "low": 0.02, "high": 0.08},
         {"schedule": {"schedule": linear(0.1, 50)}, "low": {"low": None}, "high": {"high": 0.09}},
         ("low", "high"), 50, (
        Peer("optax.exponential_decay, end_value",
             {"schedule": schedules.exponential(0.1, -math.log(0.5) / 8), "low": 0.02, "high": None},
             by_optax(optax.exponential_decay(0.1, 8, 0.5, end_value=0.02)), rtol=F32),
    )),
]
# fmt: on
BY_NAME = {line.name: line for line in CONTRACT}
