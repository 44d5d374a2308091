"""`Rule`: an update rule with its settings, a frozen value that nests; the pure interface of every optimizer."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Unpack, overload

from steepest.core.arrays import Array, Tensors
from steepest.core.errors import FormulaError
from steepest.core.facts import MethodFacts
from steepest.core.schedule import Schedule
from steepest.core.stepper import StepReport
from steepest.formula import evaluate
from steepest.formula.context import Frame
from steepest.formula.graph import Graph
from steepest.formula.latex import latex
from steepest.formula.slots import Slot
from steepest.formula.state import State, as_tensors
from steepest.formula.text import equations

if TYPE_CHECKING:
    from steepest.formula.link import Link


class Rule(ABC):
    """An update rule with its hyperparameters: frozen, comparable, nestable in `chain`.

    The pure interface: `init` makes a state, `update` a step, `query` gives the point where the gradient is to be
    taken and `answer` the point to be evaluated. At the end of a chain p ← p − u.
    """

    name: str
    micro_batches: int = 1
    """How many gradients make an update: see `accumulate`."""
    gathered: Mapping[str, Slot] = MappingProxyType({})
    """Slots in which they are added up."""

    @abstractmethod
    def links(self, path: str = "") -> Iterator[tuple[str, Link]]:
        """Every single formula with its path, inner rules' too, in the order they run."""

    @abstractmethod
    def apply(self, frame: Frame, u: Any, path: str) -> Any:
        """The outgoing update, on nodes or bundles; new slots go into the frame."""

    @property
    @abstractmethod
    def text(self) -> str:
        """Canonical text: every formula with every hyperparameter."""

    @abstractmethod
    def named(self, name: str) -> Rule:
        """The same rule under another name, which keys its state: two of one name cannot be in a chain."""

    def __repr__(self) -> str:
        return self.text

    def init(self, params: Tensors | Array, *, seed: int = 0) -> State:
        """A fresh state for these parameters: named arrays, or one bare array. `seed` is that of `random`."""
        return evaluate.init(self, as_tensors(params), seed)

    @overload
    def update(
        self, params: Array, grads: Array, state: State, **options: Unpack[evaluate.Options]
    ) -> tuple[Array, State, StepReport]: ...

    @overload
    def update(
        self, params: Tensors, grads: Mapping[str, Array | None], state: State, **options: Unpack[evaluate.Options]
    ) -> tuple[dict[str, Array], State, StepReport]: ...

    def update(self, params: Any, grads: Any, state: State, **options: Unpack[evaluate.Options]) -> Any:
        """One step: new parameters, new state, and a report; nothing given is changed.

        grads: by the names of `params`; a tensor whose gradient is None or missing stays as it is and does not age.
        value, hessian_diagonal: what `needs` asks for. nonfinite: "apply", "skip" or "raise" where a gradient is not
        finite. maximize: ascend. scale: a loss scale in (0, ∞) to be taken out of the gradients. The arrays may be
        NumPy's, PyTorch's or JAX's; dtypes are kept.

        Raises InputError for names or shapes that differ, HyperparameterError for a scheduled value out of range,
        NonfiniteError by policy.
        """
        bare = not isinstance(params, Mapping)
        values = self.values(state.step)
        after, state, report = evaluate.update(self, as_tensors(params), as_tensors(grads), state, values, **options)
        return (after["x"] if bare else after), state, report

    @overload
    def query(self, params: Array, state: State, gradient: Array | None = None) -> Array: ...

    @overload
    def query(self, params: Tensors, state: State, gradient: Tensors | None = None) -> dict[str, Array]: ...

    def query(self, params: Any, state: State, gradient: Any = None) -> Any:
        """Where the next gradient is to be taken: p itself for most rules."""
        given = None if gradient is None else as_tensors(gradient)
        points = evaluate.query(self, as_tensors(params), state, self.values(state.step), given)
        return points if isinstance(params, Mapping) else points["x"]

    @overload
    def answer(self, params: Array, state: State) -> Array: ...

    @overload
    def answer(self, params: Tensors, state: State) -> dict[str, Array]: ...

    def answer(self, params: Any, state: State) -> Any:
        """The point to be evaluated: p itself for most rules, an average for some."""
        points = evaluate.answer(self, as_tensors(params), state, self.values(max(state.step - 1, 0)))
        return points if isinstance(params, Mapping) else points["x"]

    def hyperparameters(self) -> dict[str, float | Schedule]:
        """Every number or schedule by path, as "scale_by_adam.beta1"."""
        return {path: setting for path, _, _, setting in self._settings}

    def values(self, step: int) -> dict[str, float]:
        """Every hyperparameter's number after `step` updates; a schedule's is checked against its range."""
        return {path: link.number(name, setting, step) for path, link, name, setting in self._settings}

    def slots(self) -> Mapping[str, Slot]:
        """Every slot by path, as "scale_by_adam.m"."""
        return self._slots

    @cached_property
    def _settings(self) -> tuple[tuple[str, Link, str, float | Schedule], ...]:
        return tuple(
            (f"{path}.{name}", link, name, setting)
            for path, link in self.links()
            for name, setting in link.settings
            if link.is_number(name, setting)
        )

    @cached_property
    def _slots(self) -> Mapping[str, Slot]:
        own = {f"{path}.{slot.name}": slot for path, link in self.links() for slot in link.own_slots}
        return {**own, **self.gathered}

    def slots_of(self, name: str, shape: tuple[int, ...]) -> Mapping[str, Slot]:
        """The slots that this tensor has: all of them, unless the rule is partitioned."""
        return self._slots

    def part_of(self, name: str, shape: tuple[int, ...]) -> str:
        """Which part of a partitioned rule treats this tensor; "" where all are treated alike."""
        return ""

    def refuse_outer_parts(self, owner: str) -> None:
        """Raise FormulaError where a formula in it must stand in the outer chain, so it cannot be an inner rule."""
        if self.micro_batches > 1:
            raise FormulaError(f"{owner}: accumulate must be the outermost rule")
        for path, link in self.links():
            if link.formula.query_function or link.formula.answer_function or link.formula.last:
                raise FormulaError(f"{owner}: {path} has a query or answer point, so it must be in the outer chain")

    @cached_property
    def needs(self) -> frozenset[str]:
        """What an update needs besides the gradient."""
        return frozenset(need for _, link in self.links() for need in link.formula.needs)

    @property
    def sets_step(self) -> bool:
        """Whether some link sets the step's length; an optimizer refuses a rule without one."""
        return any(link.formula.sets_step for _, link in self.links())

    @cached_property
    def rate_path(self) -> str | None:
        """The path of the hyperparameter that is the learning rate; None where it has none.

        That of `learning_rate`, or else the `lr` of a rule that sets the step by itself.
        """
        found = [f"{path}.lr" for path, link in self.links() if link.formula.sets_step and link.has_number("lr")]
        return "learning_rate.lr" if "learning_rate.lr" in found else found[-1] if found else None

    def asks_for(self, need: str, clock: int, values: Mapping[str, Any]) -> bool:
        """Whether the update after `clock` updates reads this need.

        A link with a hyperparameter `every` reads the Hessian's diagonal at each so many-th update only, from the
        first.
        """
        for path, link in self.links():
            if need in link.formula.needs:
                every = values.get(f"{path}.every", 1) if need == "hessian_diagonal" else 1
                periods = every.values() if isinstance(every, Mapping) else [every]
                if any(clock % int(period) == 0 for period in periods):
                    return True
        return False

    def link_with(self, kind: str) -> tuple[str, Link] | None:
        """The path and link that defines the "query" or the "answer", None where none does."""
        found = (item for item in self.links() if getattr(item[1].formula, f"{kind}_function") is not None)
        return next(found, None)

    @property
    def length(self) -> int | None:
        """The fewest steps that a schedule in it was made for, None where none ends."""
        schedules = (value for value in self.hyperparameters().values() if isinstance(value, Schedule))
        return min((schedule.length for schedule in schedules if schedule.length is not None), default=None)

    def graph(self, tensor: tuple[str, tuple[int, ...]] | None = None) -> Graph:
        """What the rule computes, traced; where it is partitioned, for a tensor of this name and shape."""
        return evaluate.trace(self, tensor=tensor)

    def latex(self) -> str:
        """The body of an `aligned` environment: see `formula.latex.latex`."""
        return latex(self)

    def equations(self) -> str:
        """The rule in Unicode, a line for each value: see `formula.text.equations`."""
        return equations(self)

    def fingerprint(self) -> str:
        """A hash of the arithmetic and every setting: equal rules have equal ones, in every process."""
        parts = (self.text, *(link.source() for _, link in self.links()), str(sorted(self.slots())))
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    @property
    def facts(self) -> MethodFacts:
        """Family and constants, for theory."""
        settings = self.hyperparameters()
        lr = settings.get(self.rate_path or "")
        betas = [value for path, value in settings.items() if path.endswith("momentum.beta")]
        momentum = betas[0] if betas and isinstance(betas[0], float) else None
        return MethodFacts(
            family=self.name,
            step=lr if isinstance(lr, float) else None,
            momentum=momentum,
            schedule=repr(lr) if isinstance(lr, Schedule) else None,
        )
