"""Muon, Shampoo, SOAP and Adafactor on matrices, beside PyTorch's and pytorch_optimizer's.

    python -m benchmarks.matrix

Arguments are those of every benchmark. Most of a step is matrix products and decompositions, which all contenders leave
to PyTorch; what differs is the rest, and how often roots and bases are computed anew.
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
from benchmarks.peers import Make, Peer, pytorch_optimizer_peers, torch_peer
from benchmarks.table import Row, publish
from benchmarks.works import Arrays, Work
from steepest.formula import Rule
from steepest.rules import adafactor, muon, shampoo, soap

WIDE = Work("24 matrices of a width of 384", ((384, 384), (384, 384), (1536, 384), (384, 1536)) * 6)
SMALL = Work("64 matrices of 64 × 64", ((64, 64),) * 64)
ROUNDED = 2e-2
"""How far from ours a peer in bfloat16 may end: sums of rounded products fall on either side."""
NARROW = 1e-2
"""The same for peers with decompositions in float32: ours are in float64."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 1 where some peer did not compute the same."""
    options = parse(__doc__, arguments)
    with limited(options.threads):
        rows = [row for rows in (_muon, _shampoo, _soap, _adafactor) for row in rows(options)]
        return publish("Matrix rules", described(options.threads), rows, options)


def _muon(options: Options) -> list[Row]:
    settings: dict[str, Any] = {"lr": 0.02, "weight_decay": 0.01}
    own = torch_peer("torch.optim.Muon", lambda p: torch.optim.Muon(p, **settings))
    peers = [replace(own, tolerance=ROUNDED), _other_muon(settings)]
    return [row for work in (WIDE, SMALL) for row in _rows("Muon", work, muon(**settings), peers, options)]


def _other_muon(settings: dict[str, Any]) -> Peer:
    """It writes over the gradients: while it is timed, they become its momentum."""

    def stepping(params: Parameters) -> Callable[[], object]:
        import pytorch_optimizer

        optimizer: Any = pytorch_optimizer.Muon([{"params": params, "use_muon": True, **settings}])
        return lambda: optimizer.step()

    def make(values: Arrays, gradients: Arrays) -> TorchContender:
        return TorchContender(values, gradients, stepping)

    return Peer("pytorch_optimizer.Muon", make, needs=("pytorch_optimizer",), tolerance=ROUNDED)


def _shampoo(options: Options) -> list[Row]:
    """Roots at every step: where they are due less often, pytorch_optimizer begins with none."""
    settings: dict[str, Any] = {"lr": 1e-3, "matrix_eps": 1e-2}
    peers = [replace(peer, tolerance=NARROW) for peer in pytorch_optimizer_peers("Shampoo", **settings)]
    return _rows("Shampoo", SMALL, shampoo(1e-3, eps=1e-2), peers, options)


def _soap(options: Options) -> list[Row]:
    settings: dict[str, Any] = {"lr": 1e-3, "weight_decay": 0.0}
    peers = [replace(peer, tolerance=NARROW) for peer in pytorch_optimizer_peers("SOAP", **settings)]
    return _rows("SOAP", SMALL, soap(1e-3, weight_decay=0.0), peers, options)


def _adafactor(options: Options) -> list[Row]:
    peers = [
        torch_peer("torch foreach", lambda p: torch.optim.Adafactor(p, foreach=True)),
        torch_peer("torch for-loop", lambda p: torch.optim.Adafactor(p, foreach=False)),
    ]
    return _rows("Adafactor", WIDE, adafactor(), peers, options)


def _rows(name: str, work: Work, rule: Rule, peers: Sequence[Peer], options: Options) -> list[Row]:
    return compare(replace(work, name=f"{name}, {work.name}"), _ours(rule), peers, options)


def _ours(rule: Rule) -> Make:
    def step(params: Parameters) -> Callable[[], object]:
        return steepest.torch.Optimizer(params, rule).step

    return lambda values, gradients: TorchContender(values, gradients, step)


if __name__ == "__main__":
    sys.exit(main())
