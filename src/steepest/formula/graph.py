"""Traced expressions: what an update rule computes, as a graph of interned nodes, each on its level."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, NoReturn, final

from steepest.core.errors import FormulaError


class Level(IntEnum):
    """How often a node's value changes: the cheapest loop that can compute it.

    What is below ELEMENT is computed once for a tensor, a step or ever, in float64, and only then enters the
    elementwise arithmetic.
    """

    CONSTANT = 0
    HOST = 1
    MODEL = 2
    TENSOR = 3
    ELEMENT = 4


@final
class Node:
    """A value that a formula computes. It stands for arrays and numbers alike; Python cannot branch on it."""

    __array_ufunc__ = None  # NumPy arrays leave arithmetic with a node to the node, which refuses them
    __slots__ = ("args", "attributes", "level", "op", "tracer")

    def __init__(self, tracer: Tracer, op: str, args: tuple[Node, ...], attributes: Attributes, level: Level) -> None:
        self.tracer, self.op, self.args, self.attributes, self.level = tracer, op, args, attributes, level

    def __add__(self, other: Operand) -> Node:
        return self.tracer.apply("add", self, other)

    def __radd__(self, other: Operand) -> Node:
        return self.tracer.apply("add", other, self)

    def __sub__(self, other: Operand) -> Node:
        return self.tracer.apply("subtract", self, other)

    def __rsub__(self, other: Operand) -> Node:
        return self.tracer.apply("subtract", other, self)

    def __mul__(self, other: Operand) -> Node:
        return self.tracer.apply("multiply", self, other)

    def __rmul__(self, other: Operand) -> Node:
        return self.tracer.apply("multiply", other, self)

    def __truediv__(self, other: Operand) -> Node:
        return self.tracer.apply("divide", self, other)

    def __rtruediv__(self, other: Operand) -> Node:
        return self.tracer.apply("divide", other, self)

    def __pow__(self, other: Operand) -> Node:
        return self.tracer.apply("power", self, other)

    def __rpow__(self, other: Operand) -> Node:
        return self.tracer.apply("power", other, self)

    def __mod__(self, other: Operand) -> Node:
        return self.tracer.apply("remainder", self, other)

    def __and__(self, other: Operand) -> Node:
        return self.tracer.apply("and", self, other)

    def __or__(self, other: Operand) -> Node:
        return self.tracer.apply("or", self, other)

    def __neg__(self) -> Node:
        return self.tracer.apply("negative", self)

    def __pos__(self) -> Node:
        return self

    def __abs__(self) -> Node:
        return self.tracer.apply("abs", self)

    def __lt__(self, other: Operand) -> Node:
        return self.tracer.apply("less", self, other)

    def __le__(self, other: Operand) -> Node:
        return self.tracer.apply("less_equal", self, other)

    def __gt__(self, other: Operand) -> Node:
        return self.tracer.apply("greater", self, other)

    def __ge__(self, other: Operand) -> Node:
        return self.tracer.apply("greater_equal", self, other)

    def __eq__(self, other: object) -> Node:  # type: ignore[override]
        return self.tracer.apply("equal", self, other)

    def __ne__(self, other: object) -> Node:  # type: ignore[override]
        return self.tracer.apply("not_equal", self, other)

    __hash__ = object.__hash__

    def __bool__(self) -> bool:
        refuse_branch()

    def __float__(self) -> float:
        refuse_branch()

    def __iter__(self) -> Iterator[Node]:
        refuse_iteration()

    def __repr__(self) -> str:
        return f"Node({self.op}, {self.level.name})"


BOOLEAN = frozenset({"less", "less_equal", "greater", "greater_equal", "equal", "not_equal", "and", "or"})
"""Operations whose value is true or false."""
_ARITHMETIC = frozenset({"add", "subtract", "multiply", "divide", "power", "remainder", "negative", "abs"})
Operand = Node | float
Attributes = tuple[tuple[str, str | float], ...]


def refuse_iteration() -> NoReturn:
    """Say that a formula's value is one thing."""
    raise FormulaError("a formula's value has no elements to iterate over; write elementwise arithmetic")


def refuse_branch() -> NoReturn:
    """Say what to write instead of a Python branch."""
    raise FormulaError(
        "a rule cannot branch on a value (if, and, or, min, max, float); use where(condition, a, b), & and |"
    )


@final
class Tracer:
    """Makes the nodes of one graph; equal expressions become one node."""

    def __init__(self) -> None:
        self._table: dict[tuple[str, tuple[int, ...], Attributes], Node] = {}
        self.links: list[LinkTrace] = []
        self.opaque: list[OpaqueTrace] = []
        self.on_node: Callable[[], None] | None = None

    def nodes(self) -> list[Node]:
        """Every node in the order they were made."""
        return list(self._table.values())

    def leaf(self, name: str, level: Level) -> Node:
        """An input of the graph by its name."""
        return self.node("leaf", (), (("name", name),), level)

    def constant(self, value: float) -> Node:
        """A number written in the formula; a whole number stays one."""
        return self.node("constant", (), (("value", value), ("type", type(value).__name__)), Level.CONSTANT)

    def apply(self, op: str, *args: object) -> Node:
        """An elementwise operation, on the highest level among its arguments."""
        nodes = tuple(self._as_node(arg) for arg in args)
        if op in _ARITHMETIC and all(node.op in BOOLEAN for node in nodes):
            raise FormulaError(f"conditions cannot be computed with ({op}); use where(condition, 1.0, 0.0), & and |")
        return self.node(op, nodes, (), max(node.level for node in nodes))

    def node(self, op: str, args: tuple[Node, ...], attributes: Attributes, level: Level) -> Node:
        """The node of this operation, made at its first use."""
        if self.on_node is not None:
            self.on_node()
        key = (op, tuple(id(arg) for arg in args), attributes)
        found = self._table.get(key)
        if found is None:
            found = self._table[key] = Node(self, op, args, attributes, level)
        return found

    def _as_node(self, value: object) -> Node:
        if isinstance(value, Node):
            if value.tracer is not self:
                raise FormulaError("a formula's value was kept from an earlier call; formulas are pure functions")
            return value
        if isinstance(value, bool | int | float):
            return self.constant(value)
        raise FormulaError(f"a formula can compute with its arguments and numbers, got {type(value).__name__}")


