"""What the CPU engine remembers: slots in their formats, in the memory order of their parameters, and ages."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from typing import Any, NamedTuple, final

import array_api_compat
import numpy as np
import numpy.typing as npt

from steepest.core.arrays import Array, Tensors
from steepest.engines.cpu.codes import decoded
from steepest.engines.cpu.memory import is_dense, kind_of, laid_out_like
from steepest.engines.formats import BLOCK, SMALL, Format, Storage
from steepest.formula import Rule, State
from steepest.formula.plan import PARAMETER, Unplannable
from steepest.formula.state import MODEL


class Kind(NamedTuple):
    """What tensors have in common that one program runs on: their numbers, whether they are small, their part."""

    numbers: str
    small: bool
    part: str


_PLANES: Mapping[str, tuple[str, ...]] = {"kahan": ("", ".low"), "signed8": ("", ".scale"), "unsigned8": ("", ".scale")}
"""What is added to a slot's path for each array that holds it."""


@final
class Slots:
    """The state of a rule on live arrays.

    names, kinds: of the tensors; two tensors of one kind have equal formats. plain: paths of the slots of formulas on
    whole arrays, which are kept as these compute. ages, clock: as `State` has them.
    vectors: by leaf name, the slots with one number a tensor; models: those with one number. arrays: by path and
    tensor name, what holds the others.
    """

    def __init__(self, rule: Rule, params: Tensors, seed: int, storage: Storage) -> None:
        self.rule, self.seed, self.storage = rule, seed, storage
        self.names = tuple(params)
        self.places = {name: place for place, name in enumerate(self.names)}
        self.specs = rule.slots()
        own = [(f"{path}.{slot.name}", link) for path, link in rule.links() for slot in link.own_slots]
        self.plain = frozenset(path for path, link in own if link.formula.opaque)
        if odd := [path for path, slot in self.specs.items() if callable(slot.like) and path not in self.plain]:
            raise Unplannable(f"plan: {odd[0]} has a shape of its own")
        self.is_torch = all(array_api_compat.is_torch_array(p) for p in params.values())
        self.kinds = tuple(self._kind(name, p) for name, p in params.items())
        self.shapes = {name: tuple(p.shape) for name, p in params.items()}
        self.ages = np.zeros(len(self.names), dtype=np.int64)
        self.clock = 0
        self.vectors: dict[str, npt.NDArray[Any]] = {}
        self.models: dict[str, npt.NDArray[Any]] = {}
        self.arrays: dict[str, dict[str, Any]] = {}
        self._owners: dict[str, tuple[str, ...]] = {}
        self._params = params
        self._allot(self.fresh(params))

    def formats(self, kind: Kind) -> dict[str, Format]:
        """The format of every array of tensors of a kind."""
        return self.storage.formats(self.specs, kind.numbers, kind.small, self.plain)

    def state(self) -> State:
        """The state as a value, whose arrays are these."""
        slots: dict[str, dict[str, Array]] = {path: dict(arrays) for path, arrays in self.arrays.items()}
        for name, vector in self.vectors.items():
            path = name.partition(":")[2]
            places = {owner: self.places[owner] for owner in self._owners[path]}
            slots[path] = {owner: self._scalar(vector[place : place + 1]) for owner, place in places.items()}
        for name, number in self.models.items():
            slots[name.partition(":")[2]] = {MODEL: self._scalar(number)}
        ages = dict(zip(self.names, self.ages.tolist(), strict=True))
        ordered = {path: slots[path] for path in (*self.specs, *slots) if path in slots}
        return State(self.clock, ages, ordered, self.seed)

    def fresh(self, params: Tensors) -> State:
        """A state at the start, in these formats."""
        wide = {name: _widened(p) for name, p in params.items()}
        state = self.rule.init(wide, seed=self.seed)
        slots: dict[str, dict[str, Array]] = {path: {} for path in state.slots}
        for path, tensors in state.slots.items():
            if self.specs[path].scalar:
                slots[path] = dict(tensors)
                continue
            for name, start in tensors.items():
                for suffix, array in self._encoded(path, name, start).items():
                    slots.setdefault(path + suffix, {})[name] = array
        for name, kind in zip(self.names, self.kinds, strict=True):
            if self.formats(kind)[PARAMETER].kind == "kahan":
                p: Any = self._params[name]
                slots.setdefault("p.low", {})[name] = sys.modules["torch"].zeros_like(p, requires_grad=False)
        return State(0, dict.fromkeys(self.names, 0), slots, self.seed)

    def readable(self) -> State:
        """The state with every slot as numbers, whatever its format; with its own arrays where they are that."""
        state = self.state()
        slots: dict[str, Mapping[str, Array]] = {}
        for path in self.specs:
            slots[path] = {name: self._read(path, name, array) for name, array in state.slots[path].items()}
        return State(state.step, state.ages, slots, state.seed)

    def _read(self, path: str, name: str, array: Any) -> Any:
        if self.specs[path].scalar:
            return array
        form = self.formats(self.kinds[self.places[name]])[f"slot:{path}"]
        if not form.lossy:
            return array
        scale = self.arrays[f"{path}.scale"][name] if form.blocked else None
        return decoded(form.kind, array, scale)

    def restore(self, state: State) -> None:
        """Go on from a state of the same names, shapes and formats; its arrays are copied."""
        self._allot(state)
        self.ages[:] = [state.ages[name] for name in self.names]
        self.clock, self.seed = state.step, state.seed

    def planes(self, array: str, form: Format) -> tuple[tuple[str, int], ...]:
        """The paths in `arrays` that hold an array of this format, with their place among its planes.

        A parameter's own memory is not ours; what it is rounded by is.
        """
        if not array.startswith("slot:"):
            return (("p.low", 1),) if form.kind == "kahan" else ()
        path = array.partition(":")[2]
        return tuple((path + suffix, plane) for plane, suffix in enumerate(_PLANES.get(form.kind, ("",))))

    def _allot(self, state: State) -> None:
        """Take a state's numbers into arrays of our own, in the order of the parameters in memory."""
        arrays: dict[str, dict[str, Any]] = {}
        for path, tensors in state.slots.items():
            spec = self.specs.get(path)
            if spec is not None and spec.scalar and not tensors:
                arrays[path] = {}  # of a part that no tensor is in
            elif spec is not None and spec.like == "model":
                self.models[f"slot:{path}"] = np.array([_number(tensors[MODEL])])
            elif spec is not None and spec.like == "tensor":
                first = _number(next(iter(tensors.values())))
                numbers = [_number(tensors[name]) if name in tensors else first for name in self.names]
                self.vectors[f"slot:{path}"] = np.array(numbers)
                self._owners[path] = tuple(name for name in self.names if name in tensors)
            else:
                arrays[path] = {name: self._own(name, path, array) for name, array in tensors.items()}
        self.arrays = arrays

    def _own(self, name: str, path: str, array: Any) -> Any:
        p: Any = self._params[name]
        given: Any = array
        given = given.detach() if hasattr(given, "detach") else given
        if path.endswith(".scale"):
            return given.copy() if isinstance(given, np.ndarray) else given.clone()
        if tuple(given.shape) != tuple(p.shape):
            return np.array(given, order="C") if isinstance(given, np.ndarray) else given.contiguous().clone()
        placed: Any = laid_out_like(given, p)
        if placed is not given:
            return placed
        return np.copy(given, order="K") if isinstance(given, np.ndarray) else given.clone()

    def _encoded(self, path: str, name: str, start: Any) -> dict[str, Array]:
        """A slot's first numbers in its format."""
        kind = self.formats(self.kinds[self.places[name]])[f"slot:{path}"].kind
        if kind in {"signed8", "unsigned8"}:
            blocks = -(-math.prod(start.shape) // BLOCK)
            if isinstance(start, np.ndarray):
                return {"": np.zeros_like(start, dtype=np.uint8), ".scale": np.zeros(blocks, dtype=np.float32)}
            torch = sys.modules["torch"]
            return {"": torch.zeros_like(start, dtype=torch.uint8), ".scale": torch.zeros(blocks)}
        if kind in {"float32", "float64"}:
            same = str(start.dtype).endswith(kind)
            return {"": start if same else _as(start, kind)}
        if isinstance(start, np.ndarray):
            return {"": np.asarray(np.asarray(start.astype(np.float32)).view(np.uint32) >> 16).astype(np.uint16)}
        return {"": start.to(sys.modules["torch"].bfloat16)}

    def _kind(self, name: str, p: Any) -> Kind:
        numbers = kind_of(p)
        if numbers is None or not is_dense(p):
            raise Unplannable(f"plan: {name} is not a dense array of float32, float64 or bfloat16 in host memory")
        small = self.storage.moments == "8bit" and math.prod(p.shape) < SMALL
        return Kind(numbers, small, self.rule.part_of(name, tuple(p.shape)))

    def _scalar(self, one: npt.NDArray[Any]) -> Array:
        """One number as a 0-d array on the same memory."""
        if self.is_torch:
            return sys.modules["torch"].from_numpy(one).reshape(())
        return one.reshape(())


def _widened(p: Any) -> Any:
    """A parameter as it starts its slots: without autograd, and bfloat16 as float32."""
    if isinstance(p, np.ndarray):
        return p
    return p.detach().float() if str(p.dtype) == "torch.bfloat16" else p.detach()


def _as(array: Any, dtype: str) -> Any:
    return array.astype(dtype) if isinstance(array, np.ndarray) else array.to(getattr(sys.modules["torch"], dtype))


def _number(array: Any) -> Any:
    """A 0-d array's number, in its NumPy type."""
    value = array.detach().numpy() if hasattr(array, "detach") else np.asarray(array)
    return value.reshape(())[()]
