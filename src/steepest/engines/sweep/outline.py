"""What a sweep's kernel computes: its graphs, the kind of each value, and the memory it needs."""

from __future__ import annotations

import builtins
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, final

from steepest.core.errors import FormulaError, InputError, InputTypeError
from steepest.engines.sweep.functions import SweepFunction
from steepest.engines.sweep.kinds import BOTH, ELEMENT, STEP, kinds_of, name_of
from steepest.formula import Rule
from steepest.formula.context import Frame
from steepest.formula.graph import Graph, Level, Node, Tracer
from steepest.formula.slots import Slot

Dtype = Literal["float32", "float64"]
UNROLLED = 16
"""Up to so many dimensions, a gradient of numbers is computed with all coordinates in registers."""


@final
@dataclass(frozen=True)
class Outline:
    """All that decides a kernel's source, and nothing else.

    settings: kinds of hyperparameters by path. seeds: STEP, or BOTH where every run has a seed of its own. data: dtype
    and number of dimensions of each array, and whether they were given as a tuple.
    """

    rule: Rule
    settings: tuple[tuple[str, int], ...]
    dimensions: int
    dtype: Dtype
    gradient: SweepFunction
    value: SweepFunction | None
    seeds: int
    tolerance: bool
    target: bool
    data: tuple[tuple[str, int], ...]
    data_is_tuple: bool

    @property
    def unrolled(self) -> bool:
        """Whether coordinates are variables, not rows of arrays."""
        forms = {function.form for function in (self.gradient, self.value) if function is not None}
        return self.dimensions <= UNROLLED and forms == {"scalars"}

    @property
    def needs_value(self) -> bool:
        """Whether every step takes the objective."""
        return self.target or "value" in self.rule.needs


@final
@dataclass(frozen=True, eq=False)
class Traced:
    """A rule's graphs. kinds: of every node in them. slots: by path. kept: slots that the answer point reads.
    names: of slots in generated source.
    """

    update: Graph
    query: Graph | None
    answer: Graph | None
    asks_twice: bool
    kinds: Mapping[Node, int]
    slots: Mapping[str, Slot]
    kept: frozenset[str]
    names: Mapping[str, str]


def trace(outline: Outline) -> Traced:
    """Trace a rule; raises FormulaError and InputError for one that a sweep cannot run."""
    rule, settings = outline.rule, dict(outline.settings)
    _refuse(outline)
    update = rule.graph()
    query, answer = _point(rule, "query"), _point(rule, "answer")
    slots = rule.slots()

    def kind(name: str) -> int:
        head, _, path = name.partition(":")
        if head == "slot":
            return BOTH if slots[path].scalar else ELEMENT
        if head == "value":
            return max(settings[path], STEP)
        return {"u": ELEMENT, "g": ELEMENT, "p": ELEMENT, "k": STEP, "t": STEP}.get(head, BOTH)

    def final_kind(name: str) -> int:
        if name.startswith("value:") and settings[name[6:]] in {STEP, BOTH}:
            raise InputError(f"sweep: the answer point reads {name[6:]}, which must then be a number, not a schedule")
        return BOTH if name in {"k", "t"} else kind(name)

    kinds = kinds_of(Graph(update.after, update.slots, update.inputs).nodes(), kind) | {update.after: ELEMENT}
    kinds |= {} if query is None else kinds_of(query.nodes(), kind)
    kinds |= {} if answer is None else kinds_of(answer.nodes(), final_kind)
    leaves = [] if answer is None else [name_of(node) for node in answer.nodes() if node.op == "leaf"]
    found = rule.link_with("query")
    return Traced(
        update,
        query,
        answer,
        found is not None and found[1].queries_gradient,
        kinds,
        slots,
        frozenset(name[5:] for name in leaves if name.startswith("slot:")),
        _variables(slots),
    )


def _refuse(outline: Outline) -> None:
    rule = outline.rule
    for path, link in rule.links():
        if link.formula.opaque:
            raise FormulaError(f"sweep: {path} is opaque, so it cannot be compiled; use rule.update")
    if rule.micro_batches > 1:
        raise FormulaError(f"sweep: {rule.name} adds up micro-batches, which a sweep does not have; use rule.update")
    if "hessian_diagonal" in rule.needs:
        raise FormulaError(f"sweep: {rule.name} needs hessian_diagonal, which a sweep does not have; use rule.update")
    if "value" in rule.needs and outline.value is None:
        raise InputTypeError(f"sweep: {rule.name} needs the objective, give value=")
    for path, slot in rule.slots().items():
        if callable(slot.like):
            raise FormulaError(f"sweep: {path} has a shape of its own; use rule.update")
        wanted = "float64" if slot.scalar else outline.dtype
        if slot.dtype not in {None, wanted}:
            raise FormulaError(f"sweep: {path} must be kept in {wanted}, got {slot.dtype}; use rule.update")


def _point(rule: Rule, kind: str) -> Graph | None:
    """The graph of the query or the answer point."""
    found = rule.link_with(kind)
    if found is None:
        return None
    path, link = found
    tracer = Tracer()
    slots = {
        name: tracer.leaf(f"slot:{name}", Level.TENSOR if slot.scalar else Level.ELEMENT)
        for name, slot in rule.slots().items()
    }
    values = {name: tracer.leaf(f"value:{name}", Level.HOST) for name in rule.hyperparameters()}
    p, k, t = tracer.leaf("p", Level.ELEMENT), tracer.leaf("k", Level.TENSOR), tracer.leaf("t", Level.HOST)
    gradient = tracer.leaf("g", Level.ELEMENT)
    frame = Frame(names=("",), p=p, k=k, t=t, slots=slots, values=values)
    result = link.point(kind, frame, path, gradient)
    return Graph(result if isinstance(result, Node) else tracer.constant(result), {}, {"p": p})


def _variables(slots: Mapping[str, Slot]) -> dict[str, str]:
    """A short name for each slot in generated source: its own, with a number where two have one name."""
    names: dict[str, str] = {}
    for path in slots:
        name = path.rpartition(".")[2]
        taken = name in _TAKEN or re.fullmatch(r"(old_.*|(data|new)\d+|[a-z]\d+)", name) or not name.isascii()
        name = f"slot_{re.sub(r'[^a-zA-Z0-9_]', '_', name)}" if taken or hasattr(builtins, name) else name
        count = sum(other == name or other.startswith(f"{name}_at_") for other in names.values())
        names[path] = f"{name}_at_{count + 1}" if count else name
    return names


_TAKEN = frozenset(
    "addresses at bad before block cfunc code data due f final finite first found g gradient host i lane lanes last "
    "limits live np out p point registered row run running runs saved saved_values saves schedule start state step "
    "steps stopped sweep table tables taken u value x".split()
)
