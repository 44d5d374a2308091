"""Other libraries' optimizers, as `Peer.build` wants them; each is imported only where it is run."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import redirect_stdout
from typing import Any

import torch


def by_pytorch_optimizer(name: str, **settings: Any) -> Callable[..., Any]:
    def build(params: list[torch.Tensor]) -> Callable[[], Any]:
        import pytorch_optimizer

        return getattr(pytorch_optimizer, name)(params, **settings).step

    return build


def by_adabelief_pytorch(**settings: Any) -> Callable[..., Any]:
    def build(params: list[torch.Tensor]) -> Callable[[], Any]:
        import adabelief_pytorch

        with redirect_stdout(io.StringIO()):  # it greets its user
            optimizer = adabelief_pytorch.AdaBelief(params, print_change_log=False, **settings)
        return optimizer.step

    return build


def by_torch(kind: type[torch.optim.Optimizer], **settings: Any) -> Callable[..., Any]:
    return lambda params: kind(params, **settings).step


def clipped(clip: Callable[..., Any], lr: float, each: bool = False) -> Callable[..., Any]:
    def build(params: list[torch.Tensor]) -> Callable[[], None]:
        optimizer = torch.optim.SGD(params, lr=lr)

        def step() -> None:
            for part in [[p] for p in params] if each else [params]:
                clip(part)
            optimizer.step()

        return step

    return build


def by_optax(name: str, **settings: Any) -> Callable[[], Any]:
    def build() -> Any:
        import optax

        return getattr(optax, name)(**settings)

    return build


def optax_ema() -> Any:
    import optax

    return optax.chain(optax.ema(0.8, debias=False), optax.scale(-0.1))


def optax_chain(lr: float, name: str, **settings: Any) -> Callable[[], Any]:
    def build() -> Any:
        import optax

        return optax.chain(getattr(optax, name)(**settings), optax.scale(-lr))

    return build


def optax_cosine(name: str, lr: float, steps: int, **settings: Any) -> Callable[[], Any]:
    def build() -> Any:
        import optax

        return getattr(optax, name)(optax.cosine_decay_schedule(lr, steps), **settings)

    return build
