"""The eager engine: a rule on live arrays, operation by operation; the reference for all others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast, final

from steepest.core.arrays import Array, Tensors, assign
from steepest.core.stepper import Nonfinite, StepReport
from steepest.formula import Rule, State
from steepest.formula.evaluate import update
from steepest.formula.values import Values


@final
class EagerEngine:
    """Runs a rule by `Rule.update`, and writes what comes back into the arrays; see `RuleStepper`."""

    name = "eager"

    def __init__(
        self,
        rule: Rule,
        params: Tensors,
        *,
        seed: int = 0,
        nonfinite: Nonfinite = "apply",
        maximize: bool = False,
        zero_gradients: bool = False,
    ) -> None:
        self.rule, self.nonfinite, self.maximize, self.zero_gradients = rule, nonfinite, maximize, zero_gradients
        self.state: State = rule.init(params, seed=seed)
        self.seed = seed

    def fresh(self, params: Tensors) -> State:
        """A state at the start."""
        return self.rule.init(params, seed=self.seed)

    @property
    def clock(self) -> int:
        """Updates so far."""
        return self.state.step

    def age_cells(self) -> None:
        """Ages are not counted in place: see the state."""

    @property
    def readable(self) -> State:
        """The state in numbers that formulas compute with."""
        return self.state

    @property
    def generation(self) -> object:
        """Another object after each step, as the state's arrays are."""
        return self.state

    def update(
        self,
        params: Tensors,
        gradients: Mapping[str, Array | None],
        values: Values,
        inputs: Mapping[str, Any],
        value: float | None = None,
    ) -> StepReport:
        """One step in place."""
        options: dict[str, Any] = {"nonfinite": self.nonfinite, "maximize": self.maximize, **inputs}
        after, self.state, report = update(self.rule, params, gradients, self.state, values, **options)
        for name, tensor in params.items():
            if after[name] is not tensor:
                assign(tensor, after[name])
        if self.zero_gradients:
            clear(gradients)
        return report._replace(value=value)


def clear(gradients: Mapping[str, Array | None]) -> None:
    """Set every gradient to zero."""
    for gradient in gradients.values():
        if gradient is not None:
            cast(Any, gradient)[...] = 0.0
