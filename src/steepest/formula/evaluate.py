"""Running and tracing a rule: the one place where its formulas meet arrays, states and symbols."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypedDict

import array_api_compat
import numpy as np

from steepest.core.arrays import Array, Tensors, clone, is_array, is_finite, namespace, to_float
from steepest.core.errors import FormulaError, InputError, InputTypeError, NonfiniteError
from steepest.core.ranges import Range
from steepest.core.stepper import Nonfinite, StepReport
from steepest.formula.bundle import Bundle
from steepest.formula.context import Frame, SlotBundles, entered
from steepest.formula.graph import Graph, Level, Node, OpaqueTrace, Tracer
from steepest.formula.slots import Slot
from steepest.formula.state import MODEL, State, as_tensors
from steepest.formula.values import Values

if TYPE_CHECKING:
    from steepest.formula.link import Link
    from steepest.formula.rule import Rule


class Options(TypedDict, total=False):
    """What an update may be given besides the gradients."""

    nonfinite: Nonfinite
    maximize: bool
    value: float
    hessian_diagonal: Tensors
    scale: float


def init(rule: Rule, params: Tensors, seed: int) -> State:
    """A fresh state."""
    if not params:
        raise InputError("init: params must hold at least one array, got none")
    for name, p in params.items():
        if not is_array(p) or not namespace(p).isdtype(p.dtype, "real floating"):
            raise InputTypeError(
                f"init: {name} must be an array of real floating numbers, got {getattr(p, 'dtype', p)!r}"
            )
    slots: dict[str, dict[str, Array]] = {path: {} for path in rule.slots()}
    for name, p in params.items():
        for path, slot in rule.slots_of(name, tuple(p.shape)).items():
            slots[path].setdefault(MODEL if slot.like == "model" else name, slot.start(p))
    return State(0, dict.fromkeys(params, 0), slots, seed)


def update(
    rule: Rule, params: Tensors, grads: Mapping[str, Array | None], state: State, values: Values, **options: Any
) -> tuple[dict[str, Array], State, StepReport]:
    """One step; see `Rule.update`."""
    nonfinite, maximize, inputs = check_options(rule, options)
    unscale = inputs.pop("unscale", None)
    check_gradients(params, grads, state.ages)
    names = tuple(name for name in params if grads.get(name) is not None)
    check_hessian_diagonal(params, names, inputs)
    used = {path: value for path, value in values.items() if not isinstance(value, Mapping)}
    finite = None
    if nonfinite != "apply":
        bad = [name for name in names if not is_finite(grads[name])]
        finite = not bad
        if bad and nonfinite == "raise":
            raise nonfinite_gradient(bad[0], state.step)
        if bad:
            return dict(params), state, StepReport(state.step, False, used, {}, False)
    if rule.micro_batches > 1:
        from steepest.formula.accumulate import gather

        state, means = gather(rule.micro_batches, params, grads, state)
        if means is None:
            return dict(params), state, StepReport(state.step, False, used, {}, finite)
        grads, names = means, tuple(name for name in params if means[name] is not None)
    if not names:
        return dict(params), _stepped(state, (), {}), StepReport(state.step + 1, True, used)
    frame = _frame(rule, names, params, state, values, inputs)
    gradient = Bundle(grads[name] for name in names)
    if unscale is not None:
        gradient = gradient * unscale
    if maximize:
        frame.inputs = {need: -given for need, given in frame.inputs.items()}
    with np.errstate(all="ignore"), entered(frame):
        u = rule.apply(frame, -gradient if maximize else gradient, "")
        after = frame.p - u
    given = {id(array) for array in (*params.values(), *gradient.parts)}
    parts = zip(names, after.parts, strict=True)
    moved = {name: _cast(part, params[name], given, f"the update of {name}") for name, part in parts}
    specs = rule.slots()
    written = {
        path: _slot_parts(path, specs[path], owners, bundle, state.slots[path], given)
        for path, (owners, bundle) in frame.new.items()
    }
    seen = _seen(frame)
    if finite is None and seen:
        finite = all(math.isfinite(value) for value in seen.values())
    return {**params, **moved}, _stepped(state, names, written), StepReport(state.step + 1, True, used, seen, finite)


def query(rule: Rule, params: Tensors, state: State, values: Values, gradient: Tensors | None) -> dict[str, Array]:
    """Where the next gradient is to be taken; see `Rule.query`."""
    found = rule.link_with("query")
    if found is None:
        return dict(params)
    path, link = found
    if link.queries_gradient and gradient is None:
        raise InputError(f"query: {path} needs the gradient at p, got none")
    names = tuple(name for name in params if gradient is None or gradient.get(name) is not None)
    given = None if gradient is None else Bundle(gradient[name] for name in names)
    return {**params, **_point("query", path, link, _frame(rule, names, params, state, values, {}), params, given)}


def answer(rule: Rule, params: Tensors, state: State, values: Values) -> dict[str, Array]:
    """The point to be evaluated; see `Rule.answer`."""
    found = rule.link_with("answer")
    if found is None:
        return dict(params)
    return _point("answer", *found, _frame(rule, tuple(params), params, state, values, {}, coming=0), params, None)


def trace(
    rule: Rule,
    *,
    maximize: bool = False,
    scaled: bool = False,
    tensor: tuple[str, tuple[int, ...]] | None = None,
) -> Graph:
    """What the rule computes, from leaves; see `Graph`.

    maximize: the gradient is negated, and so are the value and the Hessian's diagonal. scaled: it is multiplied by
    "input:unscale", to take a loss scale out of it. tensor: name and shape of the one that it is traced for, which a
    partitioned rule needs.
    """
    tracer = Tracer()
    levels = {"param": Level.ELEMENT, "tensor": Level.TENSOR, "model": Level.MODEL}
    slots = {
        path: tracer.leaf(f"slot:{path}", Level.ELEMENT if callable(slot.like) else levels[slot.like])
        for path, slot in rule.slots().items()
    }
    needs = {"value": Level.HOST, "hessian_diagonal": Level.ELEMENT}
    inputs = {need: tracer.leaf(f"input:{need}", needs[need]) for need in sorted(rule.needs)}
    values = {path: tracer.leaf(f"value:{path}", Level.HOST) for path in rule.hyperparameters()}
    gradient, p = tracer.leaf("u", Level.ELEMENT), tracer.leaf("p", Level.ELEMENT)
    k, t = tracer.leaf("k", Level.TENSOR), tracer.leaf("t", Level.HOST)
    incoming = gradient
    leaves = {"u": gradient, "p": p, "k": k, "t": t}
    if scaled:
        leaves["input:unscale"] = tracer.leaf("input:unscale", Level.HOST)
        incoming = incoming * leaves["input:unscale"]
    given = inputs
    if maximize:
        incoming = -incoming
        given = {need: -leaf for need, leaf in inputs.items()}
    name, shape = ("", None) if tensor is None else tensor
    traced = Frame(names=(name,), p=p, k=k, t=t, slots=slots, values=values, inputs=given, shape=shape)
    with entered(traced) as frame:
        u = rule.apply(frame, incoming, "")
    leaves |= {f"slot:{path}": leaf for path, leaf in slots.items()}
    leaves |= {f"value:{path}": leaf for path, leaf in values.items()}
    leaves |= {f"input:{need}": leaf for need, leaf in inputs.items()}
    new = {path: node if isinstance(node, Node) else tracer.constant(node) for path, (_, node) in frame.new.items()}
    update = u if isinstance(u, Node) else tracer.constant(u)
    return Graph(update, new, leaves, tuple(tracer.links), frame.seen, tuple(tracer.opaque))


def opaque_nodes(link: Link, path: str, tracer: Tracer, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """One node for a formula that is not traced, and one for each of its results; the tracer notes the call."""
    formula, given = link.formula, (*arguments, *keywords.values())
    nodes = tuple(arg if isinstance(arg, Node) else tracer.constant(str(arg)) for arg in given if arg is not None)  # type: ignore[arg-type]
    whole = tracer.node("opaque", nodes, (("formula", formula.name),), Level.ELEMENT)
    results: tuple[Node, ...] = (whole,)
    if formula.slots:
        count = 1 + len(formula.slots)
        results = tuple(tracer.node("item", (whole,), (("index", index),), Level.ELEMENT) for index in range(count))
    exists = {slot.name for slot in link.own_slots}
    slots = tuple(f"{path}.{slot.name}" if slot.name in exists else None for slot in formula.slots)
    traced = OpaqueTrace(
        path, formula.name, formula.function, arguments, keywords, whole, results, slots, formula.batched
    )
    tracer.opaque.append(traced)
    return results if formula.slots else whole


def nonfinite_gradient(name: str, step: int) -> NonfiniteError:
    """The error for a gradient that is not finite, after so many updates."""
    return NonfiniteError(f"update: the gradient of {name} is not finite at step {step + 1}")


def check_options(rule: Rule, options: Mapping[str, Any]) -> tuple[Nonfinite, bool, dict[str, Any]]:
    """The policy, whether to ascend, and what the rule needs, of an update's options."""
    given = dict(options)
    nonfinite, maximize = given.pop("nonfinite", "apply"), given.pop("maximize", False)
    if nonfinite not in {"apply", "skip", "raise"}:
        raise InputError(f"update: nonfinite must be 'apply', 'skip' or 'raise', got {nonfinite!r}")
    if unknown := sorted(given.keys() - {"value", "hessian_diagonal", "scale"}):
        raise InputTypeError(f"update: no argument {unknown[0]!r}")
    if missing := sorted(need for need in rule.needs if given.get(need) is None):
        raise InputTypeError(f"update: {rule.name} needs {missing[0]}, got none")
    inputs = {need: given[need] for need in rule.needs}
    if "scale" in given:
        inputs["unscale"] = 1.0 / Range(low=0.0, open_low=True).check("update", "scale", given["scale"])
    return nonfinite, maximize, inputs


