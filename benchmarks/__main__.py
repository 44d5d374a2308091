"""All benchmarks, one after another, each in a process of its own, so that none inherits memory or threads.

python -m benchmarks [--quick] [--markdown] [--json FOLDER] [--only NAME,NAME] [--threads N] [--rounds N]

What is not known here is passed on to each: see python -m benchmarks.adamw --help.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

BENCHMARKS = (
    "adamw",
    "training_chain",
    "small_tensors",
    "two_parameters",
    "others",
    "matrix",
    "low_precision",
    "sweep",
    "start_up",
    "overhead",
    "grid",
    "minimize",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run them; 1 where one of them failed or a peer did not compute the same."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", metavar="NAME,NAME", help=f"of {', '.join(BENCHMARKS)}")
    parser.add_argument("--json", type=Path, default=None, metavar="FOLDER", help="write figures there, a file each")
    given, rest = parser.parse_known_args(arguments)
    names = [name for name in given.only.split(",") if name] or list(BENCHMARKS)
    if unknown := sorted({*names} - {*BENCHMARKS}):
        parser.error(f"--only must be of {', '.join(BENCHMARKS)}, got {unknown[0]}")
    if given.json:
        given.json.mkdir(parents=True, exist_ok=True)
    failed = []
    for name in names:
        written = ["--json", str(given.json / f"{name}.json")] if given.json else []
        done = subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *rest, *written], check=False)
        if done.returncode:
            failed.append(name)
        print(flush=True)
    if failed:
        print(f"failed, or not equal to a peer: {', '.join(failed)}", file=sys.stderr)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
