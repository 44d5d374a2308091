"""The eager engine: a rule on live arrays of NumPy or PyTorch, operation by operation; the reference for all others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import Any, cast, final

import array_api_compat

from steepest.core.arrays import Array, Tensors, assign, copy, is_finite
from steepest.core.errors import HyperparameterError, InputError, InputTypeError
from steepest.core.oracle import Evaluation, Oracle
from steepest.core.stepper import Nonfinite, StepReport
from steepest.formula import Rule, State
from steepest.formula.evaluate import Values, answer, query, update


@final
class EagerStepper:
    """Runs a rule on tensors that it changes in place; between steps they hold the query point.

    A rule without a query keeps nothing but its state. One with a query (look-ahead, SAM) keeps p itself aside
    while the tensors hold the point where the next gradient is taken.

    Raises InputError for a rule that sets no step, InputTypeError for tensors that cannot be changed in place.

    values: hyperparameters by path after so many updates, where they are not the rule's own (parameter groups).
    asks_twice: whether a step takes two gradients. moves_query: whether the tensors hold something other than p.
    """

    def __init__(
        self,
        rule: Rule,
        tensors: Tensors,
        *,
        seed: int = 0,
        nonfinite: Nonfinite = "apply",
        maximize: bool = False,
        values: Callable[[int], Values] | None = None,
    ) -> None:
        if not rule.sets_step:
            raise InputError(f"{rule.name}: no rule in the chain sets the step; add learning_rate(lr=…) to {rule!r}")
        for name, tensor in tensors.items():
            if not (array_api_compat.is_numpy_array(tensor) or array_api_compat.is_torch_array(tensor)):
                kind = type(tensor).__name__
                raise InputTypeError(f"{rule.name}: {name} must be changeable in place, got {kind}; use rule.update")
        self.rule, self.tensors = rule, tensors
        self.nonfinite: Nonfinite = nonfinite
        self.maximize = maximize
        self.values = rule.values if values is None else values
        self.state: State = rule.init(tensors, seed=seed)
        found = rule.link_with("query")
        self.asks_twice = found is not None and found[1].queries_gradient
        self.moves_query = found is not None and not self.asks_twice
        self._kept: dict[str, Array] | None = None
        if self.moves_query:
            self.restart(self.state, {name: copy(tensor) for name, tensor in tensors.items()})

    def step(self, oracle: Oracle) -> StepReport:
        """Ask for the gradient (twice, where the query point needs one at p), and update the tensors."""
        return self.apply(oracle.value_and_gradient(), again=oracle.value_and_gradient)

    def apply(
        self,
        evaluation: Evaluation,
        inputs: Mapping[str, Any] | None = None,
        *,
        again: Callable[[], Evaluation] | None = None,
    ) -> StepReport:
        """Update the tensors by a gradient that was taken where they are.

        inputs: what the rule needs besides. again: takes another gradient, for a rule that asks twice. Whatever is
        raised on the way, the tensors and the state are as before.
        """
        values = self.values(self.state.step)
        value = evaluation.value
        if not self.asks_twice:
            return replace(self._update(evaluation, values, inputs), value=value)
        assert again is not None, "a rule that asks twice is given a way to ask"
        if self.nonfinite != "apply" and not all(is_finite(g) for g in evaluation.gradients.values() if g is not None):
            return replace(self._update(evaluation, values, inputs), value=value)
        self._kept = {name: copy(tensor) for name, tensor in self.tensors.items()}
        try:
            self._move_to_query(values, evaluation.gradients)
            return replace(self._update(again(), values, inputs), value=value)
        finally:
            kept, self._kept = self._kept, None
            self._write(kept)

    def _update(self, evaluation: Evaluation, values: Values, inputs: Mapping[str, Any] | None) -> StepReport:
        given: dict[str, Any] = {"nonfinite": self.nonfinite, "maximize": self.maximize, **(inputs or {})}
        if "value" in self.rule.needs:
            given.setdefault("value", evaluation.value)
        with _without_autograd(self.points):
            after, self.state, report = update(
                self.rule, self.points, evaluation.gradients, self.state, values, **given
            )
            if self._kept is None:
                self._write(after)
                return report
            for name, tensor in after.items():
                assign(self._kept[name], tensor)
            if self.moves_query:
                self._look_ahead()
        return report

    @property
    def points(self) -> Tensors:
        """The parameters themselves, also where the tensors hold the query point."""
        return self.tensors if self._kept is None else self._kept

    def restart(self, state: State, points: Mapping[str, Array]) -> None:
        """Go on from a state and from p; where the tensors hold the query point, they are moved to it."""
        self.state = state
        if self.moves_query:
            self._kept = dict(points)
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
        points = self.points
        with _without_autograd(points):
            self._write(answer(self.rule, points, self.state, self.values(max(self.state.step - 1, 0))))

    def _look_ahead(self) -> None:
        """Move the tensors to the coming step's query point; where its schedule fails, that step will say so."""
        assert self._kept is not None
        try:
            values = self.values(self.state.step)
        except HyperparameterError:
            self._write(self._kept)
            return
        self._move_to_query(values)

    def _move_to_query(self, values: Values, gradients: Mapping[str, Array | None] | None = None) -> None:
        assert self._kept is not None
        given = None
        if gradients is not None:
            given = {n: -cast(Any, g) if self.maximize else g for n, g in gradients.items() if g is not None}
        with _without_autograd(self._kept):
            self._write(query(self.rule, self._kept, self.state, values, given))

    def _write(self, points: Mapping[str, Array]) -> None:
        for name, tensor in self.tensors.items():
            if points[name] is not tensor:
                assign(tensor, points[name])


def _without_autograd(tensors: Tensors) -> Any:
    """PyTorch's no_grad where the tensors are PyTorch's, else nothing."""
    if any(array_api_compat.is_torch_array(tensor) for tensor in tensors.values()):
        import torch

        return torch.no_grad()
    return nullcontext()
