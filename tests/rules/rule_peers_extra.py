"""Other libraries' optimizers that ask for more, as `Peer.build` wants them; each is imported only where it is run."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Any

import torch

from steepest.core.schedule import Schedule

Build = Callable[..., Any]


@dataclass(frozen=True)
class Warmup(Schedule):
    """Linear from peak / steps to the peak."""

    peak: float
    steps: int

    def __call__(self, step: int) -> float:
        return self.peak * min(1.0, (step + 1) / self.steps)

    @property
    def length(self) -> int | None:
        return None


def warmup(peak: float, steps: int) -> Schedule:
    return Warmup(peak, steps)


def sam(*, rho: float, momentum: float, weight_decay: float = 0.0, adaptive: bool = False) -> Build:
    def build(params: list[torch.Tensor]) -> Callable[..., Any]:
        import pytorch_optimizer

        settings = {"lr": 0.1, "momentum": momentum, "weight_decay": weight_decay}
        return pytorch_optimizer.SAM(params, torch.optim.SGD, rho=rho, adaptive=adaptive, **settings).step

    return build


def alig(*, max_lr: float) -> Build:
    def build(params: list[torch.Tensor]) -> Callable[..., Any]:
        import pytorch_optimizer

        return pytorch_optimizer.AliG(params, max_lr=max_lr).step

    return build


def optax_polyak(lr: float, **settings: Any) -> Callable[[], Any]:
    """The value is what a field gives: the sum of the gradients' sizes."""

    def build() -> Any:
        import jax
        import optax

        inner = optax.chain(optax.scale_by_polyak(**settings), optax.scale(-lr))

        def update(grads: Any, state: Any, params: Any = None) -> Any:
            value = sum(jax.numpy.sum(jax.numpy.abs(g)) for g in grads.values())
            return inner.update(grads, state, params, value=value)

        return optax.GradientTransformation(inner.init, update)

    return build


def schedule_free(name: str, **settings: Any) -> Build:
    """Trained at y, and left at x where it is at last asked for: see `Build` in `rule_checks`."""

    def build(params: list[torch.Tensor]) -> Callable[..., Any]:
        import schedulefree

        optimizer = getattr(schedulefree, name)(params, **settings)
        optimizer.train()
        return optimizer.step

    return build


def dadaptation(name: str, **settings: Any) -> Build:
    def build(params: list[torch.Tensor]) -> Callable[..., Any]:
        import dadaptation as package

        with redirect_stdout(io.StringIO()):  # it says how it decays
            return getattr(package, name)(params, **settings).step

    return build


def prodigy(**settings: Any) -> Build:
    def build(params: list[torch.Tensor]) -> Callable[..., Any]:
        import prodigyopt

        with redirect_stdout(io.StringIO()):  # it says how it decays
            return prodigyopt.Prodigy(params, **settings).step

    return build


def dog(name: str, **settings: Any) -> Build:
    def build(params: list[torch.Tensor]) -> Callable[..., Any]:
        import dog as package

        return getattr(package, name)(params, **settings).step

    return build


def adahessian(**settings: Any) -> Build:
    return _with_diagonal("AdaHessian", **settings)


def sophia(**settings: Any) -> Build:
    return _with_diagonal("SophiaH", **settings)


def _with_diagonal(name: str, **settings: Any) -> Build:
    def build(params: list[torch.Tensor]) -> Callable[..., Any]:
        import pytorch_optimizer

        optimizer = getattr(pytorch_optimizer, name)(params, **settings)
        return lambda closure: optimizer.step(hessian=closure.diagonal())

    return build


def lookahead(*, k: int, alpha: float) -> Build:
    def build(params: list[torch.Tensor]) -> Callable[..., Any]:
        import pytorch_optimizer

        return pytorch_optimizer.Lookahead(torch.optim.SGD(params, lr=0.1), k=k, alpha=alpha).step

    return build


def agc(*, lr: float, agc_clip_val: float) -> Build:
    def build(params: list[torch.Tensor]) -> Callable[..., Any]:
        from pytorch_optimizer.optimizer.agc import agc as clip

        optimizer = torch.optim.SGD(params, lr=lr)

        def step() -> None:
            for p in params:
                p.grad = clip(p.detach(), p.grad, agc_clip_val=agc_clip_val)
            optimizer.step()

        return step

    return build


def centralize(*, lr: float) -> Build:
    def build(params: list[torch.Tensor]) -> Callable[..., Any]:
        from pytorch_optimizer.optimizer.gradient_centralization import centralize_gradient

        optimizer = torch.optim.SGD(params, lr=lr)

        def step() -> None:
            for p in params:
                centralize_gradient(p.grad)
            optimizer.step()

        return step

    return build


def optax_centralize() -> Any:
    import optax

    return optax.chain(optax.centralize(), optax.scale(-0.1))
