"""What a training step does with its gradients: clip their norm, AdamW, and an average of the parameters.

    python -m benchmarks.training_chain

Arguments are those of every benchmark. On the sizes of `benchmarks.adamw`; `benchmarks.small_tensors` has 300 × 1,000.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import torch

import steepest.torch
from benchmarks.adamw import BETAS, EPS, LR, SETTINGS, WEIGHT_DECAY
from benchmarks.compare import compare
from benchmarks.contenders import Contender, Parameters, Stepping, TorchContender
from benchmarks.machine import described
from benchmarks.options import limited, parse
from benchmarks.peers import Peer, optax_peer
from benchmarks.table import publish
from benchmarks.works import EVEN, GPT2, Arrays, Traffic

CLIP, AVERAGE = 0.01, 0.999
"""The largest norm, which all gradients here exceed, and the average's β."""
TRAFFIC = Traffic(reads="g p g m v mean", writes="p m v mean")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 1 where some peer did not compute the same."""
    options = parse(__doc__, arguments)
    with limited(options.threads):
        rows = [row for work in (EVEN, GPT2) for row in compare(work, ours, peers(), options, traffic=TRAFFIC)]
        return publish("Clipping, AdamW and an average", described(options.threads), rows, options)


def ours(values: Arrays, gradients: Arrays) -> Contender:
    """One optimizer, one call."""

    def make(params: Parameters) -> Stepping:
        optimizer = steepest.torch.AdamW(params, LR, **SETTINGS, clip=CLIP, average=AVERAGE)

        def averages() -> list[torch.Tensor]:
            optimizer.eval()
            held = [p.detach().clone() for p in params]
            optimizer.train()
            return held

        return optimizer.step, averages

    return TorchContender(values, gradients, make)


def peers() -> list[Peer]:
    """PyTorch's parts in their fastest forms, the three compiled together, and optax."""

    def optax_chain() -> object:
        import optax

        adamw = optax.adamw(LR, b1=BETAS[0], b2=BETAS[1], eps=EPS, weight_decay=WEIGHT_DECAY)
        return optax.chain(optax.clip_by_global_norm(CLIP), adamw)

    return [
        Peer("torch clip, fused AdamW, swa_utils", lambda v, g: TorchContender(v, g, _with_averaged_model)),
        Peer("torch clip, fused AdamW, _foreach_lerp_", lambda v, g: TorchContender(v, g, _with_lerp)),
        Peer("torch.compile of the three", lambda v, g: TorchContender(v, g, _compiled), compiles=True),
        optax_peer("optax jit, donated", optax_chain, average=AVERAGE),
    ]


def _with_averaged_model(params: Parameters) -> Stepping:
    """As the documentation of torch.optim has it."""
    model = torch.nn.ParameterList(params)
    averaged = torch.optim.swa_utils.AveragedModel(
        model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(AVERAGE)
    )
    averaged.update_parameters(model)  # begins the average at the start
    optimizer = _adamw(params, LR, fused=True)

    def step() -> None:
        torch.nn.utils.clip_grad_norm_(params, CLIP, foreach=True)
        optimizer.step()
        averaged.update_parameters(model)

    return step, lambda: list(averaged.parameters())


def _with_lerp(params: Parameters) -> Stepping:
    """The average as what AveragedModel comes down to."""
    tensors: list[torch.Tensor] = list(params)
    means = [p.detach().clone() for p in params]
    optimizer = _adamw(params, LR, fused=True)

    @torch.no_grad()
    def step() -> None:
        torch.nn.utils.clip_grad_norm_(params, CLIP, foreach=True)
        optimizer.step()
        torch._foreach_lerp_(means, tensors, 1 - AVERAGE)

    return step, lambda: means


def _compiled(params: Parameters) -> Stepping:
    tensors: list[torch.Tensor] = list(params)
    means = [p.detach().clone() for p in params]
    optimizer = _adamw(params, torch.tensor(LR))

    @torch.compile(fullgraph=False)
    @torch.no_grad()
    def step() -> None:
        torch.nn.utils.clip_grad_norm_(params, CLIP, foreach=True)
        optimizer.step()
        torch._foreach_lerp_(means, tensors, 1 - AVERAGE)

    return step, lambda: means


def _adamw(params: Parameters, lr: Any, fused: bool | None = None) -> torch.optim.Optimizer:
    return torch.optim.AdamW(params, lr, **SETTINGS, fused=fused)


if __name__ == "__main__":
    sys.exit(main())
