"""AdamW with bfloat16 parameters and with moments of 16 and 8 bits, beside PyTorch's fused AdamW in both precisions.

python -m benchmarks.low_precision

Arguments are those of every benchmark. What is rounded differently is not equal: here the tolerance is what rounding
may do, so only gross errors show; `benchmarks.adamw` compares the formula. Parameters and moments in bfloat16, rounded
to nearest, are PyTorch's to a last digit. Notes say how large the state is.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch

import steepest.torch
from benchmarks.adamw import BETAS, EPS, LR, SETTINGS, WEIGHT_DECAY
from benchmarks.compare import compare
from benchmarks.contenders import Contender, Parameters, TorchContender
from benchmarks.machine import described
from benchmarks.options import Options, limited, parse
from benchmarks.peers import torch_peer
from benchmarks.table import Row, publish
from benchmarks.works import EVEN, Arrays, Traffic
from steepest.rules import adamw

BLOCK_BYTES = 1 + 4 / 256
"""Of a moment of 8 bits: its code, and a 256th of the block's scale."""


@dataclass(frozen=True)
class Precision:
    """One way to keep parameters and moments.

    tolerance, tolerance_half: of the farthest movement, beside PyTorch's float32 and bfloat16.
    """

    name: str
    dtype: torch.dtype
    moments: Literal["bfloat16", "8bit"] | None
    rounding: Literal["nearest", "stochastic"]
    tolerance: float
    tolerance_half: float

    @property
    def traffic(self) -> Traffic:
        number = 2 if self.dtype == torch.bfloat16 else 4
        moment = {"bfloat16": 2.0, "8bit": BLOCK_BYTES, None: 4.0}[self.moments]
        sizes = (("p", number), ("g", number), ("m", moment), ("v", moment))
        return Traffic(reads="p g m v", writes="p m v", sizes=sizes)

    def optimizer(self, params: Parameters) -> torch.optim.Optimizer:
        """Ours."""
        rule = adamw(LR, beta1=BETAS[0], beta2=BETAS[1], eps=EPS, weight_decay=WEIGHT_DECAY)
        return steepest.torch.Optimizer(params, rule, moments=self.moments, rounding=self.rounding)

    def contender(self, values: Arrays, gradients: Arrays) -> Contender:
        """Ours, on its own tensors."""
        return TorchContender(values, gradients, lambda p: self.optimizer(p).step, self.dtype)


HALF, FULL = torch.bfloat16, torch.float32
PRECISIONS = (
    Precision("bfloat16 p, float32 moments, nearest", HALF, None, "nearest", 0.2, 0.2),
    Precision("bfloat16 p, float32 moments, stochastic", HALF, None, "stochastic", 0.3, 0.3),
    Precision("bfloat16 p and moments, nearest", HALF, "bfloat16", "nearest", 0.2, 0.02),
    Precision("bfloat16 p and moments, stochastic", HALF, "bfloat16", "stochastic", 0.3, 0.3),
    Precision("float32 p, 8-bit moments", FULL, "8bit", "nearest", 0.5, 0.5),
    Precision("bfloat16 p, 8-bit moments, stochastic", HALF, "8bit", "stochastic", 0.5, 0.5),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 1 where some peer did not compute the same."""
    options = parse(__doc__, arguments)
    with limited(options.threads):
        rows = [row for precision in PRECISIONS for row in _rows(precision, options)]
        return publish("Low precision", described(options.threads), rows, options)


def _rows(precision: Precision, options: Options) -> list[Row]:
    peers = [
        replace(torch_peer("torch fused float32", _fused), tolerance=precision.tolerance),
        replace(torch_peer("torch fused bfloat16", _fused, HALF), tolerance=precision.tolerance_half),
    ]
    work = replace(EVEN, name=f"{precision.name}, {EVEN.name}", small_side=5_000)  # shorter ones keep their moments
    ours = state_bytes(precision.optimizer, precision.dtype)
    note = (
        f"state {ours:.3g} bytes a parameter, torch {state_bytes(_fused, FULL):.3g} and {state_bytes(_fused, HALF):.3g}"
    )
    return compare(work, precision.contender, peers, options, traffic=precision.traffic, note=note)


def state_bytes(make: Callable[[Parameters], torch.optim.Optimizer], dtype: torch.dtype) -> float:
    """Bytes of state a parameter after a step on one tensor of 102,400; single numbers are not counted."""
    p = torch.nn.Parameter(torch.zeros(102_400, dtype=dtype))
    p.grad = torch.ones_like(p)
    optimizer = make([p])
    optimizer.step()
    tensors = [value for value in optimizer.state[p].values() if isinstance(value, torch.Tensor) and value.numel() > 1]
    return sum(tensor.nbytes for tensor in tensors) / p.numel()


def _fused(params: Parameters) -> torch.optim.Optimizer:
    return torch.optim.AdamW(params, LR, **SETTINGS, fused=True)


if __name__ == "__main__":
    sys.exit(main())
