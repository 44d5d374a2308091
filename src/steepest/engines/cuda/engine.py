"""The CUDA engine: a rule's passes as Triton kernels, on PyTorch CUDA tensors in place."""

from __future__ import annotations

import importlib.util
import sys
from array import array
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, final

import array_api_compat

from steepest.core.arrays import Array, Tensors, is_finite
from steepest.core.errors import EngineUnavailable, InputTypeError
from steepest.core.stepper import Nonfinite, StepReport
from steepest.engines.cpu.memory import refuse_overlap, version_bump
from steepest.engines.cpu.slots import Kind
from steepest.engines.cuda.arrange import Arrangement
from steepest.engines.cuda.layout import Layout, Places
from steepest.engines.cuda.program import Program
from steepest.engines.cuda.slots import Slots
from steepest.engines.eager import clear
from steepest.engines.formats import Storage
from steepest.formula import Rule, State
from steepest.formula.evaluate import check_gradients, check_hessian_diagonal, check_options, nonfinite_gradient, trace
from steepest.formula.plan import GRADIENT, PARAMETER, Unplannable
from steepest.formula.values import Values

DIAGONAL = "hessian_diagonal"


@final
class CudaEngine:
    """Runs a rule's plan on live CUDA tensors; see `steepest.engines.RuleStepper`.

    Nothing waits for the device but the policies "skip" and "raise", which must know whether gradients are finite
    before they write. In a report, `seen` is read when it is looked at, and `finite` is None under "apply".

    trusted: gradients are known to have their parameters' shapes and device, as PyTorch's `grad` has. Raises
    Unplannable for a rule or for tensors that it cannot run, EngineUnavailable where there is no Triton.
    """

    name = "cuda"

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
        _check_device(params)
        self.slots = Slots(rule, params, seed, Storage() if storage is None else storage)
        refuse_overlap(list(params), list(params.values()), rule.name)
        self._variants: dict[bool, dict[Kind, Program]] = {}
        self._variant(scaled=False)  # compiled here, so that an error comes before the first step
        self._arranged: Arrangement | None = None

    @property
    def state(self) -> State:
        """The state; its arrays are the engine's own, and change with the next step."""
        return self.slots.state()

    @state.setter
    def state(self, state: State) -> None:
        self.slots.restore(state)
        self._arranged = None

    @property
    def clock(self) -> int:
        """Updates so far."""
        return self.slots.clock

    @property
    def readable(self) -> State:
        """The state in numbers that formulas compute with."""
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
        needed = check_options(self.rule, inputs)[2] if inputs or self.rule.needs else {}
        if not self.trusted:
            check_gradients(params, gradients, slots.places)
        names = [name for name in slots.names if gradients.get(name) is not None]
        if not names:
            slots.clock += 1
            return StepReport(slots.clock, True, _numbers(values), value=value)
        if DIAGONAL in needed:
            check_hessian_diagonal(params, tuple(names), needed)
        with _on(slots.device):
            arranged = self._arrange(params, names, values, scaled="unscale" in needed)
            held = self._locate(arranged, params, gradients, needed)
            tables = arranged.send(slots.clock + 1, needed)
            finite = self._walk(arranged, tables, names, gradients)
            if finite is False:
                return StepReport(slots.clock, False, _numbers(values), {}, False, value)
            arranged.advance()
            slots.advance(names)
            version_bump()([params[name] for name in names])
            if self.zero_gradients and held:
                clear(gradients)  # those that were copied, in the order of their parameters, are not zero yet
        return StepReport(slots.clock, True, arranged.used, arranged.seen(tables), finite, value)

    def _variant(self, scaled: bool) -> dict[Kind, Program]:
        """The programs by kind of tensor, with or without a loss scale to be taken out."""
        if scaled not in self._variants:
            slots, atomic, places = self.slots, self.nonfinite != "apply", Places()
            examples = dict(zip(slots.kinds, slots.shapes.items(), strict=True))
            layouts = {
                part: Layout(
                    trace(self.rule, maximize=self.maximize, scaled=scaled, tensor=example), places, check=atomic
                )
                for part, example in {kind.part: example for kind, example in sorted(examples.items())}.items()
            }
            programs = {
                kind: Program(
                    layouts[kind.part],
                    slots.formats(kind),
                    slots.numbers,
                    atomic=atomic,
                    zero=self.zero_gradients,
                    title=" ".join(filter(None, (self.rule.name, kind.part))),
                )
                for kind in sorted(examples)
            }
            if slots.device.type == "cuda":
                with _on(slots.device):
                    for program in programs.values():
                        program.compile(len(programs))
            self._variants[scaled] = programs
        return self._variants[scaled]

    def _arrange(self, params: Tensors, names: Sequence[str], values: Values, scaled: bool) -> Arrangement:
        """The step's batches; those of the last step, where the same tensors take part in the same groups."""
        programs = self._variant(scaled)
        if self._arranged is None or not self._arranged.fits(names, values, programs):
            self._arranged = Arrangement(programs, self.slots, params, names, values)
        return self._arranged

    def _locate(
        self, arranged: Arrangement, params: Tensors, gradients: Mapping[str, Any], needed: Mapping[str, Any]
    ) -> list[Any]:
        """Say where parameters and gradients lie now; gradients in another order or dtype are copied, and returned."""
        held: list[Any] = []
        given: dict[str, Mapping[str, Any]] = {GRADIENT: gradients}
        if DIAGONAL in needed:
            given[f"input:{DIAGONAL}"] = needed[DIAGONAL]
        for batch in arranged.batches:
            own: list[Any] = [params[name] for name in batch.names]
            addresses = [p.data_ptr() for p in own]
            if batch.parameters != addresses:
                self._check_parameters(batch.names, own)
                batch.parameters = addresses
                batch.point(PARAMETER, addresses)
            for name, tensors in given.items():
                held += batch.locate(name, tensors, own, self.trusted)
        return held

    def _check_parameters(self, names: Sequence[str], params: Sequence[Any]) -> None:
        """Parameters that have moved must be what they were: their state was made for that."""
        for name, p in zip(names, params, strict=True):
            if not self.slots.fits(name, p):
                raise InputTypeError(
                    f"update: {name} must stay what it was at the first step, a dense tensor of shape "
                    f"{self.slots.shapes[name]} on {self.slots.device}, "
                    f"got {p.dtype} of shape {tuple(p.shape)} on {p.device}"
                )

    def _walk(
        self, arranged: Arrangement, tables: Mapping[str, Any], names: Sequence[str], gradients: Mapping[str, Any]
    ) -> bool | None:
        """Run all passes; whether gradients are finite, None where nobody looked. If not, nothing is written."""
        finite = None
        for number, passes in enumerate(arranged.rounds):
            for batch, index in passes:
                batch.walk(index, tables)
            for batch, index in passes:
                if batch.program.plan.passes[index].sums:
                    batch.add(tables)
            if number == 0 and self.nonfinite != "apply":
                finite = self._checked(arranged, tables, names, gradients)
                if not finite:
                    return False
        if self.slots.numbers:
            for batch in arranged.batches:
                if batch.program.finish is not None:
                    batch.finish(tables)
            self.slots.scalars.copy_(self.slots.scratch)
        return finite

    def _checked(
        self, arranged: Arrangement, tables: Mapping[str, Any], names: Sequence[str], gradients: Mapping[str, Any]
    ) -> bool:
        """Whether every gradient is finite; raises by policy. A sum of squares may be infinite where no gradient is."""
        if arranged.is_finite(tables):
            return True
        bad = next((name for name in names if not is_finite(gradients[name])), None)
        if bad is None:
            return True
        if self.nonfinite == "raise":
            raise nonfinite_gradient(bad, self.slots.clock)
        if self.zero_gradients:
            clear(gradients)
        return False


def _check_device(params: Tensors) -> None:
    """Raise Unplannable for arrays that are not PyTorch CUDA tensors, EngineUnavailable where there is no Triton."""
    if not all(array_api_compat.is_torch_array(p) for p in params.values()):
        raise Unplannable("plan: the CUDA engine runs on PyTorch tensors")
    if importlib.util.find_spec("triton") is None:
        raise EngineUnavailable("the CUDA engine needs Triton, which PyTorch has on Linux: pip install triton")
    from steepest.engines.cuda.runtime import INTERPRETED

    device: Any = next(iter(params.values())).device  # type: ignore[attr-defined]
    if device.type != ("cpu" if INTERPRETED else "cuda"):
        raise Unplannable(f"plan: the CUDA engine runs on CUDA tensors, got {device}")


def _on(device: Any) -> AbstractContextManager[Any]:
    """A context in which kernels are launched on this device."""
    torch: Any = sys.modules["torch"]
    if device.type == "cpu" or device.index == torch.cuda.current_device():
        return nullcontext()
    return torch.cuda.device(device)


def _numbers(values: Values) -> dict[str, float]:
    return {path: value for path, value in values.items() if not isinstance(value, Mapping)}
