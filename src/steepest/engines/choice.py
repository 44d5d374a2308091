"""Which engine runs a rule on given arrays."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol

import array_api_compat

from steepest.core.arrays import Array, Tensors
from steepest.core.errors import EngineUnavailable, InputError, InputTypeError
from steepest.core.stepper import Nonfinite, StepReport
from steepest.engines.eager import EagerEngine
from steepest.engines.formats import Storage
from steepest.formula import Rule, State
from steepest.formula.plan import Unplannable
from steepest.formula.values import Values

EngineName = Literal["auto", "eager", "cpu", "cuda"]
_NAMES = ("auto", "eager", "cpu", "cuda")


class Engine(Protocol):
    """Runs a rule on live arrays that it is given at every step, and keeps the state.

    name: as `EngineName`. state: the live state; setting it goes on from there. clock: updates so far. readable: the
    state in numbers that formulas compute with. generation: another object whenever the state's arrays are others.
    """

    name: str
    state: State

    @property
    def clock(self) -> int: ...
    @property
    def readable(self) -> State: ...
    @property
    def generation(self) -> object: ...
    def fresh(self, params: Tensors) -> State:
        """A state at the start."""
        ...

    def age_cells(self) -> Mapping[str, array[int]] | None:
        """By tensor, where its age is counted in place; None where it is not."""
        ...

    def update(
        self,
        params: Tensors,
        gradients: Mapping[str, Array | None],
        values: Values,
        inputs: Mapping[str, Any],
        value: float | None = None,
    ) -> StepReport:
        """One step in place; `value` is f where the gradient was taken, for the report."""
        ...


def choose(
    engine: EngineName,
    rule: Rule,
    params: Tensors,
    *,
    seed: int,
    nonfinite: Nonfinite,
    maximize: bool,
    zero_gradients: bool,
    storage: Storage,
    trusted: bool,
) -> tuple[Engine, str]:
    """The engine, and what is not compiled, and why ("" where everything is, or where eager was asked for).

    "auto" takes the compiled one for arrays in host memory, wherever it can run; "cuda", Triton kernels for PyTorch's
    CUDA tensors, is taken where it is asked for. Raises InputError for another name, for a compiled engine that cannot
    run here, and for storage that only a compiled engine has.
    """
    check_name(engine)
    if not params:
        raise InputError(f"{rule.name}: params must hold at least one array, got none")
    for name, tensor in params.items():
        if not (array_api_compat.is_numpy_array(tensor) or array_api_compat.is_torch_array(tensor)):
            kind = type(tensor).__name__
            raise InputTypeError(f"{rule.name}: {name} must be changeable in place, got {kind}; use rule.update")
    devices = sorted({str(getattr(tensor, "device", "cpu")) for tensor in params.values()})
    if len(devices) > 1:
        raise InputError(f"{rule.name}: tensors must be on one device, got {', '.join(devices)}")
    reason = ""
    if engine != "eager":
        try:
            made: Engine = _compiled(engine)(
                rule,
                params,
                seed=seed,
                nonfinite=nonfinite,
                maximize=maximize,
                zero_gradients=zero_gradients,
                storage=storage,
                trusted=trusted,
            )
        except (Unplannable, EngineUnavailable) as error:
            reason = str(error)
        else:
            return made, _partly(made, len(params))
    if engine in {"cpu", "cuda"}:
        raise InputError(f"{rule.name}: engine {engine!r} cannot run here: {reason}")
    if not storage.plain:
        why = reason or "engine is 'eager'"
        raise InputError(f"{rule.name}: moments and rounding need the compiled engine ({why})")
    eager = EagerEngine(rule, params, seed=seed, nonfinite=nonfinite, maximize=maximize, zero_gradients=zero_gradients)
    return eager, reason


def _partly(engine: Engine, tensors: int) -> str:
    """What a compiled engine runs by array operations between its passes."""
    called: Mapping[str, tuple[str, ...]] = getattr(engine, "called", {})
    return "; ".join(
        f"{name} computes with whole arrays, on {len(names)} of {tensors} tensors; the rest is compiled"
        for name, names in called.items()
    )


def check_name(engine: str) -> None:
    """Raise InputError for what is no engine's name."""
    if engine not in _NAMES:
        raise InputError(f"engine must be 'auto', 'eager', 'cpu' or 'cuda', got {engine!r}")


def _compiled(engine: EngineName) -> Callable[..., Engine]:
    if engine == "cuda":
        from steepest.engines.cuda.engine import CudaEngine

        return CudaEngine
    from steepest.engines.cpu.engine import CpuEngine

    return CpuEngine
