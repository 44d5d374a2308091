"""Many small tensors, where calls cost more than memory: 300 of 1,000.

    python -m benchmarks.small_tensors

Arguments are those of every benchmark. AdamW alone, and with clipping and an average; and AdamW on a network of four.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace

from benchmarks import adamw, training_chain
from benchmarks.compare import compare
from benchmarks.machine import described
from benchmarks.options import limited, parse
from benchmarks.table import publish
from benchmarks.works import DIGITS, MANY


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 1 where some peer did not compute the same."""
    options = parse(__doc__, arguments)
    alone = replace(MANY, name=f"AdamW, {MANY.name}")
    chain = replace(MANY, name=f"clip, AdamW, average, {MANY.name}")
    network = replace(DIGITS, name=f"AdamW, {DIGITS.name}")
    with limited(options.threads):
        rows = [
            *compare(alone, adamw.ours, adamw.peers(), options),
            *compare(chain, training_chain.ours, training_chain.peers(), options),
            *compare(network, adamw.ours, adamw.peers(), options),
        ]
        return publish("Many small tensors", described(options.threads), rows, options)


if __name__ == "__main__":
    sys.exit(main())
