"""How an array's numbers are kept in memory: as they are, rounded to bfloat16, or as 8-bit codes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal, cast

from steepest.core.errors import InputError
from steepest.formula import Slot
from steepest.formula.graph import Graph
from steepest.formula.plan import PARAMETER, Plan, Unplannable, plan

Kind = Literal["float32", "float64", "bfloat16", "stochastic", "kahan", "signed8", "unsigned8"]
BLOCK = 256
"""Elements that share one scale among 8-bit codes."""


@dataclass(frozen=True)
class Format:
    """One way to keep an array.

    kind: "float32" and "float64" keep numbers as they are. "bfloat16" rounds to nearest, ties to even; "stochastic"
    rounds up with the probability of the part that is cut off; "kahan" keeps two bfloat16 numbers whose sum is the
    value. "signed8" is 8-bit codes of blocks of 256, code = sign(x) √(|x|/max) in 127ths; "unsigned8" is
    code = (x/max)^¼ in 255ths, for what is never negative. planes: the arrays in memory that hold it.
    """

    kind: Kind

    @property
    def bytes(self) -> float:
        """Bytes an element."""
        return {"float32": 4.0, "float64": 8.0, "bfloat16": 2.0, "stochastic": 2.0, "kahan": 4.0}.get(
            self.kind, 1.0 + 4.0 / BLOCK
        )

    @property
    def lossy(self) -> bool:
        """Whether what is read back is not what was computed."""
        return self.kind not in {"float32", "float64"}

    @property
    def blocked(self) -> bool:
        """Whether blocks of elements share a scale."""
        return self.kind in {"signed8", "unsigned8"}

    @property
    def wide(self) -> bool:
        """Whether it is computed with in float64, not float32."""
        return self.kind == "float64"

    @property
    def planes(self) -> tuple[str, ...]:
        """The dtypes of the arrays in memory, as runtime views name them."""
        if self.kind in {"float32", "float64"}:
            return (self.kind,)
        return {
            "bfloat16": ("uint16",),
            "stochastic": ("uint16",),
            "kahan": ("uint16", "uint16"),
        }.get(self.kind, ("uint8", "float32"))


Moments = Literal["float32", "bfloat16", "8bit"]
Rounding = Literal["nearest", "stochastic", "kahan"]
SMALL = 4_096
"""Tensors with fewer elements keep their moments as they are: nothing is to be saved there."""


def plan_in(graph: Graph, formats: Mapping[str, Format], *, atomic: bool = False, zero: bool = False) -> Plan:
    """The plan of a graph whose arrays are kept in these formats; what is not named is as parameters are computed."""
    between = computed_in(formats[PARAMETER])
    formats = {**{name: between for name in (*graph.extra, *(call.result for call in graph.calls))}, **formats}
    return plan(
        graph,
        sizes={name: form.bytes for name, form in formats.items()},
        lossy=[name for name, form in formats.items() if form.lossy],
        wide=[name for name, form in formats.items() if form.wide],
        atomic=atomic,
        zero=zero,
    )


@dataclass(frozen=True)
class Storage:
    """How parameters and moments are kept.

    moments: "float32", "bfloat16" or "8bit" for slots that start at 0, in tensors of at least 4,096 elements for the
    last; None for the parameters' own dtype, float32 for bfloat16 parameters. rounding: of what is kept as bfloat16:
    "nearest", "stochastic" (unbiased, reproducible by seed, tensor name and age), or "kahan" (parameters as the sum of
    two bfloat16 numbers; moments to nearest). Raises InputError for another choice.
    """

    moments: Moments | None = None
    rounding: Rounding = "nearest"

    def __post_init__(self) -> None:
        if self.moments not in {None, "float32", "bfloat16", "8bit"}:
            raise InputError(f"moments must be None, 'float32', 'bfloat16' or '8bit', got {self.moments!r}")
        if self.rounding not in {"nearest", "stochastic", "kahan"}:
            raise InputError(f"rounding must be 'nearest', 'stochastic' or 'kahan', got {self.rounding!r}")

    @property
    def plain(self) -> bool:
        """Whether everything is kept as the parameters are."""
        return self == Storage()

    def formats(
        self, slots: Mapping[str, Slot], numbers: str, small: bool, plain: Collection[str] = ()
    ) -> dict[str, Format]:
        """The format of every array of a tensor whose numbers are "float32", "float64" or "bfloat16".

        plain: paths of slots that formulas on whole arrays read and write: these are kept as float32 or float64.
        """
        own = Format(cast(Kind, numbers))
        parameter = own
        if numbers == "bfloat16" and self.rounding != "nearest":
            parameter = Format(self.rounding)
        arrays = {PARAMETER: parameter, "u": own, "input:hessian_diagonal": own}
        return arrays | {
            f"slot:{path}": _plain(slot, numbers) if path in plain else self._slot(slot, numbers, small)
            for path, slot in slots.items()
            if not slot.scalar
        }

    def _slot(self, slot: Slot, numbers: str, small: bool) -> Format:
        if slot.dtype == "float16":
            raise Unplannable(f"plan: {slot.name} is kept as float16")
        if slot.dtype is not None:
            return self._rounded(slot.dtype)
        moment = slot.init == 0.0
        if self.moments == "8bit" and moment and not small:
            return Format("unsigned8" if slot.nonnegative else "signed8")
        if self.moments == "bfloat16" and moment:
            return self._rounded("bfloat16")
        if self.moments == "float32" and moment:
            return Format("float32")
        return Format("float32" if numbers == "bfloat16" else cast(Kind, numbers))

    def _rounded(self, dtype: str) -> Format:
        stochastic = dtype == "bfloat16" and self.rounding == "stochastic"
        return Format("stochastic" if stochastic else cast(Kind, dtype))


def computed_in(numbers: Format) -> Format:
    """The format of what is computed from such parameters and kept between passes."""
    return Format("float64" if numbers.wide else "float32")


def _plain(slot: Slot, numbers: str) -> Format:
    if slot.dtype in {"float16", "bfloat16"}:
        raise Unplannable(f"plan: {slot.name} is kept as {slot.dtype}")
    return Format(cast(Kind, slot.dtype)) if slot.dtype else computed_in(Format(cast(Kind, numbers)))
