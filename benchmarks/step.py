"""What one optimizer step costs: torch.optim and steepest in alternation, in one process.

    python benchmarks/step.py [--rounds 15] [--threads 1]

Prints the median of each, the ratio torch / steepest with its spread over rounds, and the floor: the bytes an AdamW
step must move (read p, g, m, v; write p, m, v) at the copy bandwidth that was measured in the same run.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from collections.abc import Callable

import torch

import steepest
import steepest.torch

SHAPES = {
    "digits network, 4 tensors, 2,410": [(32, 64), (32,), (10, 32), (10,)],
    "300 tensors, 300,000": [(1000,)] * 300,
    "16 tensors, 4,000,000": [(500, 500)] * 16,
}
PEERS: dict[str, dict[str, bool]] = {
    "for-loop": {"foreach": False},
    "foreach": {"foreach": True},
    "fused": {"fused": True},
}


def main() -> None:
    """Print one row a size and peer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    bandwidth = copy_bandwidth()
    print(
        f"steepest {steepest.__version__}, torch {torch.__version__}, {options.threads} threads, {platform.machine()}"
    )
    print(f"copy bandwidth {bandwidth / 1e9:.1f} GB/s; times in μs a step, AdamW, float32")
    print(f"{'work':<34} {'peer':<9} {'torch':>9} {'steepest':>9} {'torch/steepest':>22} {'floor':>8}")
    for name, shapes in SHAPES.items():
        count = sum(torch.Size(shape).numel() for shape in shapes)
        for peer, settings in PEERS.items():
            theirs = stepping(lambda p, s=settings: torch.optim.AdamW(p, lr=1e-3, **s), shapes)
            ours = stepping(lambda p: steepest.torch.AdamW(p, lr=1e-3), shapes)
            a, b = alternate(theirs, ours, options.rounds)
            ratios = sorted(x / y for x, y in zip(a, b, strict=True))
            spread = f"{statistics.median(ratios):.2f} [{ratios[0]:.2f}, {ratios[-1]:.2f}]"
            floor = 28 * count / bandwidth * 1e6
            medians = f"{statistics.median(a):>9.1f} {statistics.median(b):>9.1f}"
            print(f"{name:<34} {peer:<9} {medians} {spread:>22} {floor:>8.1f}")


def stepping(
    make: Callable[[list[torch.nn.Parameter]], torch.optim.Optimizer], shapes: list[tuple[int, ...]]
) -> Callable[[], object]:
    """An optimizer's step on fresh parameters with fixed random gradients."""
    generator = torch.Generator().manual_seed(0)
    params = [torch.nn.Parameter(torch.randn(shape, generator=generator)) for shape in shapes]
    for p in params:
        p.grad = torch.randn(p.shape, generator=generator)
    return make(params).step


def alternate(a: Callable[[], object], b: Callable[[], object], rounds: int) -> tuple[list[float], list[float]]:
    """Seconds a call in μs, round by round, a and b in turn, after a warm-up."""
    times: tuple[list[float], list[float]] = ([], [])
    repeats = max(3, int(0.02 / once(a)))
    for _ in range(rounds + 1):
        for function, row in zip((a, b), times, strict=True):
            began = time.perf_counter()
            for _ in range(repeats):
                function()
            row.append((time.perf_counter() - began) / repeats * 1e6)
    return times[0][1:], times[1][1:]


def once(function: Callable[[], object]) -> float:
    """Seconds of the second call."""
    function()
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


def copy_bandwidth() -> float:
    """Bytes a second, read and written, of a large copy; the best of ten."""
    source = torch.randn(2**25)
    target = torch.empty_like(source)
    best = min(once(lambda: target.copy_(source)) for _ in range(10))
    return 2 * source.nbytes / best


if __name__ == "__main__":
    main()
