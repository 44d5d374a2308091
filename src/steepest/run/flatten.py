"""Parameters of any form as one flat vector and back: arrays, nested dicts and lists of them, a PyTorch module."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, NamedTuple, final

import array_api_compat
import numpy as np

from steepest.core.errors import InputError, InputTypeError
from steepest.methods.vectors import Vector

Library = Literal["numpy", "torch", "jax"]


class Leaf(NamedTuple):
    """One array of a structure: where it is, its shape, and its place in the flat vector."""

    path: str
    shape: tuple[int, ...]
    start: int
    stop: int


@final
class Layout:
    """How a start x0 is laid out in a flat vector.

    x0: a number or array-like of numbers; an array of NumPy, PyTorch or JAX; a dict, list or tuple, nested, of such
    arrays, all of one library, dtype and device; or a `torch.nn.Module`, of which the parameters that require a
    gradient are meant. Numbers that are not floating become float64; NumPy's are always computed with in float64.

    library: whose arrays the function is given. leaves: the arrays. is_vector: x0 is one array of one dimension, so
    that nothing has to be reshaped. eps: the spacing next to 1 of its numbers.

    Raises InputTypeError for what holds no numbers, InputError for an empty one.

    >>> layout = Layout({"a": np.ones((2, 2)), "b": np.zeros(1)})
    >>> layout.size, [leaf.path for leaf in layout.leaves]
    (5, ["['a']", "['b']"])
    >>> layout.shaped(np.arange(5.0))["a"].tolist()
    [[0.0, 1.0], [2.0, 3.0]]
    """

    def __init__(self, x0: Any) -> None:
        self.module = x0 if _is_module(x0) else None
        source = dict(_trained(x0)) if self.module is not None else x0
        self._pattern = _pattern(source)
        named = list(_arrays(source, self._pattern, ""))
        if not named:
            raise InputError("minimize: x0 must hold at least one array, got an empty structure")
        libraries = {_library(path, array) for path, array in named}
        if len(libraries) > 1:
            raise InputTypeError(f"minimize: x0 must hold arrays of one library, got {', '.join(sorted(libraries))}")
        self.library: Library = libraries.pop()
        self.leaves: list[Leaf] = []
        self.start: Any
        self.start, self.dtype, self.device = self._gathered(named)
        self.size = sum(leaf.stop - leaf.start for leaf in self.leaves)
        if not self.size:
            raise InputError("minimize: x0 must hold at least one number, got an empty array")
        self.eps = 2.220446049250313e-16 if self.library == "numpy" else _eps(self.start)
        self.is_vector = self._pattern is None and len(self.leaves[0].shape) == 1

    def _gathered(self, named: list[tuple[str, Any]]) -> tuple[Any, Any, Any]:
        """The flat start, a copy, with its dtype and device; notes the leaves."""
        place = 0
        parts = []
        for path, array in named:
            part = _numbers(path, array) if self.library == "numpy" else array
            if self.library == "numpy" and self._pattern is None:
                part = np.atleast_1d(part)  # a number is a vector of one, as for SciPy
            size = math.prod(part.shape)
            self.leaves.append(Leaf(path, tuple(part.shape), place, place + size))
            place += size
            parts.append(part.reshape(-1))
        if self.library == "numpy":
            return np.concatenate(parts), np.dtype(np.float64), None
        dtypes = {str(part.dtype) for part in parts}
        if len(dtypes) > 1:
            raise InputTypeError(f"minimize: x0 must hold arrays of one dtype, got {', '.join(sorted(dtypes))}")
        if self.library == "torch":
            import torch

            devices = {str(part.device) for part in parts}
            if len(devices) > 1:
                raise InputError(f"minimize: x0 must be on one device, got {', '.join(sorted(devices))}")
            tensors: list[Any] = parts
            flat = torch.cat([part.detach() for part in tensors]).clone()
            if flat.is_complex():
                raise InputTypeError(f"minimize: x0 must hold real numbers, got {flat.dtype}")
            flat = flat if flat.is_floating_point() else flat.to(torch.get_default_dtype())
            return flat, flat.dtype, flat.device
        import jax.numpy as jnp

        joined = jnp.concatenate(parts)
        if jnp.iscomplexobj(joined):
            raise InputTypeError(f"minimize: x0 must hold real numbers, got {joined.dtype}")
        joined = joined if jnp.issubdtype(joined.dtype, jnp.floating) else joined.astype(float)
        return joined, joined.dtype, None

    def shaped(self, flat: Any) -> Any:
        """A flat vector in the form of x0; views where the library has them. For a module, its named parameters."""
        if self._pattern is None:
            leaf = self.leaves[0]
            return flat if self.is_vector else flat.reshape(leaf.shape)
        parts = iter([flat[leaf.start : leaf.stop].reshape(leaf.shape) for leaf in self.leaves])
        return _rebuilt(self._pattern, parts)

    def flattened(self, structure: Any, what: str) -> Any:
        """The arrays of a structure like x0's, a gradient, as one vector of the library; a copy for NumPy.

        Raises InputError where the form or a shape differs.
        """
        if self._pattern is None:
            named = [("", structure)]
        else:
            try:
                named = list(_arrays(structure, self._pattern, ""))
            except (KeyError, IndexError, TypeError):
                raise InputError(f"minimize: {what} must have the form of x0, got {structure!r:.80}") from None
        parts = []
        for leaf, (_, array) in zip(self.leaves, named, strict=True):
            part = _numbers(leaf.path, array, what) if self.library == "numpy" else array
            if tuple(part.shape) != leaf.shape and not (part.shape == () and leaf.shape == (1,)):
                where = f" at {leaf.path!r}" if leaf.path else ""
                raise InputError(f"minimize: {what} must have shape {leaf.shape}{where}, got {tuple(part.shape)}")
            parts.append(part.reshape(-1))
        if len(parts) == 1:
            return parts[0]
        return array_api_compat.array_namespace(parts[0]).concat(parts)

    def name(self, index: int) -> str:
        """What the coordinate with this flat index is called: "x[3]", or "weight[0, 2]".

        >>> Layout({"a": [1.0], "b": np.zeros((2, 2))}).name(3)
        "x['b'][1, 0]"
        """
        leaf = next(leaf for leaf in self.leaves if leaf.start <= index < leaf.stop)
        place = ", ".join(str(int(i)) for i in np.unravel_index(index - leaf.start, leaf.shape))
        root = f"x{leaf.path}" if self.module is None else leaf.path[2:-2]
        return f"{root}[{place}]"

    def vector(self, on_device: bool) -> Vector:
        """The start as the methods' flat vector: a tensor where the method works on tensors, else NumPy's float64."""
        if self.library == "torch":
            tensor: Any = self.start
            return tensor.clone() if on_device else tensor.cpu().double().numpy().copy()
        return np.array(self.start, dtype=np.float64)

    def native(self, v: Vector) -> Any:
        """The methods' flat vector as one of the library in which the function computes."""
        if self.library == "numpy":
            return v
        if self.library == "torch":
            import torch

            return torch.as_tensor(v, dtype=self.dtype, device=self.device)
        import jax.numpy as jnp

        return jnp.asarray(v, dtype=self.dtype)

    def host(self, native: Any, on_device: bool) -> Vector:
        """A vector of the library as the methods' flat vector."""
        if self.library == "numpy":
            return native
        if self.library == "torch":
            return native.detach() if on_device else native.detach().cpu().double().numpy()
        return np.asarray(native, dtype=np.float64)


