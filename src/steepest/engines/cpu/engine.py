"""The CPU engine: a rule's passes as compiled kernels, on NumPy arrays and PyTorch CPU tensors in place."""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping, Sequence
from typing import Any, final

import numpy as np

from steepest.core.arrays import Array, Tensors, is_finite
from steepest.core.errors import InputTypeError
from steepest.core.stepper import Nonfinite, StepReport
from steepest.engines.cpu.arrange import Arrangement
from steepest.engines.cpu.batch import Batch
from steepest.engines.cpu.memory import (
    is_dense,
    kind_of,
    refuse_overlap,
    version_bump,
)
from steepest.engines.cpu.program import Program
from steepest.engines.cpu.slots import Kind, Slots
from steepest.engines.eager import clear
from steepest.engines.formats import Storage
from steepest.formula import Rule, State
from steepest.formula.evaluate import check_gradients, check_hessian_diagonal, check_options, nonfinite_gradient, trace
from steepest.formula.segments import cut
from steepest.formula.values import Values

DIAGONAL = "hessian_diagonal"


@final
class CpuEngine:
    """Runs a rule's plan on live arrays; see `steepest.engines.RuleStepper`.

    trusted: gradients are known to come in the order of the parameters and to have their shapes, as PyTorch's `grad`
    has. Raises Unplannable for a
    rule or for arrays that it cannot run, EngineUnavailable where Numba cannot compile.
    """

    name = "cpu"

    def __init__(
        self,
        rule: Rule,
        params: Tensors,
        *,
        seed: int = 0,
        nonfinite: Nonfinite = "apply",
        maximize: bool = False,
        zero_gradients: bool = False,
        storage: Storage | None = None,
        trusted: bool = False,
    ) -> None:
        self.rule, self.nonfinite, self.maximize, self.trusted = rule, nonfinite, maximize, trusted
        self.zero_gradients = zero_gradients
        self._needs = bool(rule.needs)
        self.slots = Slots(rule, params, seed, Storage() if storage is None else storage)
        refuse_overlap(list(params), list(params.values()), rule.name)
        self._variants: dict[bool, dict[Kind, Program]] = {}
        self._variant(scaled=False)  # compiled here, so that an error comes before the first step
        self._arranged: Arrangement | None = None

    @property
    def state(self) -> State:
        """The state; its arrays are the engine's own, and change with the next step."""
        self._settle()
        return self.slots.state()

    @state.setter
    def state(self, state: State) -> None:
        self.slots.restore(state)
        self._arranged = None

    @property
    def called(self) -> Mapping[str, tuple[str, ...]]:
        """Formulas on whole arrays, which run between passes: by name, the tensors that they run on."""
        programs, found = self._variant(scaled=False), dict[str, tuple[str, ...]]()
        for name, kind in zip(self.slots.names, self.slots.kinds, strict=True):
            for call in programs[kind].host.calls:
                found[call.name] = (*found.get(call.name, ()), name)
        return found

    @property
    def clock(self) -> int:
        """Updates so far."""
        return self.slots.clock

    @property
    def readable(self) -> State:
        """The state in numbers that formulas compute with."""
        self._settle()
        return self.slots.readable()

    @property
    def generation(self) -> object:
        """Another object when other tensors take part; the arrays stay the same from step to step."""
        return self._arranged

    def fresh(self, params: Tensors) -> State:
        """A state at the start."""
        return self.slots.fresh(params)

    def age_cells(self) -> Mapping[str, array[int]]:
        """By tensor of the last step, where its age is counted in place."""
        return {} if self._arranged is None else self._arranged.age_cells()

    def update(
        self,
        params: Tensors,
        gradients: Mapping[str, Array | None],
        values: Values,
        inputs: Mapping[str, Any],
        value: float | None = None,
    ) -> StepReport:
        """One step in place, as `Rule.update` describes it; the parameters have the names they had at the start."""
        slots = self.slots
        needed = check_options(self.rule, inputs)[2] if inputs or self._needs else {}
        if not self.trusted:
            check_gradients(params, gradients, slots.places)
        found = gradients.values() if self.trusted else map(gradients.get, slots.names)
        names = [name for name, gradient in zip(slots.names, found, strict=True) if gradient is not None]
        if not names:
            slots.clock += 1
            return StepReport(slots.clock, True, _numbers(values), value=value)
        arranged = self._arrange(params, names, values, scaled="unscale" in needed)
        batches = arranged.batches
        held = [batch.locate(params, gradients, self._check_parameters, trusted=self.trusted) for batch in batches]
        if DIAGONAL in needed:
            check_hessian_diagonal(params, tuple(names), needed)
            held += [batch.receive(f"input:{DIAGONAL}", needed[DIAGONAL]) for batch in batches]
        for batch in batches:
            batch.prepare(slots.clock + 1, slots.models, needed)
        finite = None
        for number, passes in enumerate(arranged.rounds):
            for batch, index in passes:
                batch.walk(index, slots.vectors)
            if arranged.seen:
                arranged.reduce()
            if number == 0 and self.nonfinite != "apply":
                finite = self._checked(batches, names, gradients)
                if not finite:
                    return StepReport(slots.clock, False, _numbers(values), {}, False, value)
        if arranged.scalars:
            self._finish(batches)
        arranged.advance()
        slots.clock += 1
        if slots.is_torch:
            for batch in batches:
                version_bump()(batch.params)
        if self.zero_gradients and any(held):
            clear(gradients)  # those that were copied, in the order of their parameters, are not zero yet
        if not arranged.seen:
            return StepReport(slots.clock, True, arranged.used, {}, finite, value)
        seen = {path: batch.model[place] for path, (batch, place) in arranged.seen.items()}
        if finite is None:
            finite = all(map(math.isfinite, seen.values()))
        return StepReport(slots.clock, True, arranged.used, seen, finite, value)

    def _settle(self) -> None:
        if self._arranged is not None:
            self._arranged.settle(self.slots)

    def _variant(self, scaled: bool) -> dict[Kind, Program]:
        """The programs by kind of tensor, with or without a loss scale to be taken out."""
        if scaled not in self._variants:
            slots = self.slots
            examples = dict(zip(slots.kinds, slots.shapes.items(), strict=True))
            graphs = {
                kind.part: cut(trace(self.rule, maximize=self.maximize, scaled=scaled, tensor=example))
                for kind, example in examples.items()
            }
            programs = {
                kind: Program(
                    graphs[kind.part],
                    slots.formats(kind),
                    atomic=self.nonfinite != "apply",
                    zero=self.zero_gradients,
                    title=" ".join(filter(None, (self.rule.name, kind.part))),
                )
                for kind in sorted(examples)
            }
            for program in programs.values():
                program.compile()
            self._variants[scaled] = programs
        return self._variants[scaled]

    def _arrange(self, params: Tensors, names: Sequence[str], values: Values, scaled: bool) -> Arrangement:
        """The step's batches; those of the last step, where the same tensors take part in the same groups."""
        programs = self._variant(scaled)
        if self._arranged is None or not self._arranged.fits(names, values, programs):
            self._settle()
            self._arranged = Arrangement(programs, self.slots, params, names, values)
        return self._arranged

    def _check_parameters(self, names: Sequence[str], params: Sequence[Any]) -> None:
        """Parameters that have moved must be what they were: their state was made for that."""
        for name, p in zip(names, params, strict=True):
            kind = self.slots.kinds[self.slots.places[name]].numbers
            if kind_of(p) != kind or not is_dense(p) or tuple(p.shape) != self.slots.shapes[name]:
                raise InputTypeError(
                    f"update: {name} must stay what it was at the first step, a dense {kind} array of shape "
                    f"{self.slots.shapes[name]} in host memory, got {p.dtype} of shape {tuple(p.shape)}"
                )

    def _checked(self, batches: Sequence[Batch], names: Sequence[str], gradients: Mapping[str, Any]) -> bool:
        """Whether every gradient is finite; raises by policy. A sum of squares may be infinite where no gradient is."""
        with np.errstate(all="ignore"):
            if all(np.isfinite(np.add.reduce(batch.sums[batch.program.check])) for batch in batches):
                return True
        bad = next((name for name in names if not is_finite(gradients[name])), None)
        if bad is None:
            return True
        if self.nonfinite == "raise":
            raise nonfinite_gradient(bad, self.slots.clock)
        if self.zero_gradients:
            clear(gradients)
        return False

    def _finish(self, batches: Sequence[Batch]) -> None:
        """Write the slots that are one number, of the model or of a tensor."""
        slots = self.slots
        results = [(batch, *batch.finish(slots.vectors)) for batch in batches]
        for batch, model, vectors in results:
            for path, number in zip(batch.program.model_slots, model, strict=True):
                slots.models[f"slot:{path}"][0] = number
            for path, vector in zip(batch.program.tensor_slots, vectors, strict=True):
                slots.vectors[f"slot:{path}"][batch.places] = vector


def _numbers(values: Values) -> dict[str, float]:
    return {path: value for path, value in values.items() if not isinstance(value, Mapping)}
