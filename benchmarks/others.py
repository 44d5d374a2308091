"""Lion, LAMB, RAdam and AdaBelief on 25e6 parameters, beside what has them.

    python -m benchmarks.others

Arguments are those of every benchmark. Where libraries differ in the formula, ours takes the peer's dialect.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch

import steepest.torch
from benchmarks.compare import compare
from benchmarks.contenders import Parameters, TorchContender
from benchmarks.machine import described
from benchmarks.options import Options, limited, parse
from benchmarks.peers import Make, Peer, compiled_peer, optax_peer, optimi_peer, pytorch_optimizer_peers, torch_peer
from benchmarks.table import Row, publish
from benchmarks.works import EVEN, Traffic
from steepest.formula import Rule
from steepest.rules import adabelief, lamb, lion, radam

LR, BETAS = 1e-3, (0.9, 0.999)
ADAM_TRAFFIC = Traffic(reads="p g m v", writes="p m v")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 1 where some peer did not compute the same."""
    options = parse(__doc__, arguments)
    with limited(options.threads):
        rows = [row for rows in (_lion, _lamb, _radam, _adabelief) for row in rows(options)]
        return publish("Lion, LAMB, RAdam, AdaBelief", described(options.threads), rows, options)


def _lion(options: Options) -> list[Row]:
    settings: dict[str, Any] = {"lr": 1e-4, "betas": (0.9, 0.99), "weight_decay": 0.01}
    peers = [
        optimi_peer("optimi", "Lion", **settings),
        optimi_peer("optimi foreach", "Lion", foreach=True, **settings),
        *pytorch_optimizer_peers("Lion", **settings),
        optax_peer("optax jit, donated", lambda: _optax().lion(1e-4, b1=0.9, b2=0.99, weight_decay=0.01)),
    ]
    traffic = Traffic(reads="p g m", writes="p m")
    return _rows("Lion", lion(1e-4, beta1=0.9, beta2=0.99, weight_decay=0.01), peers, traffic, options)


def _lamb(options: Options) -> list[Row]:
    """In two dialects: the paper's last version, which is optax's, and its third, with φ(z) = min(z, 10).

    adam_debias takes the remaining correction, of m, out of pytorch_optimizer's learning rate.
    """
    settings: dict[str, Any] = {"lr": LR, "betas": BETAS, "eps": 1e-6, "adam_debias": True}
    traffic = Traffic(reads="p g m v p m v", writes="m v p")
    final = [optax_peer("optax jit, donated", lambda: _optax().lamb(LR, b1=BETAS[0], b2=BETAS[1], eps=1e-6))]
    third = lamb(LR, eps=1e-6, bias_correction=False, max_norm=10.0, ratio_eps=1e-6)
    return [
        *_rows("LAMB", lamb(LR, eps=1e-6), final, traffic, options),
        *_rows("LAMB, uncorrected", third, pytorch_optimizer_peers("Lamb", **settings), traffic, options),
    ]


def _radam(options: Options) -> list[Row]:
    """In two dialects of where ε stands; two peers compute ρ, a difference of large numbers, in float32."""
    in_float32 = 1e-2
    """In two dialects of where ε stands; two peers compute ρ, a difference of large numbers, in float32."""
    in_float32 = 1e-2
    settings: dict[str, Any] = {"lr": LR, "betas": BETAS, "eps": 1e-8}
    compiled = compiled_peer("torch.compile", lambda p: torch.optim.RAdam(p, **{**settings, "lr": torch.tensor(LR)}))
    compiled = compiled_peer("torch.compile", lambda p: torch.optim.RAdam(p, **{**settings, "lr": torch.tensor(LR)}))
    peers = [
        torch_peer("torch foreach", lambda p: torch.optim.RAdam(p, foreach=True, **settings)),
        torch_peer("torch for-loop", lambda p: torch.optim.RAdam(p, foreach=False, **settings)),
        replace(compiled, tolerance=in_float32),
        optimi_peer("optimi", "RAdam", **settings),
        optimi_peer("optimi foreach", "RAdam", foreach=True, **settings),
        *pytorch_optimizer_peers("RAdam", degenerated_to_sgd=True, **settings),
    ]
    optax = optax_peer("optax jit, donated", lambda: _optax().radam(LR, b1=BETAS[0], b2=BETAS[1], eps=1e-8))
    corrected = radam(LR, eps_position="corrected")
    return [
        *_rows("RAdam", radam(LR), peers, ADAM_TRAFFIC, options),
        *_rows("RAdam, ε corrected", corrected, [replace(optax, tolerance=in_float32)], ADAM_TRAFFIC, options),
    ]


def _adabelief(options: Options) -> list[Row]:
    peers = [
        *pytorch_optimizer_peers("AdaBelief", lr=LR, betas=BETAS, eps=1e-16),
        optax_peer("optax jit, donated", lambda: _optax().adabelief(LR, b1=BETAS[0], b2=BETAS[1])),
    ]
    return _rows("AdaBelief", adabelief(LR), peers, ADAM_TRAFFIC, options)


def _rows(name: str, rule: Rule, peers: Sequence[Peer], traffic: Traffic, options: Options) -> list[Row]:
    work = replace(EVEN, name=f"{name}, {EVEN.name}")
    return compare(work, _ours(rule), peers, options, traffic=traffic)


def _ours(rule: Rule) -> Make:
    def step(params: Parameters) -> Callable[[], object]:
        return steepest.torch.Optimizer(params, rule).step

    return lambda values, gradients: TorchContender(values, gradients, step)


def _optax() -> Any:
    import optax

    return optax


if __name__ == "__main__":
    sys.exit(main())
