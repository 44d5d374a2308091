# mypy: disable-error-code="import-not-found, import-untyped"
"""A plan made runnable on a device: its kernels, and the layout of what they read."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cache, cached_property
from typing import Any, final

from steepest.core.errors import EngineUnavailable
from steepest.engines.cuda.layout import Layout
from steepest.engines.cuda.module import load
from steepest.engines.cuda.source import TABLES, Source, source
from steepest.engines.formats import Format
from steepest.formula.plan import Plan, plan

WARPS = 8
"""Warps of a program instance: 8 elements a thread. AdamW takes 75 registers then: three instances share an SM."""


@final
class Program:
    """One graph on arrays of given formats.

    formats: by array name. slots: the types of the slots that are one number, by leaf name. atomic, zero: as for
    `plan`.
    """

    def __init__(
        self,
        layout: Layout,
        formats: Mapping[str, Format],
        slots: Mapping[str, str],
        *,
        atomic: bool = False,
        zero: bool = False,
        title: str = "",
    ) -> None:
        known = {**formats, "temporary": Format("float64" if formats["p"].wide else "float32")}
        sizes = {name: form.bytes for name, form in known.items()}
        lossy = [name for name, form in known.items() if form.lossy]
        self.plan: Plan = plan(layout.graph, sizes=sizes, lossy=lossy, atomic=atomic, zero=zero)
        self.layout = layout
        self.formats = known | dict.fromkeys(self.plan.temporaries, known["temporary"])
        self.source: Source = source(self.plan, self.formats, self.layout, slots, title)

    @cached_property
    def kernels(self) -> tuple[Any, ...]:
        """The kernel of each pass, compiled at its first launch."""
        module: Any = load(self.source.text)
        return tuple(getattr(module, f"pass_{index}") for index in range(len(self.plan.passes)))

    def taken(self, path: str) -> int:
        """The pass that takes the sum behind a reduction over the model."""
        total = self.layout.taken[path]
        return next(index for index, step in enumerate(self.plan.passes) if total in step.sums)

    def compile(self, batches: int) -> None:
        """Compile the kernels now, for the current device and so many batches.

        Raises EngineUnavailable where Triton cannot: it has no C compiler, say, or does not know the device.
        """
        from steepest.engines.cuda.runtime import SUM_BLOCK, add_chunks

        torch: Any = sys.modules["torch"]
        numbers = {"chunks": torch.int64, "segments": torch.int64, "pointers": torch.int64, "keys": torch.int32}
        tables = [numbers.get(name, torch.float64) for name in TABLES]
        width = self.layout.sums
        try:
            for kernel in self.kernels:
                kernel.warmup(*tables, BATCHES=batches, ALIGNED=True, grid=(1,), num_warps=WARPS, **options())
            if self.finish is not None:
                self.finish.warmup(*tables, BATCHES=batches, grid=(1,), num_warps=1, **options())
            if width:
                given = (torch.float64, torch.int64, torch.float64)
                add_chunks.warmup(*given, WIDTH=width, BLOCK=SUM_BLOCK, grid=(1,), num_warps=WARPS, **options())
        except Exception as error:  # Triton raises whatever its compiler, its driver or the C compiler raise
            reason = str(error).strip().partition("\n")[0]
            raise EngineUnavailable(f"Triton cannot compile here: {type(error).__name__}: {reason}") from error

    @cached_property
    def finish(self) -> Any:
        """The kernel for slots that are one number, None where there are none."""
        module: Any = load(self.source.text)
        return module.finish if self.source.finishes else None


@cache
def options() -> Mapping[str, Any]:
    """For every kernel: products and sums are rounded one by one, and no number is too small, as on NumPy."""
    from steepest.engines.cuda.runtime import INTERPRETED

    found = {"enable_fp_fusion": False}
    if not INTERPRETED and sys.modules["torch"].version.hip is None:
        from triton.backends.nvidia.compiler import CUDAOptions

        if "enable_reflect_ftz" in CUDAOptions.__dataclass_fields__:
            found["enable_reflect_ftz"] = False
    return found
