"""What the CUDA engine remembers: slots in their formats on the device, in their parameters' memory order, and ages."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from typing import Any, final

import numpy as np

from steepest.core.arrays import Array, Tensors
from steepest.engines.cpu.memory import is_dense
from steepest.engines.cpu.slots import Kind
from steepest.engines.cuda.codes import decoded
from steepest.engines.formats import BLOCK, SMALL, Format, Storage
from steepest.formula import Rule, State
from steepest.formula.plan import PARAMETER, Unplannable
from steepest.formula.state import MODEL

_KINDS = {f"torch.{name}": name for name in ("float32", "float64", "bfloat16")}
_PLANES: Mapping[str, tuple[str, ...]] = {"kahan": ("", ".low"), "signed8": ("", ".scale"), "unsigned8": ("", ".scale")}
"""What is added to a slot's path for each array that holds it."""


@final
class Slots:
    """The state of a rule on live tensors.

    names, kinds, shapes: of the tensors; two tensors of one kind have equal formats. ages, clock: as `State` has them.
    arrays: by path and tensor name, what holds the slots that have a tensor's shape. numbers: the others' types by leaf
    name; scalars: their numbers on the device, in float64, first the model's, then each tensor's; scratch:
    where a step puts the new ones.
    """

    def __init__(self, rule: Rule, params: Tensors, seed: int, storage: Storage) -> None:
        self.rule, self.seed, self.storage = rule, seed, storage
        self.names = tuple(params)
        self.places = {name: place for place, name in enumerate(self.names)}
        self.specs = rule.slots()
        if odd := [path for path, slot in self.specs.items() if callable(slot.like)]:
            raise Unplannable(f"plan: {odd[0]} has a shape of its own")
        self._params: dict[str, Any] = dict(params)
        self.device: Any = self._params[self.names[0]].device
        self.kinds = tuple(self._kind(name, p) for name, p in self._params.items())
        self.shapes = {name: tuple(p.shape) for name, p in self._params.items()}
        scalar = {path: slot for path, slot in self.specs.items() if slot.scalar}
        self.models = [path for path, slot in scalar.items() if slot.like == "model"]
        self.tensors = [path for path in scalar if path not in self.models]
        self.numbers = {f"slot:{path}": scalar[path].dtype or "float64" for path in (*self.models, *self.tensors)}
        self.ages = np.zeros(len(self.names), dtype=np.int64)
        self.clock = 0
        self.arrays: dict[str, dict[str, Any]] = {}
        self._allot(self.fresh(params))

    def formats(self, kind: Kind) -> dict[str, Format]:
        """The format of every array of tensors of a kind."""
        return self.storage.formats(self.specs, kind.numbers, kind.small)

    def state(self) -> State:
        """The state as a value, whose arrays are these."""
        slots: dict[str, dict[str, Array]] = {path: dict(arrays) for path, arrays in self.arrays.items()}
        for path in self.models:
            slots[path] = {name: self._scalar(path, self.models.index(path)) for name in self._owners[path]}
        for path in self.tensors:
            first, step = len(self.models) + self.tensors.index(path), len(self.tensors)
            slots[path] = {name: self._scalar(path, first + step * self.places[name]) for name in self._owners[path]}
        ages = dict(zip(self.names, self.ages.tolist(), strict=True))
        ordered = {path: slots[path] for path in (*self.specs, *slots) if path in slots}
        return State(self.clock, ages, ordered, self.seed)

    def fresh(self, params: Tensors) -> State:
        """A state at the start, in these formats."""
        given: Mapping[str, Any] = params
        wide = {n: p.detach().float() if _KINDS[str(p.dtype)] == "bfloat16" else p.detach() for n, p in given.items()}
        state = self.rule.init(wide, seed=self.seed)
        slots: dict[str, dict[str, Array]] = {}
        for path, tensors in state.slots.items():
            if self.specs[path].scalar:
                slots[path] = dict(tensors)
                continue
            slots[path] = {}
            for name, start in tensors.items():
                for suffix, array in self._encoded(path, name, start).items():
                    slots.setdefault(path + suffix, {})[name] = array
        for name, kind in zip(self.names, self.kinds, strict=True):
            if self.formats(kind)[PARAMETER].kind == "kahan":
                slots.setdefault("p.low", {})[name] = _torch().zeros_like(given[name], requires_grad=False)
        return State(0, dict.fromkeys(self.names, 0), slots, self.seed)

    def readable(self) -> State:
        """The state with every slot as numbers, whatever its format; with its own arrays where they are that."""
        state = self.state()
        slots = {
            path: {name: self._read(path, name, array) for name, array in state.slots[path].items()}
            for path in self.specs
        }
        return State(state.step, state.ages, slots, state.seed)

    def restore(self, state: State) -> None:
        """Go on from a state of the same names, shapes and formats; its arrays are copied."""
        self._allot(state)
        self.ages[:] = [state.ages[name] for name in self.names]
        self.clock, self.seed = state.step, state.seed

    def advance(self, names: Sequence[str]) -> None:
        """One more update of these tensors."""
        self.ages[[self.places[name] for name in names]] += 1
        self.clock += 1

    def planes(self, array: str, form: Format) -> tuple[tuple[str, int], ...]:
        """The paths in `arrays` that hold an array of this format, with their place among its planes.

        A parameter's own memory is not ours; what it is rounded by is.
        """
        if not array.startswith("slot:"):
            return (("p.low", 1),) if form.kind == "kahan" else ()
        path = array.partition(":")[2]
        return tuple((path + suffix, plane) for plane, suffix in enumerate(_PLANES.get(form.kind, ("",))))

    def fits(self, name: str, p: Any) -> bool:
        """Whether a parameter is what its state was made for."""
        kind = self.kinds[self.places[name]]
        same = _KINDS.get(str(p.dtype)) == kind.numbers and tuple(p.shape) == self.shapes[name]
        return same and p.device == self.device and is_dense(p)

    def _read(self, path: str, name: str, array: Any) -> Any:
        if self.specs[path].scalar:
            return array
        form = self.formats(self.kinds[self.places[name]])[f"slot:{path}"]
        if not form.lossy:
            return array
        return decoded(form.kind, array, self.arrays[f"{path}.scale"][name] if form.blocked else None)

    def _allot(self, state: State) -> None:
        """Take a state's numbers into arrays of our own, in the order of the parameters in memory."""
        arrays: dict[str, dict[str, Any]] = {}
        for path, tensors in state.slots.items():
            if path not in self.models and path not in self.tensors:
                arrays[path] = {name: self._own(name, path, array) for name, array in tensors.items()}
        # A slot of one part of a rule has no number for the tensors of another.
        given: Mapping[str, Mapping[str, Any]] = state.slots
        self._owners = {path: tuple(given[path]) for path in (*self.models, *self.tensors)}
        numbers = [float(given[path].get(MODEL, 0.0)) for path in self.models]
        numbers += [float(given[path].get(name, 0.0)) for name in self.names for path in self.tensors]
        self.arrays = arrays
        self.scalars: Any = _torch().tensor(numbers, dtype=_torch().float64, device=self.device)
        self.scratch = self.scalars.clone()

    def _own(self, name: str, path: str, array: Any) -> Any:
        if path.endswith(".scale"):
            return array.detach().to(self.device, copy=True)
        like = self._params[name]
        return _torch().empty_like(like, dtype=array.dtype, requires_grad=False).copy_(array.detach())

    def _encoded(self, path: str, name: str, start: Any) -> dict[str, Array]:
        """A slot's first numbers in its format."""
        torch: Any = _torch()
        kind = self.formats(self.kinds[self.places[name]])[f"slot:{path}"].kind
        if kind in {"signed8", "unsigned8"}:
            scale = torch.zeros(-(-math.prod(start.shape) // BLOCK), device=self.device)
            return {"": torch.zeros_like(start, dtype=torch.uint8), ".scale": scale}
        return {"": start.to(getattr(torch, kind if kind in {"float32", "float64"} else "bfloat16"))}

    def _kind(self, name: str, p: Any) -> Kind:
        numbers = _KINDS.get(str(p.dtype))
        if numbers is None or p.layout is not _torch().strided or not is_dense(p):
            raise Unplannable(f"plan: {name} is not a dense tensor of float32, float64 or bfloat16")
        small = self.storage.moments == "8bit" and math.prod(p.shape) < SMALL
        return Kind(numbers, small, self.rule.part_of(name, tuple(p.shape)))

    def _scalar(self, path: str, place: int) -> Array:
        """One number as a 0-d tensor; on the same memory, where it is float64."""
        number: Any = self.scalars[place]
        return number.to(getattr(_torch(), self.numbers[f"slot:{path}"]))


def _torch() -> Any:
    return sys.modules["torch"]
