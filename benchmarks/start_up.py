"""From a new process to the first step: what it takes after `import torch`.

python -m benchmarks.start_up

Arguments are those of every benchmark; threads are the library's own choice. Each figure is a process of its own, in
turn; the time begins when torch has been imported and ends when AdamW has stepped once, on one tensor of 1,000.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace

from benchmarks.machine import described
from benchmarks.options import parse
from benchmarks.table import Row, publish

_PROCESS = """
import time
import torch
began = time.perf_counter()
{imports}
p = torch.nn.Parameter(torch.ones(1000))
p.grad = torch.ones(1000)
{optimizer}.step()
print(time.perf_counter() - began)
"""
_OURS = _PROCESS.format(imports="import steepest.torch", optimizer="steepest.torch.AdamW([p], lr=1e-3)")
_CHAIN = _PROCESS.format(
    imports="import steepest.torch", optimizer="steepest.torch.AdamW([p], lr=1e-3, clip=1.0, average=0.999)"
)
_TORCH = _PROCESS.format(imports="", optimizer="torch.optim.AdamW([p], lr=1e-3, fused=True)")

_FOLDERS = ("HOME", "XDG_CACHE_HOME", "LOCALAPPDATA")
"""Variables that say where caches are kept."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 0."""
    options = parse(__doc__, arguments)
    rounds = 1 if options.quick else min(options.rounds, 9)
    programs = {"ours": _OURS, "torch": _TORCH} if options.quick else {"ours": _OURS, "chain": _CHAIN, "torch": _TORCH}
    for program in () if options.quick else programs.values():
        _first_step(program)  # fills the cache
    times: dict[str, list[float]] = {name: [] for name in (*programs, "cold")}
    for _ in range(rounds):
        for name, program in programs.items():
            times[name].append(_first_step(program))
        if not options.quick:
            with tempfile.TemporaryDirectory() as empty:
                times["cold"].append(_first_step(_OURS, dict.fromkeys(_FOLDERS, empty)))
    rows = [Row("AdamW", "torch fused", times["torch"], times["ours"])]
    if not options.quick:
        rows += [
            Row("AdamW", "steepest, nothing cached", times["cold"], times["ours"]),
            Row("clip, AdamW, average", "torch fused AdamW alone", times["torch"], times["chain"]),
        ]
    machine = described(options.threads) | {"threads": "Threads as each library chooses"}
    return publish("New process to first step, after import torch", machine, rows, replace(options, rounds=rounds))


def _first_step(program: str, environment: Mapping[str, str] | None = None) -> float:
    """Seconds that the program prints."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


if __name__ == "__main__":
    sys.exit(main())
