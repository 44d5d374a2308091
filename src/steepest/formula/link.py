"""One formula with its settings: the rule that a formula's call gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, final

from steepest.core.arrays import clone, is_array
from steepest.core.errors import FormulaError, InputError
from steepest.core.schedule import Schedule
from steepest.formula import evaluate
from steepest.formula.bundle import Bundle, map_parts
from steepest.formula.code import code_text
from steepest.formula.context import Frame, current_frame, entered
from steepest.formula.functions import where
from steepest.formula.graph import LinkTrace, Node, Tracer
from steepest.formula.inner import inner_call
from steepest.formula.names import local_names
from steepest.formula.rule import Rule
from steepest.formula.slots import Slot, Statics
from steepest.formula.stacking import in_stacks

if TYPE_CHECKING:
    from steepest.formula.definition import Formula


@final
@dataclass(frozen=True, repr=False)
class Link(Rule):
    """One formula with its settings. Made by calling a formula."""

    formula: Formula
    settings: tuple[tuple[str, Any], ...]
    name: str

    def __post_init__(self) -> None:
        for _, inner in self._inner():
            inner.refuse_outer_parts(self.name)

    def links(self, path: str = "") -> Iterator[tuple[str, Link]]:
        here = path + self.name
        for name, inner in self._inner():
            yield from inner.links(f"{here}.{name}.")
        yield here, self

    @property
    def text(self) -> str:
        settings = ", ".join(f"{name}={value!r}" for name, value in self.settings)
        named = "" if self.name == self.formula.name else f".named({self.name!r})"
        return f"{self.formula.name}({settings}){named}"

    def named(self, name: str) -> Link:
        if not name.isidentifier():
            raise FormulaError(f"named: name must be an identifier, got {name!r}")
        return replace(self, name=name)

    @property
    def statics(self) -> Statics:
        """The static arguments, which decide the slots and the graph."""
        declared = self.formula.hyperparameters
        return {n: v for n, v in self.settings if declared[n].kind != "rule" and not self.is_number(n, v)}

    @cached_property
    def own_slots(self) -> tuple[Slot, ...]:
        """The formula's slots that exist under the static arguments."""
        settings = dict(self.settings)
        return tuple(slot.sized(self.name, settings) for slot in self.formula.slots if slot.exists(self.statics))

    def slots_of(self, name: str, shape: tuple[int, ...]) -> Mapping[str, Slot]:
        if self.formula.fits is not None and (wrong := self.formula.fits(shape, **self.statics)):
            raise InputError(f"{self.name}: {name} {wrong}")
        return self._slots

    def is_number(self, name: str, setting: object) -> bool:
        """Whether a setting is a number or a schedule, not a fixed choice, an inner rule, or an absent number."""
        return self.formula.hyperparameters[name].kind == "number" and setting is not None

    def has_number(self, name: str) -> bool:
        """Whether it has a hyperparameter of this name that is a number or a schedule."""
        return any(key == name and self.is_number(key, setting) for key, setting in self.settings)

    def number(self, name: str, setting: float | Schedule, step: int) -> float:
        """A hyperparameter's number after `step` updates."""
        if isinstance(setting, Schedule):
            return self.formula.hyperparameters[name].range.check(self.name, name, setting(step), scheduled=True)
        return setting

    def check(self, name: str, value: object) -> float:
        """A new value of hyperparameter `name`, checked against its range."""
        return self.formula.hyperparameters[name].range.check(self.name, name, value, scheduled=True)

    def source(self) -> str:
        """All that the formula computes as text: slots, query and answer, and its traced graph, or code if opaque."""
        formula = self.formula
        slots = [slot.text for slot in self.own_slots]
        points = [code_text(point) for point in (formula.query_function, formula.answer_function) if point is not None]
        arithmetic = code_text(formula.function) if formula.opaque else evaluate.trace(self).text
        return "\n".join((*slots, *points, arithmetic))

    def apply(self, frame: Frame, u: Any, path: str) -> Any:
        here = path + self.name
        given = {"u": u, "p": frame.p, "k": frame.k, "t": frame.t, **frame.inputs}
        exists = {slot.name: slot for slot in self.own_slots}
        for slot in self.formula.slots:
            given[slot.name] = self._slot_before(frame, exists.get(slot.name), f"{here}.{slot.name}", u)
        keywords = {name: self._keyword(frame, name, value, here) for name, value in self.settings}
        outer, frame.path = frame.path, here
        arguments = tuple(given[name] for name in self.formula.arguments)
        if isinstance(frame.k, Node):
            result = self._traced(frame.k.tracer, u, here, arguments, keywords)
        else:
            result = self._call(arguments, keywords)
        frame.path = outer
        if not self.formula.slots:
            if not isinstance(result, Bundle | Node | float | int):
                raise FormulaError(f"{self.formula.name}: a rule without slots returns u alone, got {_amount(result)}")
            return result
        self._check_results(result)
        for slot, after in zip(self.formula.slots, result[1:], strict=True):
            if slot.name in exists:
                frame.new[f"{here}.{slot.name}"] = (frame.names, after)
        return result[0]

    def _check_results(self, result: object) -> None:
        if not isinstance(result, tuple) or len(result) != 1 + len(self.formula.slots):
            names = ", ".join(("u", *(slot.name for slot in self.formula.slots)))
            raise FormulaError(f"{self.formula.name}: a rule with slots returns ({names}), got {_amount(result)}")

    def point(self, kind: str, frame: Frame, path: str, gradient: Any = None) -> Any:
        """The formula's "query" or "answer" on bundles or nodes."""
        function = getattr(self.formula, f"{kind}_function")
        known = {"p": frame.p, "k": frame.k, "t": frame.t, "g": gradient, **frame.inputs}
        exists = {slot.name for slot in self.own_slots}
        slots = {s.name: frame.slots[f"{path}.{s.name}"] if s.name in exists else None for s in self.formula.slots}
        known |= slots
        known |= {name: self._keyword(frame, name, value, path) for name, value in self.settings}
        code = function.__code__
        with entered(frame):
            return function(**{n: known[n] for n in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]})

    @property
    def queries_gradient(self) -> bool:
        """Whether its query point needs the gradient at p."""
        function = self.formula.query_function
        return function is not None and "g" in function.__code__.co_varnames[: function.__code__.co_argcount]

    def _inner(self) -> Iterator[tuple[str, Rule]]:
        return ((name, value) for name, value in self.settings if isinstance(value, Rule))

    def _keyword(self, frame: Frame, name: str, value: Any, here: str) -> Any:
        if isinstance(value, Rule):
            return inner_call(value, frame, f"{here}.{name}.")
        return frame.values[f"{here}.{name}"] if self.is_number(name, value) else value

    def _slot_before(self, frame: Frame, slot: Slot | None, path: str, u: Any) -> Any:
        if slot is None:
            return None
        before = frame.slots[path]
        return where(frame.k <= 1, u, before) if slot.init == "first" else before

    def _call(self, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        try:
            if not self.formula.opaque:
                return self.formula.function(*arguments, **keywords)
            if any(isinstance(value, Bundle) for value in arguments):
                return self._opaque_bundles(arguments, keywords)
            return self._opaque_nodes(arguments, keywords)
        except FormulaError as error:
            raise error if str(error).startswith(f"{self.name}: ") else FormulaError(f"{self.name}: {error}") from None

    def _traced(self, tracer: Tracer, u: Any, here: str, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """The call on nodes; the tracer notes what entered and left it, and the names of its local values."""
        with local_names(tracer, self.formula.function) as names:
            result = self._call(arguments, keywords)
        outgoing = result[0] if isinstance(result, tuple) and result else result
        ends = [tracer.constant(end) if isinstance(end, float | int) else end for end in (u, outgoing)]
        if all(isinstance(end, Node) for end in ends):
            tracer.links.append(LinkTrace(here, ends[0], ends[1], names))
        return result

    def _opaque_bundles(self, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        """The formula on whole arrays, tensor by tensor, or on stacks of them."""
        names, count = tuple(keywords), len(arguments)

        def on_arrays(*parts: Any) -> tuple[Any, ...]:
            result: Any = self.formula.function(*parts[:count], **dict(zip(names, parts[count:], strict=True)))
            if self.formula.slots:
                self._check_results(result)
            return result if self.formula.slots else (result,)

        tensors = map_parts(lambda *parts: parts, *arguments, *keywords.values())
        if self.formula.batched:
            stacked = (*self.formula.arrays, *(False for _ in names))
            found = in_stacks(on_arrays, tensors.parts, stacked)
            rows = {place: tuple(_apart(part, tensors.parts[place]) for part in row) for place, row in found}
        else:
            rows = {place: on_arrays(*parts) for place, parts in enumerate(tensors.parts)}
        results = range(1 + len(self.formula.slots))
        columns = tuple(Bundle((rows[place][i] for place in range(len(rows))), tensors.shared) for i in results)
        return columns if self.formula.slots else columns[0]

    def _opaque_nodes(self, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        u, *_ = arguments
        frame = current_frame()
        return evaluate.opaque_nodes(self, "" if frame is None else frame.path, u.tracer, arguments, keywords)


def _apart(part: Any, given: tuple[Any, ...]) -> Any:
    """A result in memory of its own: a view would keep the stack of all tensors."""
    return clone(part) if is_array(part) and not any(part is item for item in given) else part


def _amount(result: object) -> str:
    if isinstance(result, tuple):
        return f"{len(result)} values"
    one = isinstance(result, Bundle | Node | float | int) or is_array(result)
    return "one value" if one else repr(result)
