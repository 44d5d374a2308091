"""Slots: the named arrays that a rule remembers from one update to the next."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import CodeType
from typing import Literal, final

import numpy as np

from steepest.core.arrays import Array, copy, namespace
from steepest.core.errors import FormulaError, InputTypeError
from steepest.formula.code import code_text

Shape = tuple[int, ...]
Like = Literal["param", "tensor", "model"] | Callable[..., Shape]
Init = float | Literal["p", "first", "eye"]
Statics = Mapping[str, object]
_DTYPES = ("float16", "bfloat16", "float32", "float64")


@dataclass(frozen=True)
class Slot:
    """One named piece of a rule's state.

    like: "param" (the parameter's shape, the default), "tensor" (one number a tensor), "model" (one number for all),
    or a function from the parameter's shape to the slot's, which may take hyperparameters by name. init: a number, "p"
    (the parameter at the start), "first" (the first incoming update), or "eye" (the identity, for a function-shaped
    slot). dtype: None for the parameter's, else a name as "float32"; numbers are float64. when: the name of a boolean
    static argument, or a function of all static arguments, that says whether the slot exists. nonnegative: whether it
    never falls below 0, as a mean of squares: it may then be kept in fewer bits.

    >>> Slot("v", init=1.0).exists({}), Slot("v_max", when="amsgrad").exists({"amsgrad": False})
    (True, False)
    """

    name: str
    like: Like = "param"
    init: Init = 0.0
    dtype: str | None = None
    when: str | Callable[[Statics], bool] | None = None
    nonnegative: bool = False

    def __post_init__(self) -> None:
        if not self.name.isidentifier():
            raise FormulaError(f"slot: name must be an identifier, got {self.name!r}")
        if not callable(self.like) and self.like not in {"param", "tensor", "model"}:
            raise FormulaError(f"slot {self.name}: like must be 'param', 'tensor', 'model' or a function of the shape")
        if self.dtype is not None and self.dtype not in _DTYPES:
            raise FormulaError(f"slot {self.name}: dtype must be None or of {list(_DTYPES)}, got {self.dtype!r}")
        if isinstance(self.init, str):
            allowed = {"param": {"p", "first"}}.get(str(self.like), {"eye"} if callable(self.like) else set())
            if self.init not in allowed:
                raise FormulaError(f"slot {self.name}: init {self.init!r} does not fit like={self.like!r}")

    def sized(self, owner: str, settings: Statics) -> Slot:
        """The slot with the hyperparameters that its shape takes, from these; they must be fixed numbers."""
        if not callable(self.like) or isinstance(self.like, _Sized):
            return self
        names = [name for name in inspect.signature(self.like).parameters if name in settings]
        for name in names:
            if not isinstance(settings[name], int | float | str | None):
                raise InputTypeError(
                    f"{owner}: {name} must be a fixed number, since a slot has its size, got {settings[name]!r}"
                )
        taken = tuple((name, settings[name]) for name in names)
        return replace(self, like=_Sized(self.like, taken)) if taken else self

    def exists(self, statics: Statics) -> bool:
        """Whether the slot exists under these static arguments."""
        if self.when is None:
            return True
        return self.when(statics) if callable(self.when) else bool(statics[self.when])

    @property
    def text(self) -> str:
        """All that defines it."""
        like = code_text(self.like) if callable(self.like) else self.like
        return f"{self.name} {like} {self.init!r} {self.dtype}"

    @property
    def scalar(self) -> bool:
        """Whether it is one number, of a tensor or of the model."""
        return self.like in {"tensor", "model"}

    def start(self, p: Array) -> Array:
        """The slot's first value for parameter `p`."""
        xp = namespace(p)
        device = getattr(p, "device", None)
        if self.scalar:
            return xp.asarray(float(self.init), dtype=self._number_dtype(p), device=device)
        dtype = getattr(xp, self.dtype) if self.dtype else p.dtype
        if self.init == "p":
            return xp.astype(copy(p), dtype)
        shape = self.like(tuple(p.shape)) if callable(self.like) else p.shape
        if self.init == "eye":
            return xp.eye(*shape, dtype=dtype, device=device)
        value = 0.0 if self.init == "first" else float(self.init)
        return (
            xp.full(shape, value, dtype=dtype, device=device)
            if callable(self.like)
            else xp.full_like(p, value, dtype=dtype)
        )

    def _number_dtype(self, p: Array) -> object:
        xp = namespace(p)
        if self.dtype:
            return getattr(xp, self.dtype)
        # JAX without its 64-bit mode has no float64, and says so with a warning: its widest float.
        return xp.asarray(np.float64(0)).dtype if xp.__name__.startswith("jax") else xp.float64


@final
@dataclass(frozen=True)
class _Sized:
    """A slot's shape from the parameter's, with hyperparameters."""

    function: Callable[..., Shape]
    settings: tuple[tuple[str, object], ...]

    def __call__(self, shape: Shape) -> Shape:
        return self.function(shape, **dict(self.settings))

    @property
    def __code__(self) -> CodeType:
        return self.function.__code__
