"""`RuleStepper`: a rule on live tensors, by whichever engine runs it fastest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any, cast, final

import array_api_compat

from steepest.core.arrays import Array, Tensors, assign, copy, is_finite
from steepest.core.errors import HyperparameterError, InputError
from steepest.core.oracle import Evaluation, Oracle
from steepest.core.schedule import Schedule
from steepest.core.stepper import Nonfinite, StepReport
from steepest.engines.choice import EngineName, choose
from steepest.engines.eager import clear
from steepest.engines.formats import Storage
from steepest.engines.gathering import Gathering
from steepest.engines.hutchinson import hutchinson
from steepest.formula import Accumulate, Rule, State
from steepest.formula.evaluate import answer, check_gradients, nonfinite_gradient, query
from steepest.formula.values import Values


@final
class RuleStepper:
    """Runs a rule on tensors that it changes in place; between steps they hold the query point.

    A rule without a query keeps nothing but its state. One with a query (look-ahead, SAM) keeps p itself aside
    while the tensors hold the point where the next gradient is taken.

    engine: "auto" compiles the rule for NumPy arrays and PyTorch CPU tensors where it can, and else runs it operation
    by operation ("eager"); "cpu" insists, "cuda" compiles it for CUDA tensors. values: hyperparameters by path after so
    many updates, where they are not the rule's own (parameter groups). zero_gradients: set the gradients to zero in the
    same pass. storage: how moments and bfloat16 parameters are kept. trusted: gradients are known to come in the
    tensors' order, with their shapes.

    asks_twice: whether a step takes two gradients. moves_query: whether the tensors hold something other than p.
    why_eager: why a rule is not compiled, "" where it is. Raises InputError for a rule that sets no step,
    InputTypeError for tensors that cannot be changed in place.
    """

    def __init__(
        self,
        rule: Rule,
        tensors: Tensors,
        *,
        engine: EngineName = "auto",
        seed: int = 0,
        nonfinite: Nonfinite = "apply",
        maximize: bool = False,
        zero_gradients: bool = False,
        storage: Storage | None = None,
        values: Callable[[int], Values] | None = None,
        trusted: bool = False,
    ) -> None:
        if not rule.sets_step:
            raise InputError(f"{rule.name}: no rule in the chain sets the step; add learning_rate(lr=…) to {rule!r}")
        if nonfinite not in {"apply", "skip", "raise"}:
            raise InputError(f"{rule.name}: nonfinite must be 'apply', 'skip' or 'raise', got {nonfinite!r}")
        self.rule, self.tensors = rule, tensors
        inner = rule.rule if isinstance(rule, Accumulate) else rule
        self._gathering = Gathering(rule.micro_batches, tensors) if rule.micro_batches > 1 else None
        self._zero_gradients = zero_gradients
        self.nonfinite: Nonfinite = nonfinite
        self.maximize = maximize
        self.values = _own_values(rule) if values is None else values
        self.engine, self.why_eager = choose(
            engine,
            inner,
            tensors,
            seed=seed,
            nonfinite=nonfinite,
            maximize=maximize,
            zero_gradients=zero_gradients,
            storage=Storage() if storage is None else storage,
            trusted=trusted,
        )
        found = rule.link_with("query")
        self.asks_twice = found is not None and found[1].queries_gradient
        self.moves_query = found is not None and not self.asks_twice
        self._needs_value = "value" in rule.needs
        self._needs_hessian = "hessian_diagonal" in rule.needs
        self._no_grad = _without_autograd(tensors)
        self._kept: dict[str, Array] | None = None
        if self.moves_query:
            self._kept = {name: copy(tensor) for name, tensor in tensors.items()}
            self._look_ahead()

    @property
    def state(self) -> State:
        """The state; a compiled engine's arrays change with the next step."""
        state = self.engine.state
        return state if self._gathering is None else self._gathering.joined(state)

    def step(self, oracle: Oracle) -> StepReport:
        """Ask for the gradient, and for what else the rule needs, and update the tensors.

        A second gradient where the query point needs one at p; a Hessian-vector product at the updates that read the
        Hessian's diagonal; for a rule that accumulates, a gradient on each of so many batches.
        """
        for _ in range(self.rule.micro_batches - 1):
            self.apply(oracle.value_and_gradient())
            oracle.advance()
        evaluation = oracle.value_and_gradient()
        inputs = None
        if self.asks_hessian:
            seed, clock = self.engine.state.seed, self.engine.clock
            inputs = {"hessian_diagonal": hutchinson(oracle.hessian_vector, self.tensors, seed=seed, clock=clock)}
        return self.apply(evaluation, inputs, again=oracle.value_and_gradient)

    @property
    def asks_hessian(self) -> bool:
        """Whether the coming update reads the Hessian's diagonal."""
        clock = self.engine.clock
        return self._needs_hessian and self.rule.asks_for("hessian_diagonal", clock, self.values(clock))

    def apply(
        self,
        evaluation: Evaluation,
        inputs: Mapping[str, Any] | None = None,
        *,
        again: Callable[[], Evaluation] | None = None,
    ) -> StepReport:
        """Update the tensors by a gradient that was taken where they are.

        inputs: what the rule needs besides, and `scale`, a loss scale to be taken out of the gradient. again: takes
        another gradient, for a rule that asks twice. Whatever is raised on the way, the tensors and the state are as
        before.
        """
        values = self.values(self.engine.clock)
        value = evaluation.value
        if not self.asks_twice:
            return self._update(evaluation, values, inputs, value)
        assert again is not None, "a rule that asks twice is given a way to ask"
        if self.nonfinite != "apply" and not all(is_finite(g) for g in evaluation.gradients.values() if g is not None):
            return self._update(evaluation, values, inputs, value)
        self._kept = {name: copy(tensor) for name, tensor in self.tensors.items()}
        try:
            self._move_to_query(values, evaluation.gradients)
            return self._update(again(), values, inputs, value)
        finally:
            kept, self._kept = self._kept, None
            self._write(kept)

    def _update(
        self, evaluation: Evaluation, values: Values, inputs: Mapping[str, Any] | None, value: float
    ) -> StepReport:
        given = {} if inputs is None else dict(inputs)
        if self._needs_hessian and not self.rule.asks_for("hessian_diagonal", self.engine.clock, values):
            given["hessian_diagonal"] = evaluation.gradients  # of the right shape; at this update it is not read
        if self._gathering is not None:
            means = self._gathered(self._gathering, evaluation)
            if means is None:
                return StepReport(self.engine.clock, applied=False, value=value)
            evaluation = Evaluation(evaluation.value, means)
        if self._needs_value:
            given.setdefault("value", evaluation.value)
        if self.engine.name != "eager" and not self.moves_query:
            return self.engine.update(self.points, evaluation.gradients, values, given, value)
        with self._no_grad():
            report = self.engine.update(self.points, evaluation.gradients, values, given, value)
            if self.moves_query:
                self._look_ahead()
        return report

    def _gathered(self, gathering: Gathering, evaluation: Evaluation) -> dict[str, Array | None] | None:
        """The mean gradients where this micro-batch is the last; None where it is not, or is refused."""
        gradients = evaluation.gradients
        check_gradients(self.tensors, gradients, dict.fromkeys(self.tensors, 0))
        bad = None
        if self.nonfinite != "apply":
            bad = next((name for name, g in gradients.items() if g is not None and not is_finite(g)), None)
        if bad is not None and self.nonfinite == "raise":
            raise nonfinite_gradient(bad, self.engine.clock)
        means = None
        if bad is None:
            with self._no_grad():
                means = gathering.add(gradients)
        if self._zero_gradients:
            clear(gradients)
        return means

    @property
    def points(self) -> Tensors:
        """The parameters themselves, also where the tensors hold the query point."""
        return self.tensors if self._kept is None else self._kept

    def fresh(self) -> State:
        """A state at the start, in the form that this stepper keeps it."""
        state = self.engine.fresh(self.points)
        return state if self._gathering is None else Gathering(self.rule.micro_batches, self.tensors).joined(state)

    def restart(self, state: State, points: Mapping[str, Array]) -> None:
        """Go on from a state and from p; where the tensors hold the query point, they are moved to it."""
        self.engine.state = state if self._gathering is None else self._gathering.parted(state)
        if self._kept is not None:
            for name, tensor in self._kept.items():
                assign(tensor, points[name])
            self._look_ahead()

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """Inside, the tensors hold the answer point."""
        if self._kept is None and self.rule.link_with("answer") is None:
            yield
            return
        held = {name: copy(tensor) for name, tensor in self.tensors.items()}
        self.hold_answer()
        try:
            yield
        finally:
            self._write(held)

    def hold_answer(self) -> None:
        """Write the answer point into the tensors."""
        state = self.engine.readable
        with self._no_grad():
            self._write(answer(self.rule, self.points, state, self.values(max(state.step - 1, 0))))

    def _look_ahead(self) -> None:
        """Move the tensors to the coming step's query point; where its schedule fails, that step will say so."""
        assert self._kept is not None
        try:
            values = self.values(self.engine.clock)
        except HyperparameterError:
            self._write(self._kept)
            return
        self._move_to_query(values)

    def _move_to_query(self, values: Values, gradients: Mapping[str, Array | None] | None = None) -> None:
        assert self._kept is not None
        given = None
        if gradients is not None:
            given = {n: -cast(Any, g) if self.maximize else g for n, g in gradients.items() if g is not None}
        with self._no_grad():
            self._write(query(self.rule, self._kept, self.engine.readable, values, given))

    def _write(self, points: Mapping[str, Array]) -> None:
        for name, tensor in self.tensors.items():
            if points[name] is not tensor:
                assign(tensor, points[name])


def _own_values(rule: Rule) -> Callable[[int], Values]:
    """A rule's own hyperparameters, computed once where no schedule changes them."""
    if any(isinstance(value, Schedule) for value in rule.hyperparameters().values()):
        return rule.values
    constant = rule.values(0)
    return lambda _clock: constant


def _without_autograd(tensors: Tensors) -> Any:
    """A context: PyTorch's no_grad where the tensors are PyTorch's, else nothing."""
    if any(array_api_compat.is_torch_array(tensor) for tensor in tensors.values()):
        import torch

        return torch.no_grad
    return nullcontext
