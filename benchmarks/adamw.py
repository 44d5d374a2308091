"""AdamW: 25e6 parameters in 160 tensors, and 124e6 shaped as GPT-2 small.

python -m benchmarks.adamw
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import torch

import steepest.torch
from benchmarks.compare import compare
from benchmarks.contenders import Contender, TorchContender
from benchmarks.machine import described
from benchmarks.options import limited, parse
from benchmarks.peers import Peer, compiled_peer, optax_peer, optimi_peer, pytorch_optimizer_peers, torch_peer
from benchmarks.table import publish
from benchmarks.works import EVEN, GPT2, Arrays, Traffic

LR, BETAS, EPS, WEIGHT_DECAY = 1e-3, (0.9, 0.999), 1e-8, 0.01
SETTINGS: dict[str, Any] = {"betas": BETAS, "eps": EPS, "weight_decay": WEIGHT_DECAY}
TRAFFIC = Traffic(reads="p g m v", writes="p m v")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 1 where some peer did not compute the same."""
    options = parse(__doc__, arguments)
    with limited(options.threads):
        rows = [row for work in (EVEN, GPT2) for row in compare(work, ours, peers(), options, traffic=TRAFFIC)]
        return publish("AdamW", described(options.threads), rows, options)


def ours(values: Arrays, gradients: Arrays) -> Contender:
    """What this project has."""
    return TorchContender(values, gradients, lambda p: steepest.torch.AdamW(p, LR, **SETTINGS).step)


def torch_peers() -> list[Peer]:
    """torch.optim's own ways of running it."""
    return [
        torch_peer("torch fused", lambda p: torch.optim.AdamW(p, LR, fused=True, **SETTINGS)),
        torch_peer("torch foreach", lambda p: torch.optim.AdamW(p, LR, foreach=True, **SETTINGS)),
        torch_peer("torch for-loop", lambda p: torch.optim.AdamW(p, LR, foreach=False, **SETTINGS)),
    ]


def peers() -> list[Peer]:
    """Everything that computes AdamW; pytorch_optimizer's own AdamW is torch's, and FlashAdamW is its unquantized."""

    def optax_adamw() -> object:
        import optax

        return optax.adamw(LR, b1=BETAS[0], b2=BETAS[1], eps=EPS, weight_decay=WEIGHT_DECAY)

    return [
        *torch_peers(),
        compiled_peer("torch.compile", lambda p: torch.optim.AdamW(p, torch.tensor(LR), **SETTINGS)),
        optax_peer("optax jit, donated", optax_adamw),
        optimi_peer("optimi", "AdamW", lr=LR, **SETTINGS),
        optimi_peer("optimi foreach", "AdamW", foreach=True, lr=LR, **SETTINGS),
        *pytorch_optimizer_peers("FlashAdamW", title="FlashAdamW(quantize=False)", lr=LR, quantize=False, **SETTINGS),
    ]


if __name__ == "__main__":
    sys.exit(main())