@final
@dataclass(frozen=True, eq=False)
class LinkTrace:
    """One formula of a traced rule: the update that entered it, the one that left it, and its local values by name.

    What a rule computes does not depend on it: it is for those who read or print a graph.
    """

    path: str
    incoming: Node
    outgoing: Node
    names: Mapping[str, Node]


@final
@dataclass(frozen=True, eq=False)
class OpaqueTrace:
    """One call of a formula that is not traced: what it is given and the nodes that stand for what it returns.

    function: the formula's. arguments: nodes, or None for a slot that does not exist; keywords: nodes for numbers,
    values for fixed choices. results: the outgoing update, then the slots; slots: their paths, None where one does not
    exist. batched: its arrays are stacks of tensors.
    """

    path: str
    name: str
    function: Callable[..., Any]
    arguments: tuple[Node | None, ...]
    keywords: Mapping[str, object]
    whole: Node
    results: tuple[Node, ...]
    slots: tuple[str | None, ...]
    batched: bool = False


@final
@dataclass(frozen=True, eq=False)
class Argument:
    """What a call is given: the array of this name, a number, or a fixed value."""

    array: str = ""
    number: Node | None = None
    value: object = None


@final
@dataclass(frozen=True, eq=False)
class Call:
    """An opaque formula between the passes of a graph that was cut at it: see `segments.cut`.

    result: the array that its update is read from; slots: the arrays that its further results go to. batched: its
    arrays are stacks of tensors.
    """

    path: str
    name: str
    function: Callable[..., Any]
    arguments: tuple[Argument, ...]
    keywords: Mapping[str, Argument]
    result: str
    slots: tuple[str | None, ...]
    batched: bool = False

    @property
    def given(self) -> tuple[Argument, ...]:
        """Everything that it is given."""
        return (*self.arguments, *self.keywords.values())

    @property
    def numbers(self) -> tuple[Node, ...]:
        """The numbers among what it is given, in order."""
        return tuple(item.number for item in self.given if item.number is not None)

    @property
    def reads(self) -> tuple[str, ...]:
        """The arrays among what it is given."""
        return tuple(item.array for item in self.given if item.array)


@final
@dataclass(frozen=True, eq=False)
class Graph:
    """What a rule computes: the outgoing update and the new value of each slot, from leaves.

    Leaves: `u` (the gradient), `p`, `k` (the tensor's age), `t` (the clock), `slot:PATH`, `value:PATH` (a
    hyperparameter's value at this step) and `input:NAME`.

    inputs: every leaf there is, by name, used or not. links: the formulas in the order they ran; not in the text.
    seen: reductions over the model by the path that the step report gives them, as "clip_norm.norm". opaque: formulas
    that are not traced, in the order they ran. Where the graph was cut at them, calls says so, and extra has what they
    are given by name.
    """

    update: Node
    slots: Mapping[str, Node]
    inputs: Mapping[str, Node]
    links: tuple[LinkTrace, ...] = ()
    seen: Mapping[str, Node] = field(default_factory=dict)
    opaque: tuple[OpaqueTrace, ...] = ()
    calls: tuple[Call, ...] = ()
    extra: Mapping[str, Node] = field(default_factory=dict)

    @property
    def after(self) -> Node:
        """The parameter after the step: p − u."""
        return self.update.tracer.apply("subtract", self.inputs["p"], self.update)

    def nodes(self) -> list[Node]:
        """Every node that the outputs need, arguments first."""
        order: dict[Node, None] = {}
        outputs = (*self.extra.values(), *list(self.slots.values())[::-1], self.update)
        stack = [(node, False) for node in outputs]
        while stack:
            node, ready = stack.pop()
            if ready:
                order[node] = None
            elif node not in order:
                stack.append((node, True))
                stack.extend((arg, False) for arg in reversed(node.args))
        return list(order)

    def leaves(self) -> list[str]:
        """Names of the inputs that the outputs depend on."""
        return [str(dict(node.attributes)["name"]) for node in self.nodes() if node.op == "leaf"]

    def hoisted(self) -> list[Node]:
        """The nodes below ELEMENT that elementwise arithmetic reads: computed once, not once an element."""
        used = {arg for node in self.nodes() if node.level is Level.ELEMENT for arg in node.args}
        return [node for node in self.nodes() if Level.CONSTANT < node.level < Level.ELEMENT and node in used]

    @property
    def text(self) -> str:
        """The graph as lines "n3 = multiply n1 n2"; equal texts mean equal arithmetic."""
        number = {node: f"n{index}" for index, node in enumerate(self.nodes())}
        lines = []
        for node, label in number.items():
            attributes = " ".join(f"{key}={value!r}" for key, value in node.attributes)
            lines.append(" ".join(filter(None, (f"{label} = {node.op}", *(number[a] for a in node.args), attributes))))
        lines += [f"slot {path} = {number[node]}" for path, node in self.slots.items()]
        return "\n".join((*lines, f"update = {number[self.update]}"))

    def fingerprint(self) -> str:
        """A hash of the arithmetic."""
        return hashlib.sha256(self.text.encode()).hexdigest()
