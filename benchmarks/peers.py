"""Other optimizers, built as their documentation advises, with the same settings as ours."""

from __future__ import annotations

import importlib
import importlib.util
import os
import shutil
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from benchmarks.contenders import Contender, JaxContender, Parameters, TorchContender
from benchmarks.equality import TOLERANCE
from benchmarks.works import Arrays

Make = Callable[[Arrays, Arrays], Contender]


@dataclass(frozen=True)
class Peer:
    """Something to compare with.

    make: from values and gradients. needs: modules; compiles: needs a C++ compiler. tolerance: how far from ours it
    may end, as a part of the farthest movement.
    """

    name: str
    make: Make
    needs: tuple[str, ...] = ()
    compiles: bool = False
    tolerance: float = TOLERANCE

    @property
    def missing(self) -> str:
        """Why it cannot run here; empty where it can."""
        absent = [module for module in self.needs if importlib.util.find_spec(module) is None]
        if absent:
            return f"{', '.join(absent)} not installed"
        if self.compiles and not any(shutil.which(name) for name in (os.environ.get("CXX", "c++"), "g++", "clang++")):
            return "no C++ compiler"
        return ""


def torch_peer(
    name: str, make: Callable[[Parameters], torch.optim.Optimizer], dtype: torch.dtype = torch.float32
) -> Peer:
    """A `torch.optim` class, or one in its manner."""
    return Peer(name, lambda values, gradients: TorchContender(values, gradients, lambda p: make(p).step, dtype))


def compiled_peer(name: str, make: Callable[[Parameters], torch.optim.Optimizer]) -> Peer:
    """A `torch.optim` class whose step is compiled: pytorch.org, "Compiling the optimizer with torch.compile".

    Its lr is to be a tensor, so that a schedule does not compile again.
    """

    def stepping(params: Parameters) -> Callable[[], object]:
        optimizer = make(params)

        @torch.compile(fullgraph=False)
        def step() -> None:
            optimizer.step()

        return step

    return Peer(name, lambda values, gradients: TorchContender(values, gradients, stepping), compiles=True)


def optimi_peer(name: str, kind: str, *, foreach: bool | None = None, **settings: Any) -> Peer:
    """A class of optimi: by default its for-loop where there is no Triton; foreach writes over the gradients."""

    def make(params: Parameters) -> Callable[[], object]:
        optimi: Any = importlib.import_module("optimi")

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # foreach is said to be deprecated in favour of Triton
            optimizer: torch.optim.Optimizer = getattr(optimi, kind)(params, foreach=foreach, **settings)
            return optimizer.step

    return Peer(name, lambda values, gradients: TorchContender(values, gradients, make), ("optimi",))


def pytorch_optimizer_peers(kind: str, *, title: str = "", weight_decay: float = 0.0, **settings: Any) -> list[Peer]:
    """pytorch_optimizer's class by `create_optimizer`, as its README has it: as it is, and with compile=True."""

    def peer(name: str, compiled: bool) -> Peer:
        def make(params: Parameters) -> Callable[[], object]:
            import pytorch_optimizer

            model = torch.nn.ParameterList(params)
            optimizer = pytorch_optimizer.create_optimizer(
                model, kind.lower(), weight_decay=weight_decay, compile=compiled, **settings
            )
            return optimizer.step

        return Peer(
            name,
            lambda values, gradients: TorchContender(values, gradients, make),
            ("pytorch_optimizer",),
            compiles=compiled,
        )

    title = title or kind
    return [peer(f"pytorch_optimizer {title}", False), peer(f"pytorch_optimizer {title}, compile=True", True)]


def optax_peer(name: str, make: Callable[[], Any], average: float | None = None) -> Peer:
    """An optax optimizer under `jax.jit`, parameters and state donated."""
    return Peer(
        name, lambda values, gradients: JaxContender(values, gradients, make(), average=average), ("jax", "optax")
    )
