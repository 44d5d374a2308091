"""A contender: tensors with fixed gradients, and something that steps them. Two kinds, PyTorch's and JAX's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, final

import numpy as np
import torch

from benchmarks.works import Arrays

Parameters = list[torch.nn.Parameter]
Averages = Callable[[], list[torch.Tensor]]
Stepping = tuple[Callable[[], object], Averages]


class Contender(Protocol):
    """What can be timed and compared."""

    def step(self) -> object:
        """One update; what it returns has been computed."""
        ...

    def load(self, gradients: Arrays) -> None:
        """Replace the values of the gradients."""
        ...

    def values(self) -> Arrays:
        """The parameters, and averages of them where it keeps any, as float32."""
        ...


@final
class TorchContender:
    """Parameters and gradients of its own, as a training loop would have them; gradients stay in `p.grad`.

    make: the function that steps, from the list of parameters; and one that gives averages, where it keeps any.
    """

    def __init__(
        self,
        values: Arrays,
        gradients: Arrays,
        make: Callable[[Parameters], Callable[[], object] | Stepping],
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self._params = [torch.nn.Parameter(torch.tensor(value, dtype=dtype)) for value in values]
        for p, gradient in zip(self._params, gradients, strict=True):
            p.grad = torch.tensor(gradient, dtype=dtype)
        made = make(self._params)
        self.step, self._averages = made if isinstance(made, tuple) else (made, list)

    def load(self, gradients: Arrays) -> None:
        for p, gradient in zip(self._params, gradients, strict=True):
            assert p.grad is not None
            p.grad.copy_(torch.from_numpy(gradient))

    def values(self) -> Arrays:
        return [p.detach().to(torch.float32, copy=True).numpy() for p in [*self._params, *self._averages()]]


@final
class JaxContender:
    """An optax optimizer, jitted, with parameters and state donated; average: β of an exponential average of p."""

    def __init__(self, values: Arrays, gradients: Arrays, optimizer: Any, average: float | None = None) -> None:
        import jax
        import jax.numpy as jnp
        import optax

        def one_step(params: Any, state: Any, mean: Any, gradients: Any) -> tuple[Any, Any, Any]:
            updates, state = optimizer.update(gradients, state, params)
            params = optax.apply_updates(params, updates)
            if average is not None:
                mean = optax.incremental_update(params, mean, step_size=1 - average)
            return params, state, mean

        self._ready: Any = jax.block_until_ready
        self._update: Any = jax.jit(one_step, donate_argnums=(0, 1, 2))
        self._to_device: Callable[[Arrays], list[Any]] = lambda arrays: [jnp.array(array) for array in arrays]
        params = self._to_device(values)
        mean = None if average is None else self._to_device(values)
        self._held = (params, optimizer.init(params), mean)
        self._gradients = self._to_device(gradients)

    def step(self) -> object:
        self._held = self._ready(self._update(*self._held, self._gradients))
        return self._held

    def load(self, gradients: Arrays) -> None:
        self._gradients = self._to_device(gradients)

    def values(self) -> Arrays:
        params, _, mean = self._held
        return [np.array(p) for p in [*params, *(mean or ())]]
