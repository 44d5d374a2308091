"""Formulas on whole arrays between compiled passes: called tensor by tensor or stack by stack, on live memory."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any, final

import numpy as np

from steepest.core.arrays import assign, is_array, namespace
from steepest.core.errors import FormulaError
from steepest.engines.cpu.memory import laid_out_like
from steepest.formula.graph import Call
from steepest.formula.stacking import in_stacks


@final
class Caller:
    """One call on the tensors of a batch.

    arrays: by name, what it may read that stays where it is: slots and what passes compute for it. Slots are written in
    place. A formula that raises leaves what earlier passes of the step have written.
    """

    def __init__(self, call: Call, names: Sequence[str], arrays: Mapping[str, Sequence[Any]], wide: bool) -> None:
        self.call, self._names, self._arrays = call, tuple(names), arrays
        self._dtype = "float64" if wide else "float32"

    def run(
        self, params: Sequence[Any], given: Mapping[str, Sequence[Any]], numbers: Sequence[Sequence[float]]
    ) -> list[Any]:
        """Call the formula for each tensor, or for stacks of them; its updates. numbers: of each tensor, in order."""
        call, held = self.call, [None] * len(self._names)
        arguments = (self._arguments(place, params, given, numbers[place]) for place in range(len(self._names)))
        with np.errstate(all="ignore"):
            if call.batched:
                found = in_stacks(self._called, list(arguments), [bool(item.array) for item in call.given])
            else:
                found = enumerate(self._called(*own) for own in arguments)
            for place, (update, *slots) in found:
                name = self._names[place]
                held[place] = self._placed(update, params[place], name)
                for path, after in zip(call.slots, slots, strict=True):
                    if path is not None:
                        self._write(path, name, self._arrays[f"slot:{path}"][place], after)
        return held

    def _called(self, *given: Any) -> tuple[Any, ...]:
        """The formula's results, the update first."""
        call, count = self.call, len(self.call.arguments)
        result = call.function(*given[:count], **dict(zip(call.keywords, given[count:], strict=True)))
        results = result if isinstance(result, tuple) else (result,)
        if len(results) != 1 + len(call.slots):
            raise FormulaError(f"{call.name}: must return {1 + len(call.slots)} values, got {len(results)}")
        return results

    def _arguments(
        self, place: int, params: Sequence[Any], given: Mapping[str, Sequence[Any]], numbers: Sequence[float]
    ) -> tuple[Any, ...]:
        """What the formula is given for one tensor."""
        found = iter(numbers)
        return tuple(
            next(found)
            if item.number is not None
            else self._array(item.array, place, params, given)
            if item.array
            else item.value
            for item in self.call.given
        )

    def _array(self, name: str, place: int, params: Sequence[Any], given: Mapping[str, Sequence[Any]]) -> Any:
        """An array as the formula computes with it: bfloat16 widened, without autograd."""
        array: Any = params[place] if name == "p" else (given if name in given else self._arrays)[name][place]
        if isinstance(array, np.ndarray):
            return array
        array = array.detach()
        if str(array.dtype) != "torch.bfloat16":
            return array
        low = self._arrays.get("p.low") if name == "p" else None
        return array.float() if low is None else array.float() + low[place].float()

    def _placed(self, update: Any, p: Any, name: str) -> Any:
        """An update in the width that passes compute in and in the memory order of its parameter."""
        if isinstance(p, np.ndarray):
            array: Any = np.asarray(update, dtype=self._dtype)
            full = array if array.shape == p.shape else np.broadcast_to(array, p.shape) if array.ndim == 0 else None
        else:
            torch = sys.modules["torch"]
            array = torch.as_tensor(update, dtype=getattr(torch, self._dtype))
            full = array if array.shape == p.shape else array.expand(p.shape) if array.ndim == 0 else None
        if full is None:
            raise FormulaError(f"the update of {name} must have shape {tuple(p.shape)}, got {tuple(array.shape)}")
        return laid_out_like(full, p)

    def _write(self, path: str, name: str, slot: Any, after: Any) -> None:
        if after is slot:
            return
        if not is_array(after) or not after.shape:
            slot[...] = after
            return
        if tuple(after.shape) != tuple(slot.shape):
            shapes = f"{tuple(slot.shape)}, got {tuple(after.shape)}"
            raise FormulaError(f"{path} must have shape {shapes}")
        assign(slot, namespace(slot).asarray(after, dtype=slot.dtype))