def _pattern(structure: Any) -> Any:
    """None for one array; else the containers, with None for each array."""
    if isinstance(structure, Mapping):
        return {key: _pattern(value) for key, value in structure.items()}
    if isinstance(structure, list | tuple) and any(_holds_arrays(item) for item in structure):
        return type(structure)(_pattern(item) for item in structure)
    return None


def _holds_arrays(item: Any) -> bool:
    if isinstance(item, Mapping):
        return True
    if isinstance(item, list | tuple):
        return any(_holds_arrays(part) for part in item)
    return array_api_compat.is_array_api_obj(item) and bool(getattr(item, "ndim", 0))


def _arrays(structure: Any, pattern: Any, path: str) -> Iterator[tuple[str, Any]]:
    if pattern is None:
        yield path, structure
    elif isinstance(pattern, Mapping):
        for key, part in pattern.items():
            yield from _arrays(structure[key], part, f"{path}[{key!r}]")
    else:
        for index, part in enumerate(pattern):
            yield from _arrays(structure[index], part, f"{path}[{index}]")


def _rebuilt(pattern: Any, parts: Iterator[Any]) -> Any:
    if pattern is None:
        return next(parts)
    if isinstance(pattern, Mapping):
        return {key: _rebuilt(part, parts) for key, part in pattern.items()}
    build: Callable[[Any], Any] = type(pattern)
    return build(_rebuilt(part, parts) for part in pattern)


def _library(path: str, array: Any) -> Library:
    if array_api_compat.is_torch_array(array):
        return "torch"
    if array_api_compat.is_jax_array(array):
        return "jax"
    return "numpy"


def _numbers(path: str, array: Any, what: str = "x0") -> np.ndarray[Any, Any]:
    try:
        found = np.asarray(array)
    except (TypeError, ValueError):
        found = np.empty(0, dtype=object)
    if found.dtype.kind not in "fiub":
        kind = "complex numbers" if found.dtype.kind == "c" else f"{type(array).__name__} {array!r:.40}"
        raise InputTypeError(f"minimize: {what}{path} must hold real numbers, got {kind}")
    return np.array(found, dtype=np.float64)


def _eps(array: Any) -> float:
    xp = array_api_compat.array_namespace(array)
    return float(xp.finfo(array.dtype).eps)


def _is_module(value: object) -> bool:
    return callable(getattr(value, "named_parameters", None)) and callable(getattr(value, "forward", None))


def _trained(module: Any) -> Iterator[tuple[str, Any]]:
    return ((name, parameter) for name, parameter in module.named_parameters() if parameter.requires_grad)
