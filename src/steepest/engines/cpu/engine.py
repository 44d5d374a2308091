"""The CPU engine: a rule's passes as compiled kernels, on NumPy arrays and PyTorch CPU tensors in place."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, final

import numpy as np
import numpy.typing as npt

from steepest.core.arrays import Array, Tensors, is_finite
from steepest.core.errors import InputTypeError
from steepest.core.stepper import Nonfinite, StepReport
from steepest.engines.cpu.batch import Batch, Row, StepState
from steepest.engines.cpu.memory import (
    address_of,
    bump_versions,
    is_row_major,
    kind_of,
    laid_out_like,
    refuse_overlap,
)
from steepest.engines.cpu.program import Program, finish
from steepest.engines.cpu.slots import Slots
from steepest.engines.eager import clear
from steepest.engines.formats import Storage
from steepest.formula import Rule, State
from steepest.formula.evaluate import (
    ByGroup,
    Values,
    check_gradients,
    check_hessian_diagonal,
    check_options,
    nonfinite_gradient,
    trace,
)
from steepest.formula.plan import GRADIENT, PARAMETER

Leaves = Callable[[Row], tuple[float, ...]]


@final
class CpuEngine:
    """Runs a rule's plan on live arrays; see `steepest.engines.RuleStepper`.

    trusted: gradients are known to have their parameters' shapes, as PyTorch's `grad` has. Raises Unplannable for a
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
        self.slots = Slots(rule, params, seed, Storage() if storage is None else storage)
        refuse_overlap(list(params), list(params.values()), rule.name)
        self._variants: dict[bool, dict[str, Program]] = {}
        self._variant(scaled=False)  # compiled here, so that an error comes before the first step
        self._arranged: tuple[object, ...] = ()
        self._batches: tuple[Batch, ...] = ()

    @property
    def state(self) -> State:
        """The state; its arrays are the engine's own, and change with the next step."""
        return self.slots.state()

    @state.setter
    def state(self, state: State) -> None:
        self.slots.restore(state)
        self._arranged = ()

    @property
    def clock(self) -> int:
        """Updates so far."""
        return self.slots.clock

    @property
    def ages(self) -> npt.NDArray[np.int64]:
        """How many updates each tensor has had, counted in place."""
        return self.slots.ages

    @property
    def readable(self) -> State:
        """The state in numbers that formulas compute with."""
        return self.slots.readable()

    @property
    def generation(self) -> object:
        """Another object when other tensors take part; the arrays stay the same from step to step."""
        return self._batches

    def fresh(self, params: Tensors) -> State:
        """A state at the start."""
        return self.slots.fresh(params)

    def update(
        self,
        params: Tensors,
        gradients: Mapping[str, Array | None],
        values: Values,
        inputs: Mapping[str, Any],
    ) -> StepReport:
        """One step in place, as `Rule.update` describes it; the parameters have the names they had at the start."""
        slots = self.slots
        _, _, needed = check_options(self.rule, inputs)
        nonfinite = self.nonfinite
        if not self.trusted:
            check_gradients(params, gradients, slots.places)
        names = [name for name in slots.names if gradients.get(name) is not None]
        check_hessian_diagonal(params, tuple(names), needed)
        used = {path: value for path, value in values.items() if not isinstance(value, Mapping)}
        if not names:
            slots.clock += 1
            return StepReport(slots.clock, True, used)
        self._arrange(params, names, values, scaled="unscale" in needed)
        held = self._point(params, gradients, needed)
        step = StepState(slots.ages + 1, slots.vectors)
        leaves = self._leaves(values, needed, step)
        host = self._batches[0].program.host
        model = [math.nan] * len(host.model)
        finite = None
        for index in range(len(self._batches[0].program.plan.passes)):
            for batch in self._batches:
                batch.run(index, leaves, model, step)
            if model:
                self._reduce(model)
            if index == 0 and nonfinite != "apply":
                bad = None if self._sums_are_finite() else next((n for n in names if not is_finite(gradients[n])), None)
                if bad is not None and nonfinite == "raise":
                    raise nonfinite_gradient(bad, slots.clock)
                if bad is not None:
                    if self.zero_gradients:
                        clear(gradients)
                    return StepReport(slots.clock, False, used, {}, False)
                finite = True
        self._finish(leaves, model, step)
        slots.advance(names)
        if slots.is_torch:
            bump_versions(params[name] for name in names)
        if self.zero_gradients and held:
            clear(gradients)  # those that were copied, in the order of their parameters, are not zero yet
        seen = {path: model[place] for path, place in host.seen.items()}
        if finite is None and seen:
            finite = all(map(math.isfinite, seen.values()))
        return StepReport(slots.clock, True, used, seen, finite)

    def _variant(self, scaled: bool) -> dict[str, Program]:
        """The programs by kind of tensor, with or without a loss scale to be taken out."""
        if scaled not in self._variants:
            graph = trace(self.rule, maximize=self.maximize, scaled=scaled)
            programs = {
                kind: Program(
                    graph,
                    self.slots.formats(kind),
                    atomic=self.nonfinite != "apply",
                    zero=self.zero_gradients,
                    title=self.rule.name,
                )
                for kind in sorted(set(self.slots.kinds))
            }
            for program in programs.values():
                program.compile()
            self._variants[scaled] = programs
        return self._variants[scaled]

    def _arrange(self, params: Tensors, names: Sequence[str], values: Values, scaled: bool) -> None:
        """The batches of a step on these tensors; those of the last step, where nothing is different."""
        programs = self._variant(scaled)
        groups = [(path, value) for path, value in values.items() if isinstance(value, Mapping)]
        marks = [(path, value.group_of if isinstance(value, ByGroup) else value) for path, value in groups]
        arranged = (names, marks, programs)
        if self._batches and self._arranged and _same(self._arranged, arranged):
            return
        slots = self.slots
        batches = []
        for kind in sorted({slots.kinds[slots.places[name]] for name in names}):
            mine = [name for name in names if slots.kinds[slots.places[name]] == kind]
            rows: dict[tuple[object, ...], Row] = {}
            row_of = []
            sized = programs[kind].host.sized
            for name in mine:
                ndim = len(params[name].shape) if sized else 0
                place = slots.places[name]
                own = tuple(v.group_of[name] if isinstance(v, ByGroup) else v[name] for _, v in groups)
                key = (int(slots.ages[place]), ndim, *own)
                row = rows.setdefault(key, Row(name, place, ndim))
                row_of.append(list(rows).index(key) if len(rows) > 1 else 0)
                del row
            shaped = [params[name] for name in mine]
            places = [slots.places[name] for name in mine]
            program = programs[kind]
            batch = Batch(program, mine, places, shaped, tuple(rows.values()), row_of, slots.seed)
            for array in program.plan.arrays:
                if array.startswith("slot:") or program.formats[array].kind == "kahan":
                    for path, plane in slots.planes(array, kind):
                        if path in slots.arrays:
                            batch.point(array, [address_of(slots.arrays[path][name]) for name in mine], plane)
            batches.append(batch)
        self._batches, self._arranged = tuple(batches), arranged

    def _point(self, params: Tensors, gradients: Mapping[str, Any], needed: Mapping[str, Any]) -> list[Any]:
        """Where parameters and gradients lie now; gradients in another order or dtype are copied, and returned."""
        held: list[Any] = []
        arrays: dict[str, Mapping[str, Any]] = {PARAMETER: params, GRADIENT: gradients}
        if "hessian_diagonal" in needed:
            arrays["input:hessian_diagonal"] = needed["hessian_diagonal"]
        for batch in self._batches:
            for array, tensors in arrays.items():
                if not batch.touches(array):
                    continue
                addresses = []
                for name, (kind, row_major) in batch.expected(params):
                    tensor = tensors[name]
                    if array != PARAMETER and not (row_major and is_row_major(tensor) and kind_of(tensor) == kind):
                        tensor = _converted(name, tensor, params[name])
                        held.append(tensor)
                    addresses.append(address_of(tensor))
                batch.point(array, addresses)
        return held

    def _leaves(self, values: Values, needed: Mapping[str, Any], step: StepState) -> Leaves:
        """A row's inputs, in the order in which the host wants them."""
        names = self._batches[0].program.host.leaves
        ages = step.ages
        clock = self.slots.clock + 1

        def leaves(row: Row) -> tuple[float, ...]:
            found: list[float] = []
            for name in names:
                kind, _, path = name.partition(":")
                if kind == "k":
                    found.append(int(ages[row.place]))
                elif kind == "t":
                    found.append(clock)
                elif kind == "value":
                    value = values[path]
                    found.append(value[row.name] if isinstance(value, Mapping) else value)
                elif kind == "slot":
                    found.append(float(self.slots.models[name][0]))
                else:
                    found.append(float(needed[path]))
            return tuple(found)

        return leaves

    def _reduce(self, model: list[float]) -> None:
        """Finish the reductions over the model whose sums are known."""
        count = sum(batch.table.elements for batch in self._batches)
        for place, node in enumerate(self._batches[0].program.host.model):
            parts = [batch.total(node) for batch in self._batches]
            if not any(part is None for part in parts):
                model[place] = float(finish(node, float(sum(part for part in parts if part is not None)), count))

    def _sums_are_finite(self) -> bool:
        checks = [batch.sums[batch.program.check] for batch in self._batches]
        return all(bool(np.isfinite(np.add.reduce(check))) for check in checks)

    def _finish(self, leaves: Leaves, model: Sequence[float], step: StepState) -> None:
        """Write the slots that are one number, of the model or of a tensor."""
        program = self._batches[0].program
        if not program.model_slots and not program.tensor_slots:
            return
        results = [batch.finish(leaves, model, step) for batch in self._batches]
        for place, path in enumerate(program.model_slots):
            self.slots.models[f"slot:{path}"][0] = results[0][0][place]
        for place, path in enumerate(program.tensor_slots):
            for batch, (_, vectors) in zip(self._batches, results, strict=True):
                self.slots.vectors[f"slot:{path}"][batch.indices] = vectors[place]


def _same(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    (names, marks, programs), (names2, marks2, programs2) = one, other
    if names != names2 or programs is not programs2 or len(marks) != len(marks2):
        return False
    pairs = zip(marks, marks2, strict=True)
    return all(path == path2 and (mark is mark2 or mark == mark2) for (path, mark), (path2, mark2) in pairs)


def _converted(name: str, tensor: Any, p: Any) -> Any:
    """An input in the dtype and memory order of its parameter."""
    if kind_of(tensor) is None and getattr(tensor, "device", None) != getattr(p, "device", None):
        raise InputTypeError(f"update: the gradient of {name} must be on the device of its parameter")
    if isinstance(p, np.ndarray):
        return laid_out_like(np.asarray(tensor, dtype=p.dtype), p)
    return laid_out_like(tensor.detach().to(p.dtype), p)