def check_gradients(params: Tensors, grads: Mapping[str, Array | None], ages: Mapping[str, int]) -> None:
    """Raise InputError for gradients of other names or shapes, and for parameters that a state does not know."""
    if unknown := sorted(grads.keys() - params.keys()):
        raise InputError(f"update: gradients must have the names of params, got {unknown[0]!r}")
    for name, p in params.items():
        if name not in ages:
            raise InputError(f"update: {name} is not in the state, which was made for {sorted(ages)}")
        g = grads.get(name)
        if g is not None and tuple(g.shape) != tuple(p.shape):
            raise InputError(f"update: the gradient of {name} must have shape {tuple(p.shape)}, got {tuple(g.shape)}")


def check_hessian_diagonal(params: Tensors, names: tuple[str, ...], inputs: dict[str, Any]) -> None:
    """Raise InputError for a diagonal of another shape; what was given becomes named tensors."""
    if "hessian_diagonal" not in inputs:
        return
    given = inputs["hessian_diagonal"] = as_tensors(inputs["hessian_diagonal"])
    for name in names:
        shape = tuple(given[name].shape) if name in given else None
        if shape != tuple(params[name].shape):
            raise InputError(
                f"update: hessian_diagonal of {name} must have shape {tuple(params[name].shape)}, got {shape}"
            )


