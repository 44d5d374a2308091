"""A rule as a JavaScript module: the same arithmetic in the same order, in double precision."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from steepest.core.errors import FormulaError
from steepest.formula.graph import Graph, Level
from steepest.formula.javascript_loops import Loops, number
from steepest.formula.printing import point_node
from steepest.formula.slots import Slot

if TYPE_CHECKING:
    from steepest.formula.rule import Rule


def javascript(rule: Rule) -> str:
    """The source of an ES module that runs the rule on arrays of numbers.

    It exports `hyper`, the settings by path, a schedule's by its first value; `init(params, ndims)`, a fresh state;
    `step(params, grads, state, settings, inputs)`, which changes params and state in place; and `query` and `answer`
    where the rule has those points, which give new arrays. params and grads are one flat array, or a list of them, one
    a tensor, row by row; ndims the number of dimensions of each, 1 where it is left out; a gradient of null leaves
    its tensor as it is. settings: what differs from `hyper` at this step. inputs: {value, hessian_diagonal}, where
    the rule needs them.

    Raises FormulaError for a rule that is not traced to the end (an opaque formula, a partition), draws random
    numbers, or has slots of a shape or a dtype of their own.

    >>> from steepest.rules import sgd
    >>> print(javascript(sgd(lr=0.5)))  # doctest: +ELLIPSIS
    export const hyper = {"learning_rate.lr": 0.5};
    ...
    """
    graph = rule.graph()
    _refuse(rule, graph)
    names = {node: name for trace in graph.links for name, node in trace.names.items() if node.op != "leaf"}
    outputs = {"p": graph.after, **{f"slot:{path}": node for path, node in graph.slots.items()}}
    parts = [
        f"export const hyper = {json.dumps(rule.values(0))};",
        _init(rule.slots()),
        _function("step", Loops(graph, outputs, rule.slots(), names), rule.slots()),
    ]
    query, answer = point_node(rule, graph, "query"), point_node(rule, graph, "answer")
    if query is not None:
        parts.append(_function("query", Loops(graph, {"point": query}, rule.slots(), {}), rule.slots()))
    if answer is not None:
        parts.append(_function("answer", Loops(graph, {"point": answer}, rule.slots(), {}), rule.slots()))
    source = "\n\n".join(parts)
    shared = [text for name, text in _SHARED.items() if f"{name}(" in source]
    return "\n\n".join((source, *shared)) + "\n"


def _refuse(rule: Rule, graph: Graph) -> None:
    if rule.micro_batches > 1:
        raise FormulaError(f"javascript: {rule.name} adds up micro-batches, which has no JavaScript")
    for node in graph.nodes():
        if node.op in {"opaque", "random"}:
            what = "draws random numbers" if node.op == "random" else "is an opaque formula"
            raise FormulaError(f"javascript: {rule.name} {what}, which has no JavaScript")
    for path, slot in rule.slots().items():
        if callable(slot.like) or slot.dtype not in {None, "float64"}:
            raise FormulaError(f"javascript: slot {path} must be like 'param', 'tensor' or 'model', in float64")
        level = graph.slots[path].level if path in graph.slots else Level.CONSTANT
        if slot.scalar and level > (Level.MODEL if slot.like == "model" else Level.TENSOR):
            raise FormulaError(f"javascript: slot {path} is one number, but its new value is not; reduce it")


def _init(slots: Mapping[str, Slot]) -> str:
    entries = []
    for path, slot in slots.items():
        if slot.init == "p":
            start = "p.map((x) => Float64Array.from(x))"
        else:
            value = number(0.0 if slot.init == "first" else float(slot.init))
            start = {
                "param": f"p.map((x) => new Float64Array(x.length).fill({value}))",
                "tensor": f"new Float64Array(p.length).fill({value})",
                "model": f"new Float64Array(1).fill({value})",
            }[str(slot.like)]
        entries.append(f"      {json.dumps(path)}: {start},\n")
    return (
        "export function init(params, ndims) {\n"
        "  const p = listed(params);\n"
        "  return {\n"
        "    step: 0,\n"
        "    ages: p.map(() => 0),\n"
        "    ndims: ndims ?? p.map(() => 1),\n"
        f"    slots: {{\n{''.join(entries)}    }},\n"
        "  };\n"
        "}"
    )


def _function(name: str, body: Loops, slots: Mapping[str, Slot]) -> str:
    """`step`, which writes p and the slots; `query` and `answer`, which give a point."""
    arguments = {
        "step": "params, grads, state, settings = {}, inputs = {}",
        "query": "params, state, settings = {}, grads = null",
        "answer": "params, state, settings = {}",
    }[name]
    step, coming = name == "step", 0 if name == "answer" else 1
    given = "listed(grads)" if step else "grads === null ? p : listed(grads)" if name == "query" else "p"
    lines = [
        "const p = listed(params);",
        f"const g = {given};",
        "const on = [...p.keys()].filter((i) => g[i] != null);",
        "const h = { ...hyper, ...settings };",
        f"const t = state.step + {coming};",
        f"const k = state.ages.map((age) => age + {coming});",
        *(f"const {body.slot_name(path)} = state.slots[{json.dumps(path)}];" for path in slots),
    ]
    if step:
        lines.append("if (on.length > 0) {")
        lines += [f"  {line}" for line in body.lines()]
        lines += ["}", "for (const i of on) state.ages[i] += 1;", "state.step += 1;"]
    else:
        lines += ["const point = p.map((x) => Float64Array.from(x));", *body.lines()]
        lines.append("return listed(params) === params ? point : point[0];")
    text = "".join(f"  {line}\n" for line in lines)
    return f"export function {name}({arguments}) {{\n{text}}}"


_SHARED = {
    "listed": """\
function listed(x) {
  return ArrayBuffer.isView(x) || typeof x[0] === "number" ? [x] : x;
}""",
    "sign": """\
function sign(x) {
  return x > 0 ? 1 : x < 0 ? -1 : x === 0 ? 0 : NaN;
}""",
    "power": """\
// As in C: 1 to any power is 1, and so is -1 to an infinite one; JavaScript says NaN.
function power(x, y) {
  return x === 1 || (x === -1 && Math.abs(y) === Infinity) ? 1 : x ** y;
}""",
    "remainder": """\
// Of the sign of y, as in Python; JavaScript's has that of x.
function remainder(x, y) {
  const r = x % y;
  return r !== 0 && r < 0 !== y < 0 ? r + y : r === 0 ? (y < 0 ? -0 : 0) : r;
}""",
}
"""Functions that the module has where it uses them."""
