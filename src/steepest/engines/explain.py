"""What a rule costs: its formula, its passes over memory, its bytes, and the time that no engine can go below."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from steepest.core.errors import InputError
from steepest.core.stepper import Nonfinite
from steepest.engines.formats import Storage, plan_in
from steepest.formula import Rule
from steepest.formula.plan import PARAMETER, Plan

Dtype = Literal["float32", "float64", "bfloat16"]


@dataclass(frozen=True)
class Explanation:
    """A rule's plan, for a person.

    equations: the formula. passes: a line each. bytes: moved an element and step. state: bytes of state an element.
    exact: whether no plan moves fewer bytes; else it is the best of the many that were tried.
    """

    rule: str
    equations: str
    passes: tuple[str, ...]
    bytes: float
    state: float
    dtype: Dtype
    exact: bool = True

    def floor(self, elements: int, bandwidth: float) -> float:
        """Seconds that a step on so many elements takes at least, at a bandwidth in bytes a second."""
        return elements * self.bytes / bandwidth

    def __str__(self) -> str:
        one = len(self.passes) == 1
        lines = [self.rule, "", *(f"  {line}" for line in self.equations.splitlines()), ""]
        lines += [f"  pass {number}: {text}" for number, text in enumerate(self.passes, 1)]
        lines += [
            "",
            f"  {self.dtype}: {len(self.passes)} pass{'' if one else 'es'}, {self.bytes:.4g} bytes moved a parameter "
            f"and step, {self.state:.4g} bytes of state a parameter",
        ]
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

    Raises Unplannable for a rule that computes with whole arrays, and InputError for other choices than these.

    >>> from steepest.rules import sgd
    >>> explain(sgd(lr=0.1)).passes
    ('reads u, p; writes p',)
    """
    if dtype not in {"float32", "float64", "bfloat16"}:
        raise InputError(f"explain: dtype must be 'float32', 'float64' or 'bfloat16', got {dtype!r}")
    if nonfinite not in {"apply", "skip", "raise"}:
        raise InputError(f"explain: nonfinite must be 'apply', 'skip' or 'raise', got {nonfinite!r}")
    formats = (Storage() if storage is None else storage).formats(rule.slots(), dtype, small=False)
    found = plan_in(rule.graph(), formats, atomic=nonfinite != "apply", zero=zero_gradients)
    state = sum(form.bytes for name, form in formats.items() if name.startswith("slot:"))
    state += formats[PARAMETER].bytes - 2.0 if formats[PARAMETER].kind == "kahan" else 0.0
    lines = tuple(_line(found, index) for index in range(len(found.passes)))
    return Explanation(repr(rule), rule.equations(), lines, found.bytes, state, dtype, found.exact)


def _line(found: Plan, index: int) -> str:
    step = found.passes[index]
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
    return f"temporary {path}" if kind == "temporary" else path.rpartition(".")[2] or name