def _frame(
    rule: Rule,
    names: tuple[str, ...],
    params: Tensors,
    state: State,
    values: Values,
    inputs: dict[str, Any],
    coming: int = 1,
) -> Frame:
    ages = [state.ages[name] + coming for name in names]
    return Frame(
        names=names,
        p=Bundle(params[name] for name in names),
        k=Bundle.one(ages[0]) if len(set(ages)) == 1 else Bundle(ages),
        t=Bundle.one(state.step + coming),
        slots=SlotBundles(names, state.slots, frozenset(path for path, slot in rule.slots().items() if slot.scalar)),
        values={path: _value_bundle(value, names) for path, value in values.items()},
        inputs={need: _input_bundle(value, names) for need, value in inputs.items()},
        seed=state.seed,
    )


def _value_bundle(value: float | Mapping[str, float], names: tuple[str, ...]) -> Bundle:
    if not isinstance(value, Mapping):
        return Bundle.one(value)
    numbers = [value[name] for name in names]
    return Bundle.one(numbers[0]) if len(set(numbers)) == 1 else Bundle(numbers)


def _input_bundle(value: Any, names: tuple[str, ...]) -> Bundle:
    return Bundle(value[name] for name in names) if isinstance(value, Mapping) else Bundle.one(value)


def _slot_parts(
    path: str, slot: Slot, names: tuple[str, ...], value: Any, before: Mapping[str, Array], given: set[int]
) -> dict[str, Array]:
    bundle = value if isinstance(value, Bundle) else Bundle.one(value)
    if slot.like == "model":
        if not bundle.shared:
            raise FormulaError(
                f"{path}: one number for the model, but its new value differs by tensor; reduce over='model'"
            )
        names = (MODEL,)
    parts = bundle.parts * len(names) if bundle.shared else bundle.parts
    return {**before, **{n: _cast(part, before[n], given, path) for n, part in zip(names, parts, strict=True)}}


def _cast(part: Any, like: Any, given: set[int], what: str) -> Array:
    """`part` in the shape, dtype and library of `like`, and sharing no array that was given.

    A number fills the shape; a 0-d result becomes an array again.
    """
    if is_array(part) and not isinstance(part, np.generic) and part.dtype == like.dtype and part.shape == like.shape:
        return clone(part) if id(part) in given else part
    xp = namespace(like)
    array = xp.asarray(part, dtype=like.dtype, device=array_api_compat.device(like))
    if array.shape == like.shape:
        return array
    if array.ndim > 0:
        raise FormulaError(f"{what} must have shape {tuple(like.shape)}, got {tuple(array.shape)}")
    return xp.broadcast_to(array, like.shape) + xp.zeros_like(like)


def _seen(frame: Frame) -> dict[str, float]:
    """What was reduced over the model, as numbers; not while JAX traces, when there are none yet."""
    seen = {}
    for path, part in frame.seen.items():
        with suppress(TypeError):
            seen[path] = to_float(part)
    return seen


def _point(
    kind: str, path: str, link: Link, frame: Frame, params: Tensors, gradient: Bundle | None
) -> dict[str, Array]:
    with np.errstate(all="ignore"):
        result = link.point(kind, frame, path, gradient)
    slots = frame.slots.arrays if isinstance(frame.slots, SlotBundles) else {}
    given = {id(array) for tensors in (params, *slots.values()) for array in tensors.values()}
    parts = zip(frame.names, result.parts, strict=True)
    return {name: _cast(part, params[name], given, f"the {kind} of {name}") for name, part in parts}


def _stepped(state: State, names: tuple[str, ...], written: dict[str, dict[str, Array]]) -> State:
    ages = {**state.ages, **{name: state.ages[name] + 1 for name in names}}
    return State(state.step + 1, ages, {**state.slots, **written}, state.seed)
