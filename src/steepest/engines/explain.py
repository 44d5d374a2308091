"""What a rule costs: its formula, its passes over memory, its bytes, and the time that no engine can go below."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from steepest.core.errors import InputError
from steepest.core.stepper import Nonfinite
from steepest.engines.formats import Format, Storage, plan_in
from steepest.formula import Rule
from steepest.formula.plan import PARAMETER, Plan
from steepest.formula.segments import cut
from steepest.formula.variants import variants

Dtype = Literal["float32", "float64", "bfloat16"]


@dataclass(frozen=True)
class Explanation:
    """A rule's plan, for a person.

    equations: the formula. passes: a line each. bytes: moved an element and step. state: bytes of state an element.
    exact: whether no plan moves fewer bytes; else it is the best of the many that were tried. called: formulas on whole
    arrays that run between the passes; what they move within themselves is not counted. shaped: slots with a shape of
    their own, whose bytes depend on the tensor. part: of a partitioned rule, the part that this explains; parts: of a
    partitioned rule, each of them, and then passes are none, and bytes and state the least of any part.
    """

    rule: str
    equations: str
    passes: tuple[str, ...]
    bytes: float
    state: float
    dtype: Dtype
    exact: bool = True
    called: tuple[str, ...] = ()
    shaped: tuple[str, ...] = ()
    part: str = ""
    parts: tuple[Explanation, ...] = ()

    def floor(self, elements: int, bandwidth: float) -> float:
        """Seconds that a step on so many elements takes at least, at a bandwidth in bytes a second."""
        return elements * self.bytes / bandwidth

    def __str__(self) -> str:
        if self.parts:
            return "\n".join((self.rule, *(f"\n{part}" for part in self.parts)))
        lines = [self.part or self.rule, "", *(f"  {line}" for line in self.equations.splitlines()), ""]
        lines += [f"  pass {number}: {text}" for number, text in enumerate(self.passes, 1)]
        compiled = len(self.passes) - len(self.called)
        lines += [
            "",
            f"  {self.dtype}: {compiled} pass{'' if compiled == 1 else 'es'}, {self.bytes:.4g} bytes moved a parameter "
            f"and step, {self.state:.4g} bytes of state a parameter",
        ]
        if self.called:
            called = " and ".join(self.called)
            lines.append(f"  and what {called} moves, which is run by array operations, not compiled")
        if self.shaped:
            lines.append(f"  and the state in {', '.join(self.shaped)}, whose size depends on the tensor's shape")
        if not self.exact:
            lines.append("  (the best of the plans that were tried: there were too many to try all)")
        return "\n".join(lines)


def explain(
    rule: Rule,
    *,
    dtype: Dtype = "float32",
    nonfinite: Nonfinite = "apply",
    storage: Storage | None = None,
    zero_gradients: bool = False,
) -> Explanation:
    """The plan of a rule for parameters of a dtype, under a policy for non-finite gradients.

    A formula on whole arrays is named where it runs between the passes; a partitioned rule is explained part by part.
    Raises InputError for other choices than these.

    >>> from steepest.rules import sgd
    >>> explain(sgd(lr=0.1)).passes
    ('reads u, p; writes p',)
    """
    if dtype not in {"float32", "float64", "bfloat16"}:
        raise InputError(f"explain: dtype must be 'float32', 'float64' or 'bfloat16', got {dtype!r}")
    if nonfinite not in {"apply", "skip", "raise"}:
        raise InputError(f"explain: nonfinite must be 'apply', 'skip' or 'raise', got {nonfinite!r}")
    opaque = {f"{path}.{slot.name}" for path, link in rule.links() if link.formula.opaque for slot in link.own_slots}
    formats = (Storage() if storage is None else storage).formats(rule.slots(), dtype, small=False, plain=opaque)
    parts = []
    for name, within in variants(rule):
        with within:
            graph = cut(rule.graph())
            found = plan_in(graph, formats, atomic=nonfinite != "apply", zero=zero_gradients)
            parts.append(_explained(rule, name, found, formats, dtype))
    if len(parts) == 1:
        return parts[0]
    equations = "\n\n".join(f"{part.part}\n{part.equations}" for part in parts)
    least, state = min(part.bytes for part in parts), min(part.state for part in parts)
    exact = all(part.exact for part in parts)
    return Explanation(repr(rule), equations, (), least, state, dtype, exact, parts=tuple(parts))


def _explained(rule: Rule, part: str, found: Plan, formats: Mapping[str, Format], dtype: Dtype) -> Explanation:
    """One plan of a rule: the only one, or that of a part."""
    calls = [step.call for step in found.passes if step.call is not None]
    written = {path for call in calls for path in call.slots if path is not None}
    own = [path for path in found.graph.slots if f"slot:{path}" in formats]
    shaped = sorted(path for path in written if callable(rule.slots()[path].like))
    counted = [f"slot:{path}" for path in (*own, *sorted(written - set(shaped)))]
    state = sum(formats[name].bytes for name in counted)
    state += formats[PARAMETER].bytes - 2.0 if formats[PARAMETER].kind == "kahan" else 0.0
    lines = tuple(_line(found, index) for index in range(len(found.passes)))
    named = tuple(dict.fromkeys(call.name for call in calls))
    short = tuple(path.rpartition(".")[2] for path in shaped)
    return Explanation(repr(rule), rule.equations(), lines, found.bytes, state, dtype, found.exact, named, short, part)


def _line(found: Plan, index: int) -> str:
    step = found.passes[index]
    if step.call is not None:
        given = ", ".join(dict.fromkeys(map(_short, step.call.reads)))
        written = [path.rpartition(".")[2] for path in step.call.slots if path is not None]
        writes = f"; writes {', '.join((_short(step.call.result), *written))}"
        how = "those of one shape at once" if step.call.batched else "tensor by tensor"
        return f"{step.call.name}, on whole arrays, {how}: reads {given}{writes}"
    reads = sorted(map(_short, step.loads), key=lambda name: (name != "u", name != PARAMETER, name))
    parts = [f"reads {', '.join(reads)}"] if reads else []
    if step.stores:
        parts.append(
            f"writes {', '.join(sorted(map(_short, step.stores), key=lambda name: (name != PARAMETER, name)))}"
        )
    if step.sums:
        checked = found.check in step.sums
        count = len(step.sums)
        what = "sums the squares of u, which also tell whether it is finite" if checked and count == 1 else None
        parts.append(what or f"takes {count} sum{'' if count == 1 else 's'}")
    return "; ".join(parts)


def _short(name: str) -> str:
    """An array as the formula calls it."""
    kind, _, path = name.partition(":")
    if kind == "given":
        return f"the update for {path.rpartition('.')[0].rpartition('.')[2]}"
    if kind == "opaque":
        return f"the update of {path.rpartition('.')[2]}"
    return f"temporary {path}" if kind == "temporary" else path.rpartition(".")[2] or name
