"""Any update rule as a method of `minimize`."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, field
from typing import Any, ClassVar, final

from steepest.core.arrays import Array, Tensors, assign
from steepest.core.errors import InputError, InputTypeError
from steepest.core.facts import MethodFacts
from steepest.core.oracle import Evaluation, Objective, Oracle
from steepest.core.status import Status
from steepest.engines import RuleStepper
from steepest.engines.choice import EngineName
from steepest.formula import Rule, State
from steepest.methods.method import Method, Point
from steepest.methods.oracle import Ask, VectorOracle
from steepest.methods.state import record
from steepest.methods.vectors import Vector


@record
class RuleState:
    """The point where the last gradient was taken, the parameter p itself, and the rule's own state.

    live: the stepper that runs; the other fields are what it holds, as of the last `snapshot`.
    """

    point: Point
    p: Vector
    length: float = math.nan
    clock: int = 0
    age: int = 0
    seed: int = 0
    slots: list[str] = field(default_factory=list)
    arrays: list[Vector] = field(default_factory=list)
    live: Any = None

    def snapshot(self) -> RuleState:
        """The same without what is live."""
        made = copy.copy(self)
        made.live = None
        if self.live is not None:
            state: State = self.live.stepper.state
            items = [(f"{slot}|{name}", a) for slot, named in state.slots.items() for name, a in named.items()]
            made.p = _copied(self.live.stepper.points["x"])
            made.clock, made.age, made.seed = state.step, int(state.ages.get("x", 0)), state.seed
            made.slots, made.arrays = [key for key, _ in items], [_copied(array) for _, array in items]
        return made

    def __deepcopy__(self, memo: object) -> RuleState:
        return self.snapshot()


@final
@dataclass(frozen=True)
class RuleMethod(Method):
    """An update rule on the whole vector x: p ← p − u, with the step that the rule itself sets.

    rule: any of `steepest.rules`, or a chain, with a learning rate. engine: "auto", "eager" or "cpu" (compiled).
    One value and gradient a step, and what the rule asks besides: a second gradient, a Hessian-vector product. The
    stopping test and the trace look at the point where the gradient is taken; a rule whose answer is another point (an
    average, the point under a look-ahead) is asked for it at the end. f may rise.

    >>> from steepest.rules import adam
    >>> RuleMethod(adam(lr=0.1)).name
    'adam'
    """

    rule: Rule
    engine: EngineName = "auto"

    on_device: ClassVar[bool] = True
    monotone: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not isinstance(self.rule, Rule):
            raise InputTypeError(f"RuleMethod: rule must be an update rule, got {self.rule!r:.80}")
        if not self.rule.sets_step:
            raise InputError(
                f"RuleMethod: no rule in the chain sets the step; add learning_rate(lr=…) to {self.rule!r}"
            )

    @property
    def needs(self) -> frozenset[Ask]:  # type: ignore[override]
        asks = {Ask.VALUE, Ask.GRADIENT}
        return frozenset(asks | ({Ask.HESSIAN_VECTOR} if "hessian_diagonal" in self.rule.needs else set()))

    @property
    def name(self) -> str:
        return self.rule.name

    @property
    def text(self) -> str:
        return self.rule.text

    @property
    def facts(self) -> MethodFacts:
        return self.rule.facts

    def start(self, oracle: VectorOracle, point: Point) -> RuleState:
        state = RuleState(point, _copied(point.x))
        state.live = _Live(self, oracle, state)
        return state

    def step(self, oracle: VectorOracle, state: RuleState) -> Status | None:
        if state.live is None:
            state.live = _Live(self, oracle, state, resumed=True)
        live: _Live = state.live
        report = live.stepper.step(live.oracle)
        path = self.rule.rate_path
        state.length = float(report.hyperparameters.get(path, math.nan)) if path else math.nan
        x = _copied(live.tensors["x"])
        f = oracle.value(x)
        g = oracle.gradient(x, f) if math.isfinite(f) else x * math.nan
        state.point = live.point = Point(x, f, g)
        live.used = False
        return None

    def finish(self, oracle: VectorOracle, state: RuleState) -> Point | None:
        live: _Live | None = state.live
        if live is None or not math.isfinite(state.point.f):
            return None
        with live.stepper.evaluating():
            x = _copied(live.tensors["x"])
        if not bool((x != state.point.x).any()):
            return None
        f = oracle.value(x)
        return Point(x, f, oracle.gradient(x, f))


class _Live:
    """A stepper on a tensor of its own, and what it asks."""

    def __init__(self, method: RuleMethod, oracle: VectorOracle, state: RuleState, *, resumed: bool = False) -> None:
        self.tensors = {"x": _copied(state.p)}
        self.point, self.used = state.point, False
        self.stepper = RuleStepper(method.rule, self.tensors, engine=method.engine)
        if resumed:
            slots: dict[str, dict[str, Any]] = {}
            for key, array in zip(state.slots, state.arrays, strict=True):
                slot, _, name = key.rpartition("|")
                slots.setdefault(slot, {})[name] = array
            self.stepper.restart(State(state.clock, {"x": state.age}, slots, state.seed), {"x": state.p})
            if not self.stepper.moves_query:
                assign(self.tensors["x"], state.p)
        elif self.stepper.moves_query:
            self.used = True  # the first gradient is at the query point, not at the start
        self.oracle = Oracle(_Function(self, oracle))


class _Function(Objective):
    """The function at the stepper's tensor; what the loop has evaluated there already is not asked again."""

    def __init__(self, live: _Live, oracle: VectorOracle) -> None:
        self._live, self._oracle = live, oracle

    @property
    def tensors(self) -> Tensors:
        return self._live.tensors

    def value_and_gradient(self) -> Evaluation:
        live = self._live
        if not live.used:
            live.used = True
            return Evaluation(live.point.f, {"x": live.point.g})
        x = _copied(live.tensors["x"])
        f = self._oracle.value(x)
        return Evaluation(f, {"x": self._oracle.gradient(x, f)})

    def hessian_vector(self, vectors: Tensors) -> dict[str, Array]:
        x = _copied(self._live.tensors["x"])
        return {"x": self._oracle.hessian_vector(x, vectors["x"], self._live.point.g)}


def _copied(array: Any) -> Any:
    return array.detach().clone() if hasattr(array, "detach") else array.copy()
